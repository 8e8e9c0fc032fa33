//! PutImageTagMutability, PutImageScanningConfiguration. Nothing is scanned here; what was asked for is remembered.

use serde::Deserialize;
use serde_json::json;

use super::repositories::{Scanning, judge_mutability};
use super::repository::{Filter, Repository};
use crate::aws::action::{Decision, Input, State};
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: String,
    image_tag_mutability_exclusion_filters: Option<Vec<Filter>>,
    image_scanning_configuration: Scanning,
}

pub(super) fn mutability(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    judge_mutability(&given.image_tag_mutability)?;
    let mut repository = Repository::find(state, &given.repository_name, given.registry_id.as_deref())?;
    repository.image_tag_mutability = given.image_tag_mutability;
    repository.image_tag_mutability_exclusion_filters = given.image_tag_mutability_exclusion_filters;
    let mut reply = json!({
        "registryId": ACCOUNT,
        "repositoryName": repository.repository_name,
        "imageTagMutability": repository.image_tag_mutability,
    });
    if let Some(filters) = &repository.image_tag_mutability_exclusion_filters {
        reply["imageTagMutabilityExclusionFilters"] = json!(filters);
    }
    Ok(Decision::edit(repository.put(), |_| Ok(reply)))
}

pub(super) fn scanning(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut repository = Repository::find(state, &given.repository_name, given.registry_id.as_deref())?;
    repository.image_scanning_configuration = json!({ "scanOnPush": given.image_scanning_configuration.scan_on_push });
    let reply = json!({
        "registryId": ACCOUNT,
        "repositoryName": repository.repository_name,
        "imageScanningConfiguration": repository.image_scanning_configuration,
    });
    Ok(Decision::edit(repository.put(), |_| Ok(reply)))
}
