//! Translates a task definition into requests to the engine. Pure, so that the whole translation can be read and tested
//! without an engine.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    NetworkingConfig, ResourcesUlimits,
};

use crate::control::runtime::TaskSpec;
use crate::ecs::firelens::configuration;
use crate::ecs::metadata::variables;
use crate::model::dns;
use crate::model::task_definition::{ContainerDefinition, ContainerHealthCheck, TaskDefinition};

use super::etc;
use super::mounts::{mounts, tmpfs};
use crate::runtime::docker::engine::labels::{Names, PAUSE};
use crate::runtime::docker::engine::network::bindings;
use crate::runtime::docker::engine::options::DockerOptions;
use crate::runtime::docker::engine::pause;

/// The kernel's minimum CPU weight, which the ECS agent gives to containers without `cpu`.
const MIN_CPU_SHARES: i64 = 2;
const MIB: i64 = 1024 * 1024;

/// How the task as a whole is limited to its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TaskLimits {
    /// By a control group that is the parent of its containers' groups, exactly as the ECS agent does.
    Parent(String),
    /// Without a common group: each container is individually limited to the task's size, which is just as strict for
    /// one busy container and too generous for several.
    PerContainer {
        /// The engine's number of CPUs; it refuses higher quotas.
        engine_cpus: i64,
    },
}

/// What a container is told in addition to its definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Added<'a> {
    /// `AWS_REGION`
    pub(crate) region: &'a str,
    /// Whether the task finds something at 169.254.170.2; otherwise no variable leads there.
    pub(crate) has_endpoint: bool,
    /// The folder of the task's `/etc/hosts` and `/etc/resolv.conf`, if they are ours.
    pub(crate) etc: Option<&'a Path>,
}

/// The input for the pause container.
#[derive(Debug)]
pub(crate) struct PauseSpec<'a> {
    /// The task.
    pub(crate) task: &'a TaskSpec,
    /// The image reference.
    pub(crate) image: &'a str,
    /// The network's id.
    pub(crate) network: &'a str,
    /// The task's address, if we choose it.
    pub(crate) address: Option<Ipv4Addr>,
    /// Its address on the way to the metadata endpoint, if there is one.
    pub(crate) link_local: Option<Ipv4Addr>,
    /// The address on which to publish the task's ports; `None` if the task is directly reachable.
    pub(crate) publish: Option<IpAddr>,
    /// The task's control group, if it has one.
    pub(crate) cgroup_parent: Option<&'a str>,
}

/// The pause container owns the network namespace, and with it everything that belongs to the task rather than to a
/// container.
pub(crate) fn pause_body(names: &Names, options: &DockerOptions, spec: &PauseSpec<'_>) -> ContainerCreateBody {
    let task = spec.task;
    let endpoint = EndpointSettings {
        ipam_config: spec.address.map(|address| EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            link_local_ips: spec.link_local.map(|address| vec![address.to_string()]),
            ..EndpointIpamConfig::default()
        }),
        ..EndpointSettings::default()
    };
    let bindings = spec.publish.map(|host| {
        let mappings = task.definition.containers.iter().flat_map(|container| &container.port_mappings);
        bindings(mappings.map(|mapping| (mapping.container_port, mapping.udp)), host)
    });
    ContainerCreateBody {
        image: Some(spec.image.to_owned()),
        entrypoint: Some(vec![pause::PATH.to_owned()]),
        hostname: spec.address.map(|address| dns::private_name(address, &options.region)),
        labels: Some(names.container_labels(task, PAUSE)),
        stop_signal: Some("SIGKILL".to_owned()),
        exposed_ports: bindings.as_ref().map(|bindings| bindings.keys().cloned().collect()),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(spec.network.to_owned(), endpoint)])),
        }),
        host_config: Some(HostConfig {
            network_mode: Some(spec.network.to_owned()),
            port_bindings: bindings,
            cgroup_parent: spec.cgroup_parent.map(str::to_owned),
            dns_search: Some(vec![dns::search_domain(&options.region)]),
            extra_hosts: options.host_gateway.then(|| vec!["host.docker.internal:host-gateway".to_owned()]),
            // A namespaced value holds for the whole task; the container that is named last wins (ECS API,
            // SystemControl).
            sysctls: some_unless_empty(system_controls(&task.definition.containers, true)),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

/// A container of the task definition, in the namespace of `pause`.
pub(crate) fn member_body(
    names: &Names,
    added: &Added<'_>,
    task: &TaskSpec,
    container: &ContainerDefinition,
    pause: &str,
    limits: &TaskLimits,
) -> ContainerCreateBody {
    let mut labels: HashMap<String, String> = container.docker_labels.clone().into_iter().collect();
    labels.extend(names.container_labels(task, container.name.as_str()));
    ContainerCreateBody {
        image: Some(task.image(container).to_owned()),
        // With an entry point and no command, the engine drops the image's CMD by itself, as ECS does.
        entrypoint: container.entry_point.clone().filter(|words| !words.is_empty()),
        cmd: container.command.clone().filter(|words| !words.is_empty()),
        env: Some(environment(added, task, container)),
        user: container.user.clone(),
        working_dir: container.working_directory.clone(),
        labels: Some(labels),
        healthcheck: Some(health_check(container.health_check.as_ref())),
        tty: Some(container.pseudo_terminal),
        open_stdin: Some(container.interactive),
        host_config: Some(HostConfig {
            network_mode: Some(format!("container:{pause}")),
            // Containers that share processes share those of the pause container (Amazon ECS container agent, pidMode
            // `task`).
            pid_mode: task.definition.shares_processes.then(|| format!("container:{pause}")),
            binds: added.etc.map(|folder| etc::binds(folder, container)),
            mounts: some_unless_empty(mounts(names, task, container)),
            tmpfs: some_unless_empty(tmpfs(container)),
            readonly_rootfs: Some(container.readonly_root_filesystem),
            init: container.init_process_enabled.then_some(true),
            cap_add: some_unless_empty(container.capabilities_add.clone()),
            cap_drop: some_unless_empty(container.capabilities_drop.clone()),
            sysctls: some_unless_empty(system_controls([container], false)),
            ulimits: some_unless_empty(ulimits(container)),
            log_config: Some(
                added.etc.and_then(|folder| etc::log_driver(folder, task, container)).unwrap_or_else(kept_by_engine),
            ),
            ..limited(&task.definition, container, limits)
        }),
        ..ContainerCreateBody::default()
    }
}

/// What follows the logs must be able to read them, whatever the engine's default driver is; bounded, because they are also
/// kept by log group and stream. (What the engine sends to a log router, it keeps as well.)
fn kept_by_engine() -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(HashMap::from([
            ("max-size".to_owned(), "50m".to_owned()),
            ("max-file".to_owned(), "2".to_owned()),
        ])),
    }
}

/// Names and values: the definition's variables, its secrets, and Fargate's additions.
fn environment(added: &Added<'_>, task: &TaskSpec, container: &ContainerDefinition) -> Vec<String> {
    let mut fargate = variables::of_every_container(added.region);
    if added.has_endpoint {
        fargate.extend(variables::of_endpoint(task, &container.name));
    }
    if container.router_options.is_some() {
        fargate.extend(configuration::VARIABLES.map(|(name, value)| (name, value.to_owned())));
    }
    let mut variables: BTreeMap<&str, &str> = fargate.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend(container.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let secrets = task.secrets.get(&container.name).into_iter().flatten();
    variables.extend(secrets.map(|(name, value)| (name.as_str(), value.expose())));
    variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// Only the definition's check counts, so the image's own check is disabled (ECS developer guide, "Container health
/// checks"). It keeps its interval whatever the time scale is: every run costs the application a process, and its
/// author chose how much patience interval and retries amount to.
fn health_check(check: Option<&ContainerHealthCheck>) -> HealthConfig {
    let Some(check) = check else {
        return HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() };
    };
    let nanos = |duration: Duration| Some(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX));
    HealthConfig {
        test: Some(check.command.clone()),
        interval: nanos(check.interval),
        timeout: nanos(check.timeout),
        retries: Some(i64::from(check.retries)),
        start_period: nanos(check.start_period),
        start_interval: None,
    }
}

/// CPU and memory of one container within its task.
fn limited(definition: &TaskDefinition, container: &ContainerDefinition, limits: &TaskLimits) -> HostConfig {
    let mib = |mib: u32| i64::from(mib) * MIB;
    let reservation = container.memory_reservation_mib.map(mib);
    let mut config = HostConfig { memory_reservation: reservation, ..HostConfig::default() };
    match limits {
        TaskLimits::Parent(parent) => {
            config.cgroup_parent = Some(parent.clone());
            config.cpu_shares = Some(i64::from(container.cpu).max(MIN_CPU_SHARES));
            config.memory = container.memory_mib.map(mib);
        }
        TaskLimits::PerContainer { engine_cpus } => {
            // Without a group of its own the task's containers compete with everything on the machine, where the
            // weight that ECS gives to "none" would starve them.
            config.cpu_shares = (container.cpu > 0).then(|| i64::from(container.cpu).max(MIN_CPU_SHARES));
            let nano_cpus = i64::from(definition.cpu) * 1_000_000_000 / 1024;
            config.nano_cpus = (nano_cpus > 0 && nano_cpus < engine_cpus * 1_000_000_000).then_some(nano_cpus);
            let task = (definition.memory_mib > 0).then(|| mib(definition.memory_mib));
            config.memory = match (container.memory_mib.map(mib), task) {
                (Some(own), Some(task)) => Some(own.min(task)),
                (own, task) => own.or(task),
            };
        }
    }
    // Fargate has no swap.
    config.memory_swap = config.memory;
    config
}

fn ulimits(container: &ContainerDefinition) -> Vec<ResourcesUlimits> {
    let ulimit = |ulimit: &crate::model::task_definition::Ulimit| ResourcesUlimits {
        name: Some(ulimit.name.clone()),
        soft: Some(ulimit.soft_limit),
        hard: Some(ulimit.hard_limit),
    };
    container.ulimits.iter().map(ulimit).collect()
}

/// `net.*` belongs to the pause container's namespace, the rest to the container.
fn system_controls<'a>(
    containers: impl IntoIterator<Item = &'a ContainerDefinition>,
    of_network: bool,
) -> HashMap<String, String> {
    let controls = containers.into_iter().flat_map(|container| &container.system_controls);
    controls.filter(|(name, _)| name.starts_with("net.") == of_network).cloned().collect()
}

fn some_unless_empty<T>(items: T) -> Option<T>
where
    for<'a> &'a T: IntoIterator,
{
    let is_empty = (&items).into_iter().next().is_none();
    (!is_empty).then_some(items)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::task::Origin;
    use crate::model::task_definition::{MountPoint, PortMapping, Ulimit, Volume};
    use crate::model::{ContainerName, ProjectName, Redacted, TaskId};
    use crate::runtime::docker::engine::owner::Owner;

    fn container(name: &str) -> ContainerDefinition {
        ContainerDefinition::new(name, "busybox")
    }

    fn task(containers: Vec<ContainerDefinition>) -> TaskSpec {
        TaskSpec {
            id: TaskId::new("0123456789abcdef0123456789abcdef"),
            origin: Origin::Service { service: "web".into(), deployment: "ecs-svc/1".into() },
            definition: Arc::new(TaskDefinition {
                cpu: 512,
                memory_mib: 1024,
                volumes: vec![Volume::of_task("data")],
                ..TaskDefinition::new("f", containers)
            }),
            revision: 1,
            node: None,
            endpoints: Vec::new(),
            router_configuration: None,
            images: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }

    fn body(task: &TaskSpec, limits: &TaskLimits) -> ContainerCreateBody {
        let names = Names::new(ProjectName::new("p"), &Owner::current());
        let added = Added { region: "us-east-1", has_endpoint: false, etc: None };
        member_body(&names, &added, task, &task.definition.containers[0], "pause-id", limits)
    }

    const ALONE: TaskLimits = TaskLimits::PerContainer { engine_cpus: 2 };

    #[test]
    fn what_fargate_adds_gives_way_to_what_the_definition_says() {
        let mut web = container("web");
        web.environment = BTreeMap::from([("AWS_REGION".to_owned(), "eu-west-1".to_owned())]);
        let mut task = task(vec![web]);
        let secrets = BTreeMap::from([("KEY".to_owned(), Redacted::new("s3cret"))]);
        task.secrets = BTreeMap::from([(ContainerName::new("web"), secrets)]);
        let expected =
            ["AWS_DEFAULT_REGION=us-east-1", "AWS_EXECUTION_ENV=AWS_ECS_FARGATE", "AWS_REGION=eu-west-1", "KEY=s3cret"];
        assert_eq!(body(&task, &ALONE).env.unwrap(), expected);
    }

    #[test]
    fn a_task_group_leaves_containers_their_own_limits_only() {
        let mut web = container("web");
        let host = |web: &ContainerDefinition, limits: &TaskLimits| {
            body(&task(vec![web.clone()]), limits).host_config.unwrap()
        };
        let parent = TaskLimits::Parent("/neargate/p/01234567".to_owned());

        let grouped = host(&web, &parent);
        assert_eq!((grouped.memory, grouped.nano_cpus, grouped.cpu_shares), (None, None, Some(2)));
        let alone = host(&web, &ALONE);
        assert_eq!((alone.memory, alone.memory_swap), (Some(1024 * MIB), Some(1024 * MIB)));
        assert_eq!((alone.nano_cpus, alone.cpu_shares), (Some(500_000_000), None));
        assert_eq!(host(&web, &TaskLimits::PerContainer { engine_cpus: 0 }).nano_cpus, None, "the engine is smaller");

        web.memory_mib = Some(64);
        web.cpu = 128;
        assert_eq!(host(&web, &parent).memory, Some(64 * MIB));
        let alone = host(&web, &ALONE);
        assert_eq!((alone.memory, alone.cpu_shares), (Some(64 * MIB), Some(128)));
    }

    #[test]
    fn only_the_definitions_health_check_counts_and_it_keeps_its_pace() {
        let mut web = container("web");
        assert_eq!(body(&task(vec![web.clone()]), &ALONE).healthcheck.unwrap().test.unwrap(), ["NONE"]);
        web.health_check = Some(ContainerHealthCheck {
            command: vec!["CMD".to_owned(), "true".to_owned()],
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            retries: 3,
            start_period: Duration::from_secs(10),
        });
        let check = body(&task(vec![web.clone()]), &ALONE).healthcheck.unwrap();
        let seconds = |nanos: Option<i64>| nanos.unwrap() as f64 / 1e9;
        assert_eq!((seconds(check.interval), seconds(check.timeout), seconds(check.start_period)), (30.0, 5.0, 10.0));
    }

    #[test]
    fn the_network_belongs_to_the_pause_container() {
        let mut web = container("web");
        web.port_mappings = vec![PortMapping::tcp(80)];
        web.system_controls =
            vec![("net.core.somaxconn".to_owned(), "9".to_owned()), ("kernel.shmmax".to_owned(), "8".to_owned())];
        web.mount_points =
            vec![MountPoint { source_volume: "data".to_owned(), container_path: "/d".to_owned(), read_only: true }];
        web.ulimits = vec![Ulimit { name: "nofile".to_owned(), soft_limit: 1, hard_limit: 2 }];
        let task = task(vec![web]);
        let options = DockerOptions::new(ProjectName::new("p"));
        let names = Names::new(options.project.clone(), &Owner::current());
        let spec = PauseSpec {
            task: &task,
            image: "neargate/pause:1-amd64",
            network: "net-id",
            address: Some(Ipv4Addr::new(172, 31, 2, 72)),
            link_local: Some(Ipv4Addr::new(169, 254, 172, 72)),
            publish: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            cgroup_parent: None,
        };
        let pause = pause_body(&names, &options, &spec);
        assert_eq!(pause.hostname.as_deref(), Some("ip-172-31-2-72.ec2.internal"));
        let pause = pause.host_config.unwrap();
        let binding = &pause.port_bindings.unwrap()["80/tcp"].clone().unwrap()[0];
        assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
        assert_eq!(pause.sysctls.unwrap(), HashMap::from([("net.core.somaxconn".to_owned(), "9".to_owned())]));

        let member = body(&task, &ALONE).host_config.unwrap();
        assert_eq!(member.network_mode.as_deref(), Some("container:pause-id"));
        assert_eq!(member.sysctls.unwrap(), HashMap::from([("kernel.shmmax".to_owned(), "8".to_owned())]));
        assert_eq!(member.mounts.unwrap()[0].source.as_deref(), Some("neargate-p-01234567-data"));
        assert!(member.port_bindings.is_none());
    }
}
