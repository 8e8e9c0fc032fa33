//! Which actions of which services are served.

mod acm;
mod ec2;
pub(super) mod ecr;
pub(super) mod ecs;
mod elbv2;
mod iam;
mod logs;
mod route53;
mod scaling;
mod secretsmanager;
mod servicediscovery;
mod ssm;
mod sts;

use super::action::Action;
use crate::protocols::service::Service;

/// The actions of each service, by its name in credential scopes.
const SERVED: &[(&str, &[Action])] = &[
    ("acm", acm::ACTIONS),
    ("application-autoscaling", scaling::ACTIONS),
    ("ec2", ec2::ACTIONS),
    ("ecr", ecr::ACTIONS),
    ("ecs", ecs::ACTIONS),
    ("elasticloadbalancing", elbv2::ACTIONS),
    ("iam", iam::ACTIONS),
    ("logs", logs::ACTIONS),
    ("route53", route53::ACTIONS),
    ("secretsmanager", secretsmanager::ACTIONS),
    ("servicediscovery", servicediscovery::ACTIONS),
    ("ssm", ssm::ACTIONS),
    ("sts", sts::ACTIONS),
];

/// An action that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionOf {
    /// `ecs`
    pub service: &'static str,
    /// `UpdateService`
    pub action: &'static str,
}

/// The action of that name.
pub(super) fn find(service: &Service, name: &str) -> Option<&'static Action> {
    let (_, actions) = SERVED.iter().find(|(served, _)| *served == service.signing_name)?;
    actions.iter().find(|action| action.name == name)
}

/// Every action.
pub fn actions() -> impl Iterator<Item = ActionOf> {
    SERVED.iter().flat_map(|(service, actions)| actions.iter().map(|action| ActionOf { service, action: action.name }))
}
