//! The cases of `fixtures/alb/forward`: which group of a forward action gets a request, and the outcome.

use serde::Deserialize;

use super::routing::{RoutedForward, WeightedGroup};
use super::targets::balancing;
use neargate_fixture as fixture;
use neargate_model::target_group::TargetGroupAttributes;
use neargate_model::target_health::{InitialReason, Target, TargetHealth, TargetState, UnhealthyReason};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    groups: Vec<Group>,
    /// The group that the client's cookie names, counted from 0.
    bound: Option<usize>,
    /// Requests that each group gets, out of their sum; all zero means 503.
    requests: Vec<usize>,
    /// What requests find in each group: `healthy` or `unhealthy` targets, or `503`.
    finds: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    weight: u16,
    #[serde(default)]
    targets: Vec<Health>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Healthy,
    Unhealthy,
    Initial,
    Draining,
}

fn target(health: Health) -> TargetState {
    let target = Target { address: [10, 0, 0, 1].into(), port: 80 };
    let health = match health {
        Health::Healthy => TargetHealth::Healthy,
        Health::Unhealthy => TargetHealth::Unhealthy(UnhealthyReason::Timeout),
        Health::Initial => TargetHealth::Initial(InitialReason::InitialHealthChecking),
        Health::Draining => TargetHealth::Draining,
    };
    TargetState { target, dial: (target.address, 80).into(), reachable: true, health }
}

fn found(group: &Group) -> &'static str {
    let targets: Vec<_> = group.targets.iter().copied().map(target).collect();
    let eligible = balancing::eligible(&targets, &TargetGroupAttributes::default());
    match eligible.iter().map(|&index| &targets[index].health).collect::<Vec<_>>().as_slice() {
        [] => "503",
        health if health.iter().all(|health| **health == TargetHealth::Healthy) => "healthy",
        _ => "unhealthy",
    }
}

fn check(case: Case) {
    let what = format!("{} ({})", case.name, case.source);
    let groups = case.groups.iter().enumerate();
    let action = RoutedForward {
        groups: groups.map(|(group, given)| WeightedGroup { group, weight: given.weight }).collect(),
        stickiness_seconds: case.bound.map(|_| 60),
    };
    // Every random number in the range, each equally often.
    let total: usize = case.groups.iter().map(|group| usize::from(group.weight)).sum();
    let asked: usize = case.requests.iter().sum();
    let mut requests = vec![0; case.groups.len()];
    let numbers = total.max(1) * asked.max(1);
    for random in 0..numbers {
        if let Some(group) = action.choose(case.bound, || random as u64) {
            requests[group] += 1;
        }
    }
    let expected: Vec<_> = case.requests.iter().map(|share| share * numbers / asked.max(1)).collect();
    assert_eq!(requests, expected, "{what}");
    if let Some(finds) = case.finds {
        assert_eq!(case.groups.iter().map(found).collect::<Vec<_>>(), finds, "{what}");
    }
}

#[test]
fn requests_are_shared_out_as_the_fixtures_say() {
    fixture::each("alb/forward", check);
}
