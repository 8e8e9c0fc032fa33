//! Traffic that ECS shifts: it is the author of the weights of the rules that a service names in its `advancedConfiguration`.
//! They are edits like any others, so that the journal keeps them and a file that says what it said changes nothing; but
//! nobody is told that they differ from the file, since the file itself gives them to ECS.

use super::edit::Edit;
use super::resources::Resources;
use super::violation::Violation;
use crate::alb::violation::Violation as Refused;
use crate::model::rule::{Action, Actions, Forward, ListenerRule, WeightedTargetGroup};
use crate::model::{ListenerId, RuleId, TargetGroupName};

/// A rule, by what edits name it with.
enum Found<'r> {
    Default(&'r ListenerId, &'r Actions),
    Rule(&'r RuleId, &'r Actions),
}

impl<'r> Found<'r> {
    fn actions(&self) -> &'r Actions {
        match self {
            Self::Default(_, actions) | Self::Rule(_, actions) => actions,
        }
    }
}

fn find<'r>(resources: &'r Resources, rule: &ListenerRule) -> Option<Found<'r>> {
    let is_it = |owned: &super::resources::OwnedListener| {
        owned.load_balancer == rule.load_balancer && owned.listener.port == rule.listener
    };
    let (listener, owned) = resources.listeners.iter().find(|(_, owned)| is_it(owned))?;
    let Some(priority) = rule.priority else {
        return Some(Found::Default(listener, &owned.listener.default_actions));
    };
    let mut rules = resources.rules.iter();
    let (id, owned) = rules.find(|(_, owned)| owned.listener == *listener && owned.rule.priority == priority)?;
    Some(Found::Rule(id, &owned.rule.actions))
}

/// The target groups that a rule forwards to; `None` if it does not, or does not exist.
pub(super) fn forwards_to(resources: &Resources, rule: &ListenerRule) -> Option<Vec<TargetGroupName>> {
    match &find(resources, rule)?.actions().routing {
        Action::Forward(forward) => {
            Some(forward.target_groups.iter().map(|group| group.target_group.clone()).collect())
        }
        Action::Redirect(_) | Action::FixedResponse(_) => None,
    }
}

/// The edit that gives a rule these target groups.
pub(super) fn edit(
    resources: &Resources,
    rule: &ListenerRule,
    target_groups: &[WeightedTargetGroup],
) -> Result<Edit, Violation> {
    let gone = || Violation::from(Refused::RuleNotFound(RuleId::new(rule.to_string())));
    let found = find(resources, rule).ok_or_else(gone)?;
    let Action::Forward(forward) = &found.actions().routing else { return Err(gone()) };
    let routing = Action::Forward(Forward { target_groups: target_groups.to_vec(), ..forward.clone() });
    let actions = Actions { routing, ..found.actions().clone() };
    Ok(match found {
        Found::Default(listener, _) => Edit::ModifyListener {
            listener: listener.clone(),
            port: None,
            protocol: None,
            default_actions: Some(actions),
        },
        Found::Rule(rule, _) => {
            Edit::ModifyRule { rule: rule.clone(), conditions: None, actions: Some(actions), transforms: None }
        }
    })
}

/// The file's resources with the weights that ECS has set.
pub(super) fn with_weights_of(file: &Resources, wanted: &Resources) -> Resources {
    let mut file = file.clone();
    let bindings = wanted.services.values().flat_map(|service| &service.load_balancers);
    for binding in bindings {
        for rule in binding.advanced.iter().flat_map(|advanced| advanced.rules()) {
            let Some(Action::Forward(now)) = find(wanted, rule).map(|found| &found.actions().routing) else { continue };
            let declared = match find(&file, rule) {
                Some(Found::Default(id, _)) => {
                    let id = id.clone();
                    file.listeners.get_mut(&id).map(|owned| &mut owned.listener.default_actions)
                }
                Some(Found::Rule(id, _)) => {
                    let id = id.clone();
                    file.rules.get_mut(&id).map(|owned| &mut owned.rule.actions)
                }
                None => None,
            };
            if let Some(Actions { routing: Action::Forward(declared), .. }) = declared {
                let is_own =
                    |group: &WeightedTargetGroup| binding.target_groups().any(|own| *own == group.target_group);
                let others = |forward: &Forward| -> Vec<WeightedTargetGroup> {
                    forward.target_groups.iter().filter(|group| !is_own(group)).cloned().collect()
                };
                if others(declared) == others(now) {
                    declared.target_groups = now.target_groups.clone();
                }
            }
        }
    }
    file
}
