//! Tags of all that has some.

use serde::Deserialize;
use serde_json::{Value, json};

use super::entities::{self, Entities, OfRole, OfUser};
use super::faults::invalid;
use super::shapes::Paging;
use super::{policies, providers};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Tags;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    tags: Vec<Tag>,
    tag_keys: Vec<String>,
    policy_arn: String,
    #[serde(rename = "OpenIDConnectProviderArn")]
    provider_arn: String,
}

/// The tags that something has, and what keeps it with others.
type Found = (Tags, Box<dyn FnOnce(Tags) -> Edit>);

/// What has tags.
pub(super) trait Tagged {
    fn find(state: &State, input: &Input<'_>) -> Result<Found, Fault>;
}

/// A user or a role.
fn entity<E: Entities>(state: &State, input: &Input<'_>) -> Result<Found, Fault> {
    let (name, mut kept) = entities::named::<E>(state, input)?;
    let tags = E::tags(&mut kept.entity).clone();
    let with = move |tags| {
        *E::tags(&mut kept.entity) = tags;
        E::put(&name, &kept)
    };
    Ok((tags, Box::new(with)))
}

impl Tagged for OfRole {
    fn find(state: &State, input: &Input<'_>) -> Result<Found, Fault> {
        entity::<Self>(state, input)
    }
}

impl Tagged for OfUser {
    fn find(state: &State, input: &Input<'_>) -> Result<Found, Fault> {
        entity::<Self>(state, input)
    }
}

/// A managed policy.
pub(super) struct OfPolicy;

impl Tagged for OfPolicy {
    fn find(state: &State, input: &Input<'_>) -> Result<Found, Fault> {
        let Given { policy_arn, .. } = input.read()?;
        let mut policy = policies::own(state, &policy_arn)?;
        let tags = policy.tags.clone();
        let with = move |tags| {
            policy.tags = tags;
            policy.put(&policy_arn)
        };
        Ok((tags, Box::new(with)))
    }
}

/// An OpenID Connect provider.
pub(super) struct OfProvider;

impl Tagged for OfProvider {
    fn find(state: &State, input: &Input<'_>) -> Result<Found, Fault> {
        let Given { provider_arn, .. } = input.read()?;
        let (url, mut kept) = providers::find(state, &provider_arn)?;
        let tags = kept.entity.tags.clone();
        let with = move |tags| {
            kept.entity.tags = tags;
            kept.put_provider(&url)
        };
        Ok((tags, Box::new(with)))
    }
}

pub(super) fn tag<T: Tagged>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (mut tags, with) = T::find(state, input)?;
    tags.extend(tags::of(input.read::<Given>()?.tags));
    tags::judge(&tags).map_err(|refused| invalid(refused.to_string()))?;
    Ok(Decision::done(with(tags)))
}

pub(super) fn untag<T: Tagged>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (mut tags, with) = T::find(state, input)?;
    let keys = input.read::<Given>()?.tag_keys;
    tags.retain(|key, _| !keys.contains(key));
    Ok(Decision::done(with(tags)))
}

pub(super) fn list<T: Tagged>(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (tags, _) = T::find(state, input)?;
    let Value::Array(tags) = tags::upper(&tags) else { return Ok(Decision::members(json!({}))) };
    Ok(Decision::members(input.read::<Paging>()?.reply("Tags", &tags)?))
}
