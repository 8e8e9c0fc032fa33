//! What ECS refuses of the settings of a strategy (ECS API, DeploymentConfiguration and AdvancedConfiguration; ECS developer
//! guide, "Troubleshooting Amazon ECS blue/green deployments").

use std::collections::BTreeSet;
use std::time::Duration;

use super::stages::{takes_hooks, takes_pauses};
use crate::violation::Violation;
use neargate_model::TargetGroupName;
use neargate_model::deployment::DeploymentConfiguration;
use neargate_model::rule::ListenerRule;
use neargate_model::service::{LoadBalancerBinding, Service};
use neargate_model::strategy::{HookTarget, Share, Strategy};

const MINUTE: u64 = 60;
/// The longest bake time.
const LONGEST_BAKE_TIME: Duration = Duration::from_secs(1440 * MINUTE);
/// The longest time that a function may take to decide.
pub const LONGEST_HOOK_MINUTES: u32 = 1440;
/// The longest pause.
pub const LONGEST_PAUSE_MINUTES: u32 = 20_160;

/// Why ECS refuses the service, if it does. `forwards` are the target groups of a rule; `None` if there is no such rule, or
/// it does not forward.
pub fn judge<D>(
    service: &Service<D>,
    forwards: impl Fn(&ListenerRule) -> Option<Vec<TargetGroupName>>,
) -> Vec<Violation> {
    let mut violations = settings(&service.deployment_configuration);
    let bindings = &service.load_balancers;
    let advanced = bindings.iter().filter(|binding| binding.advanced.is_some()).count();
    if advanced < bindings.len() {
        if service.deployment_configuration.strategy.shifts_traffic() {
            violations.push(Violation::AdvancedConfigurationRequired);
        } else if advanced > 0 {
            violations.push(Violation::AdvancedConfigurationInPart);
        }
    }
    if advanced > 0 {
        violations.extend(shared_target_group(bindings).map(Violation::DuplicateTargetGroup));
    }
    for binding in bindings {
        violations.extend(rules(binding, &forwards));
    }
    violations
}

/// A target group that two entries use.
fn shared_target_group(bindings: &[LoadBalancerBinding]) -> Option<TargetGroupName> {
    let mut seen = BTreeSet::new();
    bindings.iter().flat_map(LoadBalancerBinding::target_groups).find(|group| !seen.insert(*group)).cloned()
}

/// What is wrong with the rules of one entry.
pub fn rules(
    binding: &LoadBalancerBinding,
    forwards: impl Fn(&ListenerRule) -> Option<Vec<TargetGroupName>>,
) -> Option<Violation> {
    let advanced = binding.advanced.as_ref()?;
    let production = &advanced.production_listener_rule;
    if let Some(missing) = advanced.rules().find(|rule| forwards(rule).is_none()) {
        return Some(Violation::ListenerRuleDoesNotForward(missing.clone()));
    }
    if advanced.test_listener_rule.as_ref() == Some(production) {
        return Some(Violation::ListenerRuleForBoth(production.clone()));
    }
    let led_to = |rule: &ListenerRule| forwards(rule).unwrap_or_default();
    let of_production = led_to(production);
    if let Some(other) = of_production.iter().find(|group| binding.target_groups().all(|own| own != *group)) {
        return Some(Violation::UnexpectedTargetGroup(other.clone()));
    }
    let lacks = |groups: &[TargetGroupName]| binding.target_groups().find(|own| !groups.contains(own)).cloned();
    let missing = lacks(&of_production)?;
    match &advanced.test_listener_rule {
        None => Some(Violation::TestListenerRuleRequired),
        Some(test) => {
            let all = [of_production, led_to(test)].concat();
            lacks(&all).map(|_| Violation::TargetGroupNotAssociated(missing))
        }
    }
}

/// What is wrong with the strategy and its hooks.
pub fn settings(configuration: &DeploymentConfiguration) -> Vec<Violation> {
    let mut violations = Vec::new();
    let least = |tenths: u16| Share::from_tenths(tenths).unwrap_or(Share::ALL);
    match configuration.strategy {
        Strategy::Linear { step, .. } if step < least(30) => violations.push(Violation::StepPercentOutOfRange),
        Strategy::Canary { share, .. } if share < least(1) => violations.push(Violation::CanaryPercentOutOfRange),
        _ => {}
    }
    let waits = [
        ("bakeTimeInMinutes", configuration.bake_time),
        match configuration.strategy {
            Strategy::Linear { bake_time, .. } => ("stepBakeTimeInMinutes", bake_time),
            Strategy::Canary { bake_time, .. } => ("canaryBakeTimeInMinutes", bake_time),
            Strategy::Rolling | Strategy::BlueGreen => ("", Duration::ZERO),
        },
    ];
    let too_long = waits.into_iter().filter(|(_, wait)| *wait > LONGEST_BAKE_TIME);
    violations.extend(too_long.map(|(name, _)| Violation::BakeTimeOutOfRange(name)));
    for hook in &configuration.lifecycle_hooks {
        let longest = match hook.target {
            HookTarget::Lambda { .. } => LONGEST_HOOK_MINUTES,
            HookTarget::Pause => LONGEST_PAUSE_MINUTES,
        };
        let minutes = Duration::from_secs(MINUTE)..=Duration::from_secs(u64::from(longest) * MINUTE);
        if !minutes.contains(&hook.timeout) {
            violations.push(Violation::HookTimeoutOutOfRange { longest_minutes: longest });
        }
        let takes = if hook.target == HookTarget::Pause { takes_pauses } else { takes_hooks };
        if hook.stages.is_empty() {
            violations.push(Violation::HookWithoutStages);
        } else if hook.stages.iter().any(|stage| !takes(*stage)) {
            violations.push(Violation::HookAtWrongStage { is_pause: hook.target == HookTarget::Pause });
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use neargate_fixture as fixture;
    use neargate_model::service::AdvancedConfiguration;
    use neargate_model::strategy::{LifecycleHook, LifecycleStage, TimeoutAction};
    use serde::Deserialize;

    use super::*;

    /// Each entry has the groups `blue` and `green`; the rules are those of the listener 443 by priority.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        #[serde(default)]
        strategy: String,
        /// Of the step or of the canary.
        percent: Option<f64>,
        #[serde(default)]
        bake_time_in_minutes: u64,
        #[serde(default)]
        step_bake_time_in_minutes: u64,
        /// Target groups of each rule.
        #[serde(default)]
        rules: BTreeMap<u32, Vec<String>>,
        #[serde(default)]
        load_balancers: Vec<Entry>,
        hook: Option<Hook>,
        #[serde(default)]
        refused: Vec<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        target_group: String,
        alternate: Option<String>,
        production_listener_rule: Option<u32>,
        test_listener_rule: Option<u32>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Hook {
        #[serde(default)]
        pause: bool,
        stages: Vec<LifecycleStage>,
        timeout_in_minutes: u64,
    }

    fn rule(priority: u32) -> ListenerRule {
        ListenerRule { load_balancer: "shop".into(), listener: 443, priority: Some(priority) }
    }

    fn binding(entry: &Entry) -> LoadBalancerBinding {
        let advanced = entry.alternate.as_ref().map(|alternate| AdvancedConfiguration {
            alternate_target_group: TargetGroupName::new(alternate),
            production_listener_rule: rule(entry.production_listener_rule.expect("a production rule")),
            test_listener_rule: entry.test_listener_rule.map(rule),
        });
        let target_group = TargetGroupName::new(&entry.target_group);
        LoadBalancerBinding { target_group, container: "web".into(), port: 80, advanced }
    }

    #[test]
    fn what_ecs_refuses_of_a_strategy() {
        fixture::each("ecs/strategies", |case: Case| {
            let minutes = |minutes: u64| Duration::from_secs(minutes * MINUTE);
            let share = case.percent.and_then(Share::from_percent).unwrap_or(Share::ALL);
            let bake_time = minutes(case.step_bake_time_in_minutes);
            let mut service = Service::new((), 1);
            service.load_balancers = case.load_balancers.iter().map(binding).collect();
            service.deployment_configuration = DeploymentConfiguration {
                strategy: match case.strategy.as_str() {
                    "" | "ROLLING" => Strategy::Rolling,
                    "BLUE_GREEN" => Strategy::BlueGreen,
                    "LINEAR" => Strategy::Linear { step: share, bake_time },
                    "CANARY" => Strategy::Canary { share, bake_time },
                    other => panic!("{other}"),
                },
                bake_time: minutes(case.bake_time_in_minutes),
                lifecycle_hooks: Vec::from_iter(case.hook.map(|hook| LifecycleHook {
                    target: match hook.pause {
                        true => HookTarget::Pause,
                        false => HookTarget::Lambda {
                            name: "test".to_owned(),
                            command: vec!["./test".to_owned()],
                            folder: "/shop".into(),
                        },
                    },
                    stages: hook.stages,
                    details: None,
                    timeout: minutes(hook.timeout_in_minutes),
                    on_timeout: TimeoutAction::Rollback,
                })),
                ..DeploymentConfiguration::default()
            };
            let forwards = |rule: &ListenerRule| {
                let groups = case.rules.get(&rule.priority.expect("no default rule"))?;
                Some(groups.iter().map(TargetGroupName::new).collect())
            };
            let refused = judge(&service, forwards);
            // IDs in ARNs are digests of names; cases omit them.
            let ids = regex::Regex::new("/[0-9a-f]{16}").expect("an expression");
            let told = refused.iter().map(|violation| format!("{}: {violation}", violation.code()));
            let told: Vec<String> = told.map(|text| ids.replace_all(&text, "/ID").into_owned()).collect();
            assert_eq!(told, case.refused, "{}", case.name);
        });
    }
}
