//! Metadata of a container.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use serde::Serialize;

use neargate_model::arn::{self, Arn};
use neargate_model::dns;
use neargate_model::task::HealthStatus;
use neargate_model::task_definition::ContainerDefinition;

use super::ids::runtime_id;
use super::subject::Subject;
use crate::discovery::files;
use crate::log_stream::LogStream;
use crate::world::{Container, Phase};

/// The kernel's least weight, which is reported where the task definition gives none.
const LEAST_CPU: u32 = 2;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerMetadata<'a> {
    docker_id: String,
    name: &'a str,
    docker_name: &'a str,
    image: &'a str,
    #[serde(rename = "ImageID")]
    image_id: &'a str,
    labels: BTreeMap<String, String>,
    desired_status: &'static str,
    known_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i64>,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_driver: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_options: Option<BTreeMap<&'static str, String>>,
    #[serde(rename = "ContainerARN")]
    container_arn: Arn,
    networks: Vec<Network>,
    snapshotter: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_count: Option<u32>,
}

#[derive(Serialize)]
struct Limits {
    #[serde(rename = "CPU")]
    cpu: u32,
    #[serde(rename = "Memory", skip_serializing_if = "Option::is_none")]
    memory: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_since: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Network {
    network_mode: &'static str,
    #[serde(rename = "IPv4Addresses")]
    ipv4_addresses: [Ipv4Addr; 1],
    attachment_index: u32,
    #[serde(rename = "MACAddress")]
    mac_address: String,
    #[serde(rename = "IPv4SubnetCIDRBlock")]
    ipv4_subnet: String,
    domain_name_servers: [Ipv4Addr; 1],
    domain_name_search_list: [String; 1],
    #[serde(rename = "PrivateDNSName")]
    private_dns_name: String,
    subnet_gateway_ipv4_address: String,
}

impl<'a> ContainerMetadata<'a> {
    pub(super) fn new(subject: &Subject<'a>, definition: &'a ContainerDefinition) -> Self {
        let task = subject.task;
        let spec = &*task.spec;
        let container = &task.containers[&definition.name];
        Self {
            docker_id: runtime_id(&spec.id, &definition.name),
            name: definition.name.as_str(),
            docker_name: definition.name.as_str(),
            image: spec.image(definition),
            image_id: container.image_id.as_deref().or(container.image_digest.as_deref()).unwrap_or_default(),
            labels: labels(subject, definition),
            desired_status: if task.is_wanted() { "RUNNING" } else { "STOPPED" },
            known_status: known_status(container),
            exit_code: container.exit().map(|exit| exit.exit_code),
            limits: Limits { cpu: definition.cpu.max(LEAST_CPU), memory: definition.memory_mib },
            created_at: container.created_at.map(|at| at.to_string()),
            started_at: container.started_at.map(|at| at.timestamp.to_string()),
            finished_at: container.ended_at.filter(|_| container.is_stopped()).map(|at| at.timestamp.to_string()),
            r#type: "NORMAL",
            health: definition.health_check.as_ref().map(|_| Health {
                status: health(container.health),
                status_since: container.health_since.map(|since| since.to_string()),
            }),
            log_driver: definition.log_configuration.as_ref().map(|_| "awslogs"),
            log_options: definition.log_configuration.as_ref().map(|_| log_options(subject, definition)),
            container_arn: Arn::container(subject.cluster, &spec.id, &definition.name),
            networks: network(task.address()).into_iter().collect(),
            snapshotter: "overlayfs",
            restart_count: definition.restart_policy.as_ref().map(|_| container.restarts),
        }
    }
}

fn labels(subject: &Subject<'_>, definition: &ContainerDefinition) -> BTreeMap<String, String> {
    let spec = &subject.task.spec;
    let mut labels = definition.docker_labels.clone();
    for (name, value) in [
        ("cluster", Arn::cluster(subject.cluster).to_string()),
        ("container-name", definition.name.to_string()),
        ("task-arn", Arn::task(subject.cluster, &spec.id).to_string()),
        ("task-definition-family", spec.definition.family.clone()),
        ("task-definition-version", spec.revision.to_string()),
    ] {
        labels.insert(format!("com.amazonaws.ecs.{name}"), value);
    }
    labels
}

/// The agent's word for a container's state.
fn known_status(container: &Container) -> &'static str {
    match container.phase {
        Phase::Pending => "NONE",
        Phase::Starting => "CREATED",
        Phase::Running | Phase::Stopping | Phase::Restarting => "RUNNING",
        Phase::Stopped(_) => "STOPPED",
    }
}

fn health(health: HealthStatus) -> &'static str {
    health.into()
}

/// The whole name of the stream, in place of its prefix.
fn log_options(subject: &Subject<'_>, definition: &ContainerDefinition) -> BTreeMap<&'static str, String> {
    let stream = LogStream::new(&subject.task.spec, definition);
    BTreeMap::from([
        ("awslogs-group", stream.group),
        ("awslogs-region", arn::REGION.to_owned()),
        ("awslogs-stream", stream.name),
    ])
}

/// The network interface of the task. Its subnet is the project's: 256 addresses, of which the first is the gateway's.
fn network(address: Option<IpAddr>) -> Option<Network> {
    let IpAddr::V4(address) = address? else { return None };
    let [a, b, c, d] = address.octets();
    Some(Network {
        network_mode: "awsvpc",
        ipv4_addresses: [address],
        attachment_index: 0,
        mac_address: mac_address(address),
        ipv4_subnet: format!("{a}.{b}.{c}.0/24"),
        domain_name_servers: [files::resolver(address)],
        domain_name_search_list: [dns::search_domain(arn::REGION)],
        private_dns_name: dns::private_name(Ipv4Addr::new(a, b, c, d), arn::REGION),
        subnet_gateway_ipv4_address: format!("{a}.{b}.{c}.1/24"),
    })
}

/// The address that engines give to the interface with this address by themselves, up to Docker 27; later ones are told.
fn mac_address(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:42:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}
