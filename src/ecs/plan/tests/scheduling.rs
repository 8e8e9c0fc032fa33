//! The scheduler, whatever happens: it keeps to the service's bounds, comes to an end, and reaches what is wanted once nothing
//! goes wrong any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use super::topology::topology;
use super::{Fact, Stack, fact};
use crate::census::Unit;
use crate::service::bounds::Bounds;
use crate::service::lifecycle::stages::takes_hooks;
use crate::service::rebalancing::Spread;
use crate::service::standing::Standing;
use crate::step::{Change, Plan, Step};
use crate::world::{RolloutState, ServiceRecord, Task};
use neargate_model::deployment::{CircuitBreaker, DeploymentConfiguration};
use neargate_model::rule::{Action, ListenerRule, WeightedTargetGroup};
use neargate_model::scaling::{ScalableTarget, ScalingMetric, Suspended, TargetTracking};
use neargate_model::service::{AdvancedConfiguration, Service};
use neargate_model::strategy::{
    HookTarget, LifecycleHook, LifecycleStage, Share, Strategy as DeploymentStrategy, TimeoutAction,
};
use neargate_model::task::StopCode;
use neargate_model::{ServiceName, TaskId, Topology};

/// What a plan does to a service stays within its bounds: it stops no healthy task below the minimum and starts none above
/// the maximum.
pub(super) fn check_bounds(stack: &Stack, plan: &Plan) {
    let mut stopped: BTreeMap<&TaskId, usize> = BTreeMap::new();
    let mut started: BTreeMap<&ServiceName, usize> = BTreeMap::new();
    for step in &plan.steps {
        match step {
            Step::Change(Change::StopTask { task, code: StopCode::ServiceSchedulerInitiated, .. })
            | Step::Change(Change::StopUnhealthyTask { task, .. }) => *stopped.entry(task).or_default() += 1,
            Step::Change(Change::CreateTask { service, .. }) => *started.entry(service).or_default() += 1,
            _ => {}
        }
    }
    assert!(stopped.values().all(|times| *times == 1), "a task is stopped once: {plan:#?}");
    for step in &plan.steps {
        if let Step::Change(Change::StopTask { task, code: StopCode::ServiceSchedulerInitiated, .. }) = step {
            let task = &stack.world.tasks[task];
            let is_wanted = stack.world.service_of(task).is_some_and(|record| record.wanted().is_some());
            let is_left_alone =
                is_wanted && !stack.world.shutting_down && task.protection(stack.now().instant).is_some();
            assert!(!is_left_alone, "a protected task is neither scaled in nor replaced: {plan:#?}");
        }
    }
    for (name, record) in stack.world.services.iter() {
        let Some(settings) = record.wanted().filter(|_| !stack.world.shutting_down) else { continue };
        if record.primary.lifecycle.is_some() {
            check_traffic(stack, name, record, &stopped);
            continue;
        }
        let Bounds { minimum, maximum } =
            Bounds::new(settings.desired_count as usize, &settings.deployment_configuration);
        let tasks = wanted(stack, name);
        let healthy: Vec<&&Task> = tasks.iter().filter(|task| is_healthy(stack, settings, task)).collect();
        let gone = healthy.iter().filter(|task| stopped.contains_key(&task.spec.id)).count();
        assert!(gone == 0 || healthy.len() - gone >= minimum, "{name} keeps {minimum} healthy: {plan:#?}");
        let started = started.get(name).copied().unwrap_or_default();
        assert!(started == 0 || tasks.len() + started <= maximum, "{name} runs at most {maximum}: {plan:#?}");
    }
}

/// While traffic is shifted, each revision may run all of the service's tasks. One that has traffic keeps its minimum: only
/// those that have none are stopped.
fn check_traffic(stack: &Stack, name: &ServiceName, record: &ServiceRecord, stopped: &BTreeMap<&TaskId, usize>) {
    let settings = &record.primary.service;
    let Bounds { minimum, .. } = Bounds::new(settings.desired_count as usize, &settings.deployment_configuration);
    for deployment in record.deployments() {
        // No traffic comes to a service without load balancers.
        let Some(traffic) = record.traffic_of(&deployment.id) else { continue };
        let is_of_it = |task: &&Task| task.spec.deployment() == Some(&deployment.id);
        let own: Vec<&Task> = wanted(stack, name).into_iter().filter(is_of_it).collect();
        let healthy: Vec<&&Task> = own.iter().filter(|task| is_healthy(stack, &deployment.service, task)).collect();
        let gone = healthy.iter().filter(|task| stopped.contains_key(&task.spec.id)).count();
        let keeps = gone == 0 || healthy.len() - gone >= minimum || traffic.production == Share::NONE;
        assert!(keeps, "{name}: {} has {traffic:?} and loses {gone} of {}", deployment.id, healthy.len());
    }
}

fn wanted<'s>(stack: &'s Stack, service: &ServiceName) -> Vec<&'s Task> {
    let tasks = stack.planner.census.tasks(&Unit::Service(service.clone()));
    tasks.into_iter().filter(|task| task.is_wanted()).collect()
}

fn is_healthy(stack: &Stack, settings: &Service, task: &Task) -> bool {
    let now = stack.now().instant;
    let standing = Standing::new(&stack.planner.census, settings, task, now, stack.topology.time_scale);
    standing == Standing::Healthy
}

/// For whoever reads a failure.
fn outline(stack: &Stack) -> String {
    let record = &stack.world.services[&service()];
    let tasks = stack.planner.census.tasks(&Unit::Service(service()));
    let tasks = tasks.into_iter().filter(|task| !task.is_stopped()).map(|task| {
        let standing = Standing::new(
            &stack.planner.census,
            &record.primary.service,
            task,
            stack.now().instant,
            stack.topology.time_scale,
        );
        let phases: Vec<_> = task.containers.values().map(|container| (&container.phase, container.health)).collect();
        format!(
            "\n{:?} {} {:?} {standing:?} {phases:?} {:?}",
            task.spec.deployment(),
            task.status(),
            task.network,
            task.stop
        )
    });
    let tasks: String = tasks.collect();
    let steps = super::super::plan(&stack.topology, &stack.world, stack.now().instant);
    let waits = record.next_start_at.map(|at| at.saturating_duration_since(stack.now().instant));
    let wanted = &record.primary.service;
    let (desired, configuration) = (wanted.desired_count, &wanted.deployment_configuration);
    format!(
        "{desired} of {configuration:?} on {:?}, steady {}\n{:?}, {waits:?}, failures {}{tasks}\n{steps:?}",
        stack.world.nodes, record.steady, record.primary.rollout, record.failures_in_a_row
    )
}

/// What a service is told, beside what happens to it.
#[derive(Clone, Debug)]
enum Turn {
    Happens(Fact),
    Deploy(u8),
    Scale(u32),
    Force,
    /// A minute passes, in which the CPU was used like this.
    Measure(f64),
}

fn turn() -> impl Strategy<Value = Turn> {
    let happens = fact().prop_filter("the service stays", |fact| !matches!(fact, Fact::Apply(_) | Fact::ShutDown));
    prop_oneof![
        20 => happens.prop_map(Turn::Happens),
        1 => any::<u8>().prop_map(Turn::Deploy),
        1 => (0_u32..5).prop_map(Turn::Scale),
        1 => Just(Turn::Force),
        2 => (0.0..200.0).prop_map(Turn::Measure),
    ]
}

fn configuration() -> impl Strategy<Value = DeploymentConfiguration> {
    let percentages = prop::sample::select(vec![(100, 200), (0, 100), (50, 100), (50, 150), (75, 200), (0, 200)]);
    let breaker = (any::<bool>(), any::<bool>());
    let of_all = (percentages, breaker, strategy(), prop::option::of(hook()), 0_u64..3);
    of_all.prop_map(|((minimum_healthy_percent, maximum_percent), (enable, rollback), strategy, hook, minutes)| {
        DeploymentConfiguration {
            minimum_healthy_percent,
            maximum_percent,
            circuit_breaker: CircuitBreaker { enable, rollback, ..CircuitBreaker::default() },
            alarms: None,
            strategy,
            bake_time: Duration::from_secs(minutes * 60),
            lifecycle_hooks: hook.into_iter().collect(),
        }
    })
}

fn strategy() -> impl Strategy<Value = DeploymentStrategy> {
    let share = |tenths| Share::from_tenths(tenths).expect("a share");
    let bake_time = Duration::from_secs(60);
    prop_oneof![
        2 => Just(DeploymentStrategy::Rolling),
        1 => Just(DeploymentStrategy::BlueGreen),
        1 => (30_u16..=1000).prop_map(move |step| DeploymentStrategy::Linear { step: share(step), bake_time }),
        1 => (1_u16..=1000).prop_map(move |part| DeploymentStrategy::Canary { share: share(part), bake_time }),
    ]
}

/// One that is asked at a stage, or at two.
fn hook() -> impl Strategy<Value = LifecycleHook> {
    let stages: Vec<LifecycleStage> = LifecycleStage::iter().filter(|stage| takes_hooks(*stage)).collect();
    prop::collection::vec(prop::sample::select(stages), 1..3).prop_map(|stages| LifecycleHook {
        target: HookTarget::Lambda { name: "test".to_owned(), command: vec!["test".to_owned()], folder: "/".into() },
        stages,
        details: None,
        timeout: Duration::from_secs(600),
        on_timeout: TimeoutAction::Rollback,
    })
}

/// One service, whose images are pulled, with or without checks.
fn of_one(configuration: DeploymentConfiguration, is_checked: bool, is_bound: bool) -> Topology {
    let mut topology = topology(0);
    topology.services.retain(|name, _| *name == service());
    let policy = TargetTracking::new(ScalingMetric::Cpu, 60.0);
    let target = ScalableTarget {
        min_capacity: 1,
        max_capacity: 5,
        suspended: Suspended::default(),
        policies: [("cpu".into(), policy)].into(),
    };
    topology.scalable_targets = [(service(), target)].into();
    let service = topology.services.get_mut(&service()).expect("it is there");
    service.builds.clear();
    service.deployment_configuration = configuration;
    if !is_bound {
        service.load_balancers.clear();
    }
    if service.deployment_configuration.strategy.shifts_traffic() {
        give_two_groups(&mut topology);
    }
    let service = topology.services.get_mut(&self::service()).expect("it is there");
    if !is_checked {
        change(service, |definition| definition.containers[0].health_check = None);
    }
    topology
}

/// What ECS needs to shift traffic, in the default rule.
fn give_two_groups(topology: &mut Topology) {
    let service = topology.services.get_mut(&service()).expect("it is there");
    let rule = ListenerRule { load_balancer: "growth".into(), listener: 80, priority: None };
    for binding in &mut service.load_balancers {
        binding.advanced = Some(AdvancedConfiguration {
            alternate_target_group: "unused".into(),
            production_listener_rule: rule.clone(),
            test_listener_rule: None,
        });
    }
    let Action::Forward(forward) = &mut topology.actions_of_mut(&rule).expect("a rule").routing else {
        panic!("it forwards");
    };
    forward.target_groups.push(WeightedTargetGroup { target_group: "unused".into(), weight: 0 });
}

fn service() -> ServiceName {
    ServiceName::new("built")
}

fn change(service: &mut Service, change: impl FnOnce(&mut neargate_model::task_definition::TaskDefinition)) {
    change(std::sync::Arc::make_mut(&mut service.task_definition.definition));
}

impl Stack {
    fn tell(&mut self, tell: impl FnOnce(&mut Service)) {
        let mut topology = self.topology.clone();
        tell(topology.services.get_mut(&service()).expect("it is there"));
        self.want(topology);
    }

    fn deploy_version(&mut self, version: u8) {
        self.tell(|service| {
            change(service, |definition| {
                definition.containers[0].environment.insert("VERSION".to_owned(), version.to_string());
            });
        });
    }

    /// What the controller does about a measurement.
    fn measure(&mut self, cpu: f64) {
        let (topology, now) = (self.topology.clone(), self.now());
        let points = BTreeMap::from([("cpu".into(), cpu)]);
        let Some(activity) = self.world.scaling_measured(&service(), &points, &topology, now) else { return };
        let target = &topology.scalable_targets[&service()];
        assert!((target.min_capacity..=target.max_capacity).contains(&activity.desired), "{activity:?}");
        self.tell(|service| service.desired_count = activity.desired);
        self.world.scaling_begun(&service(), activity, now);
        self.seconds += 60;
    }

    /// From now on all goes well.
    fn go_well(&mut self) {
        self.take(&Fact::Progress);
        let living = self.world.tasks.values().filter(|task| !task.is_stopped()).count();
        for task in 0..living {
            self.take(&Fact::Health(task, 0, true));
            self.take(&Fact::Health(task, 1, true));
        }
        self.answer_hooks(0, "");
        let targets = self.world.targets.values().map(Vec::len).sum();
        for target in 0..targets {
            self.take(&Fact::Probed(target, true));
        }
        self.seconds += 5;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whatever_happens_the_service_gets_there_and_leaves_nothing(
        configuration in configuration(),
        checks in (any::<bool>(), any::<bool>()),
        has_two_nodes in any::<bool>(),
        turns in prop::collection::vec((prop::collection::vec(turn(), 1..4), prop_oneof![Just(1_usize), Just(64)]), 1..60),
    ) {
        let mut stack = Stack::new();
        stack.world.services.retain(|name, _| *name == service());
        stack.addresses = 250;
        if has_two_nodes {
            stack.add_node();
        }
        stack.want(of_one(configuration, checks.0, checks.1));
        for (turns, rounds) in &turns {
            for turn in turns {
                match turn {
                    Turn::Happens(fact) => drop(stack.take(fact)),
                    Turn::Deploy(version) => stack.deploy_version(*version),
                    Turn::Scale(count) => stack.tell(|service| service.desired_count = *count),
                    Turn::Force => stack.deploy([service()].into()),
                    Turn::Measure(cpu) => (0..3).for_each(|_| stack.measure(*cpu)),
                }
            }
            let is_settled = stack.settle(*rounds);
            assert!(is_settled || *rounds == 1, "no step is planned for ever");
        }

        // Where nothing may stop and nothing may start, no deployment gets anywhere: half of one task is one task.
        stack.tell(|service| {
            let desired = service.desired_count as usize;
            let Bounds { minimum, maximum } = Bounds::new(desired, &service.deployment_configuration);
            service.desired_count += u32::from(desired > 0 && (minimum, maximum) == (desired, desired));
        });
        stack.take(&Fact::Trouble(false));
        // One that was given up is not tried again by itself.
        stack.deploy(BTreeSet::from([service()]));
        let is_there = (0..400).any(|_| {
            assert!(stack.settle(64), "no step is planned for ever");
            stack.go_well();
            let record = &stack.world.services[&service()];
            record.steady && record.rebalancing.is_none()
        });
        assert!(is_there, "it is steady in the end: {}", outline(&stack));
        assert!(stack.settle(64));
        let record = &stack.world.services[&service()];
        let tasks = wanted(&stack, &service());
        assert_eq!(tasks.len(), record.primary.service.desired_count as usize);
        assert_eq!(record.primary.rollout, RolloutState::Completed);
        assert!(record.active.is_empty() && record.primary.lifecycle.is_none());
        assert!(tasks.iter().all(|task| task.spec.deployment() == Some(&record.primary.id)));
        let Bounds { maximum, .. } =
            Bounds::new(tasks.len(), &record.primary.service.deployment_configuration);
        let spread = Spread::new(&stack.world.nodes, tasks.iter().filter_map(|task| task.zone()));
        assert!(spread.is_balanced() || maximum == tasks.len(), "the zones have their shares: {spread}");

        stack.take(&Fact::ShutDown);
        let is_at_rest = (0..100).any(|_| {
            stack.settle(64);
            stack.take(&Fact::Progress);
            stack.seconds += 30;
            stack.world.is_at_rest()
        });
        assert!(is_at_rest, "nothing is left: {}", outline(&stack));
        let containers = stack.world.tasks.values().flat_map(|task| task.containers.values());
        assert!(containers.into_iter().all(|container| container.is_stopped()));
    }
}
