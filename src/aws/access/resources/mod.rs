//! Which resources an action is about. One that is not here is about all of them.

mod arns;
mod ec2;
mod ecs;
mod elbv2;
mod iam;
mod remembered;

use super::super::action::State;
use super::asked::Asked;
use super::call::Call;

/// The permissions for the action itself.
pub(super) fn of(state: &State, call: &Call<'_>, action: &str) -> Vec<Asked> {
    let found = match call.service.signing_name {
        "ec2" => ec2::of(call, action),
        "ecs" => ecs::of(state, call, action),
        "elasticloadbalancing" => elbv2::of(call, action),
        "iam" => iam::of(state, call, action),
        _ => remembered::of(call, action),
    };
    match found {
        found if found.is_empty() => vec![Asked::on_all(action)],
        found => found,
    }
}
