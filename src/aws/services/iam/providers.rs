//! OpenID Connect providers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{exists, none, of_the_file, validation};
use super::shapes;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::identities::{self as account, Account, Kept};
use crate::model::iam::OidcProvider;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    url: String,
    #[serde(rename = "ClientIDList")]
    client_ids: Vec<String>,
    #[serde(rename = "ThumbprintList")]
    thumbprints: Vec<String>,
    #[serde(rename = "OpenIDConnectProviderArn")]
    arn: String,
    #[serde(rename = "ClientID")]
    client_id: String,
    tags: Vec<Tag>,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let Some(url) = given.url.strip_prefix("https://").map(|url| url.trim_end_matches('/')) else {
        return Err(validation("url", &given.url, "Member must begin with https://"));
    };
    if Account::of(&state.desired).oidc_provider(url).is_some() {
        return Err(exists(format!("Provider with url https://{url} already exists.")));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| super::faults::invalid(refused.to_string()))?;
    let provider = OidcProvider { client_ids: given.client_ids, thumbprints: given.thumbprints, tags: tags.clone() };
    let edit = Kept::new(provider, state.now).put_provider(url);
    let mut reply = json!({ "OpenIDConnectProviderArn": account::oidc_provider_arn(url) });
    if !tags.is_empty() {
        reply["Tags"] = tags::upper(&tags);
    }
    Ok(Decision::edit_members(edit, move |_| Ok(reply)))
}

/// By its ARN.
pub(super) fn find(state: &State, arn: &str) -> Result<(String, Kept<OidcProvider>), Fault> {
    let url = arn.split_once(":oidc-provider/").map(|(_, url)| url);
    let found = url.and_then(|url| Some((url.to_owned(), Account::of(&state.desired).kept_provider(url)?)));
    found.ok_or_else(|| none(format!("OpenIDConnect Provider not found for arn {arn}")))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (url, kept) = find(state, &given.arn)?;
    let OidcProvider { client_ids, thumbprints, tags } = &kept.entity;
    let mut reply = json!({
        "Url": url,
        "ClientIDList": client_ids,
        "ThumbprintList": thumbprints,
        "CreateDate": shapes::time(kept.created_at),
    });
    if !tags.is_empty() {
        reply["Tags"] = tags::upper(tags);
    }
    Ok(Decision::members(reply))
}

pub(super) fn list(state: &State, _: &Input<'_>) -> Result<Decision, Fault> {
    let providers = Account::of(&state.desired).providers();
    let arns: Vec<Value> = providers.keys().map(|url| json!({ "Arn": account::oidc_provider_arn(url) })).collect();
    Ok(Decision::members(json!({ "OpenIDConnectProviderList": arns })))
}

pub(super) fn add_client(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (url, mut kept) = find(state, &given.arn)?;
    if !kept.entity.client_ids.contains(&given.client_id) {
        kept.entity.client_ids.push(given.client_id);
    }
    Ok(Decision::done(kept.put_provider(&url)))
}

pub(super) fn remove_client(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (url, mut kept) = find(state, &given.arn)?;
    kept.entity.client_ids.retain(|id| *id != given.client_id);
    Ok(Decision::done(kept.put_provider(&url)))
}

pub(super) fn update_thumbprints(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (url, mut kept) = find(state, &given.arn)?;
    kept.entity.thumbprints = given.thumbprints;
    Ok(Decision::done(kept.put_provider(&url)))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let (url, _) = find(state, &given.arn)?;
    if Account::of(&state.desired).declares_provider(&url) {
        return Err(of_the_file("OpenID Connect provider", &url));
    }
    Ok(Decision::done(Edit::forget(account::PROVIDER, url)))
}
