//! The cases of `fixtures/alb/draining/`: a deregistered target and its state, second by second.

use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::apply::Context;
use crate::plan::plan;
use crate::step::Step;
use crate::world::Now;
use neargate_alb::targets::balancing;
use neargate_alb::targets::health::{Probe, ProbeTick};
use neargate_fixture as fixture;
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};
use neargate_model::rule::{Action, Forward, WeightedTargetGroup};
use neargate_model::target_group::{StaticTarget, TargetGroup, TargetGroupAttributes};
use neargate_model::target_health::{ProbeOutcome, Target};
use neargate_model::topology::TimeScale;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    not_yet: Option<String>,
    #[serde(default = "ten")]
    time_scale: f64,
    deregistration_delay: Option<u64>,
    #[serde(default)]
    steps: Vec<Moment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    at: u64,
    event: Option<String>,
    then: String,
    #[serde(default)]
    takes_requests: bool,
}

fn ten() -> f64 {
    10.0
}

#[test]
fn targets_drain_as_documented() {
    fixture::each("alb/draining", check);
}

fn check(case: Case) {
    assert_ne!(case.steps.is_empty(), case.not_yet.is_none(), "{}: what is not done has no steps", case.name);
    let begin = Instant::now();
    let mut topology = topology(case.time_scale, case.deregistration_delay);
    let name = TargetGroupName::new("web");
    let both = topology.target_groups[&name].static_targets.clone();
    let [target, beside] = [0, 1].map(|index| Target { address: both[index].address, port: both[index].port });
    let mut world = World::default();
    world.target_groups_wanted(&topology, now(begin, 0));
    pass_a_check(&mut world, &topology, &beside, now(begin, 0));
    for (index, step) in case.steps.iter().enumerate() {
        let what = format!("{}, step {} ({})", case.name, index + 1, case.source);
        let now = now(begin, step.at);
        let mut register = |registered: bool| {
            let targets = if registered { &both[..] } else { &both[1..] };
            topology.target_groups.get_mut(&name).unwrap().static_targets = targets.to_vec();
            world.target_groups_wanted(&topology, now);
        };
        match step.event.as_deref() {
            None => {}
            Some("registered") => register(true),
            Some("deregistered") => register(false),
            Some("nothing in flight") => world.target_drained(&name, &target, topology.time_scale, now),
            Some("passes a check") => pass_a_check(&mut world, &topology, &target, now),
            Some(other) => panic!("no event is called {other}"),
        }
        settle(&topology, &mut world, now);
        let states = states(&topology, &world).remove(&name).unwrap();
        let index = states.iter().position(|state| state.target == target);
        let shown = index.map_or("gone".into(), |index| describe(&states[index].health));
        assert_eq!(shown, step.then, "{what}");
        let eligible = balancing::eligible(&states, &topology.target_groups[&name].attributes);
        let takes_requests = index.is_some_and(|index| eligible.contains(&index));
        assert_eq!(takes_requests, step.takes_requests, "{what}: whether it takes requests");
    }
}

fn pass_a_check(world: &mut World, topology: &Topology, target: &Target, now: Now) {
    let name = TargetGroupName::new("web");
    let outcome = ProbeOutcome::Passed { code: 200 };
    let probe = Probe { tick: ProbeTick::Whole, outcome, reachable: true };
    let settings = &topology.target_groups[&name].health_check;
    world.target_probed(&name, target, settings, probe, String::new(), now);
}

/// Takes the steps that are due, as the controller does.
fn settle(topology: &Topology, world: &mut World, now: Now) {
    for step in plan(topology, world, now.instant).steps {
        let Step::Change(change @ Change::RemoveDrainedTargets) = step else { continue };
        world.apply(
            &change,
            &mut Context {
                topology,
                now,
                new_task: &mut |_, _| panic!("no service is wanted"),
                deployment_id: &mut || panic!("no service is wanted"),
            },
        );
    }
}

fn now(begin: Instant, second: u64) -> Now {
    Now { instant: begin + Duration::from_secs(second), timestamp: jiff::Timestamp::UNIX_EPOCH }
}

fn describe(health: &TargetHealth) -> String {
    match (health.reason(), health.description()) {
        (Some(reason), Some(description)) => format!("{}: {reason}: {description}", health.state()),
        _ => health.state().to_string(),
    }
}

/// One listener that forwards everything to `web`, whose targets are given by address: the one that cases are about, and
/// one beside it.
fn topology(time_scale: f64, delay: Option<u64>) -> Topology {
    let defaults = TargetGroupAttributes::default();
    let group = TargetGroup {
        attributes: TargetGroupAttributes {
            deregistration_delay: delay.map_or(defaults.deregistration_delay, Duration::from_secs),
            ..defaults
        },
        static_targets: [1, 2].map(|last| StaticTarget { address: [10, 0, 0, last].into(), port: 80 }).to_vec(),
        ..TargetGroup::new(80)
    };
    let forward = Forward {
        target_groups: vec![WeightedTargetGroup { target_group: "web".into(), weight: 1 }],
        stickiness_seconds: None,
    };
    let listener = Listener::new(80, ListenerProtocol::Http, Action::Forward(forward));
    Topology {
        target_groups: [("web".into(), group)].into(),
        quotas: Default::default(),
        time_scale: TimeScale::new(time_scale).unwrap(),
        ..Topology::new("test", [LoadBalancer::new("test", vec![listener])])
    }
}
