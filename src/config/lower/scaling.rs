//! How services are scaled (Application Auto Scaling API reference, RegisterScalableTarget and PutScalingPolicy).

use std::collections::BTreeMap;
use std::time::Duration;

use super::lowering::Lowering;
use crate::file::File;
use crate::file::scaling::{MetricTypeWord, ScalableTargetFile, ScalingPolicyFile, TargetTrackingFile};
use crate::file::service::ServiceFile;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_ecs::scaling::limits;
use neargate_ecs::scaling::violation::Violation;
use neargate_model::scaling::{PredefinedMetric, ScalableTarget, Suspended, TargetTracking};
use neargate_model::service::Service;
use neargate_model::{ClusterName, ScalingPolicyName, ServiceName, TargetGroupName};

const REGISTER: &str = "Application Auto Scaling API reference, RegisterScalableTarget";
const PUT: &str = "Application Auto Scaling API reference, PutScalingPolicy";
/// As many tasks as a service may have here.
const MOST: u32 = 100;

/// Of each service that is scaled.
pub(super) fn lower(
    file: &File,
    cluster: &ClusterName,
    services: &BTreeMap<ServiceName, Service>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<ServiceName, ScalableTarget> {
    let mut targets = BTreeMap::new();
    for (name, file) in file.services.iter().flat_map(|services| services.iter()) {
        let name = ServiceName::new(&name.value);
        let policies = policies(file, lowering);
        match &file.appautoscaling_target {
            None => without_target(file, &Violation::NoScalableTarget(cluster.clone(), name), lowering),
            Some(target) => {
                let Some(lowered) = scalable_target(target, policies, lowering) else { continue };
                let Some(service) = services.get(&name) else { continue };
                for violation in limits::judge(&lowered, &service.load_balancers) {
                    tell(&violation, target, file, lowering);
                }
                targets.insert(name, lowered);
            }
        }
    }
    targets
}

fn without_target(file: &ServiceFile, violation: &Violation, lowering: &mut Lowering<'_>) {
    for (name, _) in file.appautoscaling_policy.iter().flat_map(|policies| policies.iter()) {
        lowering.report(
            Diagnostic::error(format!("`{}` scales a service that is not to be scaled", name.value), name.span, "")
                .aws(&violation.to_string(), PUT)
                .help("say between how many tasks: `appautoscaling_target: { min_capacity: 1, max_capacity: 4 }`"),
        );
    }
}

fn scalable_target(
    file: &ScalableTargetFile,
    policies: BTreeMap<ScalingPolicyName, TargetTracking>,
    lowering: &mut Lowering<'_>,
) -> Option<ScalableTarget> {
    for capacity in [&file.min_capacity, &file.max_capacity].into_iter().flatten() {
        if capacity.value > MOST {
            let tasks = format!("{} tasks on one machine", capacity.value);
            lowering.report(
                Diagnostic::error(tasks, capacity.span, format!("at most {MOST} here"))
                    .help("two or three tasks are enough to see a service scale"),
            );
        }
    }
    let suspended = file.suspended_state.as_ref();
    Some(ScalableTarget {
        min_capacity: file.min_capacity.as_ref()?.value,
        max_capacity: file.max_capacity.as_ref()?.value,
        suspended: Suspended {
            scale_in: suspended.is_some_and(|state| is_true(&state.dynamic_scaling_in_suspended)),
            scale_out: suspended.is_some_and(|state| is_true(&state.dynamic_scaling_out_suspended)),
        },
        policies,
    })
}

fn is_true(given: &Option<Spanned<bool>>) -> bool {
    given.as_ref().is_some_and(|given| given.value)
}

/// Those without mistakes.
fn policies(file: &ServiceFile, lowering: &mut Lowering<'_>) -> BTreeMap<ScalingPolicyName, TargetTracking> {
    let policies = file.appautoscaling_policy.iter().flat_map(|policies| policies.iter());
    policies
        .filter_map(|(name, policy)| {
            let name = ScalingPolicyName::new(&name.value);
            Some((name.clone(), tracking(&name, configuration(policy)?, lowering)?))
        })
        .collect()
}

fn configuration(policy: &ScalingPolicyFile) -> Option<&TargetTrackingFile> {
    policy.target_tracking_scaling_policy_configuration.as_ref()
}

fn tracking(
    name: &ScalingPolicyName,
    file: &TargetTrackingFile,
    lowering: &mut Lowering<'_>,
) -> Option<TargetTracking> {
    let specification = file.predefined_metric_specification.as_ref()?;
    let kind = specification.predefined_metric_type.as_ref()?;
    let label = match &specification.resource_label {
        Some(label) => Some(target_group(label, lowering)?),
        None => None,
    };
    let metric = match limits::resource_label(name, predefined(kind.value), label.as_ref()) {
        Ok(metric) => metric,
        Err(violation) => {
            let span = specification.resource_label.as_ref().map_or(kind.span, |label| label.span);
            lowering.report(match violation {
                Violation::ResourceLabelNotAllowed(_) => {
                    Diagnostic::error("a target group says nothing of this metric", span, "")
                        .also(kind.span, "the metric")
                        .aws(&violation.to_string(), PUT)
                        .help("leave `resource_label` out")
                }
                _ => Diagnostic::error("requests of which target group?", span, "")
                    .aws(&violation.to_string(), PUT)
                    .help("name it: `resource_label: TARGET_GROUP`"),
            });
            return None;
        }
    };
    let seconds = |field: &Option<Spanned<u32>>| {
        field.as_ref().map_or(TargetTracking::COOLDOWN, |seconds| Duration::from_secs(seconds.value.into()))
    };
    Some(TargetTracking {
        metric,
        target_value: file.target_value.as_ref()?.value,
        scale_out_cooldown: seconds(&file.scale_out_cooldown),
        scale_in_cooldown: seconds(&file.scale_in_cooldown),
        disable_scale_in: is_true(&file.disable_scale_in),
    })
}

fn predefined(word: MetricTypeWord) -> PredefinedMetric {
    match word {
        MetricTypeWord::Cpu => PredefinedMetric::Cpu,
        MetricTypeWord::Memory => PredefinedMetric::Memory,
        MetricTypeWord::RequestCountPerTarget => PredefinedMetric::RequestCountPerTarget,
    }
}

/// A key of `target_groups`, or what AWS wants there: the ends of the ARNs of a load balancer and of its target group.
fn target_group(label: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<TargetGroupName> {
    let parts: Vec<&str> = label.value.split('/').collect();
    match parts.as_slice() {
        ["app", _, _, "targetgroup", group, _] => {
            lowering.target_group(&Spanned { value: (*group).to_owned(), span: label.span })
        }
        _ => lowering.target_group(label),
    }
}

fn tell(violation: &Violation, target: &ScalableTargetFile, service: &ServiceFile, lowering: &mut Lowering<'_>) {
    let policy = |wanted: &ScalingPolicyName| {
        let mut policies = service.appautoscaling_policy.iter().flat_map(|policies| policies.iter());
        policies.find(|(name, _)| name.value == wanted.as_str()).map(|(name, policy)| (name.span, policy))
    };
    let metric = |wanted: &ScalingPolicyName| -> Option<Span> {
        let (_, policy) = policy(wanted)?;
        let specification = configuration(policy)?.predefined_metric_specification.as_ref()?;
        Some(specification.predefined_metric_type.as_ref()?.span)
    };
    let told = match violation {
        Violation::MaximumBelowMinimum => target.max_capacity.as_ref().map(|most| {
            let least = target.min_capacity.as_ref().map_or(target.span, |least| least.span);
            Diagnostic::error("less than the least", most.span, "")
                .also(least, "the least")
                .aws(&violation.to_string(), REGISTER)
        }),
        Violation::SameMetric(name) => metric(name).map(|span| {
            Diagnostic::error("another policy of the service tracks this metric", span, "")
                .aws(&violation.to_string(), PUT)
                .help("keep one of the two")
        }),
        Violation::TargetValueNotPositive(name) => {
            let value = policy(name).and_then(|(_, policy)| configuration(policy)?.target_value.as_ref());
            value.map(|value| {
                Diagnostic::error("a metric cannot be kept at this value", value.span, "above 0")
                    .aws(&violation.to_string(), PUT)
            })
        }
        Violation::TargetGroupOfOthers(name) => {
            let specification =
                policy(name).and_then(|(_, policy)| configuration(policy)?.predefined_metric_specification.as_ref());
            specification.and_then(|specification| specification.resource_label.as_ref()).map(|label| {
                let bound = service.load_balancers.iter().flatten().filter_map(|one| one.target_group.as_ref());
                let bound: Vec<&str> = bound.map(|group| group.value.as_str()).collect();
                let diagnostic = Diagnostic::error("requests to this group are not the service's", label.span, "")
                    .aws(&violation.to_string(), PUT);
                match bound.is_empty() {
                    true => diagnostic.help("the service has no `load_balancers`"),
                    false => diagnostic.help(format!("the service is registered in {}", bound.join(", "))),
                }
            })
        }
        // Told where the file is read.
        Violation::NoScalableTarget(..)
        | Violation::NoSuchService
        | Violation::CapacityMissing
        | Violation::NoSuchPolicy
        | Violation::ResourceLabelMissing(_)
        | Violation::ResourceLabelNotAllowed(_) => None,
    };
    told.into_iter().for_each(|told| lowering.report(told));
}
