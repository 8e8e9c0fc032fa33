//! Slow start: the share of a newly healthy target grows gradually (ALB user guide, "Slow start mode").

use std::time::{Duration, Instant};

/// How far a target has warmed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warmth {
    /// Not healthy: it will have to warm up.
    Cold,
    /// In slow start mode.
    Warming {
        /// When it became healthy.
        since: Instant,
    },
    /// It takes its full share.
    Warm,
}

/// The new state of a group's targets, given which of them are healthy. `before` is `None` for a target that has just
/// been registered. A second call with the result changes nothing.
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
/// requests"; that the line begins at zero is assumed.
pub fn share(warmth: Warmth, duration: Duration, now: Instant) -> u64 {
    match warmth {
        Warmth::Warming { since } if !duration.is_zero() => {
            let passed = now.saturating_duration_since(since).as_millis() * 1000 / duration.as_millis().max(1);
            passed.min(1000) as u64
        }
        _ => 1000,
    }
}

/// Round robin among targets with different shares: the target whose turn it is, unless a random draw exceeds its
/// share; then the next one. If none takes the request, the target with the largest share gets it.
pub fn choose(count: usize, turn: usize, random: u64, share: impl Fn(usize) -> u64) -> Option<usize> {
    let first = turn.checked_rem(count)?;
    let order = (0..count).map(|step| (first + step) % count);
    // Ten bits for each of the first six targets; later ones reuse the first bits, which evens out over requests.
    let taken = order.clone().enumerate().find(|&(step, index)| (random >> (10 * (step % 6))) % 1000 < share(index));
    taken.map(|(_, index)| index).or_else(|| order.max_by_key(|&index| share(index)))
}

#[cfg(test)]
mod tests {
    //! The cases of `fixtures/alb/slow-start/`.

    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        duration: u64,
        steps: Vec<Step>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Step {
        at: u64,
        /// From now on.
        duration: Option<u64>,
        targets: BTreeMap<String, String>,
        then: BTreeMap<String, String>,
        requests: Option<BTreeMap<String, u32>>,
    }

    #[test]
    fn targets_warm_up_as_documented() {
        fixture::each("alb/slow-start", check);
    }

    fn check(case: Case) {
        let begin = Instant::now();
        let mut duration = Duration::from_secs(case.duration);
        let mut known: BTreeMap<String, Warmth> = BTreeMap::new();
        for step in case.steps {
            let what = format!("{}, second {} ({})", case.name, step.at, case.source);
            let now = begin + Duration::from_secs(step.at);
            duration = step.duration.map_or(duration, Duration::from_secs);
            let registered: Vec<_> =
                step.targets.iter().map(|(name, state)| (known.get(name).copied(), state == "healthy")).collect();
            let warmth = observe(&registered, duration, now);
            assert_eq!(observe(&again(&registered, &warmth), duration, now), warmth, "{what}: saying it twice");
            // A target that is no longer registered is forgotten.
            known = step.targets.keys().cloned().zip(warmth).collect();
            let shown = known.iter().map(|(name, warmth)| (name.clone(), show(*warmth, duration, now))).collect();
            assert_eq!(step.then, shown, "{what}");
            if let Some(expected) = step.requests {
                let shares: Vec<_> = known.iter().filter(|(_, warmth)| **warmth != Warmth::Cold).collect();
                let names = shares.iter().map(|(name, _)| (*name).clone());
                let spread = spread(shares.len(), |index| share(*shares[index].1, duration, now));
                assert_eq!(expected, names.zip(spread).collect(), "{what}");
            }
        }
    }

    fn again(registered: &[(Option<Warmth>, bool)], warmth: &[Warmth]) -> Vec<(Option<Warmth>, bool)> {
        registered.iter().zip(warmth).map(|((_, healthy), warmth)| (Some(*warmth), *healthy)).collect()
    }

    fn show(warmth: Warmth, duration: Duration, now: Instant) -> String {
        match warmth {
            Warmth::Cold => "out".into(),
            Warmth::Warm => "full".into(),
            Warmth::Warming { .. } => {
                format!("warming {} %", (share(warmth, duration, now) as f64 / 10.0).round())
            }
        }
    }

    /// Percentages over many requests, with numbers that are random enough and the same in every run.
    fn spread(count: usize, share: impl Fn(usize) -> u64) -> Vec<u32> {
        const REQUESTS: u32 = 60_000;
        let mut random = 1_u64;
        let mut counts = vec![0_u32; count];
        for turn in 0..REQUESTS {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            counts[choose(count, turn as usize, random >> 2, &share).unwrap()] += 1;
        }
        counts.into_iter().map(|count| (f64::from(count) * 100.0 / f64::from(REQUESTS)).round() as u32).collect()
    }

    #[test]
    fn without_targets_there_is_nobody_to_choose() {
        assert_eq!(choose(0, 0, 0, |_| 0), None);
    }
}
