//! PutParameter, DeleteParameter, DeleteParameters.

use serde::Deserialize;
use serde_json::json;

use super::parameter::{Parameter, Version, not_found};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::protocols::fault::Fault;

/// The largest value of a parameter in the standard tier, and in the advanced one.
const LARGEST: usize = 4096;
const LARGEST_ADVANCED: usize = 8192;
/// How many versions are kept (Systems Manager user guide, "Working with parameter versions").
const VERSIONS: usize = 100;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    name: String,
    names: Vec<String>,
    value: String,
    r#type: Option<String>,
    description: Option<String>,
    key_id: Option<String>,
    overwrite: bool,
    allowed_pattern: Option<String>,
    tier: Option<String>,
    data_type: Option<String>,
    tags: Vec<Tag>,
}

fn validation(message: impl Into<String>) -> Fault {
    Fault::new("ValidationException", message)
}

impl Given {
    fn judge(&self) -> Result<(), Fault> {
        let is_good = |symbol: char| symbol.is_ascii_alphanumeric() || "_.-/".contains(symbol);
        if self.name.is_empty() || !self.name.chars().all(is_good) {
            return Err(validation(
                "Parameter name: can't be empty and can contain only the following letters, numbers and symbols: a-zA-Z0-9_.-/",
            ));
        }
        if self.name.contains('/') && !self.name.starts_with('/') {
            return Err(validation("Parameter name must be a fully qualified name."));
        }
        let first = self.name.trim_start_matches('/').to_ascii_lowercase();
        if first.starts_with("aws") || first.starts_with("ssm") {
            return Err(Fault::new(
                "AccessDeniedException",
                format!("No access to reserved parameter name: {}.", self.name),
            ));
        }
        if self.value.is_empty() {
            return Err(validation(
                "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
            ));
        }
        let is_advanced = self.tier.as_deref() == Some("Advanced");
        let largest = if is_advanced { LARGEST_ADVANCED } else { LARGEST };
        if self.value.len() > largest {
            let tier = if is_advanced { "Advanced" } else { "Standard" };
            return Err(validation(format!(
                "{tier} tier parameters support a maximum parameter value of {largest} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
            )));
        }
        if let Some(kind) =
            self.r#type.as_deref().filter(|kind| !["String", "StringList", "SecureString"].contains(kind))
        {
            return Err(validation(format!(
                "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"
            )));
        }
        if self.overwrite && !self.tags.is_empty() {
            return Err(validation(
                "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
            ));
        }
        Ok(())
    }
}

pub(super) fn put(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    given.judge()?;
    let known = Parameter::find(state, &given.name);
    if known.is_some() && !given.overwrite {
        let message =
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.";
        return Err(Fault::new("ParameterAlreadyExists", message));
    }
    let kind = match (given.r#type, &known) {
        (Some(kind), _) => kind,
        (None, Some(known)) => known.kind.clone(),
        (None, None) => return Err(validation("A parameter type is required when you create a parameter.")),
    };
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| validation(refused.to_string()))?;
    let mut parameter = known.unwrap_or_else(|| Parameter {
        name: given.name.clone(),
        kind: String::new(),
        description: None,
        tier: "Standard".to_owned(),
        data_type: "text".to_owned(),
        key_id: None,
        allowed_pattern: None,
        versions: Vec::new(),
        tags,
    });
    let number = parameter.versions.last().map_or(1, |version| version.number + 1);
    parameter.kind = kind;
    parameter.description = given.description.filter(|text| !text.is_empty()).or(parameter.description);
    parameter.key_id = given.key_id.or(parameter.key_id);
    parameter.allowed_pattern = given.allowed_pattern.filter(|text| !text.is_empty()).or(parameter.allowed_pattern);
    parameter.tier = given.tier.unwrap_or(parameter.tier);
    parameter.data_type = given.data_type.unwrap_or(parameter.data_type);
    parameter.versions.push(Version { number, value: given.value, at: state.now, by: input.caller.arn.clone() });
    if parameter.versions.len() > VERSIONS {
        parameter.versions.remove(0);
    }
    let tier = parameter.tier.clone();
    Ok(Decision::edit(parameter.put(), move |_| Ok(json!({ "Version": number, "Tier": tier }))))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let parameter = Parameter::find(state, &given.name).ok_or_else(not_found)?;
    Ok(Decision::edit(parameter.forget(), |_| Ok(json!({}))))
}

pub(super) fn delete_several(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (mut edits, mut deleted, mut invalid): (Vec<Edit>, Vec<String>, Vec<String>) = Default::default();
    for name in given.names {
        match Parameter::find(state, &name) {
            Some(parameter) => {
                edits.push(parameter.forget());
                deleted.push(name);
            }
            None => invalid.push(name),
        }
    }
    Ok(Decision::edits(edits, move |_| Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))))
}
