//! How a service's deployments go (ECS API reference, DeploymentConfiguration).

use std::collections::BTreeMap;

use super::alarms::Alarms;
use super::lowering::Lowering;
use crate::file::service::{CircuitBreakerFile, DeploymentAlarmsFile, ServiceFile, ThresholdFile, ThresholdWord};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_ecs::service::bounds;
use neargate_ecs::violation::Violation;
use neargate_model::AlarmName;
use neargate_model::deployment::{CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, Threshold};

const CREATE: &str = "ECS API reference, CreateService";

/// The settings, with AWS's defaults. Values that AWS refuses are reported.
pub(super) fn lower(file: &ServiceFile, alarms: &Alarms, lowering: &mut Lowering<'_>) -> DeploymentConfiguration {
    let (least, most) = (&file.deployment_minimum_healthy_percent, &file.deployment_maximum_percent);
    let default = DeploymentConfiguration::default();
    let configuration = DeploymentConfiguration {
        minimum_healthy_percent: least.as_ref().map_or(default.minimum_healthy_percent, |least| least.value),
        maximum_percent: most.as_ref().map_or(default.maximum_percent, |most| most.value),
        circuit_breaker: file.deployment_circuit_breaker.as_ref().map_or(default.circuit_breaker, circuit_breaker),
        alarms: file.alarms.as_ref().and_then(|file| deployment_alarms(file, alarms, lowering)),
        ..default
    };
    for violation in bounds::violations(&configuration) {
        let diagnostic = match (&violation, least, most) {
            (Violation::MinimumAbove100, Some(least), _) => {
                Diagnostic::error("a minimum of more than everything", least.span, "")
            }
            (Violation::NothingCanBeReplaced, Some(least), Some(most)) => {
                Diagnostic::error("no task may stop and none may start", most.span, "").also(least.span, "and this")
            }
            (Violation::NothingCanBeReplaced, None, Some(most)) => {
                Diagnostic::error("no task may stop and none may start", most.span, "")
                    .note("deployment_minimum_healthy_percent is 100 unless it is given")
            }
            (Violation::MaximumBelow100, _, Some(most)) => {
                Diagnostic::error("a maximum below the desired count", most.span, "")
            }
            _ => unreachable!("AWS accepts its own defaults"),
        };
        lowering.report(diagnostic.aws(&violation.to_string(), CREATE));
    }
    configuration
}

fn circuit_breaker(file: &CircuitBreakerFile) -> CircuitBreaker {
    let default = CircuitBreaker::default();
    let is_true =
        |given: &Option<Spanned<bool>>, otherwise: bool| given.as_ref().map_or(otherwise, |given| given.value);
    CircuitBreaker {
        enable: is_true(&file.enable, default.enable),
        rollback: is_true(&file.rollback, default.rollback),
        reset_on_healthy_task: is_true(&file.reset_on_healthy_task, default.reset_on_healthy_task),
        threshold: file.threshold_configuration.as_ref().and_then(threshold).unwrap_or(default.threshold),
    }
}

fn threshold(file: &ThresholdFile) -> Option<Threshold> {
    let value = file.value.as_ref()?.value;
    Some(match file.kind.as_ref()?.value {
        ThresholdWord::Count => Threshold::Count(value),
        ThresholdWord::BoundedPercent => Threshold::BoundedPercent(value),
        ThresholdWord::UnboundedPercent => Threshold::UnboundedPercent(value),
    })
}

/// `None` if they are off.
fn deployment_alarms(
    file: &DeploymentAlarmsFile,
    alarms: &Alarms,
    lowering: &mut Lowering<'_>,
) -> Option<DeploymentAlarms> {
    let mut named = BTreeMap::new();
    for name in file.alarm_names.iter().flatten() {
        match alarms.get(name.value.as_str()) {
            Some(alarm) => named.extend(alarm.clone().map(|alarm| (AlarmName::new(&name.value), alarm))),
            None => {
                let known = alarms.keys().map(AlarmName::as_str);
                lowering.report(
                    Diagnostic::error(format!("there is no alarm `{}`", name.value), name.span, "")
                        .maybe_help(help_for(name, "the alarms are", known))
                        .help("alarms are defined under `metric_alarms`"),
                );
            }
        }
    }
    let is_true = |given: &Option<Spanned<bool>>| given.as_ref().is_some_and(|given| given.value);
    is_true(&file.enable).then(|| DeploymentAlarms { rollback: is_true(&file.rollback), alarms: named })
}
