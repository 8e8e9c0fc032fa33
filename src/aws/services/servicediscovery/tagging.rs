//! Tags of namespaces and services.

use serde::Deserialize;
use serde_json::json;

use super::faults::invalid;
use super::known::{self, NAMESPACE, SERVICE};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    #[serde(rename = "ResourceARN")]
    arn: String,
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
}

/// The record of a resource: its kind, its id, what is known.
fn find(state: &State, arn: &str) -> Result<(&'static str, String, Record), Fault> {
    let lost = |_| Fault::new("ResourceNotFoundException", format!("Can't find resource {arn}"));
    match arn.rsplit_once(':').map(|(_, resource)| resource) {
        Some(resource) if resource.starts_with("namespace/") => {
            known::namespace(state, arn).map(|found| (NAMESPACE, found.id, found.record)).map_err(lost)
        }
        Some(resource) if resource.starts_with("service/") => {
            known::service(state, arn).map(|found| (SERVICE, found.id, found.record)).map_err(lost)
        }
        _ => Err(invalid(format!("Invalid ARN: {arn}"))),
    }
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (_, _, record) = find(state, &given.arn)?;
    Ok(Decision::reply(json!({ "Tags": tags::upper(&record.tags) })))
}

pub(super) fn tag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (kind, id, record) = find(state, &given.arn)?;
    let record = tags::added(&record, tags::of(given.tags)).map_err(|refused| match refused {
        tags::Refused::TooMany => Fault::new("TooManyTagsException", refused.to_string()),
        other => invalid(other.to_string()),
    })?;
    Ok(Decision::edit(Edit::put(kind, id, record), |_| Ok(json!({}))))
}

pub(super) fn untag(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (kind, id, record) = find(state, &given.arn)?;
    let record = tags::removed(&record, &given.tag_keys);
    Ok(Decision::edit(Edit::put(kind, id, record), |_| Ok(json!({}))))
}
