//! The controller in a pretended world, under a paused clock. A case says what is wanted and how the world behaves;
//! the expected transcript beside it says what becomes of it, second by second.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use neargate::admin::diagnosis::diagnose;
use neargate::admin::diagnosis::finding::Finding;
use neargate::admin::view::shape::{ClusterView, DeploymentView, TaskView};
use neargate::admin::view::views::Views;
use neargate::alb::targets::health::ProbeTick;
use neargate::control::command::{Renew, StopType};
use neargate::control::desired::edit::Edit;
use neargate::control::ids::CountedIds;
use neargate::control::observation::Observation;
use neargate::control::{self, ControlHandle};
use neargate::model::alarm::{Comparison, MetricAlarm, MissingData, Statistic};
use neargate::model::deployment::{DeploymentAlarms, DeploymentConfiguration};
use neargate::model::listener::{HeaderModification, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes};
use neargate::model::rule::{Action, Forward, WeightedTargetGroup};
use neargate::model::security_group::{IngressRule, IpProtocol, SecurityGroup, Source};
use neargate::model::service::{Build, LoadBalancerBinding, Service};
use neargate::model::target_group::{TargetGroup, TargetGroupAttributes};
use neargate::model::target_health::{ProbeOutcome, Target, TargetHealthState};
use neargate::model::task::HealthStatus;
use neargate::model::task_definition::{
    ContainerDefinition, ContainerHealthCheck, Dependency, DependencyCondition, PortMapping, RestartPolicy, Revision,
    TaskDefinition,
};
use neargate::model::topology::{TimeScale, Topology};
use neargate::model::{AlarmName, ContainerName, ServiceName, TargetGroupName};
use serde::Deserialize;
use tokio::time::Instant;

use crate::support::expected::{Differences, cases, read};
use crate::support::world::{Script, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The documented rule that the case shows, in its own words.
    #[expect(dead_code, reason = "for the reader")]
    rule: String,
    /// Where AWS says so.
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default = "one")]
    desired_count: u32,
    #[serde(default)]
    grace_period: u64,
    #[serde(default)]
    deployment_configuration: DeploymentConfiguration,
    /// Alarms that end a deployment and roll it back, each with its period in seconds.
    #[serde(default)]
    alarms: BTreeMap<String, u64>,
    containers: Vec<ContainerCase>,
    #[serde(default)]
    world: Script,
    /// What probes of a port find: from this second of the target's life on. `none` is no probe at all.
    #[serde(default)]
    probes: BTreeMap<u16, Vec<(f64, String)>>,
    /// Ports that the service's security group keeps closed.
    #[serde(default)]
    closed_ports: Vec<u16>,
    /// At which second what is done; `doctor` writes down what it says then.
    #[serde(default, rename = "do")]
    actions: Vec<(f64, String)>,
    /// Whether the service's deployments are written down as they come, change and go.
    #[serde(default)]
    deployments: bool,
    /// Whether tasks, containers and targets are left out: deployments and events tell enough.
    #[serde(default)]
    brief: bool,
    /// Whether the times of every task are written down in the end.
    #[serde(default)]
    times: bool,
    /// How long the case is watched.
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContainerCase {
    name: String,
    port: Option<u16>,
    #[serde(default = "yes")]
    essential: bool,
    #[serde(default)]
    depends_on: BTreeMap<String, String>,
    start_timeout: Option<u64>,
    #[serde(default = "thirty")]
    stop_timeout: u64,
    #[serde(default)]
    health_check: bool,
    restart_attempt_period: Option<u64>,
    #[serde(default)]
    build: bool,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn thirty() -> u64 {
    30
}

/// Every case, family by family.
fn scripts() -> Vec<PathBuf> {
    [
        cases("ecs/depends-on", "yaml"),
        cases("ecs/deployments", "yaml"),
        cases("ecs/events", "yaml"),
        cases("ecs/lifecycle", "yaml"),
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
            "restart in place" => {
                let web = topology.services[&service].task_definition.containers[0].name.clone();
                handle.restart_containers(vec![(service, web)]).await.unwrap();
            }
            "restart" => handle.restart(Some(service)).await.unwrap(),
            "force a new deployment" | "ask for the definition again" => {
                let asked = handle.topology().services[&service].task_definition.name();
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

fn topology(case: &Case) -> Topology {
    let containers: Vec<ContainerDefinition> = case.containers.iter().map(container).collect();
    let bound: Vec<&ContainerCase> = case.containers.iter().filter(|container| container.port.is_some()).collect();
    let group = |container: &ContainerCase| TargetGroupName::new(format!("tg-{}", container.name));
    let target_groups: BTreeMap<_, _> =
        bound.iter().map(|container| (group(container), target_group(container.port.unwrap()))).collect();
    let forward = Action::Forward(Forward {
        target_groups: target_groups
            .keys()
            .map(|name| WeightedTargetGroup { target_group: name.clone(), weight: 1 })
            .collect(),
        stickiness_seconds: None,
    });
    let service = Service {
        task_definition: Revision::first(TaskDefinition::new("app", containers)),
        desired_count: case.desired_count,
        security_groups: vec!["tasks".into()],
        load_balancers: bound
            .iter()
            .map(|container| LoadBalancerBinding {
                target_group: group(container),
                container: ContainerName::new(&container.name),
                port: container.port.unwrap(),
            })
            .collect(),
        builds: case
            .containers
            .iter()
            .filter(|container| container.build)
            .map(|container| (ContainerName::new(&container.name), build()))
            .collect(),
        images: BTreeMap::new(),
        watches: BTreeMap::new(),
        health_check_grace_period: Duration::from_secs(case.grace_period),
        deployment_configuration: DeploymentConfiguration {
            alarms: alarms(case),
            ..case.deployment_configuration.clone()
        },
    };
    Topology {
        name: "test".into(),
        domains: Vec::new(),
        security_groups: [("tasks".into(), open_to_the_load_balancer(case))].into(),
        target_groups,
        load_balancers: BTreeMap::from([(
            "test".into(),
            LoadBalancer {
                name: "test".into(),
                internal: false,
                domains: Vec::new(),
                security_groups: vec!["alb".into()],
                listeners: vec![Listener {
                    port: 80,
                    bind_port: 80,
                    protocol: ListenerProtocol::Http,
                    default_actions: forward.into(),
                    rules: Vec::new(),
                    headers: HeaderModification::default(),
                }],
                attributes: LoadBalancerAttributes::default(),
                bind_address: std::net::Ipv4Addr::LOCALHOST.into(),
            },
        )]),
        cluster: "test".into(),
        services: [("app".into(), service)].into(),
        secrets: BTreeMap::new(),
        time_scale: TimeScale::REAL,
    }
}

fn alarms(case: &Case) -> Option<DeploymentAlarms> {
    let alarm = |period: u64| MetricAlarm {
        metric: "HTTPCode_Target_5XX_Count".to_owned(),
        load_balancer: "test".into(),
        target_group: None,
        statistic: Statistic::Sum,
        period: Duration::from_secs(period),
        evaluation_periods: 1,
        datapoints_to_alarm: 1,
        comparison: Comparison::Greater,
        threshold: 5.0,
        missing_data: MissingData::NotBreaching,
    };
    let alarms: BTreeMap<AlarmName, MetricAlarm> =
        case.alarms.iter().map(|(name, period)| (AlarmName::new(name), alarm(*period))).collect();
    (!alarms.is_empty()).then_some(DeploymentAlarms { rollback: true, alarms })
}

fn open_to_the_load_balancer(case: &Case) -> SecurityGroup {
    let ports = case.containers.iter().filter_map(|container| container.port);
    let open = ports.filter(|port| !case.closed_ports.contains(port));
    SecurityGroup {
        ingress: open
            .map(|port| IngressRule {
                protocol: IpProtocol::Tcp,
                from_port: port,
                to_port: port,
                source: Source::SecurityGroup("alb".into()),
            })
            .collect(),
    }
}

fn build() -> Build {
    Build { context: "/context".into(), dockerfile: "Dockerfile".into(), args: BTreeMap::new(), target: None }
}

fn target_group(port: u16) -> TargetGroup {
    TargetGroup {
        attributes: TargetGroupAttributes {
            deregistration_delay: Duration::from_secs(20),
            ..TargetGroupAttributes::default()
        },
        ..TargetGroup::new(port)
    }
}

fn container(case: &ContainerCase) -> ContainerDefinition {
    let condition = |text: &str| match text {
        "START" => DependencyCondition::Start,
        "COMPLETE" => DependencyCondition::Complete,
        "SUCCESS" => DependencyCondition::Success,
        "HEALTHY" => DependencyCondition::Healthy,
        other => panic!("unknown condition {other:?}"),
    };
    ContainerDefinition {
        essential: case.essential,
        port_mappings: case.port.map(|container_port| PortMapping { container_port, udp: false }).into_iter().collect(),
        depends_on: case
            .depends_on
            .iter()
            .map(|(other, text)| Dependency { container: ContainerName::new(other), condition: condition(text) })
            .collect(),
        start_timeout: case.start_timeout.map(Duration::from_secs),
        stop_timeout: Duration::from_secs(case.stop_timeout),
        health_check: case.health_check.then(|| ContainerHealthCheck {
            command: vec!["CMD".into(), "true".into()],
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            retries: 3,
            start_period: Duration::ZERO,
        }),
        restart_policy: case.restart_attempt_period.map(|period| RestartPolicy {
            ignored_exit_codes: Vec::new(),
            restart_attempt_period: Duration::from_secs(period),
        }),
        ..ContainerDefinition::new(&case.name, format!("{}:1", case.name))
    }
}
