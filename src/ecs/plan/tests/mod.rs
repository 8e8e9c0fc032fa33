//! Planning what changed is planning everything, whatever happened since.

mod scheduling;
mod topology;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::apply::Context;
use crate::census::Touched;
use crate::images::naming;
use crate::service::lifecycle::answer::HookOutcome;
use crate::service::lifecycle::progress::HookState;
use crate::service::protection::ProtectionChange;
use crate::step::{Change, HookCall, Step, TrafficShift};
use crate::world::{Deployment, ImageState, Network, Now, Phase};
use neargate_alb::targets::health::{Probe, ProbeTick};
use neargate_model::image::{ImageOrigin, ProvidedImage};
use neargate_model::node::{NodeState, ObservedNode};
use neargate_model::rule::Action;
use neargate_model::target_health::{ProbeOutcome, Target};
use neargate_model::task::{ContainerExit, HealthStatus, Origin, Reach, StopCode, TaskNetwork, TaskSpec};
use neargate_model::task_definition::ContainerDefinition;
use neargate_model::topology::TimeScale;
use neargate_model::{ContainerName, DeploymentId, NodeName, ServiceName, TargetGroupName, TaskId};
use topology::{address, topology};

/// What happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Fact {
    /// All that is under way comes to a good end.
    Progress,
    Wait(u64),
    Apply(usize),
    Prepared(bool),
    Opened(usize, bool),
    Started(usize, usize, bool),
    Exited(usize, usize, i64),
    Removed(usize, usize),
    NotStopped(usize, usize),
    Restarted(usize, usize),
    Health(usize, usize, bool),
    NetworkLost(usize),
    NotClosed(usize),
    Image(usize, Result<u8, ()>),
    ImageProgressed(usize),
    Renew(usize),
    Probed(usize, bool),
    Drained(usize),
    RestartInPlace(usize),
    StopTask(usize),
    Protect(usize, i64),
    RunTask,
    HookAnswers(u8),
    Restart(usize),
    Trouble(bool),
    Inventory,
    ShutDown,
}

fn fact() -> impl Strategy<Value = Fact> {
    let (one, container) = (0_usize..12, 0_usize..2);
    let each = || (one.clone(), container.clone());
    prop_oneof![
        24 => Just(Fact::Progress),
        8 => (0_u64..90).prop_map(Fact::Wait),
        4 => (0_usize..3).prop_map(Fact::Apply),
        1 => any::<bool>().prop_map(Fact::Prepared),
        2 => (one.clone(), any::<bool>()).prop_map(|(task, well)| Fact::Opened(task, well)),
        4 => (each(), any::<bool>()).prop_map(|((task, container), well)| Fact::Started(task, container, well)),
        6 => (each(), 0_i64..2).prop_map(|((task, container), code)| Fact::Exited(task, container, code)),
        1 => each().prop_map(|(task, container)| Fact::Removed(task, container)),
        2 => each().prop_map(|(task, container)| Fact::NotStopped(task, container)),
        2 => each().prop_map(|(task, container)| Fact::Restarted(task, container)),
        4 => (each(), any::<bool>()).prop_map(|((task, container), well)| Fact::Health(task, container, well)),
        1 => one.clone().prop_map(Fact::NetworkLost),
        2 => one.clone().prop_map(Fact::NotClosed),
        4 => (one.clone(), prop_oneof![3 => (0_u8..3).prop_map(Ok), 1 => Just(Err(()))])
            .prop_map(|(image, result)| Fact::Image(image, result)),
        1 => one.clone().prop_map(Fact::ImageProgressed),
        2 => one.clone().prop_map(Fact::Renew),
        8 => (one.clone(), any::<bool>()).prop_map(|(target, well)| Fact::Probed(target, well)),
        1 => one.clone().prop_map(Fact::Drained),
        1 => (0_usize..3).prop_map(Fact::RestartInPlace),
        1 => one.clone().prop_map(Fact::StopTask),
        2 => (one.clone(), 0_i64..10).prop_map(|(task, minutes)| Fact::Protect(task, minutes)),
        1 => (0_usize..3).prop_map(Fact::Restart),
        1 => Just(Fact::RunTask),
        2 => (0_u8..3).prop_map(Fact::HookAnswers),
        1 => any::<bool>().prop_map(Fact::Trouble),
        1 => Just(Fact::Inventory),
        1 => Just(Fact::ShutDown),
    ]
}

/// A world with its planner, as the controller has them.
struct Stack {
    topology: Topology,
    world: World,
    planner: Planner,
    begin: Instant,
    seconds: u64,
    made: u64,
    /// How many addresses tasks share.
    addresses: u8,
}

impl Stack {
    fn new() -> Self {
        let (topology, world) = (topology(0), World::default());
        let planner = Planner::default();
        let mut stack = Self { topology, world, planner, begin: Instant::now(), seconds: 0, made: 0, addresses: 6 };
        let local = ObservedNode { name: node(), zone: "a".into(), state: NodeState::Ready, schedulable: true };
        stack.world.nodes.observed(vec![local]);
        stack.apply(0);
        stack
    }

    fn now(&self) -> Now {
        let timestamp = jiff::Timestamp::UNIX_EPOCH;
        Now { instant: self.begin + Duration::from_secs(self.seconds), timestamp }
    }

    fn apply(&mut self, variant: usize) {
        self.want(topology(variant));
    }

    fn want(&mut self, topology: Topology) {
        self.topology = topology;
        self.planner.look_at_everything();
        self.world.target_groups_wanted(&self.topology, self.now());
        self.deploy(BTreeSet::new());
    }

    fn deploy(&mut self, anew: BTreeSet<ServiceName>) {
        let (now, made) = (self.now(), &mut self.made);
        let new_id = || {
            *made += 1;
            deployment_id(*made)
        };
        self.world.services_wanted(&self.topology.services, &anew, new_id, now);
    }

    /// Plans and carries out, at most so many times, and compares each plan with that of everything. Returns whether nothing
    /// is left to do.
    fn settle(&mut self, rounds: usize) -> bool {
        for _ in 0..rounds {
            let now = self.now();
            let plan = self.planner.plan(&self.topology, &self.world, now.instant);
            assert_eq!(plan, super::plan(&self.topology, &self.world, now.instant), "at second {}", self.seconds);
            let mut census = Census::default();
            census.follow(&World::default(), &self.world);
            assert!(self.planner.census == census, "the census is another one at second {}", self.seconds);
            if plan.steps.is_empty() {
                return true;
            }
            scheduling::check_bounds(self, &plan);
            for step in &plan.steps {
                match step {
                    Step::Effect(effect) => self.world.begin(effect, &self.topology, now),
                    Step::Shift(shift) => self.shift(shift),
                    Step::Change(change) => {
                        let (topology, made) = (&self.topology, std::cell::Cell::new(self.made));
                        let number = || {
                            made.set(made.get() + 1);
                            made.get()
                        };
                        let mut new_task =
                            |name: &ServiceName, of: &Deployment| (specification(topology, name, of, number()), Ok(()));
                        let mut new_id = || deployment_id(number());
                        let mut context =
                            Context { topology, now, new_task: &mut new_task, deployment_id: &mut new_id };
                        self.world.apply(change, &mut context);
                        self.made = made.get();
                    }
                }
            }
        }
        false
    }

    /// As the controller does it.
    fn shift(&mut self, shift: &TrafficShift) {
        let actions = self.topology.actions_of_mut(&shift.rule).expect("a rule of the topology");
        let Action::Forward(forward) = &mut actions.routing else { panic!("it forwards") };
        assert_ne!(forward.target_groups, shift.target_groups, "a shift changes something");
        forward.target_groups.clone_from(&shift.target_groups);
        self.planner.look_at_everything();
    }

    /// The hooks that are being asked.
    fn hook_calls(&self) -> Vec<HookCall> {
        let mut calls = Vec::new();
        for (service, record) in self.world.services.iter() {
            let Some(lifecycle) = &record.primary.lifecycle else { continue };
            let running = lifecycle.hooks.iter().enumerate().filter(|(_, run)| run.state == HookState::Running);
            calls.extend(running.map(|(hook, _)| HookCall {
                service: service.clone(),
                deployment: record.primary.id.clone(),
                stage: lifecycle.stage,
                step: lifecycle.step,
                hook,
            }));
        }
        calls
    }

    fn answer_hooks(&mut self, code: i32, output: &str) {
        let outcome = HookOutcome::Exited { code: Some(code), output: output.to_owned(), complaint: None };
        for call in self.hook_calls() {
            self.world.hook_answered(&call, &outcome, self.topology.time_scale, self.now());
        }
    }

    fn task(&self, index: usize) -> Option<TaskId> {
        let all: Vec<&TaskId> =
            self.world.tasks.iter().filter(|(_, task)| !task.is_stopped()).map(|(id, _)| id).collect();
        all.get(index.checked_rem(all.len())?).map(|id| (*id).clone())
    }

    fn container(&self, task: usize, index: usize) -> Option<(TaskId, ContainerName)> {
        let id = self.task(task)?;
        let name = self.world.tasks[&id].containers.keys().nth(index)?.clone();
        Some((id, name))
    }

    fn image(&self, index: usize) -> Option<String> {
        self.world.images.keys().nth(index.checked_rem(self.world.images.len())?).cloned()
    }

    fn target(&self, index: usize) -> Option<(TargetGroupName, Target)> {
        let all = self.world.targets.iter();
        let all: Vec<_> = all.flat_map(|(group, records)| records.iter().map(move |one| (group, one.target))).collect();
        all.get(index.checked_rem(all.len())?).map(|(group, target)| ((*group).clone(), *target))
    }

    fn service(&self, index: usize) -> Option<ServiceName> {
        self.topology.services.keys().nth(index).cloned()
    }

    /// Returns whether there was something for it to happen to.
    fn take(&mut self, fact: &Fact) -> Option<()> {
        let now = self.now();
        match *fact {
            Fact::Progress => self.progress(),
            Fact::Wait(seconds) => self.seconds += seconds,
            Fact::Apply(variant) => self.apply(variant),
            Fact::Prepared(well) => self.world.project_prepared(if well { Ok(()) } else { failed() }, now),
            Fact::Opened(task, well) => {
                let id = self.task(task)?;
                let network = self.network(&id);
                self.world.task_opened(&id, if well { Ok(network) } else { failed() }, now);
            }
            Fact::Started(task, container, well) => {
                let (id, name) = self.container(task, container)?;
                let result = if well { Ok((runtime_id(&id, &name), None)) } else { failed() };
                self.world.container_started(&id, &name, result, now);
            }
            Fact::Exited(task, container, exit_code) => {
                let (id, name) = self.container(task, container)?;
                let exit = ContainerExit { exit_code, out_of_memory: false };
                self.world.container_exited(&id, &name, &runtime_id(&id, &name), &exit, now);
            }
            Fact::Removed(task, container) => {
                let (id, name) = self.container(task, container)?;
                self.world.container_removed(&id, &name, &runtime_id(&id, &name), now);
            }
            Fact::NotStopped(task, container) => {
                let (id, name) = self.container(task, container)?;
                self.world.container_not_stopped(&id, &name, now);
            }
            Fact::Restarted(task, container) => {
                let (id, name) = self.container(task, container)?;
                self.world.container_restarted(&id, &name, None, now);
            }
            Fact::Health(task, container, well) => {
                let (id, name) = self.container(task, container)?;
                let health = if well { HealthStatus::Healthy } else { HealthStatus::Unhealthy };
                self.world.container_health(&id, &name, &runtime_id(&id, &name), health, now);
            }
            Fact::NetworkLost(task) => self.world.network_lost(&self.task(task)?, now),
            Fact::NotClosed(task) => {
                self.world.task_not_closed(&self.task(task)?, now);
            }
            Fact::Image(image, result) => {
                let nodes = self.node_names();
                self.world.image_provided(&self.image(image)?, nodes, provided(result), now)
            }
            Fact::ImageProgressed(image) => self.world.image_progressed(&self.image(image)?, "half of it".to_owned()),
            Fact::Renew(image) => self.world.images_to_renew([self.image(image)?]),
            Fact::Probed(target, well) => {
                let (group, target) = self.target(target)?;
                let settings = &self.topology.target_groups.get(&group)?.health_check;
                let outcome = if well { ProbeOutcome::Passed { code: 200 } } else { ProbeOutcome::Failed };
                let probe = Probe { tick: ProbeTick::Whole, outcome, reachable: true };
                self.world.target_probed(&group, &target, settings, probe, String::new(), now);
            }
            Fact::Drained(target) => {
                let (group, target) = self.target(target)?;
                self.world.target_drained(&group, &target, TimeScale::DEFAULT, now);
            }
            Fact::RestartInPlace(service) => {
                let web = ContainerName::new("web");
                self.world.containers_to_restart(&[(self.service(service)?, web)]);
            }
            Fact::StopTask(task) => {
                let id = self.task(task)?;
                let topology = &self.topology;
                let mut context = Context {
                    topology,
                    now,
                    new_task: &mut |_, _| panic!("nobody starts a task"),
                    deployment_id: &mut || panic!("nobody deploys"),
                };
                let stop = Change::StopTask { task: id, code: StopCode::UserInitiated, reason: "asked to".to_owned() };
                self.world.apply(&stop, &mut context);
            }
            Fact::Protect(task, minutes) => {
                let change = ProtectionChange { enabled: minutes > 0, expires_in_minutes: Some(minutes) };
                // A task without a service is not protected.
                let _ = self.world.update_task_protection(&self.task(task)?, change, now);
            }
            Fact::RunTask => {
                self.made += 1;
                let service = &self.topology.services["built"];
                let spec = TaskSpec {
                    id: task_id(self.made),
                    origin: Origin::Standalone { started_by: None },
                    definition: Arc::clone(&service.task_definition.definition),
                    revision: 1,
                    secrets: BTreeMap::new(),
                    images: BTreeMap::new(),
                    node: None,
                    endpoints: Vec::new(),
                    router_configuration: None,
                };
                self.world.tasks_created += 1;
                let task = Task::new(spec, self.world.tasks_created, now.timestamp);
                self.world.tasks.insert(task.spec.id.clone(), task);
            }
            Fact::HookAnswers(0) => self.answer_hooks(0, ""),
            Fact::HookAnswers(1) => self.answer_hooks(0, r#"{"hookStatus":"IN_PROGRESS"}"#),
            Fact::HookAnswers(_) => self.answer_hooks(1, ""),
            Fact::Restart(service) => {
                let anew = [self.service(service)?].into();
                self.deploy(anew);
            }
            Fact::Trouble(is_away) => self.world.nodes.asked(&node(), is_away.then(|| "away".to_owned())),
            Fact::Inventory => {
                let all = self.world.tasks.values().flat_map(|task| task.containers.values());
                let listed = all.filter_map(|container| container.runtime_id.clone()).skip(1).collect();
                self.world.inventory(&node(), &listed, now);
                self.planner.look_at_everything();
            }
            Fact::ShutDown => self.world.shutting_down = true,
        }
        Some(())
    }

    fn progress(&mut self) {
        let now = self.now();
        if self.world.project == Preparation::Working {
            self.world.project_prepared(Ok(()), now);
        }
        for (id, task) in self.world.tasks.clone().iter() {
            match task.network {
                Network::Opening => self.world.task_opened(id, Ok(self.network(id)), now),
                Network::Closing => self.world.task_closed(id, now),
                _ => {}
            }
            for (name, container) in &task.containers {
                let runtime_id = runtime_id(id, name);
                match container.phase {
                    Phase::Starting => self.world.container_started(id, name, Ok((runtime_id, None)), now),
                    Phase::Restarting => self.world.container_restarted(id, name, None, now),
                    Phase::Stopping => {
                        let exit = ContainerExit { exit_code: 143, out_of_memory: false };
                        self.world.container_exited(id, name, &runtime_id, &exit, now);
                    }
                    _ => {}
                }
            }
        }
        for (image, state) in self.world.images.clone().iter() {
            if state.state == ImageState::Providing {
                self.world.image_provided(image, self.node_names(), provided(Ok(0)), now);
            }
        }
    }

    /// Addresses come back: those of the file's targets, too.
    fn network(&self, id: &TaskId) -> TaskNetwork {
        let last = self.world.tasks[id].sequence % u64::from(self.addresses);
        let node = self.world.tasks[id].spec.node.clone().unwrap_or_else(node);
        let zone = if node == self::node() { "a" } else { "b" };
        TaskNetwork { address: address(last as u8), reach: Reach::Direct, node, zone: zone.into() }
    }

    /// Another machine, in another zone.
    fn add_node(&mut self) {
        let machine = |name: NodeName, zone: &str| ObservedNode {
            name,
            zone: zone.into(),
            state: NodeState::Ready,
            schedulable: true,
        };
        self.world.nodes.observed(vec![machine(node(), "a"), machine("other".into(), "b")]);
    }

    fn node_names(&self) -> Vec<NodeName> {
        let all = [node(), "other".into()];
        all.into_iter().filter(|name| self.world.nodes.zone(name).is_some()).collect()
    }
}

fn node() -> NodeName {
    "local".into()
}

fn failed<T>() -> Result<T, String> {
    Err("it could not be done".to_owned())
}

fn runtime_id(task: &TaskId, container: &ContainerName) -> String {
    format!("{task}-{container}")
}

fn provided(result: Result<u8, ()>) -> Result<ProvidedImage, String> {
    match result {
        Ok(version) => Ok(ProvidedImage { id: format!("sha256:{version}"), origin: ImageOrigin::Pulled }),
        Err(()) => failed(),
    }
}

fn deployment_id(number: u64) -> DeploymentId {
    DeploymentId::new(format!("ecs-svc/{number}"))
}

/// In no order, as random ones are.
fn task_id(number: u64) -> TaskId {
    TaskId::new(format!("{:032x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

fn specification(topology: &Topology, name: &ServiceName, deployment: &Deployment, number: u64) -> TaskSpec {
    let service = &deployment.service;
    let containers = service.task_definition.containers.iter();
    let image = |container: &ContainerDefinition| naming::reference(&topology.name, name, service, container);
    TaskSpec {
        id: task_id(number),
        origin: Origin::Service { service: name.clone(), deployment: deployment.id.clone() },
        definition: Arc::clone(&service.task_definition.definition),
        revision: deployment.service.task_definition.number,
        secrets: BTreeMap::new(),
        images: containers.map(|container| (container.name.clone(), image(container))).collect(),
        node: None,
        endpoints: Vec::new(),
        router_configuration: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn planning_what_changed_is_planning_everything(
        turns in prop::collection::vec((prop::collection::vec(fact(), 1..4), prop_oneof![Just(1_usize), Just(64)]), 1..60),
    ) {
        let mut stack = Stack::new();
        for (facts, rounds) in &turns {
            for fact in facts {
                stack.take(fact);
            }
            stack.settle(*rounds);
        }
    }
}

/// A stack in which all that is wanted runs and is healthy.
fn steady() -> Stack {
    let mut stack = Stack::new();
    for _ in 0..20 {
        stack.settle(64);
        stack.take(&Fact::Progress);
        for index in 0..12 {
            stack.take(&Fact::Health(index, 0, true));
            stack.take(&Fact::Health(index, 1, true));
            stack.take(&Fact::Probed(index, true));
            // One whose success something else waits for.
            let id = stack.task(index).expect("a task");
            if stack.world.tasks[&id].spec.service().is_some_and(|name| name.as_str() == "pulled") {
                stack.take(&Fact::Exited(index, 0, 0));
            }
        }
    }
    stack.settle(64);
    assert!(stack.world.services.values().all(|record| record.steady), "{:#?}", stack.world.services);
    stack
}

#[test]
fn a_change_concerns_the_services_that_it_may_change_the_plan_of() {
    let steady = steady();
    let services = |stack: &Stack| {
        let mut census = Census::default();
        census.follow(&World::default(), &steady.world);
        census.follow(&steady.world, &stack.world)
    };
    let after = |facts: &[Fact]| {
        let (topology, world) = (steady.topology.clone(), steady.world.clone());
        let Stack { begin, seconds, made, addresses, .. } = steady;
        let mut stack = Stack { topology, world, planner: Planner::default(), begin, seconds, made, addresses };
        facts.iter().for_each(|fact| stack.take(fact).expect("something happens"));
        services(&stack)
    };
    let only = |names: &[&str]| Touched {
        units: names.iter().map(|name| Unit::Service(ServiceName::new(name))).collect(),
        ..Touched::default()
    };
    let exits_of: Vec<Touched> = (0..3).map(|task| after(&[Fact::Exited(task, 0, 1)])).collect();
    assert!(exits_of.iter().all(|touched| touched.units.len() == 1 && !touched.everything), "{exits_of:?}");
    assert_eq!(after(&[Fact::Probed(0, true)]), only(&[]), "the same again says nothing new");
    assert_eq!(after(&[Fact::ImageProgressed(0)]), only(&[]), "progress is for people");
    let shared = (0..3).find(|image| steady.image(*image).as_deref() == Some("shared:1")).expect("an image");
    let both = only(&["built", "pulled"]);
    assert_eq!(after(&[Fact::Renew(shared)]), both, "an image concerns all whose tasks run it");
    assert!(after(&[Fact::ShutDown]).everything);
    assert!(after(&[Fact::Trouble(true)]).everything);
}
