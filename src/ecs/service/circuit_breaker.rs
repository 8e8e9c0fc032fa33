//! The deployment circuit breaker: how many failed tasks are too many.
//!
//! Source: ECS API, DeploymentCircuitBreaker and ThresholdConfiguration; ECS developer guide, "How the Amazon ECS
//! deployment circuit breaker detects failures".

use std::time::Duration;

use neargate_model::deployment::{CircuitBreaker, Threshold};

/// Bounds of a threshold that is a bounded percentage. (Older pages of the guide say at least 10; the API's
/// documentation of today and what is observed say 3.)
const LEAST: usize = 3;
const MOST: usize = 200;

/// A task that ends so soon after it reached RUNNING counts as one that never did. The breaker "checks for tasks that
/// transition into the RUNNING state"; a container that exits at once has been seen to trip it, so ECS does not notice
/// such a short time. The length is not published.
pub(crate) const RAN_UNNOTICED: Duration = Duration::from_secs(5);

/// The number of failed tasks at which the deployment fails; `None` if the breaker is off.
pub(crate) fn threshold(breaker: &CircuitBreaker, desired: usize) -> Option<usize> {
    let percent = |value: u32| desired.saturating_mul(value as usize).div_ceil(100);
    breaker.enable.then(|| match breaker.threshold {
        Threshold::Count(value) => value as usize,
        Threshold::BoundedPercent(value) => percent(value).clamp(LEAST, MOST),
        Threshold::UnboundedPercent(value) => percent(value).max(1),
    })
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
        breaker: CircuitBreaker,
        /// Of each desired count.
        thresholds: Vec<(usize, Option<usize>)>,
    }

    #[test]
    fn thresholds() {
        fixture::each("ecs/circuit-breaker", |case: Case| {
            for (desired, expected) in case.thresholds {
                assert_eq!(threshold(&case.breaker, desired), expected, "{}: of {desired}", case.name);
            }
        });
    }
}
