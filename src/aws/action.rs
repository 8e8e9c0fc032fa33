//! What an action is: a decision about an input in a state.
//!
//! What the topology has no place for is a record (`control::desired::records`): `state.records().get("ec2/vpc", id)` finds
//! it, `Edit::put` and `Edit::forget` change it, and [`Decision::edits`] makes several changes at once, such as a load
//! balancer and its tags. A decision that changes something is made again when it is its turn, so that what it read is what
//! it changes; two requests cannot overwrite each other's tags.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::caller::{Caller, Sessions};
use super::ids::Ids;
use super::output::Output;
use super::registry::{Registry, Removed, Storage};
use super::remembered::Remembered;
use crate::control::command::{PauseAction, StopType};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Records};
use crate::control::desired::state::Desired;
use crate::control::snapshot::Snapshot;
use crate::ecs::service::protection::ProtectionChange;
use crate::model::{ServiceName, TaskId};
use crate::protocols::answer::{Members, Reply};
use crate::protocols::fault::{Common, Fault};
use crate::protocols::query;
use crate::protocols::service::{Protocol, Service};

/// An action of a service.
pub(super) struct Action {
    /// As the API reference names it.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) decide: fn(&State, &Input<'_>) -> Result<Decision, Fault>,
}

/// Everything that an action may know.
pub(super) struct State {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) desired: Arc<Desired>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) remembered: Arc<Remembered>,
    pub(super) output: Arc<Output>,
    pub(super) registry: Arc<Registry>,
    /// For what is created.
    pub(super) ids: Ids,
    pub(super) now: Timestamp,
}

impl State {
    /// What is remembered beside the topology.
    pub(super) fn records(&self) -> &Records {
        self.desired.records()
    }

    /// The record that a client's token made, so that the same request again makes no other. (API references, "Ensuring
    /// idempotency".) An empty token is none.
    #[allow(dead_code, reason = "the services that are being written use it")]
    pub(super) fn made_with(&self, kind: &str, member: &str, token: Option<&str>) -> Option<(&str, &Record)> {
        let token = token.filter(|token| !token.is_empty())?;
        self.records().of(kind).find(|(_, record)| record.text(member) == token)
    }
}

/// What was sent.
pub(super) struct Input<'a> {
    pub(super) service: &'static Service,
    pub(super) caller: &'a Caller,
    /// JSON, or a form. What REST says in path, query string and XML is JSON here.
    pub(super) body: &'a [u8],
}

impl Input<'_> {
    /// The input as the action's API describes it. Unknown members are ignored: a newer SDK may send them.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        let read = match self.service.protocol {
            Protocol::Json | Protocol::RestXml => {
                let value = self.json()?;
                T::deserialize(value).map_err(|error| error.to_string())
            }
            Protocol::Query | Protocol::Ec2 => query::read(self.body).map_err(|error| error.to_string()),
        };
        read.map_err(|message| Fault::common(Common::Malformed(message), self.service))
    }

    /// The whole input, whatever the protocol: what a form says is a tree of texts.
    pub(super) fn whole(&self) -> Result<Value, Fault> {
        match self.service.protocol {
            Protocol::Json | Protocol::RestXml => self.json(),
            Protocol::Query | Protocol::Ec2 => self.read(),
        }
    }

    /// The whole input. Members that are null are left out, as if they had not been sent.
    pub(super) fn json(&self) -> Result<Value, Fault> {
        let body = if self.body.is_empty() { b"{}" } else { self.body };
        let mut value: Value = serde_json::from_slice(body)
            .map_err(|error| Fault::common(Common::Malformed(error.to_string()), self.service))?;
        drop_nulls(&mut value);
        Ok(value)
    }
}

/// "Checks whether you have the required permissions for the action, without actually making the request, and provides an error
/// response. If you have the required permissions, the error response is DryRunOperation" (EC2 API reference, DryRun).
pub(super) fn check_dry_run(service: &Service, input: &Value) -> Result<(), Fault> {
    let asked = input.get("DryRun").and_then(Value::as_str).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if asked && service.protocol == Protocol::Ec2 {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Fault::new("DryRunOperation", message).with_status(412));
    }
    Ok(())
}

/// Clients leave out what is null, or send it: both mean that it was not given.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Makes the reply.
pub(super) type Replying = Box<dyn FnOnce(&State) -> Result<Reply, Fault> + Send>;

/// What an action wants done, and what it answers.
pub(super) struct Decision {
    pub(super) effect: Option<Effect>,
    /// Of the state after the effect.
    pub(super) reply: Replying,
}

/// What only control may do.
pub(super) enum Effect {
    /// A change of what is wanted.
    Edit(Box<Edit>),
    /// DeleteRepository: its images go before it.
    ForgetRepository(String, Box<Edit>),
    /// BatchDeleteImage.
    RemoveImages(String, Vec<Removed>),
    /// PutImage.
    PutImage { repository: String, manifest: String, tag: Option<String> },
    /// StopTask, with its reason.
    StopTask(TaskId, String),
    /// UpdateTaskProtection, for tasks that can be protected.
    UpdateTaskProtection(Vec<TaskId>, ProtectionChange),
    /// StopServiceDeployment.
    StopServiceDeployment(ServiceName, StopType),
    /// ContinueServiceDeployment.
    ContinueServiceDeployment(ServiceName, PauseAction),
}

impl Effect {
    /// What it changes in the registry's files.
    pub(super) fn store(&self, storage: &Storage) -> io::Result<()> {
        match self {
            Self::ForgetRepository(repository, _) => storage.remove_repository(repository),
            Self::RemoveImages(repository, removed) => {
                removed.iter().try_for_each(|one| storage.remove(repository, one))
            }
            Self::PutImage { repository, manifest, tag } => storage.put(repository, manifest, tag.as_deref()),
            _ => Ok(()),
        }
    }
}

impl Decision {
    /// Nothing changes.
    pub(super) fn reply(reply: impl Serialize + Send + 'static) -> Self {
        Self { effect: None, reply: Box::new(move |_| Ok(Box::new(reply))) }
    }

    /// After the effect, the reply is made of the state that it led to.
    pub(super) fn then<R: Serialize + Send + 'static>(
        effect: Effect,
        reply: impl FnOnce(&State) -> Result<R, Fault> + Send + 'static,
    ) -> Self {
        Self { effect: Some(effect), reply: Box::new(move |state| Ok(Box::new(reply(state)?))) }
    }

    /// Nothing changes. In XML, the objects of the reply are structures.
    pub(super) fn members(reply: Value) -> Self {
        Self::reply(Members(reply))
    }

    /// After all of these edits, or none.
    pub(super) fn edits<R: Serialize + Send + 'static>(
        edits: Vec<Edit>,
        reply: impl FnOnce(&State) -> Result<R, Fault> + Send + 'static,
    ) -> Self {
        Self::edit(Edit::Together { edits }, reply)
    }

    /// After an edit, a reply without members.
    pub(super) fn done(edit: Edit) -> Self {
        Self::edit_members(edit, |_| Ok(Value::Object(serde_json::Map::new())))
    }

    /// After an edit. In XML, the objects of the reply are structures.
    pub(super) fn edit_members(
        edit: Edit,
        reply: impl FnOnce(&State) -> Result<Value, Fault> + Send + 'static,
    ) -> Self {
        Self::edit(edit, move |state| Ok(Members(reply(state)?)))
    }

    /// After an edit.
    pub(super) fn edit<R: Serialize + Send + 'static>(
        edit: Edit,
        reply: impl FnOnce(&State) -> Result<R, Fault> + Send + 'static,
    ) -> Self {
        Self::then(Effect::Edit(Box::new(edit)), reply)
    }
}
