//! Targets that clients register by address.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::json;

use super::faults::{invalid, missing};
use super::known::Known;
use super::target_group_shape::target_type;
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::model::TargetGroupName;
use crate::model::target_group::{StaticTarget, TargetGroup};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    target_group_arn: Option<String>,
    targets: Vec<Given>,
}

/// `TargetDescription`
#[derive(Clone, Debug, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Given {
    pub(super) id: String,
    pub(super) port: Option<u16>,
}

impl Given {
    /// The address and port; without one, the group's.
    pub(super) fn target(
        &self,
        known: &Known<'_>,
        name: &TargetGroupName,
        group: &TargetGroup,
    ) -> Result<StaticTarget, Fault> {
        if target_type(known, name) == "instance" {
            let message =
                format!("The following targets are not in a running state and cannot be registered: '{}'", self.id);
            return Err(Fault::new("InvalidTarget", message));
        }
        let address: Result<IpAddr, _> = self.id.parse();
        let address =
            address.map_err(|_| invalid(format!("The provided target ID '{}' is not a valid IP address", self.id)))?;
        Ok(StaticTarget { address, port: self.port.unwrap_or(group.port) })
    }
}

fn asked(known: &Known<'_>, input: &Input<'_>) -> Result<(TargetGroupName, Vec<StaticTarget>), Fault> {
    let asked: Asked = input.read()?;
    let (name, group) = known.target_group(asked.target_group_arn.as_deref())?;
    if asked.targets.is_empty() {
        return Err(missing("targets"));
    }
    let targets = asked.targets.iter().map(|given| given.target(known, name, group)).collect::<Result<_, _>>()?;
    Ok((name.clone(), targets))
}

pub(super) fn register(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (target_group, targets) = asked(&Known::of(state), input)?;
    Ok(Decision::edit(Edit::RegisterTargets { target_group, targets }, |_| Ok(Members(json!({})))))
}

/// "If the specified target does not exist, the action returns successfully" (DeregisterTargets).
pub(super) fn deregister(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let known = Known::of(state);
    let (target_group, targets) = asked(&known, input)?;
    let registered = known.resources.target_groups.get(&target_group).map(|group| &*group.static_targets);
    let targets: Vec<StaticTarget> =
        targets.into_iter().filter(|target| registered.unwrap_or_default().contains(target)).collect();
    Ok(Decision::edit(Edit::DeregisterTargets { target_group, targets }, |_| Ok(Members(json!({})))))
}
