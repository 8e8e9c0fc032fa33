//! The loop: wait for input, take everything that is waiting, plan until nothing is left to decide, publish, start the
//! effects, reply. It never awaits the engine.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::alb::targets::health::Probe;
use crate::control::clock::now;
use crate::control::command::{Command, Refusal, Renew};
use crate::control::desired::edit::Edit;
use crate::control::desired::merge::Departure;
use crate::control::desired::state::Desired;
use crate::control::desired::violation::Violation;
use crate::control::details::Details;
use crate::control::executor::{Executor, Outcome};
use crate::control::handle::ControlHandle;
use crate::control::ids::IdSource;
use crate::control::observation::Observation;
use crate::control::routing::Publisher;
use crate::control::runtime::{ObservedContainer, ObservedState, Runtime, RuntimeEvent};
use crate::control::service_deployments;
use crate::control::snapshot::{Bindings, Snapshot};
use crate::control::specs::{self, StandaloneRun};
use crate::control::wanted_images::WantedImages;
use crate::ecs::apply::Context;
use crate::ecs::images::naming;
use crate::ecs::plan::Planner;
use crate::ecs::registration;
use crate::ecs::scaling::record::Activity;
use crate::ecs::step::{Change, Step, TrafficShift};
use crate::ecs::violation as service;
use crate::ecs::world::{Deployment, Task, World};
use crate::model::task::StopCode;
use crate::model::{ContainerName, LoadBalancerName, ServiceName, TaskId, Topology};

/// The number of inputs to accept before the next plan, so that a flood of inputs cannot starve it.
const INPUTS_PER_TURN: usize = 256;
/// A plan that is not finished after this many rounds contradicts itself; the rest waits for the next turn.
const ROUNDS_PER_TURN: usize = 64;

/// Starts the single writer for a desired state. It ends when every [`ControlHandle`] is gone.
pub fn start<I: IdSource>(
    desired: impl Into<Desired>,
    renew: Renew,
    runtime: Arc<dyn Runtime>,
    ids: I,
) -> ControlHandle {
    let desired = desired.into();
    let topology = Arc::clone(desired.topology());
    let (commands_in, commands) = mpsc::channel(64);
    let (observations_in, observations) = mpsc::channel(1024);

    let world = World::default();
    let bindings = Bindings::new();
    let (routing_out, routing) = Publisher::new(&topology);
    let snapshot = Snapshot {
        generation: 0,
        topology: Arc::clone(&topology),
        left_alone: desired.left_alone().into(),
        world: world.clone(),
        bindings: bindings.clone(),
    };
    let (snapshots_out, snapshots) = watch::channel(Arc::new(snapshot));

    let (desired_out, authored) = watch::channel(Arc::new(desired.clone()));
    let engine_reports = observations_in.clone();
    let watched = Arc::clone(&runtime);
    let mut controller = Controller {
        topology: Arc::clone(&topology),
        left_alone: desired.left_alone().into(),
        desired,
        desired_out,
        world,
        planner: Planner::default(),
        bindings,
        renew,
        ids,
        executor: Executor::new(runtime, observations_in.clone()),
        commands,
        observations,
        routing_out,
        snapshots_out,
        routed: None,
        wake_at: None,
        replies: Vec::new(),
    };
    controller.take_topology(topology, renew, BTreeSet::new());

    tokio::spawn(async move {
        let (events_in, mut events) = mpsc::channel(256);
        let relay = async {
            while let Some(event) = events.recv().await {
                if engine_reports.send(Observation::Runtime(event)).await.is_err() {
                    break;
                }
            }
        };
        tokio::join!(watched.watch(events_in), relay);
    });
    tokio::spawn(controller.run());
    ControlHandle { commands: commands_in, observations: observations_in, snapshots, routing, desired: authored }
}

struct Controller<I> {
    topology: Arc<Topology>,
    /// The source of the topology.
    desired: Desired,
    left_alone: Arc<[Departure]>,
    desired_out: watch::Sender<Arc<Desired>>,
    world: World,
    planner: Planner,
    bindings: Bindings,
    /// The options with which the file was last applied.
    renew: Renew,
    ids: I,
    executor: Executor,
    commands: mpsc::Receiver<Command>,
    observations: mpsc::Receiver<Observation>,
    routing_out: Publisher,
    snapshots_out: watch::Sender<Arc<Snapshot>>,
    /// What the published routing table was compiled from.
    routed: Option<Arc<Topology>>,
    wake_at: Option<Instant>,
    replies: Vec<(oneshot::Sender<Verdict>, Verdict)>,
}

/// The reply to a command.
type Verdict = Result<(), Refusal>;

enum Input {
    Command(Command),
    Observation(Observation),
    Outcome(Outcome),
    Time,
    Closed,
}

impl<I: IdSource> Controller<I> {
    async fn run(mut self) {
        loop {
            self.turn();
            let input = self.wait().await;
            if matches!(input, Input::Closed) {
                return;
            }
            self.take(input);
            self.take_waiting();
        }
    }

    async fn wait(&mut self) -> Input {
        let wake_at = self.wake_at;
        let alarm = async {
            match wake_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // Every arm is cancel-safe: receivers and `Executor::next` lose nothing when another arm wins, and the alarm
        // is set anew from the plan.
        tokio::select! {
            command = self.commands.recv() => command.map_or(Input::Closed, Input::Command),
            Some(observation) = self.observations.recv() => Input::Observation(observation),
            outcome = self.executor.next() => Input::Outcome(outcome),
            () = alarm => Input::Time,
        }
    }

    fn take_waiting(&mut self) {
        for _ in 0..INPUTS_PER_TURN {
            if let Some(outcome) = self.executor.try_next() {
                self.take(Input::Outcome(outcome));
            } else if let Ok(observation) = self.observations.try_recv() {
                self.take(Input::Observation(observation));
            } else if let Ok(command) = self.commands.try_recv() {
                self.take(Input::Command(command));
            } else {
                return;
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.take_command(command),
            Input::Observation(observation) => self.take_observation(observation),
            Input::Outcome(outcome) => self.take_outcome(outcome),
            Input::Time | Input::Closed => {}
        }
    }

    fn take_command(&mut self, command: Command) {
        match command {
            Command::Apply { topology, renew, reset, reply } => {
                let verdict = if self.world.shutting_down {
                    Err(Refusal::ShuttingDown)
                } else {
                    let declared = self.desired.declare(topology, reset).map_err(Refusal::StillNeeded);
                    declared.map(|()| self.take_desired(renew, BTreeSet::new()))
                };
                self.replies.push((reply, verdict));
            }
            Command::Restart { service, reply } => {
                let verdict = self.restart(service);
                self.replies.push((reply, verdict));
            }
            Command::Rebuild { containers, reply } => {
                let verdict = self.rebuild(&containers);
                self.replies.push((reply, verdict));
            }
            Command::RestartContainers { containers, reply } => {
                let verdict = if self.world.shutting_down { Err(Refusal::ShuttingDown) } else { Ok(()) };
                if verdict.is_ok() {
                    self.world.containers_to_restart(&containers);
                }
                self.replies.push((reply, verdict));
            }
            Command::Edit { edit, renew, reply } => {
                let verdict = self.edit(*edit, renew);
                self.replies.push((reply, verdict));
            }
            Command::StopServiceDeployment { service, stop_type, reply } => {
                let verdict = service_deployments::stop(&mut self.world, &self.topology, &service, stop_type, now());
                self.keep_rollback(&service);
                self.replies.push((reply, verdict));
            }
            Command::ContinueServiceDeployment { service, action, reply } => {
                let verdict = service_deployments::resume(&mut self.world, &self.topology, &service, action, now());
                self.keep_rollback(&service);
                self.replies.push((reply, verdict));
            }
            Command::StopTask { task, reason, reply } => {
                let verdict = self.stop_task(task, reason);
                self.replies.push((reply, verdict));
            }
            Command::UpdateTaskProtection { task, change, reply } => {
                let verdict = self.world.update_task_protection(&task, change, now()).map_err(Refusal::TaskProtection);
                self.replies.push((reply, verdict));
            }
            Command::ShutDown { reply } => {
                self.world.shutting_down = true;
                self.executor.abandon_images();
                self.replies.push((reply, Ok(())));
            }
        }
    }

    fn take_desired(&mut self, renew: Renew, redeployed: BTreeSet<ServiceName>) {
        self.left_alone = self.desired.left_alone().into();
        self.desired_out.send_replace(Arc::new(self.desired.clone()));
        self.take_topology(Arc::clone(self.desired.topology()), renew, redeployed);
    }

    fn take_topology(&mut self, topology: Arc<Topology>, renew: Renew, mut redeployed: BTreeSet<ServiceName>) {
        self.renew = renew;
        let images = WantedImages::new(&topology, renew);
        self.world.images_wanted(&images.all);
        self.world.images_to_renew(images.again);
        // New values of secrets, and of environment files, reach only new tasks (ECS developer guide, "Specifying sensitive data").
        if topology.secrets != self.topology.secrets || topology.environment_files != self.topology.environment_files {
            redeployed.extend(topology.services.keys().cloned());
        }
        self.topology = topology;
        self.planner.look_at_everything();
        let now = now();
        self.world.target_groups_wanted(&self.topology, now);
        let ids = &mut self.ids;
        self.world.services_wanted(&self.topology.services, &redeployed, || ids.deployment_id(), now);
        let listeners: BTreeSet<(LoadBalancerName, u16)> =
            self.topology.listeners().map(|(balancer, listener)| (balancer.name.clone(), listener.port)).collect();
        self.bindings.retain(|listener, _| listeners.contains(listener));
        let topology = Arc::clone(&self.topology);
        for (service, activity) in self.world.scalable_targets_wanted(&topology) {
            self.scale(service, activity);
        }
    }

    /// Application Auto Scaling calls UpdateService, and shows what it did among the service's events.
    fn scale(&mut self, service: ServiceName, activity: Activity) {
        let images_as_they_are = Renew { builds: false, pulls: false };
        match self.edit(Edit::scale(service.clone(), activity.desired), images_as_they_are) {
            Ok(()) => self.world.scaling_begun(&service, activity, now()),
            Err(refusal) => tracing::warn!(%service, %refusal, "cannot scale a service"),
        }
    }

    fn rebuild(&mut self, containers: &[(ServiceName, ContainerName)]) -> Result<(), Refusal> {
        if self.world.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        let images: Vec<String> = containers
            .iter()
            .filter_map(|(name, container)| {
                let service = self.topology.services.get(name)?;
                let definition = service.task_definition.container(container)?;
                let is_built = matches!(naming::source(service, definition), naming::Source::Build { .. });
                is_built.then(|| naming::reference(&self.topology.name, name, service, definition))
            })
            .collect();
        self.world.images_to_renew(images);
        Ok(())
    }

    fn edit(&mut self, edit: Edit, renew: Renew) -> Result<(), Refusal> {
        if self.world.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        let (redeployed, defined, run) = (edit.redeployed(), edit.redefined(), edit.run().cloned());
        let nothing_follows = run.is_some() || edit.is_only_remembered();
        self.desired.edit(edit).map_err(|violation| match violation {
            Violation::Ecs(service::Violation::ServiceNotFound(name)) => {
                Refusal::UnknownService { name, known: self.topology.services.keys().cloned().collect() }
            }
            other => Refusal::Violation(other),
        })?;
        if let Some(Edit::RunTask { tasks, task_definition, overrides, started_by, images }) = run {
            let revision = self.desired.task_definitions().revision(&task_definition);
            let run = StandaloneRun { revision, overrides, started_by, images };
            for (spec, verdict) in run.tasks(&self.topology, tasks) {
                self.world.add_task(spec, verdict, now());
            }
        }
        if nothing_follows {
            self.desired_out.send_replace(Arc::new(self.desired.clone()));
            return Ok(());
        }
        for service in &defined {
            self.world.rollback_accepted(service);
        }
        let options = self.renew;
        self.take_desired(renew, redeployed);
        if !renew.builds {
            // What is missing later is still built.
            self.renew = options;
        }
        Ok(())
    }

    /// A service that was rolled back is wanted as it was: what failed is not deployed again because neargate is restarted.
    /// Where that cannot be (the file no longer has what it ran with), what was asked for stays wanted.
    fn keep_rollback(&mut self, service: &ServiceName) {
        let Some(record) = self.world.services.get(service).filter(|record| record.is_rolling_back()) else { return };
        let (restored, now_wanted) = (Arc::clone(&record.primary.service), self.topology.services.get(service));
        let Some(now_wanted) = now_wanted else { return };
        let edit = Edit::restore(service.clone(), &restored, now_wanted);
        if self.desired.edit(edit).is_ok() {
            self.world.rollback_accepted(service);
            let options = self.renew;
            self.take_desired(Renew { builds: false, pulls: false }, BTreeSet::new());
            self.renew = options;
        }
    }

    fn stop_task(&mut self, task: TaskId, reason: String) -> Result<(), Refusal> {
        if !self.world.tasks.get(&task).is_some_and(Task::is_wanted) {
            return Err(Refusal::UnknownTask(task));
        }
        self.apply(&Change::StopTask { task, code: StopCode::UserInitiated, reason });
        Ok(())
    }

    fn restart(&mut self, service: Option<ServiceName>) -> Result<(), Refusal> {
        if self.world.shutting_down {
            return Err(Refusal::ShuttingDown);
        }
        let names: BTreeSet<ServiceName> = match service {
            None => self.topology.services.keys().cloned().collect(),
            Some(name) if self.topology.services.contains_key(&name) => [name].into(),
            Some(name) => {
                return Err(Refusal::UnknownService { name, known: self.topology.services.keys().cloned().collect() });
            }
        };
        // What `forceNewDeployment` does: new tasks first, then the old ones go.
        let ids = &mut self.ids;
        self.world.services_wanted(&self.topology.services, &names, || ids.deployment_id(), now());
        Ok(())
    }

    fn take_observation(&mut self, observation: Observation) {
        match observation {
            Observation::Runtime(event) => self.take_runtime_event(event),
            Observation::Probed { target_group, target, tick, outcome, detail } => {
                let states = self.routing_out.targets(&target_group);
                let reachable = states.iter().any(|state| state.target == target && state.reachable);
                if let Some(group) = self.topology.target_groups.get(&target_group) {
                    let settings = &group.health_check;
                    let probe = Probe { tick, outcome, reachable };
                    self.world.target_probed(&target_group, &target, settings, probe, detail, now());
                }
            }
            Observation::ImageProgressed(progress) if !progress.detail => {
                self.world.image_progressed(&progress.image, progress.message);
            }
            Observation::ImageProgressed(_) => {}
            Observation::ListenersBound { load_balancer, .. } => {
                let balancer = self.topology.load_balancers.get(&load_balancer);
                for listener in balancer.iter().flat_map(|balancer| &balancer.listeners) {
                    self.bindings.insert((load_balancer.clone(), listener.port), Ok(()));
                }
            }
            Observation::ListenerFailed { load_balancer, port, message } => {
                self.bindings.insert((load_balancer, port), Err(message));
            }
            Observation::AlarmChanged { alarm, state } => self.world.alarm_changed(alarm, state),
            Observation::MetadataEndpoint(found) => self.world.metadata_trouble = found.err(),
            Observation::ScalingMeasured { service, points } => {
                let topology = Arc::clone(&self.topology);
                if let Some(activity) = self.world.scaling_measured(&service, &points, &topology, now()) {
                    self.scale(service, activity);
                }
            }
            Observation::TargetSilent { target_group, target, request, idle_timeout } => {
                self.world.target_silent(&target_group, &target, request, idle_timeout, now());
            }
            Observation::Drained { target_group, target } => {
                self.world.target_drained(&target_group, &target, self.topology.time_scale, now());
            }
        }
    }

    fn take_runtime_event(&mut self, event: RuntimeEvent) {
        match event {
            RuntimeEvent::Nodes(nodes) => self.world.nodes.observed(nodes),
            RuntimeEvent::Unreachable(node, reason) => self.world.nodes.asked(&node, Some(reason)),
            RuntimeEvent::Changed(container) => self.take_observed(&container),
            RuntimeEvent::Inventory(node, containers) => {
                let listed = containers.iter().map(|container| container.runtime_id.clone()).collect();
                self.world.inventory(&node, &listed, now());
                self.planner.look_at_everything();
                for container in &containers {
                    self.take_observed(container);
                }
            }
        }
    }

    fn take_observed(&mut self, observed: &ObservedContainer) {
        let Some(name) = &observed.container else {
            if observed.state != ObservedState::Running {
                self.world.network_lost(&observed.task, now());
            }
            return;
        };
        match &observed.state {
            ObservedState::Running => {
                self.world.container_health(&observed.task, name, &observed.runtime_id, observed.health, now());
            }
            ObservedState::Exited(exit) => {
                self.world.container_exited(&observed.task, name, &observed.runtime_id, exit, now());
            }
            ObservedState::Gone => self.world.container_removed(&observed.task, name, &observed.runtime_id, now()),
        }
    }

    fn take_outcome(&mut self, outcome: Outcome) {
        let now = now();
        match outcome {
            Outcome::Prepared(result) => {
                self.world.project_prepared(result.map_err(|error| error.to_string()), now);
            }
            Outcome::ImageProvided { image, nodes, result } => {
                self.world.image_provided(&image, nodes, result.map_err(|error| error.to_string()), now);
            }
            Outcome::TaskOpened { task, result } => {
                self.world.task_opened(&task, result.map_err(|error| error.to_string()), now);
            }
            Outcome::ContainerStarted { task, container, result } => {
                let result =
                    result.map(|started| (started.runtime_id, started.image_digest)).map_err(|error| error.to_string());
                self.world.container_started(&task, &container, result, now);
            }
            Outcome::ContainerStopped { task, container, result } => {
                if let Err(error) = result {
                    // Said once: the next tries fail of the same.
                    if self.world.container_not_stopped(&task, &container, now) == 1 {
                        tracing::warn!(%task, %container, %error, "cannot stop a container; trying again");
                    }
                }
            }
            Outcome::ContainerRestarted { task, container, result } => {
                if let Err(error) = &result {
                    tracing::warn!(%task, %container, %error, "cannot restart a container");
                }
                self.world.container_restarted(&task, &container, result.ok().flatten(), now);
            }
            Outcome::HookAnswered { call, outcome } => {
                self.world.hook_answered(&call, &outcome, self.topology.time_scale, now);
            }
            Outcome::TaskClosed { task, result } => match result {
                Ok(()) => self.world.task_closed(&task, now),
                Err(error) => {
                    if self.world.task_not_closed(&task, now) == 1 {
                        tracing::warn!(%task, %error, "cannot remove a task; trying again");
                    }
                }
            },
        }
    }

    /// Plans, publishes, executes, replies, in this order, so that callers read their own writes.
    fn turn(&mut self) {
        let mut effects = Vec::new();
        for _ in 0..ROUNDS_PER_TURN {
            let plan = self.planner.plan(&self.topology, &self.world, now().instant);
            self.wake_at = plan.wake_at.map(Instant::from_std);
            if plan.steps.is_empty() {
                break;
            }
            for step in plan.steps {
                match step {
                    Step::Effect(effect) => {
                        self.world.begin(&effect, &self.topology, now());
                        effects.push(effect);
                    }
                    Step::Change(change) => self.apply(&change),
                    Step::Shift(shift) => self.shift(&shift),
                }
            }
        }
        self.publish();
        let details = Details { topology: &self.topology, world: &self.world, renew: self.renew };
        for effect in effects {
            self.executor.start(effect, &details);
        }
        for (reply, verdict) in self.replies.drain(..) {
            let _ = reply.send(verdict);
        }
    }

    fn apply(&mut self, change: &Change) {
        let topology = Arc::clone(&self.topology);
        let ids = RefCell::new(&mut self.ids);
        let mut new_task = |name: &ServiceName, deployment: &Deployment| {
            specs::of_service(&topology, &mut **ids.borrow_mut(), name, deployment)
        };
        let mut deployment_id = || ids.borrow_mut().deployment_id();
        let context = &mut Context {
            topology: &topology,
            now: now(),
            new_task: &mut new_task,
            deployment_id: &mut deployment_id,
        };
        self.world.apply(change, context);
        if let Change::FailDeployment { service, roll_back: true, .. } = change {
            self.keep_rollback(service);
        }
    }

    /// ECS changes a listener rule, as one of the authors of what is wanted. Nothing else of it changes, so that no image is
    /// asked for and no service updated.
    fn shift(&mut self, shift: &TrafficShift) {
        let TrafficShift { service, rule, target_groups } = shift;
        if let Err(violation) = self.desired.shift(rule, target_groups) {
            tracing::warn!(%service, %rule, %violation, "cannot shift traffic");
            return;
        }
        self.left_alone = self.desired.left_alone().into();
        self.desired_out.send_replace(Arc::new(self.desired.clone()));
        self.topology = Arc::clone(self.desired.topology());
        self.planner.look_at_everything();
        self.world.target_groups_wanted(&self.topology, now());
    }

    fn publish(&mut self) {
        let last = Arc::clone(&self.snapshots_out.borrow());
        self.publish_routing(&last.world);
        let is_new =
            !Arc::ptr_eq(&last.topology, &self.topology) || last.world != self.world || last.bindings != self.bindings;
        if is_new {
            self.snapshots_out.send_replace(Arc::new(Snapshot {
                generation: last.generation + 1,
                topology: Arc::clone(&self.topology),
                left_alone: Arc::clone(&self.left_alone),
                world: self.world.clone(),
                bindings: self.bindings.clone(),
            }));
        }
    }

    /// A topology is compiled once. What follows of target health is told from the world that was published last.
    fn publish_routing(&mut self, last: &World) {
        if self.routed.as_ref().is_some_and(|topology| Arc::ptr_eq(topology, &self.topology)) {
            self.routing_out.renew(registration::changed_states(&self.topology, last, &self.world));
        } else {
            self.routed = Some(Arc::clone(&self.topology));
            self.routing_out.publish(&self.topology, &registration::states(&self.topology, &self.world));
        }
    }
}
