//! Tags of clusters, services and task definitions.

use serde::Deserialize;
use serde_json::json;

use super::clusters::CLUSTER;
use super::names::{self, invalid, tags_refused};
use super::service_record::SERVICE;
use super::task_definitions::SENT;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::arn::Arn;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    resource_arn: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

/// Where what is remembered of a resource is.
struct Place {
    kind: &'static str,
    id: String,
}

impl Place {
    /// That of a resource which exists.
    fn of(state: &State, arn: &str) -> Result<Self, Fault> {
        let not_found = || invalid("The specified resource was not found. Specify a valid ARN and try again.");
        let parsed: Arn = arn.parse().map_err(|_| invalid("Invalid resource ARN."))?;
        let (kind, rest) = parsed.resource().split_once('/').unwrap_or_default();
        match kind {
            "cluster" => {
                let name = names::cluster(state, Some(rest))?;
                Ok(Self { kind: CLUSTER, id: name.to_string() })
            }
            "service" => {
                let name = names::service(rest);
                let is_known = state.snapshot.topology.services.contains_key(&name);
                is_known.then(|| Self { kind: SERVICE, id: name.to_string() }).ok_or_else(not_found)
            }
            "task-definition" => {
                let revision = names::task_definition(state, arn).ok_or_else(not_found)?;
                Ok(Self { kind: SENT, id: revision.name().to_string() })
            }
            _ => Err(invalid(format!("Tags of the resource type '{kind}' are not supported by neargate."))),
        }
    }

    fn record(&self, state: &State) -> Record {
        let known = state.records().get(self.kind, &self.id).cloned();
        known.unwrap_or_else(|| Record::new(json!({})))
    }
}

pub(super) fn tag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let place = Place::of(state, &asked.resource_arn)?;
    let record = tags::added(&place.record(state), tags::of(asked.tags)).map_err(|problem| tags_refused(&problem))?;
    Ok(Decision::edit(Edit::put(place.kind, place.id, record), |_| Ok(json!({}))))
}

pub(super) fn untag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let place = Place::of(state, &asked.resource_arn)?;
    let record = tags::removed(&place.record(state), &asked.tag_keys);
    Ok(Decision::edit(Edit::put(place.kind, place.id, record), |_| Ok(json!({}))))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let place = Place::of(state, &asked.resource_arn)?;
    Ok(Decision::reply(json!({ "tags": tags::lower(&place.record(state).tags) })))
}
