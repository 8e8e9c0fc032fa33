//! Slow start: a target that has just become healthy gets its share bit by bit (ALB user guide, "Slow start mode").

use std::time::{Duration, Instant};

/// How far a target has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmth {
    /// Not healthy: it will have to warm up.
    Cold,
    /// In slow start mode since then.
    Warming {
        /// When it became healthy.
        since: Instant,
    },
    /// Takes its full share.
    Warm,
}

/// What becomes of the targets of a group, now that they are known to be healthy or not. `before` is `None` for one
/// that was not registered until now. Saying the same twice changes nothing.
///
/// - A healthy target enters slow start only if another one is healthy and not in slow start; so the first targets of
///   an empty group take their full share at once, and so do those that were healthy before slow start was enabled.
/// - It leaves when the duration has passed, or when it becomes unhealthy; then it starts again.
pub fn observe(targets: &[(Option<Warmth>, bool)], duration: Duration, now: Instant) -> Vec<Warmth> {
    let settled = |(before, healthy): &(Option<Warmth>, bool)| match before {
        _ if !healthy => Some(Warmth::Cold),
        Some(Warmth::Warm) => Some(Warmth::Warm),
        Some(Warmth::Warming { since }) if now.saturating_duration_since(*since) < duration => {
            Some(Warmth::Warming { since: *since })
        }
        Some(Warmth::Warming { .. }) => Some(Warmth::Warm),
        Some(Warmth::Cold) | None => None,
    };
    let settled: Vec<_> = targets.iter().map(settled).collect();
    let one_is_warm = settled.contains(&Some(Warmth::Warm));
    let enters = !duration.is_zero() && one_is_warm;
    let newcomer = if enters { Warmth::Warming { since: now } } else { Warmth::Warm };
    settled.into_iter().map(|warmth| warmth.unwrap_or(newcomer)).collect()
}

/// The part of its full share that a target gets, in thousandths. "The load balancer linearly increases the number of
/// requests"; that the line begins at nothing is assumed.
pub fn share(warmth: Warmth, duration: Duration, now: Instant) -> u64 {
    match warmth {
        Warmth::Warming { since } if !duration.is_zero() => {
            let passed = now.saturating_duration_since(since).as_millis() * 1000 / duration.as_millis().max(1);
            passed.min(1000) as u64
        }
        _ => 1000,
    }
}

/// Round robin among targets of different shares: the one whose turn it is, unless chance says that its share does not
/// reach so far; then the next. If none takes it, the one with the largest share.
pub fn choose(count: usize, turn: usize, random: u64, share: impl Fn(usize) -> u64) -> Option<usize> {
    let first = turn.checked_rem(count)?;
    let order = (0..count).map(|step| (first + step) % count);
    // Ten bits for each of the first six; later ones see the first bits again, which evens out over requests.
    let taken = order.clone().enumerate().find(|&(step, index)| (random >> (10 * (step % 6))) % 1000 < share(index));
    taken.map(|(_, index)| index).or_else(|| order.max_by_key(|&index| share(index)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_targets_of_a_group_take_their_full_share_at_once() {
        let now = Instant::now();
        assert_eq!(observe(&[(None, true), (None, true)], MINUTE, now), [Warmth::Warm, Warmth::Warm]);
    }

    #[test]
    fn a_newcomer_warms_up_beside_one_that_is_warm() {
        let now = Instant::now();
        let targets = observe(&[(Some(Warmth::Warm), true), (None, true)], MINUTE, now);
        assert_eq!(targets, [Warmth::Warm, Warmth::Warming { since: now }]);
        let targets = observe(&[(Some(targets[0]), true), (Some(targets[1]), true)], MINUTE, now + MINUTE / 2);
        assert_eq!(targets[1], Warmth::Warming { since: now }, "saying the same twice changes nothing");
        let targets = observe(&[(Some(targets[0]), true), (Some(targets[1]), true)], MINUTE, now + MINUTE);
        assert_eq!(targets[1], Warmth::Warm);
    }

    #[test]
    fn a_newcomer_beside_unhealthy_or_warming_targets_alone_does_not_warm_up() {
        let now = Instant::now();
        let warming = Warmth::Warming { since: now };
        let targets = observe(&[(Some(Warmth::Warm), false), (Some(warming), true), (None, true)], MINUTE, now);
        assert_eq!(targets, [Warmth::Cold, warming, Warmth::Warm]);
    }

    #[test]
    fn an_unhealthy_target_leaves_slow_start_and_begins_again() {
        let now = Instant::now();
        let warming = Warmth::Warming { since: now };
        let targets = observe(&[(Some(Warmth::Warm), true), (Some(warming), false)], MINUTE, now);
        assert_eq!(targets[1], Warmth::Cold);
        let later = now + MINUTE / 2;
        let targets = observe(&[(Some(Warmth::Warm), true), (Some(targets[1]), true)], MINUTE, later);
        assert_eq!(targets[1], Warmth::Warming { since: later });
    }

    #[test]
    fn enabling_slow_start_leaves_healthy_targets_alone() {
        let now = Instant::now();
        let off = observe(&[(None, true), (None, false)], Duration::ZERO, now);
        let on = observe(&[(Some(off[0]), true), (Some(off[1]), false)], MINUTE, now);
        assert_eq!(on, [Warmth::Warm, Warmth::Cold]);
    }

    #[test]
    fn the_share_grows_in_a_line() {
        let now = Instant::now();
        let warming = Warmth::Warming { since: now };
        let shares = [0, 15, 30, 45, 60, 90].map(|second| share(warming, MINUTE, now + Duration::from_secs(second)));
        assert_eq!(shares, [0, 250, 500, 750, 1000, 1000]);
        assert_eq!(share(Warmth::Warm, MINUTE, now), 1000);
    }

    #[test]
    fn requests_are_spread_in_proportion_to_shares() {
        let mut random = 1_u64;
        let mut counts = [0_u32; 3];
        for turn in 0..30_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            counts[choose(3, turn, random >> 2, |index| [1000, 1000, 250][index]).unwrap()] += 1;
        }
        assert!((2_200..2_800).contains(&counts[2]), "a quarter of a third: {counts:?}");
        assert_eq!(choose(2, 0, 0, |_| 0), Some(1), "somebody has to");
        assert_eq!(choose(0, 0, 0, |_| 0), None);
    }
}
