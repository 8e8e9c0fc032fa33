//! Lists of what is not there.

use serde_json::json;

use super::entities::{self, OfRole, OfUser};
use crate::aws::action::{Decision, Input, State};
use crate::protocols::fault::Fault;

pub(super) fn no_aliases(_: &State, _: &Input<'_>) -> Result<Decision, Fault> {
    Ok(Decision::members(json!({ "AccountAliases": [], "IsTruncated": false })))
}

/// Instance profiles are for EC2's instances.
pub(super) fn no_instance_profiles(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    entities::named::<OfRole>(state, input)?;
    Ok(Decision::members(json!({ "InstanceProfiles": [], "IsTruncated": false })))
}

pub(super) fn no_groups(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    entities::named::<OfUser>(state, input)?;
    Ok(Decision::members(json!({ "Groups": [], "IsTruncated": false })))
}
