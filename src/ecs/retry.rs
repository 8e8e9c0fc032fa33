//! Decides when to retry a failed step.
//!
//! Plans follow from the current state, so a failed step would be planned again immediately, and an engine that is down
//! would fail hundreds of times a second. A failed step therefore waits, longer each time, as in the Amazon ECS agent
//! (amazon-ecs-agent, `utils/retry`, ExponentialBackoff).

use std::time::{Duration, Instant};

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// The number of consecutive failures of a step, and the time of the next attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    failures: u32,
    at: Option<Instant>,
}

impl Retry {
    /// The step failed. Returns the number of consecutive failures.
    pub(crate) fn failed(&mut self, now: Instant) -> u32 {
        let wait = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        self.at = Some(now + wait);
        self.failures
    }

    /// When the step may be tried; `None` for now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        self.at.filter(|at| now < *at)
    }

    /// Whether it waits for a time to come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.at.is_some()
    }

    /// The reason of the failure may be gone, so the step may be tried now.
    pub(crate) fn hasten(&mut self) {
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_to_a_minute_and_ends_when_its_cause_may_be_over() {
        let start = Instant::now();
        let mut retry = Retry::default();
        assert_eq!(retry.wait(start), None, "nothing failed yet");
        let waits: Vec<u64> = (0..9)
            .map(|_| {
                retry.failed(start);
                (retry.wait(start).unwrap() - start).as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(retry.wait(start + LONGEST), None);
        retry.hasten();
        assert_eq!(retry.wait(start), None);
        assert_eq!(retry.failed(start), 10, "and it is still the same failure");
    }
}
