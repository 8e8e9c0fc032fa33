//! DescribeParameters, GetParameterHistory.

use serde::Deserialize;
use serde_json::{Value, json};

use super::parameter::{Parameter, Version, not_found};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    name: String,
    parameter_filters: Vec<Filter>,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Filter {
    key: String,
    option: Option<String>,
    values: Vec<String>,
}

impl Filter {
    fn takes(&self, parameter: &Parameter) -> bool {
        let text = match self.key.as_str() {
            "Name" => parameter.name.as_str(),
            "Type" => &parameter.kind,
            "KeyId" => parameter.key_id.as_deref().unwrap_or("alias/aws/ssm"),
            "Tier" => &parameter.tier,
            "DataType" => &parameter.data_type,
            "Path" => {
                let path = |value: &String| parameter.name.starts_with(&format!("{}/", value.trim_end_matches('/')));
                return self.values.iter().any(path);
            }
            key => match key.strip_prefix("tag:").and_then(|key| parameter.tags.get(key)) {
                Some(value) => value,
                None => return false,
            },
        };
        self.values.iter().any(|value| match self.option.as_deref() {
            Some("BeginsWith") => text.starts_with(value.as_str()),
            Some("Contains") => text.contains(value.as_str()),
            _ => text == value,
        })
    }
}

/// Everything but the value.
fn shape(parameter: &Parameter, version: &Version) -> Value {
    let mut shape = json!({
        "Name": parameter.name,
        "ARN": parameter.arn(),
        "Type": parameter.kind,
        "LastModifiedDate": EpochSeconds(version.at),
        "LastModifiedUser": version.by,
        "Version": version.number,
        "Tier": parameter.tier,
        "Policies": [],
        "DataType": parameter.data_type,
    });
    if parameter.kind == "SecureString" {
        shape["KeyId"] = json!(parameter.key_id.as_deref().unwrap_or("alias/aws/ssm"));
    }
    for (member, text) in [("Description", &parameter.description), ("AllowedPattern", &parameter.allowed_pattern)] {
        if let Some(text) = text {
            shape[member] = json!(text);
        }
    }
    shape
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let takes =
        |parameter: &Parameter| given.parameter_filters.iter().chain(&given.filters).all(|one| one.takes(parameter));
    let all = Parameter::all(state);
    let wanted = all.iter().filter(|parameter| takes(parameter));
    let shapes: Vec<Value> =
        wanted.filter_map(|parameter| Some(shape(parameter, parameter.versions.last()?))).collect();
    let sizes = Sizes { largest: 50, default: 10 };
    let (page, next) = pages::page(&shapes, sizes, given.max_results, given.next_token.as_deref())
        .map_err(|_| Fault::new("InvalidNextToken", "The specified token isn't valid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "Parameters": page }), "NextToken", next)))
}

pub(super) fn history(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let parameter = Parameter::find(state, &given.name).ok_or_else(not_found)?;
    let with_value = |version: &Version| {
        let mut shape = shape(&parameter, version);
        shape["Value"] = json!(version.value);
        shape["Labels"] = json!([]);
        shape
    };
    let shapes: Vec<Value> = parameter.versions.iter().map(with_value).collect();
    let (page, next) = pages::page(&shapes, Sizes::up_to(50), given.max_results, given.next_token.as_deref())
        .map_err(|_| Fault::new("InvalidNextToken", "The specified token isn't valid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "Parameters": page }), "NextToken", next)))
}
