//! Automatic Target Weights: targets that fail more often than their peers get fewer requests (ALB user guide,
//! "Automatic Target Weights (ATW)").
//!
//! Documented are "comparing the percent errors of one target with the percent errors of other targets", "a minimum of
//! three healthy targets", "the period is every five seconds", "to the minimum amount required" and "gradually have
//! more traffic", and that anomalies are detected in every target group, whatever its algorithm. AWS does not publish
//! the thresholds; the constants here stand in for them.

use std::time::Duration;

/// How often weights are adjusted.
pub const PERIOD: Duration = Duration::from_secs(5);
/// With fewer healthy targets there is no comparison.
pub const FEWEST_TARGETS: usize = 3;
/// The weight of a target that performs like its peers.
pub const FULL_WEIGHT: u32 = 1000;
/// With fewer requests in a period, a target is not judged.
const FEWEST_REQUESTS: u32 = 5;
/// A target is anomalous if its percentage of errors is this much above that of all its peers together …
const EXCESS_PERCENT: u32 = 10;
/// … and this many times as high.
const EXCESS_FACTOR: u32 = 2;
/// Weight that an anomalous target keeps, so that its recovery can be seen.
const LEAST_WEIGHT: u32 = 50;
/// Weight that a recovered target gains per period: parity takes at most ten periods.
const RECOVERY: u32 = 100;

/// Results of a target in one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Requests that ended.
    pub requests: u32,
    /// Requests for which [`is_error`] holds.
    pub errors: u32,
}

/// How a target compares with its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether `AnomalyDetection.Result` is `anomalous` rather than `normal`.
    pub anomalous: bool,
    /// Its weight for the next period.
    pub weight: u32,
}

impl Default for Standing {
    fn default() -> Self {
        Self { anomalous: false, weight: FULL_WEIGHT }
    }
}

/// A target group's anomaly metrics (ALB user guide, "CloudWatch metrics": `AnomalousHostCount`, `MitigatedHostCount`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    /// Anomalous targets.
    pub anomalous: usize,
    /// Targets that get less than their share; a recovered target still counts for a while.
    pub mitigated: usize,
}

impl Anomalies {
    /// Counts the targets of a group.
    pub fn from_standings(standings: impl IntoIterator<Item = Standing>) -> Self {
        standings.into_iter().fold(Self::default(), |sum, standing| Self {
            anomalous: sum.anomalous + usize::from(standing.anomalous),
            mitigated: sum.mitigated + usize::from(standing.weight < FULL_WEIGHT),
        })
    }
}

/// Whether a request counts as an error of its target: "HTTP 5xx response codes coming from, and connection failures
/// to, your targets". `own_status` is the load balancer's own response if the target gave none. That a target which
/// accepts a connection and stays silent has failed as well is inferred.
pub fn is_error(target_status: Option<u16>, own_status: Option<u16>) -> bool {
    matches!(own_status, Some(502 | 504)) || target_status.is_some_and(|status| status >= 500)
}

/// Judges the healthy targets of a group after a period. Without `mitigation` the weights stay the same.
pub fn judge(targets: &[(Standing, Outcomes)], mitigation: bool) -> Vec<Standing> {
    let total = targets.iter().fold(Outcomes::default(), |sum, (_, outcomes)| Outcomes {
        requests: sum.requests.saturating_add(outcomes.requests),
        errors: sum.errors.saturating_add(outcomes.errors),
    });
    let judge_one = |(before, own): &(Standing, Outcomes)| {
        let anomalous = if targets.len() < FEWEST_TARGETS {
            false
        } else if own.requests < FEWEST_REQUESTS {
            before.anomalous
        } else {
            let peers = Outcomes { requests: total.requests - own.requests, errors: total.errors - own.errors };
            let (own, peers) = (percent(*own), percent(peers));
            own >= peers + EXCESS_PERCENT && own >= peers * EXCESS_FACTOR
        };
        let weight = match (mitigation, anomalous) {
            (false, _) => FULL_WEIGHT,
            (true, true) => LEAST_WEIGHT,
            (true, false) => (before.weight + RECOVERY).min(FULL_WEIGHT),
        };
        Standing { anomalous, weight }
    };
    targets.iter().map(judge_one).collect()
}

fn percent(outcomes: Outcomes) -> u32 {
    (u64::from(outcomes.errors) * 100).checked_div(u64::from(outcomes.requests)).unwrap_or(0) as u32
}

/// Picks one of `count` targets at random, by weight.
pub fn choose(count: usize, random: u64, weight: impl Fn(usize) -> u32) -> Option<usize> {
    let total: u64 = (0..count).map(|index| u64::from(weight(index))).sum();
    let mut ticket = random.checked_rem(total)?;
    for index in 0..count {
        match ticket.checked_sub(u64::from(weight(index))) {
            Some(rest) => ticket = rest,
            None => return Some(index),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_proportions() {
        let mut counts = [0; 3];
        for random in 0..1050 {
            counts[choose(3, random, |index| [500, 50, 500][index]).unwrap()] += 1;
        }
        assert_eq!(counts, [500, 50, 500]);
        assert_eq!(choose(0, 1, |_| 1), None);
    }
}
