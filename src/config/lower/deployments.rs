//! How a service's deployments go (ECS API reference, DeploymentConfiguration).

use super::lowering::Lowering;
use crate::file::service::ServiceFile;
use crate::text::diagnostics::Diagnostic;
use neargate_ecs::service::bounds;
use neargate_ecs::violation::Violation;
use neargate_model::deployment::DeploymentConfiguration;

const CREATE: &str = "ECS API reference, CreateService";

/// The settings, with AWS's defaults. Values that AWS refuses are reported.
pub(super) fn lower(file: &ServiceFile, lowering: &mut Lowering<'_>) -> DeploymentConfiguration {
    let (least, most) = (&file.deployment_minimum_healthy_percent, &file.deployment_maximum_percent);
    let default = DeploymentConfiguration::default();
    let configuration = DeploymentConfiguration {
        minimum_healthy_percent: least.as_ref().map_or(default.minimum_healthy_percent, |least| least.value),
        maximum_percent: most.as_ref().map_or(default.maximum_percent, |most| most.value),
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
