//! How a new revision of a service takes over: blue/green, linear and canary deployments with their hooks and listener rules
//! (ECS API reference, DeploymentConfiguration, DeploymentLifecycleHook and AdvancedConfiguration).

use std::collections::BTreeMap;
use std::time::Duration;

use super::lowering::Lowering;
use crate::file::service::ServiceFile;
use crate::file::strategy::{
    AdvancedFile, DeploymentConfigurationFile, HookTargetWord, LifecycleHookFile, ListenerRuleFile, StageWord,
    StrategyWord, TimeoutWord,
};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::help_for;
use neargate_ecs::service::lifecycle::violations;
use neargate_ecs::violation::Violation;
use neargate_model::deployment::DeploymentConfiguration;
use neargate_model::listener::LoadBalancer;
use neargate_model::rule::{Action, Actions, ListenerRule};
use neargate_model::service::{AdvancedConfiguration, LoadBalancerBinding};
use neargate_model::strategy::{HookTarget, LifecycleHook, LifecycleStage, Share, Strategy, TimeoutAction};
use neargate_model::{LoadBalancerName, TargetGroupName};

const CONFIGURATION: &str = "ECS API reference, DeploymentConfiguration";
const HOOK: &str = "ECS API reference, DeploymentLifecycleHook";
const TROUBLE: &str = "ECS developer guide, \"Troubleshooting Amazon ECS blue/green deployments\"";

/// The load balancers with their rules; `None` if they could not be read.
pub(super) type Balancers<'a> = Option<&'a BTreeMap<LoadBalancerName, LoadBalancer>>;

/// Adds the strategy to the settings of a service's deployments.
pub(super) fn lower(file: &ServiceFile, configuration: &mut DeploymentConfiguration, lowering: &mut Lowering<'_>) {
    let Some(file) = &file.deployment_configuration else { return };
    configuration.strategy = strategy(file, lowering);
    configuration.bake_time = minutes(file.bake_time_in_minutes.as_ref(), 0, lowering);
    if file.strategy.as_ref().is_some_and(|word| word.value == StrategyWord::BlueGreen)
        && file.bake_time_in_minutes.is_none()
        && !lowering.reader.has_explained(file.whole, "bake_time_in_minutes")
    {
        lowering.report(
            Diagnostic::error("BLUE_GREEN needs `bake_time_in_minutes`", file.span, "")
                .note(format!(
                    "\"You must provide this parameter when you use the BLUE_GREEN strategy\" ({CONFIGURATION})"
                ))
                .help("0 is enough where nobody looks at both revisions"),
        );
    }
    let hooks = file.lifecycle_hooks.iter().flatten().filter_map(|hook| self::hook(hook, lowering));
    configuration.lifecycle_hooks = hooks.collect();
}

fn strategy(file: &DeploymentConfigurationFile, lowering: &mut Lowering<'_>) -> Strategy {
    let word = file.strategy.as_ref().map_or(StrategyWord::Rolling, |word| word.value);
    let blocks = [
        ("linear_configuration", file.linear_configuration.as_ref().map(|block| block.span), StrategyWord::Linear),
        ("canary_configuration", file.canary_configuration.as_ref().map(|block| block.span), StrategyWord::Canary),
    ];
    for (name, span, of) in blocks {
        if let Some(span) = span.filter(|_| word != of) {
            lowering.report(
                Diagnostic::error(format!("`{name}` with the strategy {}", word.word()), span, "")
                    .note(format!("it is only valid with the strategy {} ({CONFIGURATION})", of.word()))
                    .help(format!("write `strategy: {}`, or remove it", of.word())),
            );
        }
    }
    match word {
        StrategyWord::Rolling => Strategy::Rolling,
        StrategyWord::BlueGreen => Strategy::BlueGreen,
        StrategyWord::Linear => {
            let linear = file.linear_configuration.as_ref();
            let percent = linear.and_then(|linear| linear.step_percent.as_ref());
            Strategy::Linear {
                step: share(percent, 10.0, 3.0, &Violation::StepPercentOutOfRange, lowering),
                bake_time: minutes(linear.and_then(|linear| linear.step_bake_time_in_minutes.as_ref()), 6, lowering),
            }
        }
        StrategyWord::Canary => {
            let canary = file.canary_configuration.as_ref();
            let percent = canary.and_then(|canary| canary.canary_percent.as_ref());
            Strategy::Canary {
                share: share(percent, 5.0, 0.1, &Violation::CanaryPercentOutOfRange, lowering),
                bake_time: minutes(canary.and_then(|canary| canary.canary_bake_time_in_minutes.as_ref()), 10, lowering),
            }
        }
    }
}

/// A share that the model can hold, and not less than ECS takes.
fn share(
    given: Option<&Spanned<f64>>,
    default: f64,
    least: f64,
    refused: &Violation,
    lowering: &mut Lowering<'_>,
) -> Share {
    let percent = given.map_or(default, |given| given.value);
    let share = Share::from_percent(percent).filter(|share| share.percent() >= least);
    share.unwrap_or_else(|| {
        if let Some(given) = given {
            lowering.report(
                Diagnostic::error(format!("a step of {percent} percent"), given.span, "")
                    .aws(&refused.to_string(), CONFIGURATION),
            );
        }
        Share::ALL
    })
}

fn minutes(given: Option<&Spanned<u32>>, default: u32, lowering: &mut Lowering<'_>) -> Duration {
    let minutes = given.map_or(default, |given| given.value);
    if let Some(given) = given.filter(|given| given.value > 1440) {
        lowering.report(
            Diagnostic::error(format!("{minutes} minutes are more than a day"), given.span, "0 to 1440")
                .note(format!("valid values are 0 to 1440 minutes ({CONFIGURATION})")),
        );
    }
    Duration::from_secs(u64::from(minutes) * 60)
}

fn hook(file: &LifecycleHookFile, lowering: &mut Lowering<'_>) -> Option<LifecycleHook> {
    let is_pause = file.target_type.as_ref().is_some_and(|word| word.value == HookTargetWord::Pause);
    let target = if is_pause { pause(file, lowering) } else { function(file, lowering)? };
    let words: Vec<&Spanned<StageWord>> = file.lifecycle_stages.iter().flatten().collect();
    if let Some(at) = file.lifecycle_stages.as_ref().filter(|stages| stages.is_empty()).map(|_| file.span) {
        lowering.report(
            Diagnostic::error("a hook that is never asked", at, "")
                .aws(&Violation::HookWithoutStages.to_string(), HOOK)
                .help("name the stages under `lifecycle_stages`, e.g. POST_TEST_TRAFFIC_SHIFT"),
        );
    }
    for word in words.iter().filter(|word| is_pause && !takes_pauses(stage(word.value))) {
        lowering.report(
            Diagnostic::error(format!("a pause at {}", word.value.word()), word.span, "")
                .aws(&Violation::HookAtWrongStage { is_pause }.to_string(), TROUBLE)
                .help(
                    "it can pause at PRE_SCALE_UP, POST_SCALE_UP, POST_TEST_TRAFFIC_SHIFT, PRE_PRODUCTION_TRAFFIC_SHIFT \
                     and POST_PRODUCTION_TRAFFIC_SHIFT",
                ),
        );
    }
    let limits = file.timeout_configuration.as_ref();
    let timeout = limits.and_then(|limits| limits.timeout_in_minutes.as_ref());
    let longest = if is_pause { violations::LONGEST_PAUSE_MINUTES } else { violations::LONGEST_HOOK_MINUTES };
    if let Some(given) = timeout.filter(|given| !(1..=longest).contains(&given.value)) {
        let refused = Violation::HookTimeoutOutOfRange { longest_minutes: longest };
        lowering.report(
            Diagnostic::error(format!("a hook with {} minutes to decide", given.value), given.span, "")
                .aws(&refused.to_string(), HOOK),
        );
    }
    let action = limits.and_then(|limits| limits.action.as_ref());
    Some(LifecycleHook {
        target,
        stages: words.iter().map(|word| stage(word.value)).collect(),
        details: file.hook_details.as_ref().and_then(|details| self::details(details, lowering)),
        timeout: Duration::from_secs(u64::from(timeout.map_or(1440, |timeout| timeout.value)) * 60),
        on_timeout: match action.map(|action| action.value) {
            None | Some(TimeoutWord::Rollback) => TimeoutAction::Rollback,
            Some(TimeoutWord::Continue) => TimeoutAction::Continue,
        },
    })
}

fn takes_pauses(stage: LifecycleStage) -> bool {
    neargate_ecs::service::lifecycle::stages::takes_pauses(stage)
}

fn pause(file: &LifecycleHookFile, lowering: &mut Lowering<'_>) -> HookTarget {
    for (name, span) in [
        ("command", file.command.as_ref().map(|command| command.span)),
        ("hook_target_arn", file.hook_target_arn.as_ref().map(|arn| arn.span)),
        ("hook_details", file.hook_details.as_ref().map(|details| details.span)),
    ] {
        if let Some(span) = span {
            lowering.report(
                Diagnostic::error(format!("a pause with `{name}`"), span, "")
                    .note(format!("\"This field is not applicable for PAUSE hooks\" ({HOOK})"))
                    .help("remove it: a pause asks somebody, and no function"),
            );
        }
    }
    HookTarget::Pause
}

/// `None` after reporting.
fn function(file: &LifecycleHookFile, lowering: &mut Lowering<'_>) -> Option<HookTarget> {
    let Some(command) = &file.command else {
        if !lowering.reader.has_explained(file.whole, "command") {
            lowering.report(
                Diagnostic::error("a hook without a command", file.span, "`command` is missing here")
                    .note("functions do not run here; a command stands for them")
                    .help("add what is run in its place: `command: ./smoke-test.sh`"),
            );
        }
        return None;
    };
    let command = command.value.0.clone();
    let name = file.hook_target_arn.as_ref().map_or_else(|| command.join(" "), |arn| arn.value.clone());
    Some(HookTarget::Lambda { name, command, folder: lowering.source.folder.to_owned() })
}

fn details(given: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<String> {
    let is_object = serde_json::from_str::<serde_json::Value>(given).is_ok_and(|value| value.is_object());
    if !is_object {
        lowering.report(
            Diagnostic::error("hook_details is no JSON object", given.span, "")
                .note("\"This field must be a JSON object as a string\" (AWS CloudFormation, DeploymentLifecycleHook)")
                .help("write e.g. '{\"url\": \"https://test.example.com\"}'"),
        );
    }
    is_object.then(|| given.value.clone())
}

fn stage(word: StageWord) -> LifecycleStage {
    match word {
        StageWord::ReconcileService => LifecycleStage::ReconcileService,
        StageWord::PreScaleUp => LifecycleStage::PreScaleUp,
        StageWord::PostScaleUp => LifecycleStage::PostScaleUp,
        StageWord::TestTrafficShift => LifecycleStage::TestTrafficShift,
        StageWord::PostTestTrafficShift => LifecycleStage::PostTestTrafficShift,
        StageWord::PreProductionTrafficShift => LifecycleStage::PreProductionTrafficShift,
        StageWord::ProductionTrafficShift => LifecycleStage::ProductionTrafficShift,
        StageWord::PostProductionTrafficShift => LifecycleStage::PostProductionTrafficShift,
    }
}

/// What ECS needs to shift traffic. `None` after reporting.
pub(super) fn advanced(
    file: &AdvancedFile,
    balancers: Balancers<'_>,
    lowering: &mut Lowering<'_>,
) -> Option<AdvancedConfiguration> {
    let alternate = file.alternate_target_group.as_ref().and_then(|name| lowering.target_group(name));
    let production = file.production_listener_rule.as_ref().map(|rule| self::rule(rule, balancers, lowering));
    let test = file.test_listener_rule.as_ref().map(|rule| self::rule(rule, balancers, lowering));
    Some(AdvancedConfiguration {
        alternate_target_group: alternate?,
        production_listener_rule: production??,
        test_listener_rule: match test {
            Some(rule) => Some(rule?),
            None => None,
        },
    })
}

/// A rule that exists. `None` after reporting.
fn rule(file: &ListenerRuleFile, balancers: Balancers<'_>, lowering: &mut Lowering<'_>) -> Option<ListenerRule> {
    let (balancers, port) = (balancers?, file.listener.as_ref()?);
    let balancer = match &file.load_balancer {
        Some(name) => {
            let found = balancers.values().find(|balancer| balancer.name.as_str() == name.value);
            if found.is_none() {
                let known = balancers.keys().map(LoadBalancerName::as_str);
                lowering.report(
                    Diagnostic::error(format!("there is no load balancer `{}`", name.value), name.span, "")
                        .maybe_help(help_for(name, "the load balancers are", known)),
                );
            }
            found?
        }
        None if balancers.len() == 1 => balancers.values().next()?,
        None => {
            lowering.report(
                Diagnostic::error("which load balancer is meant?", file.span, "")
                    .help("name it: `{ load_balancer: …, listener: …, priority: … }`"),
            );
            return None;
        }
    };
    let Some(listener) = balancer.listeners.iter().find(|listener| listener.port == port.value) else {
        let ports: Vec<String> = balancer.listeners.iter().map(|listener| listener.port.to_string()).collect();
        lowering.report(
            Diagnostic::error(format!("there is no listener on port {}", port.value), port.span, "")
                .help(format!("the listeners are on {}", ports.join(", "))),
        );
        return None;
    };
    if let Some(priority) = &file.priority
        && listener.rules.iter().all(|rule| rule.priority != priority.value)
    {
        let priorities: Vec<String> = listener.rules.iter().map(|rule| rule.priority.to_string()).collect();
        lowering.report(
            Diagnostic::error(
                format!("the listener on port {} has no rule {}", port.value, priority.value),
                priority.span,
                "",
            )
            .help(match priorities.as_slice() {
                [] => "it has only its default rule: leave `priority` out".to_owned(),
                known => format!("its rules are {}; without `priority` its default rule is meant", known.join(", ")),
            }),
        );
        return None;
    }
    let priority = file.priority.as_ref().map(|priority| priority.value);
    Some(ListenerRule { load_balancer: balancer.name.clone(), listener: port.value, priority })
}

/// Where the entries of a service's `load_balancers` are, and the configuration of each.
pub(super) type Entries<'f> = [(LoadBalancerBinding, Span, Option<&'f AdvancedFile>)];

/// Reports what ECS refuses of the entries together, and what would end every deployment.
pub(super) fn judge(
    file: &ServiceFile,
    configuration: &DeploymentConfiguration,
    entries: &Entries<'_>,
    balancers: Balancers<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(balancers) = balancers else { return };
    let strategy = file.deployment_configuration.as_ref().and_then(|file| file.strategy.as_ref());
    let without = entries.iter().filter(|(binding, ..)| binding.advanced.is_none());
    // One whose configuration has mistakes is not one without.
    let without: Vec<Span> = without.filter(|(.., file)| file.is_none()).map(|(_, span, _)| *span).collect();
    let refused = match configuration.strategy.shifts_traffic() {
        true => Some(Violation::AdvancedConfigurationRequired),
        false if without.len() < entries.len() => Some(Violation::AdvancedConfigurationInPart),
        false => None,
    };
    if let Some(refused) = refused {
        for span in &without {
            let mut diagnostic = Diagnostic::error("an entry without `advanced_configuration`", *span, "");
            if let Some(strategy) = strategy.filter(|_| configuration.strategy.shifts_traffic()) {
                diagnostic = diagnostic.also(strategy.span, "this strategy shifts traffic");
            }
            lowering.report(diagnostic.aws(&refused.to_string(), TROUBLE).help(
                "add the target group of every other revision and the rule that ECS changes: `advanced_configuration: { \
                 alternate_target_group: …, production_listener_rule: { listener: 443, priority: 1 } }`",
            ));
        }
    }
    let mut seen: BTreeMap<&TargetGroupName, Span> = BTreeMap::new();
    for (binding, span, _) in entries.iter().filter(|(binding, ..)| binding.advanced.is_some()) {
        for group in binding.target_groups() {
            if let Some(before) = seen.insert(group, *span) {
                lowering.report(
                    Diagnostic::error(format!("the target group `{group}` twice"), *span, "")
                        .also(before, "and here")
                        .aws(&Violation::DuplicateTargetGroup(group.clone()).to_string(), TROUBLE),
                );
            }
        }
    }
    let forwards = |rule: &ListenerRule| {
        let groups = actions(balancers, rule)?.routing.forwards_to().cloned().collect::<Vec<_>>();
        (!groups.is_empty()).then_some(groups)
    };
    for (binding, _, advanced) in entries {
        let (Some(advanced), Some(violation)) = (advanced, violations::rules(binding, forwards)) else { continue };
        lowering.report(told(&violation, advanced, binding).aws(&violation.to_string(), TROUBLE));
    }
}

fn actions<'b>(balancers: &'b BTreeMap<LoadBalancerName, LoadBalancer>, rule: &ListenerRule) -> Option<&'b Actions> {
    let balancer = balancers.values().find(|balancer| balancer.name == rule.load_balancer)?;
    let listener = balancer.listeners.iter().find(|listener| listener.port == rule.listener)?;
    let actions = match rule.priority {
        None => &listener.default_actions,
        Some(priority) => &listener.rules.iter().find(|rule| rule.priority == priority)?.actions,
    };
    matches!(actions.routing, Action::Forward(_)).then_some(actions)
}

/// What is wrong with the rules of an entry, in the file's terms.
fn told(violation: &Violation, file: &AdvancedFile, binding: &LoadBalancerBinding) -> Diagnostic {
    let production = file.production_listener_rule.as_ref().map_or(file.span, |rule| rule.span);
    let test = file.test_listener_rule.as_ref().map_or(file.span, |rule| rule.span);
    let groups: Vec<String> = binding.target_groups().map(|group| format!("`{group}`")).collect();
    let groups = groups.join(" and ");
    match violation {
        Violation::ListenerRuleForBoth(_) => Diagnostic::error("one rule for production and for tests", test, "")
            .also(production, "the same rule")
            .help("give test traffic a rule of its own: another listener, or a rule with a condition such as a header"),
        Violation::ListenerRuleDoesNotForward(rule) => {
            let at = if binding.advanced.as_ref().is_some_and(|own| own.production_listener_rule == *rule) {
                production
            } else {
                test
            };
            Diagnostic::error(format!("{rule} does not forward"), at, "")
                .help(format!("let its action forward to {groups}, with weights 100 and 0"))
        }
        Violation::UnexpectedTargetGroup(group) => {
            Diagnostic::error(format!("the rule forwards to `{group}` as well"), production, "")
                .help(format!("let it forward to {groups} only, with weights 100 and 0"))
        }
        _ => Diagnostic::error("no rule leads to one of the two target groups", file.span, "").help(format!(
            "let the production rule forward to {groups} with weights 100 and 0, or give the other one a \
             `test_listener_rule`"
        )),
    }
}
