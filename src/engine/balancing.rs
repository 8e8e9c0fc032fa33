//! Which group, which target (ALB user guide, "Routing algorithms" and "Forward actions").
//!
//! Chance and counters are handed in; what is here only says what they lead to.

use crate::model::target_group::{Algorithm, TargetGroupAttributes};
use crate::model::target_health::{TargetHealth, TargetState};

/// The targets that may take a new request: indices into `targets`.
///
/// Healthy ones, as long as there are at least as many as `unhealthy_state_routing` asks for; below that, the load
/// balancer fails open and routes to every registered target, those still `initial` included (ALB user guide, "Target
/// group health"). Draining and unused targets never take new requests.
pub fn eligible(targets: &[TargetState], attributes: &TargetGroupAttributes) -> Vec<usize> {
    let indices = |wanted: fn(&TargetHealth) -> bool| {
        let chosen = targets.iter().enumerate().filter(move |(_, target)| wanted(&target.health));
        chosen.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let registered = indices(|health| !matches!(health, TargetHealth::Draining | TargetHealth::Unused));
    let healthy = indices(|health| *health == TargetHealth::Healthy);
    if is_failing_open(healthy.len(), registered.len(), attributes) { registered } else { healthy }
}

/// Whether so few targets are healthy that all of them are used.
pub fn is_failing_open(healthy: usize, registered: usize, attributes: &TargetGroupAttributes) -> bool {
    let percentage = attributes.minimum_healthy_percentage.unwrap_or(0);
    healthy < attributes.minimum_healthy_targets as usize || healthy * 100 < usize::from(percentage) * registered
}

/// Picks one of the groups by its weight, whatever the health of its targets: a forward action never fails over.
/// `None` if all weights are 0.
pub fn choose_group(weights: impl Iterator<Item = u16> + Clone, random: u64) -> Option<usize> {
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
/// `turn` is the group's own counter, `outstanding` tells the requests in flight to each of the `count` targets.
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
        // Ties go in turn, or an idle group would send everything to its first target.
        Algorithm::LeastOutstandingRequests => {
            (0..count).map(|step| (in_turn + step) % count).min_by_key(|&index| outstanding(index))?
        }
        Algorithm::WeightedRandom => (random % count as u64) as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::target_health::{InitialReason, Target, UnhealthyReason};

    const HEALTHY: TargetHealth = TargetHealth::Healthy;
    const FAILING: TargetHealth = TargetHealth::Unhealthy(UnhealthyReason::Timeout);
    const INITIAL: TargetHealth = TargetHealth::Initial(InitialReason::InitialHealthChecking);

    fn eligible_of(healths: &[TargetHealth], attributes: &TargetGroupAttributes) -> Vec<usize> {
        let states: Vec<_> = healths
            .iter()
            .zip(1..)
            .map(|(health, last)| {
                let target = Target { address: [10, 0, 0, last].into(), port: 80 };
                TargetState { target, dial: (target.address, 80).into(), reachable: true, health: health.clone() }
            })
            .collect();
        eligible(&states, attributes)
    }

    #[test]
    fn only_healthy_targets_are_used_while_one_is_healthy() {
        assert_eq!(eligible_of(&[FAILING, HEALTHY, INITIAL], &TargetGroupAttributes::default()), [1]);
    }

    #[test]
    fn all_registered_targets_are_used_when_none_is_healthy() {
        let healths = [FAILING, INITIAL, TargetHealth::Draining, TargetHealth::Unused];
        assert_eq!(eligible_of(&healths, &TargetGroupAttributes::default()), [0, 1]);
    }

    #[test]
    fn a_draining_target_alone_leaves_nothing_to_route_to() {
        assert!(eligible_of(&[TargetHealth::Draining], &TargetGroupAttributes::default()).is_empty());
    }

    #[test]
    fn too_few_healthy_targets_fail_open_by_count_and_by_percentage() {
        let by_count = TargetGroupAttributes { minimum_healthy_targets: 2, ..TargetGroupAttributes::default() };
        assert_eq!(eligible_of(&[HEALTHY, FAILING, FAILING], &by_count), [0, 1, 2]);
        let half = TargetGroupAttributes { minimum_healthy_percentage: Some(50), ..TargetGroupAttributes::default() };
        assert_eq!(eligible_of(&[HEALTHY, FAILING, FAILING], &half), [0, 1, 2]);
        assert_eq!(eligible_of(&[HEALTHY, FAILING], &half), [0]);
    }

    #[test]
    fn groups_are_chosen_in_proportion_to_their_weights() {
        let mut counts = [0; 3];
        for random in 0..400 {
            counts[choose_group([1, 0, 3].into_iter(), random).unwrap()] += 1;
        }
        assert_eq!(counts, [100, 0, 300]);
        assert_eq!(choose_group([0, 0].into_iter(), 7), None);
    }

    #[test]
    fn round_robin_goes_in_turn_and_least_outstanding_prefers_the_idle() {
        let round_robin = |turn| choose_target(Algorithm::RoundRobin, 3, turn, 0, |_| 0);
        assert_eq!([0, 1, 2, 3].map(round_robin), [Some(0), Some(1), Some(2), Some(0)]);
        let busy = [2, 1, 1];
        let least = |turn| choose_target(Algorithm::LeastOutstandingRequests, 3, turn, 0, |index| busy[index]);
        assert_eq!([0, 1, 2].map(least), [Some(1), Some(1), Some(2)]);
        assert_eq!(choose_target(Algorithm::RoundRobin, 0, 5, 0, |_| 0), None);
    }
}
