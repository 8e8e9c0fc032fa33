//! Chooses the target group and the target (ALB user guide, "Routing algorithms" and "Forward actions").
//!
//! Random numbers and counters are arguments.

use neargate_model::target_group::{Algorithm, HealthThreshold, TargetGroupAttributes};
use neargate_model::target_health::{TargetHealth, TargetState};

/// The targets that may take a new request: indices into `targets`.
///
/// The healthy ones, if there are at least as many as `unhealthy_state_routing` requires. With fewer, the load balancer
/// fails open and routes to every registered target, including those still `initial` (ALB user guide, "Target group
/// health"). Draining and unused targets never take new requests.
pub fn eligible(targets: &[TargetState], attributes: &TargetGroupAttributes) -> Vec<usize> {
    let wanted = if group_fails_open(targets, attributes) { is_registered } else { is_healthy };
    let chosen = targets.iter().enumerate().filter(|(_, target)| wanted(&target.health));
    chosen.map(|(index, _)| index).collect()
}

/// Whether so few of these targets are healthy that requests go to all of them. Such requests count as
/// `UnhealthyRoutingRequestCount`.
pub fn group_fails_open(targets: &[TargetState], attributes: &TargetGroupAttributes) -> bool {
    is_below(targets, attributes.unhealthy_state_routing)
}

/// Whether fewer targets are healthy than the threshold requires.
pub fn is_below(targets: &[TargetState], threshold: HealthThreshold) -> bool {
    let (healthy, registered) = (count(targets, is_healthy), count(targets, is_registered));
    let (least, percentage) = (threshold.count.unwrap_or(0), threshold.percentage.unwrap_or(0));
    healthy < least as usize || healthy * 100 < usize::from(percentage) * registered
}

/// How many targets are in a state that satisfies the predicate.
pub fn count(targets: &[TargetState], wanted: impl Fn(&TargetHealth) -> bool) -> usize {
    targets.iter().filter(|target| wanted(&target.health)).count()
}

/// Whether it passes its health checks.
pub fn is_healthy(health: &TargetHealth) -> bool {
    *health == TargetHealth::Healthy
}

/// Whether percentages count it as a registered target.
pub fn is_registered(health: &TargetHealth) -> bool {
    !matches!(health, TargetHealth::Draining | TargetHealth::Unused)
}

/// Picks an index in proportion to the weights. `None` if all of them are 0.
pub fn choose_by_weight(weights: impl Iterator<Item = u16> + Clone, random: u64) -> Option<usize> {
    let total: u64 = weights.clone().map(u64::from).sum();
    let mut ticket = random.checked_rem(total)?;
    for (index, weight) in weights.enumerate() {
        match ticket.checked_sub(u64::from(weight)) {
            Some(rest) => ticket = rest,
            None => return Some(index),
        }
    }
    None
}

/// Picks one of `count` targets: an index below `count`, or `None` if there are none.
///
/// `turn` is the group's own counter, `outstanding` returns the requests in flight to a target.
pub fn choose_target(
    algorithm: Algorithm,
    count: usize,
    turn: usize,
    random: u64,
    outstanding: impl Fn(usize) -> usize,
) -> Option<usize> {
    let in_turn = turn.checked_rem(count)?;
    Some(match algorithm {
        Algorithm::RoundRobin => in_turn,
        // Ties are broken by turn, or an idle group would send everything to its first target.
        Algorithm::LeastOutstandingRequests => {
            (0..count).map(|step| (in_turn + step) % count).min_by_key(|&index| outstanding(index))?
        }
        Algorithm::WeightedRandom => (random % count as u64) as usize,
    })
}

#[cfg(test)]
mod tests {
    //! The cases of `fixtures/alb/fail-open/` and `fixtures/alb/algorithms/`.

    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;
    use neargate_model::target_health::{InitialReason, Target, UnhealthyReason};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ThresholdCase {
        name: String,
        source: String,
        count: Option<u32>,
        percentage: Option<u8>,
        targets: Vec<String>,
        routed_to: Vec<usize>,
        #[serde(default)]
        fails_open: bool,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OrderCase {
        name: String,
        source: String,
        algorithm: Option<String>,
        /// Requests in flight to each target before the first one.
        #[serde(default)]
        busy: Vec<usize>,
        /// The chosen target, `nobody`, or `end` and a target.
        #[serde(default)]
        then: Vec<String>,
        /// How often each is chosen, over as many random numbers as the sum of these.
        evenly: Option<Vec<usize>>,
    }

    #[test]
    fn groups_fail_open_as_documented() {
        fixture::each("alb/fail-open", check_thresholds);
    }

    #[test]
    fn targets_are_chosen_as_documented() {
        fixture::each("alb/algorithms", check_order);
    }

    fn check_thresholds(case: ThresholdCase) {
        let what = format!("{} ({})", case.name, case.source);
        let threshold = HealthThreshold { count: case.count.or(Some(1)), percentage: case.percentage };
        let attributes =
            TargetGroupAttributes { unhealthy_state_routing: threshold, ..TargetGroupAttributes::default() };
        let states: Vec<_> = case.targets.iter().zip(1..).map(|(word, last)| state(word, last)).collect();
        assert_eq!(eligible(&states, &attributes), case.routed_to, "{what}");
        assert_eq!(group_fails_open(&states, &attributes), case.fails_open, "{what}");
    }

    fn state(word: &str, last: u8) -> TargetState {
        let health = match word {
            "healthy" => TargetHealth::Healthy,
            "unhealthy" => TargetHealth::Unhealthy(UnhealthyReason::Timeout),
            "initial" => TargetHealth::Initial(InitialReason::InitialHealthChecking),
            "draining" => TargetHealth::Draining,
            "unused" => TargetHealth::Unused,
            other => panic!("no state is called {other}"),
        };
        let target = Target { address: [10, 0, 0, last].into(), port: 80 };
        TargetState { target, dial: (target.address, 80).into(), reachable: true, health }
    }

    fn check_order(case: OrderCase) {
        let what = format!("{} ({})", case.name, case.source);
        if let Some(expected) = &case.evenly {
            let candidates = expected.len();
            let mut counts = vec![0; candidates];
            for random in 0..expected.iter().sum::<usize>().max(1) as u64 {
                let chosen = choose_target(algorithm(&case), candidates, 0, random, |index| case.busy[index]);
                chosen.into_iter().for_each(|index| counts[index] += 1);
            }
            assert_eq!(counts, *expected, "{what}");
        }
        let mut busy = case.busy.clone();
        let mut turn = 0;
        for (index, step) in case.then.iter().enumerate() {
            if let Some(ended) = step.strip_prefix("end ") {
                busy[ended.parse::<usize>().unwrap()] -= 1;
                continue;
            }
            let chosen = choose_target(algorithm(&case), busy.len(), turn, 0, |index| busy[index]);
            turn += 1;
            let shown = chosen.map_or("nobody".to_owned(), |chosen| chosen.to_string());
            assert_eq!(shown, *step, "{what}, step {}", index + 1);
            chosen.into_iter().for_each(|chosen| busy[chosen] += 1);
        }
    }

    fn algorithm(case: &OrderCase) -> Algorithm {
        match case.algorithm.as_deref() {
            Some("round_robin") => Algorithm::RoundRobin,
            Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
            Some("weighted_random") => Algorithm::WeightedRandom,
            other => panic!("no algorithm is called {other:?}"),
        }
    }
}
