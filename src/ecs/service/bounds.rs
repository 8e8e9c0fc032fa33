//! How many tasks a service keeps healthy, and how many it may run (ECS API, DeploymentConfiguration).

use crate::violation::Violation;
use neargate_model::deployment::DeploymentConfiguration;

/// Numbers of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// At least so many stay healthy: the scheduler stops no healthy task below this.
    pub(crate) minimum: usize,
    /// At most so many run or are about to: the scheduler starts none above this.
    pub(crate) maximum: usize,
}

impl Bounds {
    /// The minimum is rounded up, the maximum down (ECS API, DeploymentConfiguration).
    pub(crate) fn new(desired: usize, configuration: &DeploymentConfiguration) -> Self {
        let of = |percent: u32| desired.saturating_mul(percent as usize);
        Self {
            minimum: of(configuration.minimum_healthy_percent).div_ceil(100),
            maximum: of(configuration.maximum_percent) / 100,
        }
    }
}

/// Judges the `schedulingStrategy` of a service (ECS API, CreateService).
pub fn scheduling_strategy(strategy: &str) -> Result<(), Violation> {
    if strategy == "REPLICA" { Ok(()) } else { Err(Violation::DaemonOnFargate) }
}

/// Why ECS refuses these percentages, if it does.
pub fn violations(configuration: &DeploymentConfiguration) -> Vec<Violation> {
    let (least, most) = (configuration.minimum_healthy_percent, configuration.maximum_percent);
    let mut violations = Vec::new();
    if least > 100 {
        violations.push(Violation::MinimumAbove100);
    }
    if most < 100 {
        violations.push(Violation::MaximumBelow100);
    }
    if (least, most) == (100, 100) {
        violations.push(Violation::NothingCanBeReplaced);
    }
    violations
}

/// Whether a service with these percentages can be rebalanced: a task is started before another one is stopped.
pub fn rebalancing(configuration: &DeploymentConfiguration) -> Result<(), Violation> {
    if configuration.maximum_percent > 100 { Ok(()) } else { Err(Violation::NoRoomToRebalance) }
}

#[cfg(test)]
mod tests {
    use neargate_fixture as fixture;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        desired: usize,
        percents: (u32, u32),
        minimum: Option<usize>,
        maximum: Option<usize>,
        refused: Option<String>,
    }

    #[test]
    fn bounds_and_refusals() {
        fixture::each("ecs/bounds", |case: Case| {
            let (minimum_healthy_percent, maximum_percent) = case.percents;
            let configuration = DeploymentConfiguration {
                minimum_healthy_percent,
                maximum_percent,
                ..DeploymentConfiguration::default()
            };
            let refused = violations(&configuration);
            let messages: Vec<String> =
                refused.iter().map(|violation| format!("{}: {violation}", violation.code())).collect();
            assert_eq!(messages, Vec::from_iter(case.refused), "{}", case.name);
            let Bounds { minimum, maximum } = Bounds::new(case.desired, &configuration);
            assert_eq!(case.minimum.unwrap_or(minimum), minimum, "{}", case.name);
            assert_eq!(case.maximum.unwrap_or(maximum), maximum, "{}", case.name);
        });
    }
}
