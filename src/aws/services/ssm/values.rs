//! GetParameter, GetParameters, GetParametersByPath.

use serde::Deserialize;
use serde_json::{Value, json};

use super::parameter::{Parameter, not_found};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    name: String,
    names: Vec<String>,
    path: String,
    recursive: bool,
    with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `name`, or `name:version`. Where AWS returns a secure string encrypted, because nobody asked for its decryption, this is a
/// fixed text.
fn found(state: &State, id: &str, decrypted: bool) -> Result<Value, Fault> {
    let selected = |id: &str, selector: Option<&str>| {
        let parameter = Parameter::find(state, id).ok_or_else(not_found)?;
        let number = selector.map(|selector| selector.trim_start_matches(':').parse::<u64>());
        let version = match number {
            None => parameter.versions.last(),
            Some(Ok(number)) => parameter.versions.iter().find(|version| version.number == number),
            Some(Err(_)) => None,
        };
        let version = version.ok_or_else(|| {
            let message = format!(
                "Systems Manager could not find version {} of {}. Verify the version and try again.",
                selector.unwrap_or_default().trim_start_matches(':'),
                parameter.name
            );
            Fault::new("ParameterVersionNotFound", message)
        })?;
        let mut shape = parameter.shape(version, selector);
        if parameter.kind == "SecureString" && !decrypted {
            shape["Value"] = json!("neargate: encrypted; ask with decryption");
        }
        Ok(shape)
    };
    let is_arn = id.starts_with("arn:");
    match id.rsplit_once(':') {
        Some((name, version))
            if (name.contains(":parameter") || !is_arn) && version.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            selected(name, Some(&format!(":{version}")))
        }
        _ => selected(id, None),
    }
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    Ok(Decision::reply(json!({ "Parameter": found(state, &given.name, given.with_decryption)? })))
}

pub(super) fn get_several(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (mut parameters, mut invalid) = (Vec::new(), Vec::new());
    for name in &given.names {
        match found(state, name, given.with_decryption) {
            Ok(parameter) => parameters.push(parameter),
            Err(_) => invalid.push(name),
        }
    }
    Ok(Decision::reply(json!({ "Parameters": parameters, "InvalidParameters": invalid })))
}

pub(super) fn by_path(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    if !given.path.starts_with('/') {
        return Err(Fault::new("ValidationException", "The parameter path must begin with a forward slash."));
    }
    let folder = format!("{}/", given.path.trim_end_matches('/'));
    let is_wanted = |name: &str| name.strip_prefix(&folder).is_some_and(|rest| given.recursive || !rest.contains('/'));
    let names = Parameter::all(state).into_iter().map(|parameter| parameter.name).filter(|name| is_wanted(name));
    let shapes: Vec<Value> = names.filter_map(|name| found(state, &name, given.with_decryption).ok()).collect();
    let (page, next) = pages::page(&shapes, Sizes::up_to(10), given.max_results, given.next_token.as_deref())
        .map_err(|_| Fault::new("InvalidNextToken", "The specified token isn't valid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "Parameters": page }), "NextToken", next)))
}
