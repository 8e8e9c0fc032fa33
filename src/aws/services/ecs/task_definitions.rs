//! Task definitions: families, revisions, statuses.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use super::names::{invalid, refused};
use super::{names, pages, task_definition_shape};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::families::Status;
use crate::control::desired::records::Record;
use crate::ecs::task_definition;
use crate::ecs::violation::Violation;
use crate::model::arn::Arn;
use crate::model::registration::Registration;
use crate::model::task_definition::{Revision, RevisionName};
use crate::protocols::fault::Fault;

/// What a revision was registered with, by its name.
pub(super) const SENT: &str = "ecs/task-definition";

pub(super) fn register(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let registration: Registration = input.read()?;
    if let Some(refusal) = task_definition::refusals(&registration).into_iter().next() {
        return Err(refused(&refusal.violation.into()));
    }
    let definition = task_definition::definition(&registration);
    // What lacks so much has been refused already.
    let definition = Arc::new(definition.ok_or_else(|| invalid("The task definition is incomplete."))?);
    let name = state.desired.task_definitions().next(&definition.family);
    let Tagged { tags } = input.read()?;
    let tags = tags::of(tags);
    tags::judge(&tags).map_err(|problem| Fault::new("ClientException", problem.to_string()))?;
    let sent = Edit::put(SENT, name.to_string(), Record::new(input.json()?).with(tags));
    let family = definition.family.clone();
    Ok(Decision::edits(vec![Edit::RegisterTaskDefinition { definition }, sent], move |state| {
        let registered = state.desired.task_definitions().latest(&family);
        let revision = registered.ok_or_else(|| Fault::new("ServerException", "the new revision is gone already"))?;
        Ok(json!({ "taskDefinition": shape(state, &revision), "tags": tags_of(state, &revision) }))
    }))
}

/// The tags of a revision.
fn tags_of(state: &State, revision: &Revision) -> serde_json::Value {
    let record = state.records().get(SENT, &revision.name().to_string());
    record.map_or_else(|| json!([]), |record| tags::lower(&record.tags))
}

fn shape(state: &State, revision: &Revision) -> serde_json::Value {
    let status = state.desired.task_definitions().status(&revision.name());
    let sent = state.records().get(SENT, &revision.name().to_string()).map(|record| record.value.clone());
    task_definition_shape::shape(revision, status.unwrap_or(Status::Active), sent)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tagged {
    tags: Vec<Tag>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Named {
    task_definition: String,
    include: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Named { task_definition, include } = input.read()?;
    let revision = names::task_definition(state, &task_definition)
        .ok_or_else(|| Fault::new("ClientException", "Unable to describe task definition."))?;
    let is_asked = include.iter().any(|included| included == "TAGS");
    let tags = if is_asked { tags_of(state, &revision) } else { json!([]) };
    Ok(Decision::reply(json!({ "taskDefinition": shape(state, &revision), "tags": tags })))
}

pub(super) fn deregister(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Named { task_definition, .. } = input.read()?;
    let name = task_definition.rsplit("task-definition/").next().unwrap_or_default();
    let name: RevisionName = name.parse().map_err(|error| Fault::new("ClientException", format!("{error}")))?;
    let edit = Edit::DeregisterTaskDefinition { task_definition: name.clone() };
    Ok(Decision::edit(edit, move |state| {
        let revision = state.desired.task_definitions().revision(&name);
        let revision = revision.ok_or_else(|| refused(&Violation::NoSuchTaskDefinition(name)))?;
        Ok(json!({ "taskDefinition": shape(state, &revision) }))
    }))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Listed {
    fn wants(&self, status: Status) -> bool {
        match self.status.as_deref() {
            Some("INACTIVE") => status == Status::Inactive,
            Some("ALL") => true,
            _ => status == Status::Active,
        }
    }
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let listed: Listed = input.read()?;
    let families = state.desired.task_definitions();
    let of_family = |name: &RevisionName| listed.family_prefix.as_deref().is_none_or(|family| *name.family == *family);
    let found = families.all().filter(|(name, status)| of_family(name) && listed.wants(*status));
    let mut arns: Vec<Arn> = found.map(|(name, _)| Arn::task_definition(&name)).collect();
    if listed.sort.as_deref() == Some("DESC") {
        arns.reverse();
    }
    let (page, next) = pages::page(&arns, listed.max_results, listed.next_token.as_deref())?;
    Ok(Decision::reply(pages::with_token(json!({ "taskDefinitionArns": page }), next)))
}

pub(super) fn list_families(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let listed: Listed = input.read()?;
    let families = state.desired.task_definitions();
    let prefix = listed.family_prefix.as_deref().unwrap_or_default();
    let has = |family: &&str| families.all().any(|(name, status)| *name.family == **family && listed.wants(status));
    let found: Vec<String> =
        families.names().filter(|family| family.starts_with(prefix)).filter(has).map(str::to_owned).collect();
    let (page, next) = pages::page(&found, listed.max_results, listed.next_token.as_deref())?;
    Ok(Decision::reply(pages::with_token(json!({ "families": page }), next)))
}
