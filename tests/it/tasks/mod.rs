//! The controller in a pretended world, under a paused clock. A case says what is wanted and how the world behaves;
//! the expected transcript beside it says what becomes of it, second by second.

mod script;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use neargate::admin::diagnosis::diagnose;
use neargate::admin::diagnosis::finding::Finding;
use neargate::admin::view::shape::{ClusterView, DeploymentView, ServiceDeploymentView, TaskView};
use neargate::admin::view::views::Views;
use neargate::alb::targets::health::ProbeTick;
use neargate::control::command::{PauseAction, Renew, StopType};
use neargate::control::desired::edit::Edit;
use neargate::control::ids::CountedIds;
use neargate::control::observation::Observation;
use neargate::control::{self, ControlHandle};
use neargate::ecs::service::protection::ProtectionChange;
use neargate::model::target_health::{ProbeOutcome, Target, TargetHealthState};
use neargate::model::task::HealthStatus;
use neargate::model::topology::Topology;
use neargate::model::{AlarmName, ServiceName, TargetGroupName};
use tokio::time::Instant;

use crate::support::expected::{Differences, cases, read};
use crate::support::world::World;
use script::{Case, topology};

/// Every case, family by family.
fn scripts() -> Vec<PathBuf> {
    [
        cases("ecs/depends-on", "yaml"),
        cases("ecs/deployments", "yaml"),
        cases("ecs/events", "yaml"),
        cases("ecs/lifecycle", "yaml"),
        cases("ecs/placement", "yaml"),
        cases("ecs/protection", "yaml"),
        cases("ecs/scaling", "yaml"),
        cases("ecs/services", "yaml"),
        cases("ecs/stop-reasons", "yaml"),
    ]
    .concat()
}

#[test]
fn tasks_live_as_on_fargate() {
    let mut differences = Differences::default();
    for path in scripts() {
        check(&path, &read(&path), &mut differences);
    }
    differences.finish();
}

/// Whoever held the port has let go of it: the data plane tries again, and binds it.
#[tokio::test(start_paused = true)]
async fn a_listener_whose_port_was_taken_is_active_once_it_is_bound() {
    let case: Case = read(&cases("ecs/services", "yaml")[0]);
    let topology = Arc::new(topology(&case));
    let (balancer, listener) = topology.listeners().next().unwrap();
    let key = (balancer.name.clone(), listener.port);
    let world = Arc::new(World::new(case.world.clone()));
    let handle = control::start(Arc::clone(&topology), Renew::default(), world, CountedIds::default());
    let mut snapshots = handle.snapshots();

    let (load_balancer, message) = (key.0.clone(), "in use by nginx (pid 1)".to_owned());
    let failed = Observation::ListenerFailed { load_balancer, port: key.1, message };
    handle.observations().send(failed).await.unwrap();
    let told = snapshots.wait_for(|snapshot| matches!(snapshot.bindings.get(&key), Some(Err(_))));
    tokio::time::timeout(Duration::from_secs(60), told).await.expect("the failure").unwrap();

    let bound = Observation::ListenersBound { load_balancer: key.0.clone(), generation: 1 };
    handle.observations().send(bound).await.unwrap();
    let told = snapshots.wait_for(|snapshot| snapshot.bindings.get(&key) == Some(&Ok(())));
    tokio::time::timeout(Duration::from_secs(60), told).await.expect("the binding").unwrap();
}

fn check(path: &Path, case: &Case, differences: &mut Differences) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let transcript = runtime.block_on(live(case));
    differences.check(&path.with_extension("txt"), &transcript);
}

async fn live(case: &Case) -> String {
    let topology = Arc::new(topology(case));
    let world = Arc::new(World::new(case.world.clone()));
    let (begin, start) = (Instant::now(), jiff::Timestamp::now());
    let handle =
        control::start(Arc::clone(&topology), Renew::default(), Arc::<World>::clone(&world), CountedIds::default());
    tokio::spawn(probe(handle.clone(), case.probes.clone()));
    tokio::spawn(measure(handle.clone(), case.metrics.clone()));
    let (asked, mut doctor) = tokio::sync::mpsc::channel(1);
    tokio::spawn(act(handle.clone(), Arc::clone(&topology), case.actions.clone(), begin, asked));
    handle
        .observations()
        .send(Observation::ListenersBound { load_balancer: "test".into(), generation: 1 })
        .await
        .unwrap();

    let mut transcript = String::new();
    let with_trouble = !case.world.nodes.is_empty();
    let with_deployments = case.deployments || case.brief;
    let mut shown = Shown { with_deployments, is_brief: case.brief, with_trouble, ..Shown::default() };
    let mut views = Views::new(handle.snapshots());
    let end = begin + Duration::from_secs_f64(case.seconds);
    loop {
        let view = views.latest();
        shown.changes(&view, begin.elapsed(), &mut transcript);
        tokio::select! {
            // What happens in the same moment as a question happens before it.
            biased;
            changed = views.changed() => changed.unwrap(),
            Some(topology) = doctor.recv() => {
                // Wall time does not pass here, so nothing is ever long ago.
                let findings = diagnose(&view, &topology, jiff::Timestamp::now());
                write_findings(&findings, begin.elapsed(), &mut transcript);
            }
            () = tokio::time::sleep_until(end) => break,
        }
    }
    if case.times {
        let view = views.latest();
        view.services
            .iter()
            .flat_map(|service| &service.tasks)
            .for_each(|task| write_times(task, start, &mut transcript));
    }
    let (tasks, containers) = world.left();
    writeln!(transcript, "{:>6.1}  left in the engine: {tasks} tasks, {containers} containers", case.seconds).unwrap();
    for event in world.hook_events() {
        writeln!(transcript, "        {event}").unwrap();
    }
    for (node, image) in world.provided() {
        writeln!(transcript, "        {image} was provided on {node}").unwrap();
    }
    if case.world.away.is_some() {
        writeln!(transcript, "        asked in vain while it was away: {} times", world.asked_in_vain()).unwrap();
    }
    transcript
}

/// Probes every target once a second, finding what the case says.
async fn probe(handle: ControlHandle, script: BTreeMap<u16, Vec<(f64, String)>>) {
    let mut since: HashMap<Target, Instant> = HashMap::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let view = ClusterView::from(&**handle.snapshots().borrow());
        for group in &view.target_groups {
            for target in group.targets.iter().filter(|target| target.state != TargetHealthState::Draining) {
                let key = Target { address: target.id.parse().unwrap(), port: target.port };
                let age = since.entry(key).or_insert_with(Instant::now).elapsed().as_secs_f64();
                let steps = script.get(&target.port).cloned().unwrap_or_default();
                let finding = steps.iter().rev().find(|(from, _)| *from <= age).map_or("200", |(_, what)| what);
                let outcome = match finding {
                    "none" => continue,
                    "timeout" => ProbeOutcome::TimedOut,
                    "refused" => ProbeOutcome::Failed,
                    code => match code.parse().unwrap() {
                        200 => ProbeOutcome::Passed { code: 200 },
                        code => ProbeOutcome::CodeMismatch { code },
                    },
                };
                let observation = Observation::Probed {
                    target_group: TargetGroupName::new(&group.name),
                    target: key,
                    tick: ProbeTick::Whole,
                    outcome,
                    detail: finding.to_owned(),
                };
                handle.observations().send(observation).await.unwrap();
            }
        }
    }
}

/// At the end of every minute, measures for scaling policies what the case says.
async fn measure(handle: ControlHandle, metrics: BTreeMap<String, Vec<(u64, Option<f64>)>>) {
    let begin = Instant::now();
    while !metrics.is_empty() {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let second = begin.elapsed().as_secs();
        let value = |steps: &[(u64, Option<f64>)]| steps.iter().rev().find(|(from, _)| *from <= second)?.1;
        let points = metrics.iter().filter_map(|(policy, steps)| Some((policy.as_str().into(), value(steps)?)));
        let (service, points) = (ServiceName::new("app"), points.collect());
        handle.observations().send(Observation::ScalingMeasured { service, points }).await.unwrap();
    }
}

async fn act(
    handle: ControlHandle,
    topology: Arc<Topology>,
    actions: Vec<(f64, String)>,
    begin: Instant,
    doctor: tokio::sync::mpsc::Sender<Arc<Topology>>,
) {
    let mut wanted = Topology::clone(&topology);
    for (at, action) in actions {
        tokio::time::sleep_until(begin + Duration::from_secs_f64(at)).await;
        let service = ServiceName::new("app");
        match action.as_str() {
            "shut down" => {
                handle.shut_down(Duration::from_secs(3600)).await;
            }
            "doctor" => doctor.send(Arc::clone(&topology)).await.unwrap(),
            "stop task" => {
                let wanted = handle.snapshots().borrow().world.tasks.values().find(|task| task.is_wanted()).cloned();
                handle.stop_task(wanted.unwrap().spec.id.clone()).await.unwrap();
            }
            protect if protect.starts_with("protect ") || protect.starts_with("release ") => {
                // `protect the oldest 2 for 5 minutes`, `release the oldest 1`
                let words: Vec<&str> = protect.split(' ').collect();
                let change = ProtectionChange {
                    enabled: words[0] == "protect",
                    expires_in_minutes: words.get(5).map(|minutes| minutes.parse().unwrap()),
                };
                let tasks = handle.snapshots().borrow().world.tasks.clone();
                let mut tasks: Vec<_> = tasks.values().filter(|task| task.is_wanted()).collect();
                tasks.sort_by_key(|task| task.sequence);
                for task in tasks.iter().take(words[3].parse().unwrap()) {
                    handle.update_task_protection(task.spec.id.clone(), change).await.unwrap();
                }
            }
            "restart in place" => {
                let web = topology.services[&service].task_definition.containers[0].name.clone();
                handle.restart_containers(vec![(service, web)]).await.unwrap();
            }
            "restart" => handle.restart(Some(service)).await.unwrap(),
            "force a new deployment" | "ask for the definition again" => {
                // The last one that was registered, which is not what is wanted after a rollback.
                let family = &topology.services[&service].task_definition.family;
                let asked = handle.desired().task_definitions().latest(family).unwrap().name();
                let mut edit = Edit::scale(service.clone(), wanted.services[&service].desired_count);
                if let Edit::UpdateService { force_new_deployment, task_definition, .. } = &mut edit {
                    *force_new_deployment = action == "force a new deployment";
                    *task_definition = (!*force_new_deployment).then_some(asked);
                }
                handle.edit(edit).await.unwrap();
            }
            alarm if alarm.starts_with("alarm ") => {
                let (name, state) = alarm["alarm ".len()..].split_once(": ").unwrap();
                let changed = Observation::AlarmChanged { alarm: AlarmName::new(name), state: state.parse().unwrap() };
                handle.observations().send(changed).await.unwrap();
            }
            "apply the same file" => {
                handle.apply(Arc::new(wanted.clone()), Renew::default(), false).await.unwrap();
            }
            "continue the deployment" => {
                handle.continue_service_deployment(service, PauseAction::Continue).await.unwrap();
            }
            "roll the paused deployment back" => {
                handle.continue_service_deployment(service, PauseAction::Rollback).await.unwrap();
            }
            "stop the deployment" => {
                handle.stop_service_deployment(service, StopType::Rollback).await.unwrap();
            }
            "abort the deployment" => {
                handle.stop_service_deployment(service, StopType::Abort).await.unwrap();
            }
            "up" => {
                wanted = Topology::clone(&topology);
                handle.apply(Arc::clone(&topology), Renew::default(), false).await.unwrap();
            }
            changed => {
                let service = wanted.services.get_mut(&service).unwrap();
                match (changed.strip_prefix("scale to "), changed) {
                    (Some(count), _) => service.desired_count = count.parse().unwrap(),
                    (None, "new definition" | "another definition") => {
                        let definition = Arc::make_mut(&mut service.task_definition.definition);
                        definition.containers[0].environment.insert("CHANGED".into(), changed.into());
                    }
                    (None, "new image") => {
                        Arc::make_mut(&mut service.task_definition.definition).containers[0].image = "web:2".to_owned();
                    }
                    (None, other) => panic!("unknown action {other:?}"),
                }
                handle.apply(Arc::new(wanted.clone()), Renew::default(), false).await.unwrap();
            }
        }
    }
}

fn write_findings(findings: &[Finding], at: Duration, transcript: &mut String) {
    let at = at.as_secs_f64();
    if findings.is_empty() {
        writeln!(transcript, "{at:>6.1}  doctor: nothing is wrong").unwrap();
    }
    for finding in findings {
        let Finding { severity, subject, symptom, effect, cause, fix, container } = finding;
        let subject = subject.replace(&"0".repeat(8), "…");
        writeln!(transcript, "{at:>6.1}  doctor: {severity:?}: {subject}").unwrap();
        let arn = "arn:aws:elasticloadbalancing:us-east-1:111122223333:";
        writeln!(transcript, "{:>16}{}", "", symptom.replace(arn, "arn:…:")).unwrap();
        if let Some(effect) = effect {
            writeln!(transcript, "{:>16}clients get: {effect}", "").unwrap();
        }
        writeln!(transcript, "{:>16}cause: {cause}", "").unwrap();
        writeln!(transcript, "{:>16}fix: {fix}", "").unwrap();
        if let Some(container) = container {
            writeln!(transcript, "{:>16}last lines of: {}", "", container.container).unwrap();
        }
    }
}

/// The times of a task, as seconds of the case, in the order in which they pass.
fn write_times(task: &TaskView, start: jiff::Timestamp, transcript: &mut String) {
    let times = [
        ("createdAt", Some(&task.created_at)),
        ("connectivityAt", task.connectivity_at.as_ref()),
        ("pullStartedAt", task.pull_started_at.as_ref()),
        ("pullStoppedAt", task.pull_stopped_at.as_ref()),
        ("startedAt", task.started_at.as_ref()),
        ("stoppingAt", task.stopping_at.as_ref()),
        ("executionStoppedAt", task.execution_stopped_at.as_ref()),
        ("stoppedAt", task.stopped_at.as_ref()),
    ];
    writeln!(transcript, "        task {}", task.task_id.trim_start_matches('0')).unwrap();
    for (name, at) in times {
        let at = at.map(|at| at.parse::<jiff::Timestamp>().unwrap().duration_since(start).as_secs_f64().max(0.0));
        let at = at.map_or_else(|| "-".to_owned(), |at| format!("{at:.1}"));
        writeln!(transcript, "{:>16}{name:<20}{at:>6}", "").unwrap();
    }
}

/// What was written to the transcript last, by subject.
#[derive(Default)]
struct Shown {
    with_deployments: bool,
    is_brief: bool,
    with_trouble: bool,
    states: BTreeMap<String, String>,
    events: usize,
}

impl Shown {
    fn changes(&mut self, view: &ClusterView, at: Duration, transcript: &mut String) {
        let mut lines = Vec::new();
        for service in &view.services {
            for task in &service.tasks {
                let id = task.task_id.trim_start_matches('0');
                let mut text = task.last_status.to_string();
                if let (Some(node), Some(zone)) = (&task.node, &task.availability_zone) {
                    write!(text, " on {node} in {zone}").unwrap();
                }
                if let (Some(code), Some(reason)) = (&task.stop_code, &task.stopped_reason) {
                    write!(text, " {code}: {reason}").unwrap();
                }
                lines.push((format!("task {id}"), text));
                for container in &task.containers {
                    let mut text = container.last_status.to_string();
                    if container.health_status != HealthStatus::Unknown {
                        write!(text, " {}", container.health_status).unwrap();
                    }
                    if let Some(code) = container.exit_code {
                        write!(text, " exit {code}").unwrap();
                    }
                    if container.restart_count > 0 {
                        write!(text, " restarts {}", container.restart_count).unwrap();
                    }
                    if let Some(reason) = &container.reason {
                        write!(text, " ({reason})").unwrap();
                    }
                    lines.push((format!("task {id} {}", container.name), text));
                }
            }
        }
        if self.is_brief {
            lines.clear();
        }
        let deployments = view.services.iter().flat_map(|service| &service.deployments);
        for deployment in deployments.filter(|_| self.with_deployments) {
            let DeploymentView { id, status, task_definition, desired_count, pending_count, running_count, .. } =
                deployment;
            let failed = match deployment.failed_tasks {
                0 => String::new(),
                count => format!("failed {count}, "),
            };
            let text = format!(
                "{status} {task_definition}, desired {desired_count}, pending {pending_count}, running {running_count}, \
                 {failed}{}: {}",
                deployment.rollout_state, deployment.rollout_state_reason
            );
            lines.push((format!("deployment {id}"), text.replace(&"0".repeat(18), "…")));
        }
        for service in view.services.iter().filter(|_| !view.weights.is_empty()) {
            let ServiceDeploymentView { status, status_reason, lifecycle_stage, lifecycle_hook_details } =
                &service.service_deployment;
            let stage = lifecycle_stage.as_ref().map(|stage| format!(" {stage}")).unwrap_or_default();
            let reason = status_reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            lines.push(("service deployment".into(), format!("{status}{stage}{reason}")));
            for hook in lifecycle_hook_details {
                let name = hook.target_arn.as_deref().unwrap_or("pause");
                lines.push((format!("hook {name}"), hook.status.to_string()));
            }
        }
        for rule in &view.weights {
            let weights = rule.target_groups.iter().map(|group| format!("{} {}", group.target_group, group.weight));
            lines.push((rule.rule().to_string(), weights.collect::<Vec<_>>().join(", ")));
        }
        let gone =
            |subject: &str| subject.starts_with("deployment ") && !lines.iter().any(|(shown, _)| shown == subject);
        let gone: Vec<String> = self.states.keys().filter(|subject| gone(subject)).cloned().collect();
        lines.extend(gone.into_iter().map(|subject| (subject, "gone".to_owned())));
        for group in view.target_groups.iter().filter(|_| !self.is_brief) {
            for target in &group.targets {
                let text = match (&target.reason, &target.description) {
                    (Some(reason), Some(description)) => format!("{} {reason}: {description}", target.state),
                    _ => target.state.to_string(),
                };
                lines.push((format!("target {} {}:{}", group.name, target.id, target.port), text));
            }
        }
        for image in view.images.iter().filter(|image| image.build) {
            let text = match (&image.origin, &image.detail) {
                (Some(origin), _) => origin.to_string(),
                (None, Some(detail)) => format!("{}: {detail}", image.status),
                (None, None) => image.status.to_string(),
            };
            lines.push((format!("image of {}", image.containers.join(" and ")), text));
        }
        if let Some(trouble) = view.trouble.as_ref().filter(|_| self.with_trouble) {
            lines.push(("trouble".into(), trouble.clone()));
        } else if self.states.contains_key("trouble") {
            lines.push(("trouble".into(), "none".into()));
        }
        lines.push(("ready".into(), if view.ready { "yes" } else { "no" }.into()));
        for (subject, text) in lines {
            if self.states.get(&subject) != Some(&text) {
                let subject_shown = subject.replace(&"0".repeat(18), "…");
                writeln!(transcript, "{:>6.1}  {subject_shown}: {text}", at.as_secs_f64()).unwrap();
                self.states.insert(subject, text);
            }
        }
        let events: Vec<_> = view.services.iter().flat_map(|service| &service.events).collect();
        for event in events.iter().skip(self.events) {
            let message = event.message.replace(&"0".repeat(20), "…");
            let message = message.replace("arn:aws:elasticloadbalancing:us-east-1:111122223333:", "arn:…:");
            writeln!(transcript, "{:>6.1}  {message}", at.as_secs_f64()).unwrap();
        }
        self.events = events.len();
    }
}
