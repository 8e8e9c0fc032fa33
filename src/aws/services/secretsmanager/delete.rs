//! DeleteSecret, RestoreSecret. The clock of the recovery window does not run here: a secret that waits for its deletion waits
//! until it is restored, or deleted without recovery.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::faults::{not_found, parameter};
use super::secret::{Secret, seconds};
use crate::aws::action::{Decision, Input, State};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    force_delete_without_recovery: bool,
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    if given.force_delete_without_recovery && given.recovery_window_in_days.is_some() {
        return Err(parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."));
    }
    let days = given.recovery_window_in_days.unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(parameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."));
    }
    let Some(mut secret) = Secret::find(state, &given.secret_id) else {
        // Nothing is left to delete.
        return match given.force_delete_without_recovery {
            true => Ok(Decision::reply(json!({ "Name": given.secret_id, "DeletionDate": seconds(state.now) }))),
            false => Err(not_found()),
        };
    };
    let reply = |at| json!({ "ARN": secret.arn, "Name": secret.name, "DeletionDate": seconds(at) });
    if given.force_delete_without_recovery {
        let reply = reply(state.now);
        return Ok(Decision::edit(secret.forget(), move |_| Ok(reply)));
    }
    if secret.deleted_at.is_some() {
        return Err(super::faults::marked());
    }
    let gone_at = state.now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(state.now);
    let reply = reply(gone_at);
    secret.deleted_at = Some(state.now.to_string());
    Ok(Decision::edit(secret.put(), move |_| Ok(reply)))
}

pub(super) fn restore(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut secret = Secret::find(state, &given.secret_id).ok_or_else(not_found)?;
    secret.deleted_at = None;
    let reply = json!({ "ARN": secret.arn, "Name": secret.name });
    Ok(Decision::edit(secret.put(), move |_| Ok(reply)))
}
