//! Workload n: how cost grows with the file and with the running tasks. `neargate check` and a request with a hundred,
//! a thousand and ten thousand rules; and, by calls of the library because no machine runs ten thousand tasks, plans of
//! a pretended world with many targets, tasks and services, and the renewal of a routing table.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use neargate::alb::routing::RoutingTable;
use neargate::alb::targets::health::{HealthRecord, Probe, ProbeTick};
use neargate::config::{self, Source, Tasks};
use neargate::ecs::images::naming;
use neargate::ecs::plan::Planner;
use neargate::ecs::registration;
use neargate::ecs::world::{
    Container, Image, ImageState, Network, Now, Phase, Preparation, RolloutState, TargetRecord, Task, World,
};
use neargate::model::node::{NodeState, ObservedNode};
use neargate::model::target_health::{ProbeOutcome, Target, TargetHealth};
use neargate::model::task::{ContainerExit, Origin, Reach, TaskNetwork, TaskSpec};
use neargate::model::{DeploymentId, ServiceName, TaskId, Topology};

use crate::contenders::Running;

/// A file with many rules.
pub(crate) struct Rules {
    pub(crate) count: usize,
    /// The workload names of its requests, and of `neargate check` with it.
    pub(crate) requests: &'static str,
    pub(crate) check: &'static str,
    /// Path of a request that the last rule matches.
    pub(crate) paths: &'static [&'static str],
}

/// In ascending order.
pub(crate) const RULES: [Rules; 3] = [
    Rules { count: 100, requests: "n-100", check: "n-check-100", paths: &["/100-service/small"] },
    Rules { count: 1_000, requests: "n-1000", check: "n-check-1000", paths: &["/1000-service/small"] },
    Rules { count: 10_000, requests: "n-10000", check: "n-check-10000", paths: &["/10000-service/small"] },
];

/// A pretended world.
pub(crate) struct Size {
    /// The workload names of a plan of everything, and of a plan of one change.
    pub(crate) everything: &'static str,
    pub(crate) change: &'static str,
    services: usize,
    /// Tasks of each service, each with two containers.
    tasks: usize,
    /// Targets that the file gives by address.
    targets: usize,
}

/// Both sizes that have a goal, the smaller one first.
pub(crate) const SIZES: [Size; 2] = [
    Size { everything: "n-plan-100", change: "n-change-100", services: 10, tasks: 10, targets: 1_000 },
    Size { everything: "n-plan-10000", change: "n-change-10000", services: 1_000, tasks: 10, targets: 0 },
];

/// The workload name of the renewal of a routing table with the largest number of rules in [`RULES`].
pub(crate) const RENEWAL: &str = "n-renew-10000";

/// AWS's limit for one load balancer.
const MOST_TARGET_GROUPS: usize = 100;
/// The median of this many runs counts.
const MEASUREMENTS: usize = 15;

/// Duration of `neargate check` for the file of a running contender.
pub(crate) fn check(binary: &Path, running: &Running) -> io::Result<Duration> {
    let mut command = Command::new(binary);
    command.arg("check").arg("-f").arg(running.place.file()).current_dir(&running.place.folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let took = start.elapsed();
    if status.success() { Ok(took) } else { Err(io::Error::other("neargate check refuses the file")) }
}

/// Duration of plans in a world where everything runs and one container has just ended.
pub(crate) struct Planning {
    /// A plan that looks at everything.
    pub(crate) everything: Duration,
    /// A plan that looks at what changed.
    pub(crate) change: Duration,
}

pub(crate) fn planning(size: &Size) -> Result<Planning, String> {
    let topology = size.topology()?;
    let now = Now { instant: Instant::now(), timestamp: jiff::Timestamp::UNIX_EPOCH };
    let before = steady(&topology, now);
    let mut planner = Planner::default();
    if !planner.plan(&topology, &before, now.instant).steps.is_empty() {
        return Err("something is left to do where everything runs".to_owned());
    }
    let mut after = before.clone();
    let (id, container) = before
        .tasks
        .iter()
        .find_map(|(id, task)| Some((id.clone(), task.containers.keys().next()?.clone())))
        .ok_or("no task")?;
    let exit = ContainerExit { exit_code: 1, out_of_memory: false };
    after.container_exited(&id, &container, "0", &exit, now);
    let mut plans = |everything: bool| {
        median(|| {
            planner.plan(&topology, &before, now.instant);
            if everything {
                planner.look_at_everything();
            }
            let start = Instant::now();
            let plan = planner.plan(&topology, &after, now.instant);
            let took = start.elapsed();
            if plan.steps.is_empty() { Err("a task whose container has ended goes on".to_owned()) } else { Ok(took) }
        })
    };
    Ok(Planning { everything: plans(true)?, change: plans(false)? })
}

/// Duration of the routing table's update after a change of one target's health.
pub(crate) fn renewal() -> Result<Duration, String> {
    let most = RULES.iter().map(|rules| rules.count).max().unwrap_or_default();
    let topology = Size { services: 1, tasks: 1, targets: 10, ..SIZES[0] }.topology_with(most)?;
    let now = Now { instant: Instant::now(), timestamp: jiff::Timestamp::UNIX_EPOCH };
    let states = registration::states(&topology, &steady(&topology, now));
    let table = RoutingTable::compile(&topology, topology.main_load_balancer(), &states, 1);
    let (group, mut targets) = states.into_iter().next().ok_or("no target group")?;
    targets.first_mut().ok_or("no target")?.health = TargetHealth::Draining;
    median(|| {
        let changed = [(group.clone(), targets.clone())];
        let start = Instant::now();
        let renewed = table.renew(changed, 2);
        let took = start.elapsed();
        renewed.map(|_| took).ok_or_else(|| "the table stays as it is".to_owned())
    })
}

fn median(mut measure: impl FnMut() -> Result<Duration, String>) -> Result<Duration, String> {
    let mut took = (0..MEASUREMENTS).map(|_| measure()).collect::<Result<Vec<_>, _>>()?;
    took.sort();
    Ok(took[MEASUREMENTS / 2])
}

impl Size {
    fn topology(&self) -> Result<Topology, String> {
        self.topology_with(0)
    }

    /// With rules in addition to those that forward to the groups.
    fn topology_with(&self, rules: usize) -> Result<Topology, String> {
        let text = self.file(rules);
        let source = Source {
            path: Path::new("neargate.yaml"),
            folder: Path::new("/bench"),
            text: &text,
            overrides: &[],
            env_files: Some(&[]),
            read_file: &|_| Ok(TASK_DEFINITION.to_owned()),
            unusable_certificate: &|_, _| None,
            env: &|_| None,
            tasks: Tasks::Run,
        };
        config::load(source).map(|loaded| loaded.topology).map_err(|mistakes| mistakes.to_string())
    }

    fn file(&self, rules: usize) -> String {
        let groups = self.services.min(MOST_TARGET_GROUPS);
        let mut text = format!(
            "name: bench\ndomain: bench.example\nquotas: {{ rules_per_load_balancer: {} }}\ntarget_groups:\n",
            groups + rules
        );
        for group in 0..groups {
            let targets = (0..self.targets / groups)
                .map(|target| format!("{{ address: 192.168.{group}.{}, port: 80 }}", target + 1))
                .collect::<Vec<_>>();
            text.push_str(&format!("  g{group}: {{ protocol: HTTP, port: 80, targets: [{}] }}\n", targets.join(", ")));
        }
        text.push_str("load_balancer:\n  listeners:\n    - port: 80\n      protocol: HTTP\n");
        text.push_str("      default_action: { fixed_response: { status_code: 404 } }\n      rules:\n");
        for group in 0..groups {
            text.push_str(&format!(
                "        - {{ priority: {}, conditions: [ {{ path_pattern: \"/{group}/*\" }} ], action: {{ forward: g{group} }} }}\n",
                group + 1
            ));
        }
        for rule in 1..=rules {
            text.push_str(&format!(
                "        - {{ priority: {}, conditions: [ {{ path_pattern: \"/{rule}-service/*\" }} ], action: {{ forward: g0 }} }}\n",
                groups + rule
            ));
        }
        text.push_str("services:\n");
        for service in 0..self.services {
            text.push_str(&format!(
                "  s{service}: {{ task_definition: task.json, desired_count: {}, load_balancers: [ {{ target_group: g{}, \
                 container: web, port: 80 }} ] }}\n",
                self.tasks,
                service % groups
            ));
        }
        text
    }
}

const TASK_DEFINITION: &str = r#"{"family":"f","networkMode":"awsvpc","requiresCompatibilities":["FARGATE"],
    "cpu":"256","memory":"512","containerDefinitions":[
    {"name":"web","image":"web","essential":true,"portMappings":[{"containerPort":80}]},
    {"name":"beside","image":"beside","essential":true}]}"#;

/// The world in which everything desired is running, and every target is healthy.
fn steady(topology: &Topology, now: Now) -> World {
    let mut world = World { project: Preparation::Ready, ..World::default() };
    let local = ObservedNode { name: "local".into(), zone: "a".into(), state: NodeState::Ready, schedulable: true };
    world.nodes.observed(vec![local]);
    world.target_groups_wanted(topology, now);
    world.services_wanted(&topology.services, &BTreeSet::new(), || DeploymentId::new("ecs-svc/1"), now);
    world.services.change_each(
        |_, _| true,
        |record| {
            record.steady = true;
            record.primary.rollout = RolloutState::Completed;
        },
    );
    let mut number = 0_u32;
    for (name, service) in &topology.services {
        for container in &service.task_definition.containers {
            let image = Image { state: ImageState::Ready, ..Image::missing(false) };
            world.images.insert(naming::reference(&topology.name, name, service, container), image);
        }
        for _ in 0..service.desired_count {
            number += 1;
            run_task(topology, &mut world, name, number, now);
        }
    }
    let every: Vec<_> = world
        .targets
        .iter()
        .flat_map(|(group, records)| records.iter().map(move |record| (group.clone(), record.target)))
        .collect();
    for (group, target) in every {
        let settings = &topology.target_groups[&group].health_check;
        let outcome = ProbeOutcome::Passed { code: 200 };
        let probe = Probe { tick: ProbeTick::Whole, outcome, reachable: true };
        world.target_probed(&group, &target, settings, probe, String::new(), now);
    }
    world
}

fn run_task(topology: &Topology, world: &mut World, name: &ServiceName, number: u32, now: Now) {
    let service = &topology.services[name];
    let definition = Arc::clone(&service.task_definition.definition);
    let address: IpAddr = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + number).into();
    let id = TaskId::new(format!("{number:032x}"));
    let running = |_| Container { phase: Phase::Running, runtime_id: Some("0".to_owned()), ..Container::pending() };
    let containers: BTreeMap<_, _> =
        definition.containers.iter().map(|container| (container.name.clone(), running(container))).collect();
    let spec = TaskSpec {
        id: id.clone(),
        origin: Origin::Service { service: name.clone(), deployment: world.services[name].primary.id.clone() },
        definition,
        revision: 1,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        node: None,
        endpoints: Vec::new(),
        router_configuration: None,
    };
    let mut registered = Vec::new();
    for binding in &service.load_balancers {
        let target = Target { address, port: binding.port };
        registered.push((binding.target_group.clone(), target));
        let record = TargetRecord::new(target, Some((address, binding.port).into()), HealthRecord::new(true));
        let record = TargetRecord { task: Some(id.clone()), service: Some(name.clone()), ..record };
        world.targets.get_or_insert_with(binding.target_group.clone(), Vec::new).push(Arc::new(record));
    }
    world.tasks.insert(
        id,
        Task {
            spec: Arc::new(spec),
            sequence: number.into(),
            network: Network::Open(TaskNetwork {
                address,
                reach: Reach::Direct,
                node: "local".into(),
                zone: "a".into(),
            }),
            containers,
            registered,
            registered_at: Some(now.instant),
            running_since: Some(now),
            failed_health_check: None,
            protection: None,
            stop: None,
            created_at: now.timestamp,
            connected_at: Some(now.timestamp),
            pull_started_at: Some(now.timestamp),
            pull_stopped_at: Some(now.timestamp),
            execution_stopped_at: None,
            stopped_at: None,
            close_retry: Default::default(),
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_happens() {
        let small = Size { services: 2, tasks: 2, targets: 2, ..SIZES[0] };
        planning(&small).expect("plans");
        renewal().expect("a renewal");
    }
}
