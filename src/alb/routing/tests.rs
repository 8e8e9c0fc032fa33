//! A table renewed after a change of targets equals a newly compiled one, and costs less.

use proptest::prelude::*;

use super::*;
use neargate_model::rule::{Condition, Patterns, Rule, Transforms, WeightedTargetGroup};
use neargate_model::target_health::{InitialReason, Target, TargetHealth};

const GROUPS: [&str; 3] = ["api", "unused", "web"];

type States = BTreeMap<TargetGroupName, Vec<TargetState>>;

fn topology() -> Topology {
    let forward = |group: &str| {
        let target_groups = vec![WeightedTargetGroup { target_group: group.into(), weight: 1 }];
        Action::Forward(Forward { target_groups, stickiness_seconds: None })
    };
    let rule = Rule {
        priority: 1,
        conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/api/*".into()]))],
        actions: forward("api").into(),
        transforms: Transforms::default(),
    };
    let listener = Listener { rules: vec![rule], ..Listener::new(80, ListenerProtocol::Http, forward("web")) };
    let group = TargetGroup::new(80);
    Topology {
        target_groups: GROUPS.map(|name| (name.into(), group.clone())).into(),
        ..Topology::new("growth", [LoadBalancer::new("growth", vec![listener])])
    }
}

fn compile(topology: &Topology, states: &States, generation: u64) -> RoutingTable {
    RoutingTable::compile(topology, topology.main_load_balancer(), states, generation)
}

fn states() -> impl Strategy<Value = States> {
    let health = prop::sample::select(vec![
        TargetHealth::Initial(InitialReason::InitialHealthChecking),
        TargetHealth::Healthy,
        TargetHealth::Unused,
        TargetHealth::Draining,
    ]);
    let state = |(last, health)| TargetState {
        target: Target { address: [10, 0, 0, last].into(), port: 80 },
        dial: ([10, 0, 0, last], 80).into(),
        reachable: true,
        health,
    };
    let targets = prop::collection::vec((1_u8..4, health).prop_map(state), 0..4);
    prop::collection::btree_map(prop::sample::select(&GROUPS[..]).prop_map(TargetGroupName::from), targets, 0..4)
}

proptest! {
    #[test]
    fn it_is_the_one_that_would_have_been_compiled(before in states(), after in states()) {
        let topology = topology();
        let table = compile(&topology, &before, 1);
        let compiled = compile(&topology, &after, 2);
        let of = |states: &States, name: &TargetGroupName| states.get(name).cloned().unwrap_or_default();
        let changed: Vec<_> = topology.target_groups.keys().map(|name| (name.clone(), of(&after, name))).collect();
        let has_changed = changed.iter().any(|(name, targets)| of(&before, name) != *targets);
        let renewed = table.renew(changed, 2);
        prop_assert_eq!(renewed.is_some(), has_changed);
        if let Some(renewed) = renewed {
            prop_assert_eq!(format!("{renewed:?}"), format!("{compiled:?}"));
        }
    }
}

#[test]
fn it_shares_its_rules_and_every_group_that_did_not_change() {
    let table = compile(&topology(), &BTreeMap::new(), 1);
    let target = Target { address: [10, 0, 0, 1].into(), port: 80 };
    let state =
        TargetState { target, dial: ([10, 0, 0, 1], 80).into(), reachable: true, health: TargetHealth::Healthy };
    let renewed = table.renew([("web".into(), vec![state])], 2).expect("a change");
    assert_eq!(renewed.generation, 2);
    assert!(Arc::ptr_eq(&table.listeners, &renewed.listeners), "the rules were compiled again");
    let shares = |name: &str| {
        let of = |table: &RoutingTable| Arc::clone(&table.target_group(&name.into()).expect("the group").targets);
        Arc::ptr_eq(&of(&table), &of(&renewed))
    };
    assert_eq!(GROUPS.map(shares), [true, true, false]);
}
