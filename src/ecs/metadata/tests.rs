//! Every path, in cases that readers can compare with AWS's pages: `fixtures/ecs/metadata`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::answer::answer;
use super::credentials::{Given, RoleCredentials};
use super::ids::{credentials_id, runtime_id};
use super::protection;
use super::request::Request;
use super::response::Answer;
use super::subject::{Measured, Subject};
use super::variables;
use crate::moment::Now;
use crate::service::protection::ProtectionChange;
use crate::usage::{BlockIo, ContainerUsage, Counters, CpuUsage, MemoryUsage, NetworkUsage, TaskUsage};
use crate::world::{Network, Phase, Task};
use neargate_model::task::{ContainerExit, HealthStatus, Origin, Reach, TaskNetwork, TaskSpec};
use neargate_model::task_definition::{ContainerDefinition, ContainerHealthCheck, LogConfiguration, TaskDefinition};
use neargate_model::{ClusterName, ContainerName, Redacted, TaskId, arn};

/// A request of a container, and what the container gets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    task: Described,
    /// The path; `{web}` is the id of the container `web`, `{credentials}` that of the role's credentials; in answers,
    /// `{web ARN}` is the ARN of the container.
    #[serde(default)]
    get: Option<String>,
    #[serde(default)]
    put: Option<String>,
    /// What is sent with it.
    #[serde(default)]
    content: String,
    /// The file gives its role a profile: with this id, secret and token, valid for an hour, or without credentials.
    #[serde(default)]
    profile: Option<ProfileCase>,
    /// The task was protected before, for so many minutes.
    #[serde(default)]
    protected_for: Option<i64>,
    #[serde(default = "ok")]
    status: u16,
    /// The content, member for member and in this order, with the same placeholders.
    #[serde(default)]
    answer: Option<Value>,
    /// The members that the case is about, if not all.
    #[serde(default)]
    only: Vec<String>,
    /// Content that is not JSON, or none of a kind that stands in `answer`.
    #[serde(default)]
    text: Option<String>,
    /// The variables of the first container, if they are what the case is about.
    #[serde(default)]
    variables: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum ProfileCase {
    Has([String; 3]),
    HasNone,
}

fn ok() -> u16 {
    200
}

/// A task as far as the endpoint shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    id: String,
    family: String,
    revision: u32,
    cpu: u32,
    memory: u32,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    task_role: Option<String>,
    #[serde(default)]
    ephemeral_storage: Option<u32>,
    /// Nothing of it runs yet.
    #[serde(default)]
    provisioning: bool,
    address: Option<std::net::IpAddr>,
    /// What was measured.
    #[serde(default)]
    usage: Option<DescribedUsage>,
    containers: BTreeMap<String, DescribedContainer>,
}

/// Measured ten seconds before the request, and at it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedUsage {
    storage_mib: u64,
    #[serde(default)]
    cpu: BTreeMap<String, [u64; 2]>,
    #[serde(default)]
    received_bytes: [u64; 2],
    #[serde(default)]
    sent_bytes: [u64; 2],
}

impl DescribedUsage {
    fn measured(&self, at: Timestamp) -> (TaskUsage, TaskUsage) {
        let look = |index: usize, at: Timestamp| TaskUsage {
            at,
            containers: self
                .cpu
                .iter()
                .map(|(name, cpu)| (name.as_str().into(), container_usage(cpu[index])))
                .collect(),
            network: NetworkUsage {
                received: Counters { bytes: self.received_bytes[index], packets: 1, errors: 2, dropped: 3 },
                sent: Counters { bytes: self.sent_bytes[index], packets: 4, errors: 5, dropped: 6 },
            },
            storage: self.storage_mib << 20,
        };
        (look(0, at - Duration::from_secs(10)), look(1, at))
    }
}

fn container_usage(total: u64) -> ContainerUsage {
    let counter = |operation: &str| BlockIo { major: 259, minor: 0, operation: operation.to_owned(), value: 4096 };
    ContainerUsage {
        cpu: CpuUsage { total, kernel: 80, user: 810, system: 9_393, online: 2, periods: 7, ..CpuUsage::default() },
        memory: MemoryUsage {
            usage: 6_504_448,
            max_usage: None,
            detail: BTreeMap::from([("cache".to_owned(), 651_264)]),
        },
        io_bytes: vec![counter("read"), counter("Write")],
        io_operations: Vec::new(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DescribedContainer {
    image: String,
    #[serde(default)]
    image_id: Option<String>,
    #[serde(default)]
    cpu: u32,
    #[serde(default)]
    memory: Option<u32>,
    #[serde(default)]
    log_group: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    health: Option<HealthWord>,
    #[serde(default)]
    exit_code: Option<i64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum HealthWord {
    Healthy,
    Unhealthy,
    Unknown,
}

const CLUSTER: &str = "default";
/// All cases are asked at this time; what runs was started one minute before.
const NOW: &str = "2024-07-29T07:57:08.25Z";

#[test]
fn every_path_answers_as_on_fargate() {
    neargate_fixture::each("ecs/metadata", check);
}

fn check(case: Case) {
    let now = Now { instant: Instant::now() + Duration::from_secs(3600), timestamp: NOW.parse().unwrap() };
    let mut task = task(&case.task, now);
    if let Some(minutes) = case.protected_for {
        let change = ProtectionChange { enabled: true, expires_in_minutes: Some(minutes) };
        task.change_protection(change, now).expect("a task that can be protected");
    }
    let cluster = ClusterName::new(CLUSTER);
    let fill = |text: &str| fill(text, &task);
    let measured = case.task.usage.as_ref().map(|usage| usage.measured(now.timestamp));
    let profile = case.profile.as_ref().map(|profile| match profile {
        ProfileCase::HasNone => None,
        ProfileCase::Has([id, secret, token]) => Some(RoleCredentials {
            access_key_id: id.clone(),
            secret_access_key: Redacted::new(secret),
            session_token: (!token.is_empty()).then(|| Redacted::new(token)),
            expires_at: now.timestamp + Duration::from_secs(3600),
        }),
    });
    let subject = Subject {
        task: &task,
        cluster: &cluster,
        now,
        measured: measured.as_ref().map(|(before, now)| Measured { before, now }),
        credentials: match &profile {
            None => Given::Nothing,
            Some(None) => Given::Unavailable,
            Some(Some(credentials)) => Given::Profile(credentials),
        },
    };
    if let Some(expected) = &case.variables {
        let container = &task.spec.definition.containers[0].name;
        let mut told: Vec<_> = variables::of_every_container(arn::REGION);
        told.extend(variables::of_endpoint(&task.spec, container));
        let told: BTreeMap<_, _> = told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let expected: BTreeMap<_, _> = expected.iter().map(|(name, value)| (name.clone(), fill(value))).collect();
        assert_eq!(told, expected, "{}", case.name);
    }
    let (method, path) = match (&case.get, &case.put) {
        (Some(path), _) => ("GET", path),
        (None, Some(path)) => ("PUT", path),
        (None, None) => return,
    };
    let path = fill(path);
    let (path, query) = path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
    let request = Request { method, path, query };
    let answer = match request.changes_protection() {
        true => protect(request, &case, &subject),
        false => answer(request, &subject),
    };
    assert_eq!(answer.status, case.status, "{}: {}", case.name, answer.body);
    if let Some(expected) = case.answer {
        // As text, because the order of members is part of it.
        let mut told: Value = serde_json::from_str(&answer.body).expect("JSON");
        if let (Some(members), false) = (told.as_object_mut(), case.only.is_empty()) {
            members.retain(|name, _| case.only.contains(name));
        }
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        assert_eq!(pretty(&told), fill(&pretty(&expected)), "{}", case.name);
        assert_eq!(answer.content_type, "application/json", "{}", case.name);
    }
    if let Some(text) = case.text {
        assert_eq!(answer.body.trim_end(), text, "{}", case.name);
    }
}

/// What the server does about such a request.
fn protect(request: Request<'_>, case: &Case, subject: &Subject<'_>) -> Answer {
    let change = match protection::asked(request, case.content.as_bytes(), subject) {
        Ok(change) => change,
        Err(answer) => return answer,
    };
    let mut task = subject.task.clone();
    let refused = task.change_protection(change, subject.now).err();
    let subject = Subject { task: &task, ..*subject };
    refused.map_or_else(|| protection::current(&subject), |failure| protection::refused(failure, &subject))
}

fn fill(text: &str, task: &Task) -> String {
    let mut filled = text.replace("{credentials}", &credentials_id(&task.spec.id));
    for name in task.containers.keys() {
        filled = filled.replace(&format!("{{{name}}}"), &runtime_id(&task.spec.id, name));
        let arn = arn::Arn::container(&ClusterName::new(CLUSTER), &task.spec.id, name);
        filled = filled.replace(&format!("{{{name} ARN}}"), arn.as_str());
    }
    filled
}

fn task(described: &Described, now: Now) -> Task {
    let containers: Vec<_> = described.containers.iter().map(|(name, described)| definition(name, described)).collect();
    let origin = match &described.service {
        Some(service) => Origin::Service { service: service.as_str().into(), deployment: "ecs-svc/1".into() },
        None => Origin::Standalone { started_by: None },
    };
    let spec = TaskSpec {
        id: TaskId::new(&described.id),
        origin,
        definition: Arc::new(TaskDefinition {
            cpu: described.cpu,
            memory_mib: described.memory,
            task_role_arn: described.task_role.clone(),
            ephemeral_storage_gib: described.ephemeral_storage,
            ..TaskDefinition::new(&described.family, containers)
        }),
        revision: described.revision,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        node: None,
        endpoints: Vec::new(),
        router_configuration: None,
    };
    let mut task = Task::new(spec, 0, now.timestamp);
    if let Some(address) = described.address {
        task.network = Network::Open(TaskNetwork {
            address,
            reach: Reach::Direct,
            node: "engine".into(),
            zone: "us-east-1a".into(),
        });
    }
    if described.provisioning {
        return task;
    }
    let ago = |seconds| Now {
        instant: now.instant - Duration::from_secs(seconds),
        timestamp: now.timestamp - Duration::from_secs(seconds),
    };
    let started = ago(60);
    task.pull_started_at = Some(ago(65).timestamp);
    task.pull_stopped_at = Some(ago(61).timestamp);
    task.running_since = Some(started);
    for (name, described) in &described.containers {
        let container = task.containers.get_mut(name.as_str()).unwrap();
        container.image_id = described.image_id.clone();
        container.created_at = Some(started.timestamp);
        container.started_at = Some(started);
        container.phase = Phase::Running;
        if let Some(exit_code) = described.exit_code {
            container.phase = Phase::Stopped(Some(ContainerExit { exit_code, out_of_memory: false }));
            container.ended_at = Some(ago(50));
        }
        container.health = match described.health {
            Some(HealthWord::Healthy) => HealthStatus::Healthy,
            Some(HealthWord::Unhealthy) => HealthStatus::Unhealthy,
            Some(HealthWord::Unknown) | None => HealthStatus::Unknown,
        };
        if container.health != HealthStatus::Unknown {
            container.health_since = Some(ago(20).timestamp);
        }
    }
    task
}

fn definition(name: &str, described: &DescribedContainer) -> ContainerDefinition {
    let mut definition = ContainerDefinition::new(name, &described.image);
    definition.cpu = described.cpu;
    definition.memory_mib = described.memory;
    definition.docker_labels = described.labels.clone();
    definition.log_configuration = described
        .log_group
        .as_ref()
        .map(|group| LogConfiguration { group: group.clone(), stream_prefix: "ecs".to_owned() });
    definition.health_check = described.health.map(|_| ContainerHealthCheck {
        command: vec!["CMD".to_owned(), "true".to_owned()],
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        retries: 3,
        start_period: Duration::ZERO,
    });
    definition
}

#[test]
fn ids_have_the_form_that_aws_documents() {
    let task = TaskId::new("cd189a933e5849daa93386466019ab50");
    let id = runtime_id(&task, &ContainerName::new("curl"));
    let digits = id.strip_prefix("cd189a933e5849daa93386466019ab50-").unwrap();
    assert!(digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
    assert_ne!(id, runtime_id(&task, &ContainerName::new("other")));
    let arn = arn::Arn::container(&ClusterName::new("default"), &task, &ContainerName::new("curl"));
    let uuid = arn.as_str().rsplit('/').next().unwrap();
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{arn}");
    assert!(
        arn.as_str().starts_with(&format!("arn:aws:ecs:us-east-1:111122223333:container/default/{task}/")),
        "{arn}"
    );
}
