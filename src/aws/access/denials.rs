//! What was refused lately, each under its authorization id, for `neargate explain`.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use super::super::action::State;
use super::super::caller::{Caller, Who};
use super::asked::Asked;
use crate::iam::context::Context;
use crate::iam::evaluate::{Decision, Kind, Source};

/// A refusal, and all that led to it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::aws) struct Denial {
    /// `[0-9a-z]+`
    pub(in crate::aws) authorization_id: String,
    pub(in crate::aws) at: String,
    pub(in crate::aws) principal: String,
    pub(in crate::aws) action: String,
    pub(in crate::aws) resource: String,
    /// In AWS's words.
    pub(in crate::aws) sentence: String,
    /// Why, in one sentence.
    reason: String,
    /// The policy that would allow it, if nothing denies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    add: Option<Add>,
    /// Condition keys of the request.
    context: Value,
}

/// What to add.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    /// To what.
    to: String,
    /// A statement.
    statement: Value,
}

impl Denial {
    pub(super) fn new(state: &State, caller: &Caller, asked: Asked, context: &Context, decision: &Decision) -> Self {
        let resource = asked.resources.first().cloned().unwrap_or_else(|| "*".to_owned());
        let whose = match &caller.who {
            Who::Root => "the account's root".to_owned(),
            Who::User { name } => format!("the user {name}"),
            Who::Session(session) => {
                format!("the role {}", session.role_arn.rsplit('/').next().unwrap_or(&session.role_arn))
            }
        };
        let statement = || json!({ "Effect": "Allow", "Action": asked.action, "Resource": resource });
        let (reason, to) = match decision {
            Decision::Denied(decider) => {
                let sid = decider.sid.as_ref().map(|sid| format!(" (`{sid}`)")).unwrap_or_default();
                let reason =
                    format!("statement {}{sid} of {} denies it", decider.statement + 1, named(&decider.source));
                (reason, None)
            }
            Decision::NotAllowed(kind) => {
                let to = match kind {
                    Kind::Identity => format!("a policy of {whose}"),
                    Kind::Boundary => format!("the permissions boundary of {whose}"),
                    Kind::Session => "the policy that was passed to AssumeRole".to_owned(),
                    Kind::Resource => format!("the trust policy of {whose}"),
                };
                (format!("no statement of {to} allows it"), Some(to))
            }
            Decision::Allowed(_) => ("it is allowed".to_owned(), None),
        };
        Self {
            authorization_id: state.ids.letters("authorization", 26).to_ascii_lowercase(),
            at: state.now.to_string(),
            principal: caller.arn.clone(),
            reason,
            add: to.map(|to| Add { to, statement: statement() }),
            context: context.iter().map(|(key, values)| (key.to_owned(), json!(values))).collect(),
            action: asked.action,
            resource,
            sentence: String::new(),
        }
    }

    pub(super) fn saying(self, sentence: String) -> Self {
        Self { sentence, ..self }
    }

    /// What the client is told: AWS's words, and where there is more.
    pub(in crate::aws) fn message(&self) -> String {
        format!("{}. Run `neargate explain {}` for complete details.", self.sentence, self.authorization_id)
    }
}

fn named(source: &Source) -> String {
    match source {
        Source::Managed(arn) => format!("the managed policy {arn}"),
        Source::Inline(name) => format!("the inline policy {name}"),
        Source::Passed => "the policy that was passed to AssumeRole".to_owned(),
    }
}

/// The last ones.
#[derive(Debug, Default)]
pub(in crate::aws) struct Denials(Mutex<VecDeque<Denial>>);

impl Denials {
    /// How many are kept.
    const KEPT: usize = 1000;

    pub(in crate::aws) fn keep(&self, denial: Denial) {
        let mut denials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.len() >= Self::KEPT {
            denials.pop_front();
        }
        denials.push_back(denial);
    }

    pub(in crate::aws) fn find(&self, id: &str) -> Option<Denial> {
        let denials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        denials.iter().rev().find(|denial| denial.authorization_id == id).cloned()
    }
}
