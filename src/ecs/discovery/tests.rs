//! What the DNS answers, in cases that readers can compare with AWS's pages: `fixtures/ecs/discovery`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;

use super::zone::{Answer, Data, Kind, Record, answer};
use super::{files, limits};
use crate::moment::Now;
use crate::service::record::{Deployment, ServiceRecord};
use crate::world::{Network, Phase, Stop, Task, World};
use neargate_model::discovery::{DnsRecord, RecordKind, RoutingPolicy, ServiceRegistry};
use neargate_model::service::Service;
use neargate_model::task::{HealthStatus, Origin, Reach, StopCode, TaskNetwork, TaskSpec};
use neargate_model::task_definition::{ContainerDefinition, ContainerHealthCheck, Revision, TaskDefinition};
use neargate_model::{TaskId, Topology};

/// Tasks that are registered, a question, and the answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    #[serde(default)]
    registry: Option<Registry>,
    /// By the last byte of the address.
    #[serde(default)]
    tasks: BTreeMap<u8, TaskState>,
    /// `A api.internal.local`
    #[serde(default)]
    ask: Option<String>,
    /// The number that stands for chance.
    #[serde(default)]
    random: u64,
    /// `172.31.2.4 ttl 10`, `1 1 8000 <name> ttl 10`, or one of NXDOMAIN, NODATA, ELSEWHERE.
    #[serde(default)]
    answer: Vec<String>,
    #[serde(default)]
    additional: Vec<String>,
    /// A combination of record types, and `port`, `container_name`, `container_port` of the service.
    #[serde(default)]
    types: Option<Vec<Type>>,
    #[serde(default)]
    given: Vec<String>,
    #[serde(default)]
    refused: Option<String>,
    /// The files of a task at 172.31.2.72 in a region.
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    hosts: Option<String>,
    #[serde(default)]
    resolv_conf: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    name: String,
    namespace: String,
    records: BTreeMap<Type, u32>,
    #[serde(default)]
    weighted: bool,
    #[serde(default)]
    custom_health: bool,
    #[serde(default)]
    port: Option<u16>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    A,
    #[serde(rename = "AAAA")]
    Aaaa,
    #[serde(rename = "SRV")]
    Srv,
}

impl Type {
    fn kind(self) -> RecordKind {
        match self {
            Self::A => RecordKind::A,
            Self::Aaaa => RecordKind::Aaaa,
            Self::Srv => RecordKind::Srv,
        }
    }
}

/// What a task is doing; the last three have a container health check.
#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum TaskState {
    Provisioning,
    Pending,
    Running,
    Stopping,
    Healthy,
    Undecided,
    Unhealthy,
}

#[test]
fn names_lead_where_they_lead_on_aws() {
    neargate_fixture::each("ecs/discovery", check);
}

fn check(case: Case) {
    if let Some(question) = &case.ask {
        let registry = case.registry.as_ref().expect("a registry");
        let (topology, world) = stack(registry, &case.tasks);
        let (kind, name) = question.split_once(' ').expect("a type and a name");
        let kind = match kind {
            "A" => Kind::Record(RecordKind::A),
            "AAAA" => Kind::Record(RecordKind::Aaaa),
            "SRV" => Kind::Record(RecordKind::Srv),
            _ => Kind::Other,
        };
        let (answers, additional) = match answer(name, kind, &topology, &world, case.random) {
            Answer::Elsewhere => (vec!["ELSEWHERE".to_owned()], Vec::new()),
            Answer::NoSuchName(_) => (vec!["NXDOMAIN".to_owned()], Vec::new()),
            Answer::NoData(_) => (vec!["NODATA".to_owned()], Vec::new()),
            Answer::Records { answers, additional } => {
                (answers.iter().map(|record| shown(record, name)).collect(), additional.iter().map(whole).collect())
            }
        };
        assert_eq!(answers, case.answer, "{}", case.name);
        assert_eq!(additional, case.additional, "{}", case.name);
    }
    if let Some(types) = &case.types {
        let kinds: Vec<RecordKind> = types.iter().map(|kind| kind.kind()).collect();
        let is_given = |name: &str| case.given.iter().any(|given| given == name);
        let port = limits::port(
            kinds.contains(&RecordKind::Srv),
            is_given("port"),
            is_given("container_name"),
            is_given("container_port"),
        );
        let refused = limits::records(&kinds).and(port).err().map(|refused| refused.to_string());
        assert_eq!(refused, case.refused, "{}", case.name);
    }
    if let Some(region) = &case.region {
        let address = [172, 31, 2, 72].into();
        if let Some(expected) = case.hosts {
            assert_eq!(files::hosts(address, region, &[]), expected, "{}", case.name);
        }
        if let Some(expected) = case.resolv_conf {
            assert_eq!(files::resolv_conf(address, region), expected, "{}", case.name);
        }
    }
}

fn shown(record: &Record, name: &str) -> String {
    assert_eq!(record.name, name, "the record of what was asked for");
    let value = match &record.data {
        Data::A(address) => address.to_string(),
        Data::Srv { port, target } => format!("{} {} {port} {target}", super::zone::PRIORITY, super::zone::WEIGHT),
    };
    format!("{value} ttl {}", record.ttl)
}

fn whole(record: &Record) -> String {
    format!("{} {}", record.name, shown(record, &record.name))
}

fn stack(registry: &Registry, tasks: &BTreeMap<u8, TaskState>) -> (Topology, World) {
    let mut container = ContainerDefinition::new("app", "app");
    let is_checked =
        |state: &TaskState| matches!(state, TaskState::Healthy | TaskState::Undecided | TaskState::Unhealthy);
    container.health_check = tasks.values().any(is_checked).then(|| ContainerHealthCheck {
        command: vec!["CMD".to_owned(), "true".to_owned()],
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        retries: 3,
        start_period: Duration::ZERO,
    });
    let mut service = Service::new(Revision::first(TaskDefinition::new("app", vec![container])), 1);
    service.service_registry = Some(ServiceRegistry {
        service: registry.name.clone(),
        namespace: registry.namespace.clone(),
        records: registry.records.iter().map(|(kind, ttl)| DnsRecord { kind: kind.kind(), ttl: *ttl }).collect(),
        routing_policy: if registry.weighted { RoutingPolicy::Weighted } else { RoutingPolicy::Multivalue },
        custom_health: registry.custom_health,
        port: registry.port,
    });
    let now = Now { instant: Instant::now(), timestamp: Timestamp::UNIX_EPOCH };
    let mut topology = Topology::new("app", []);
    topology.services.insert("api".into(), service.clone());
    let deployment = Deployment::new("ecs-svc/1".into(), Arc::new(service), now);
    let mut world = World::default();
    for (number, state) in tasks {
        let task = task(*number, *state, &deployment, now);
        world.tasks.insert(task.spec.id.clone(), task);
    }
    world.services.insert("api".into(), ServiceRecord::new(deployment));
    (topology, world)
}

fn task(number: u8, state: TaskState, deployment: &Deployment, now: Now) -> Task {
    let spec = TaskSpec {
        id: TaskId::new(format!("{number:032x}")),
        origin: Origin::Service { service: "api".into(), deployment: deployment.id.clone() },
        definition: Arc::clone(&deployment.service.task_definition.definition),
        revision: 1,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        node: None,
        endpoints: Vec::new(),
        router_configuration: None,
    };
    let mut task = Task::new(spec, number.into(), now.timestamp);
    if state == TaskState::Provisioning {
        return task;
    }
    task.network = Network::Open(TaskNetwork {
        address: [172, 31, 2, number].into(),
        reach: Reach::Direct,
        node: "engine".into(),
        zone: "us-east-1a".into(),
    });
    if state == TaskState::Pending {
        return task;
    }
    task.running_since = Some(now);
    let container = task.containers.get_mut("app").expect("its container");
    container.phase = Phase::Running;
    container.health = match state {
        TaskState::Healthy => HealthStatus::Healthy,
        TaskState::Unhealthy => HealthStatus::Unhealthy,
        _ => HealthStatus::Unknown,
    };
    if state == TaskState::Stopping {
        task.stop = Some(Stop { code: StopCode::UserInitiated, reason: String::new(), at: now });
    }
    task
}
