//! The start of a task on the engine: open it (pause container), start its containers.
//!
//! A task takes as few calls as possible: create and start per container, and no inspection when the answer is known.
//! Every step can be repeated; objects of the same name from an earlier attempt or a dead process are replaced.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, VolumeCreateRequest};
use bollard::query_parameters::{CreateContainerOptionsBuilder, CreateImageOptionsBuilder};
use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;

use crate::control::runtime::{Reach, RuntimeError, StartedContainer, TaskNetwork, TaskSpec};
use crate::ecs::metadata::address::link_local;
use crate::model::task_definition::Volume;
use crate::model::{ContainerName, TaskId};

use super::close::remove_container;
use super::container_config::{Added, PauseSpec, TaskLimits, member_body, pause_body};
use super::etc;
use crate::runtime::docker::engine::cgroup::{Cgroups, TaskGroup};
use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::{Phrase, classify, runtime_error};
use crate::runtime::docker::engine::network::ProjectNetwork;
use crate::runtime::docker::engine::pause;
use crate::runtime::docker::runtime::{DockerRuntime, OpenTask};

/// The number of attempts after the engine reported a concurrent change: a name or an address in use, a network or
/// image that was pruned.
const ATTEMPTS: usize = 8;

impl DockerRuntime {
    /// Imports the pause image unless it is there.
    pub(crate) async fn ensure_pause_image(&self) -> Result<String, RuntimeError> {
        let image = self.engine.arch()?.image();
        match self.engine.docker().inspect_image(&image).await {
            Ok(_) => Ok(image),
            Err(error) if error::is_not_found(&error) => self.import_pause_image().await,
            Err(error) => Err(runtime_error(error, "looking for the pause image")),
        }
    }

    async fn import_pause_image(&self) -> Result<String, RuntimeError> {
        let arch = self.engine.arch()?;
        let archive = pause::root_file_system(arch)
            .map_err(|error| RuntimeError::Other(error.to_string().into()).caused_by(error))?;
        let label = format!("LABEL {}={}", pause::LABEL, pause::VERSION);
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(pause::REPOSITORY).tag(&arch.tag());
        let options = options.changes(vec![label]).build();
        let body = bollard::body_full(archive.into());
        let imported = self.engine.docker().create_image(Some(options), Some(body), None);
        imported.try_collect::<Vec<_>>().await.map_err(|error| runtime_error(error, "importing the pause image"))?;
        Ok(arch.image())
    }

    /// Creates the task's namespace.
    pub(crate) async fn open(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError> {
        // Containers that start find the door open, so that their first question has an answer.
        let name_server = async {
            let name_server = self.name_server().await;
            if name_server.is_some() {
                self.open_endpoints(task).await?;
            }
            Ok(name_server)
        };
        let ((), name_server, network) =
            tokio::try_join!(self.create_volumes(task), name_server, self.start_pause(task))?;
        if name_server.is_some() {
            self.write_etc(task)?;
        }
        Ok(network)
    }

    async fn start_pause(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError> {
        let image = self.engine.arch()?.image();
        let name = self.names.pause(task);
        let cgroups = self.cgroups.as_ref();
        let group = cgroups.and_then(|cgroups| cgroups.open(self.names.project(), &task.id, &task.definition));
        let group = group.map(Arc::new);
        let mut last = RuntimeError::Other(format!("{name}: given up").into());
        for _ in 0..ATTEMPTS {
            let network = self.network().await?;
            let address = network.take_address()?;
            let spec = PauseSpec {
                task,
                image: &image,
                network: &network.id,
                address,
                link_local: address.filter(|_| self.has_door(&network)).map(link_local),
                publish: (!network.direct).then(|| self.engine.host()),
                cgroup_parent: group.as_ref().map(|group| group.parent.as_str()),
            };
            let body = pause_body(&self.names, &self.options, &spec);
            let started = self.create_and_start(&name, body, None).await;
            let error = match started {
                Ok(id) => return self.opened(task, id, address, &network, group).await,
                Err(error) => error,
            };
            if let Some(address) = address {
                network.release_address(address);
            }
            let text = error::message(&error.cause);
            last = error.classify();
            if Phrase::NoSuchImage.is_in(&text) {
                self.import_pause_image().await?;
            } else if Phrase::NetworkGone.is_in(&text) {
                *self.network.lock().await = None;
            } else if Phrase::AddressTaken.is_in(&text) {
                // Somebody put a container of theirs into our network: leave the address to them.
                let _ = network.take_address();
            } else {
                break;
            }
        }
        Err(last)
    }

    async fn opened(
        &self,
        task: &TaskSpec,
        pause_id: String,
        address: Option<Ipv4Addr>,
        network: &ProjectNetwork,
        group: Option<Arc<TaskGroup>>,
    ) -> Result<TaskNetwork, RuntimeError> {
        let direct = network.direct;
        let has_endpoint = address.is_some() && self.has_door(network);
        let holds = |cgroups: &Cgroups| cgroups.holds(self.names.project(), &task.id, &pause_id);
        let group = group.filter(|_| self.cgroups.as_ref().is_some_and(holds));
        let limits = match &group {
            Some(group) => TaskLimits::Parent(group.parent.clone()),
            None => TaskLimits::PerContainer { engine_cpus: self.engine.cpus() },
        };
        let (address_seen, reach) = match address {
            Some(address) if direct => (IpAddr::V4(address), Reach::Direct),
            _ => {
                let inspected = self.engine.docker().inspect_container(&pause_id, None).await;
                let inspected = inspected.map_err(|error| runtime_error(error, "reading the task's address"))?;
                reach_of(&inspected, direct, self.engine.host())?
            }
        };
        let network = TaskNetwork { address: address_seen, reach, node: self.engine.node(), zone: self.zone() };
        let open = OpenTask { pause_id, address, limits, has_endpoint, group, etc: None, containers: HashMap::new() };
        self.tasks().insert(task.id.clone(), open);
        Ok(network)
    }

    /// Gives the task's containers the files that Fargate's have.
    fn write_etc(&self, task: &TaskSpec) -> Result<(), RuntimeError> {
        let mut tasks = self.tasks();
        let (Some(open), Some(folder)) = (tasks.get_mut(&task.id), etc::folder(&self.options, &task.id)) else {
            return Ok(());
        };
        let Some(address) = open.address else { return Ok(()) };
        etc::write(&folder, task, address, &self.options.region).map_err(|error| {
            RuntimeError::Other(format!("writing to {}: {error}", folder.display()).into()).caused_by(error)
        })?;
        open.etc = Some(folder);
        Ok(())
    }

    async fn create_volumes(&self, task: &TaskSpec) -> Result<(), RuntimeError> {
        let create = |volume: &Volume| {
            let what = format!("creating the volume {}", volume.name);
            let request = VolumeCreateRequest {
                name: Some(self.names.volume(&task.id, volume)),
                labels: Some(self.names.volume_labels(task, volume)),
                ..VolumeCreateRequest::default()
            };
            async move {
                let created = self.engine.docker().create_volume(request).await;
                created.map_err(|error| runtime_error(error, &what))
            }
        };
        try_join_all(task.definition.volumes.iter().map(create)).await?;
        Ok(())
    }

    /// Creates and starts a member.
    pub(crate) async fn start(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError> {
        let Some(definition) = task.definition.container(container) else {
            return Err(RuntimeError::Other(format!("the task definition has no container {container}").into()));
        };
        let Pause { id: pause, limits, group, has_endpoint, etc } = self.pause_of(task);
        let added = Added { region: &self.options.region, has_endpoint, etc: etc.as_deref() };
        let mut body = member_body(&self.names, &added, task, definition, &pause, &limits);
        if let Some(pulled) = self.registry.get().and_then(|registry| registry.pull(task.image(definition))) {
            body.image = Some(pulled.reference);
        }
        let name = self.names.member(task, container);
        let platform = self.foreign_platform(task);
        if self.ulimits_refused.load(Ordering::Relaxed) {
            forget_ulimits(&mut body);
        }
        let starting = group.as_ref().map(TaskGroup::starting);
        let mut started = self.create_and_start(&name, body.clone(), platform).await;
        if started.as_ref().is_err_and(StepError::is_refused_ulimit) {
            // An engine that itself runs confined may not raise limits (Fargate's own default is 65535 open files). A
            // task with fewer is nearer to Fargate than no task.
            if !self.ulimits_refused.swap(true, Ordering::Relaxed) {
                tracing::info!(
                    "the engine may not set limits on open files; containers run with the engine's own limits"
                );
            }
            forget_ulimits(&mut body);
            started = self.create_and_start(&name, body, platform).await;
        }
        drop(starting);
        let id = started.map_err(|error| error.of_member(task.image(definition)))?;
        if let Some(open) = self.tasks().get_mut(&task.id) {
            open.containers.insert(container.clone(), id.clone());
        }
        let image_digest = self.digests().get(task.image(definition)).cloned();
        Ok(StartedContainer { runtime_id: id, image_digest })
    }

    /// The platform to request, if it is not the engine's own.
    fn foreign_platform(&self, task: &TaskSpec) -> Option<&'static str> {
        use crate::model::task_definition::CpuArchitecture;
        let (arch, platform) = match task.definition.cpu_architecture? {
            CpuArchitecture::X86_64 => (pause::Arch::Amd64, "linux/amd64"),
            CpuArchitecture::Arm64 => (pause::Arch::Arm64, "linux/arm64"),
        };
        (self.engine.arch().ok()? != arch).then_some(platform)
    }

    fn pause_of(&self, task: &TaskSpec) -> Pause {
        if let Some(open) = self.tasks().get(&task.id) {
            let OpenTask { pause_id, limits, group, has_endpoint, etc, .. } = open.clone();
            return Pause { id: pause_id, limits, group, has_endpoint, etc };
        }
        // A task of an earlier process: its pause container is known by name.
        let limits = TaskLimits::PerContainer { engine_cpus: self.engine.cpus() };
        Pause { id: self.names.pause(task), limits, group: None, has_endpoint: false, etc: None }
    }

    /// Creates a container and starts it; if it does not start, it is removed.
    pub(crate) async fn create_and_start(
        &self,
        name: &str,
        body: ContainerCreateBody,
        platform: Option<&str>,
    ) -> Result<String, StepError> {
        let docker = self.engine.docker();
        let mut options = CreateContainerOptionsBuilder::new().name(name);
        if let Some(platform) = platform {
            options = options.platform(platform);
        }
        let options = options.build();
        let created = match docker.create_container(Some(options.clone()), body.clone()).await {
            Err(error) if error::status(&error) == Some(409) => {
                remove_container(docker, name).await.map_err(StepError::create)?;
                docker.create_container(Some(options), body).await
            }
            other => other,
        };
        let id = created.map_err(StepError::create)?.id;
        if let Err(cause) = docker.start_container(&id, None).await {
            let _ = remove_container(docker, &id).await;
            return Err(StepError::start(cause));
        }
        Ok(id)
    }

    /// The engine's id of a member, if there is such a container.
    pub(crate) async fn container_id(
        &self,
        task: &TaskId,
        container: &ContainerName,
    ) -> Result<Option<String>, RuntimeError> {
        let known = self.tasks().get(task).and_then(|open| open.containers.get(container).cloned());
        if known.is_some() {
            return Ok(known);
        }
        let all = self.containers_of(task).await?;
        Ok(all.into_iter().find(|found| found.container == container.as_str()).map(|found| found.id))
    }
}

fn forget_ulimits(body: &mut ContainerCreateBody) {
    if let Some(host_config) = &mut body.host_config {
        host_config.ulimits = None;
    }
}

/// What members of a task need to know of its pause container.
struct Pause {
    id: String,
    limits: TaskLimits,
    group: Option<Arc<TaskGroup>>,
    has_endpoint: bool,
    etc: Option<PathBuf>,
}

/// Records which of the two calls failed, because ECS reports them differently.
pub(crate) struct StepError {
    pub(crate) cause: bollard::errors::Error,
    created: bool,
}

impl StepError {
    fn create(cause: bollard::errors::Error) -> Self {
        Self { cause, created: false }
    }

    fn start(cause: bollard::errors::Error) -> Self {
        Self { cause, created: true }
    }

    fn is_refused_ulimit(&self) -> bool {
        self.created && Phrase::LimitRefused.is_in(&error::message(&self.cause))
    }

    pub(crate) fn classify(self) -> RuntimeError {
        classify(self.cause, |text| match self.created {
            true => RuntimeError::CannotStartContainer(text.into()),
            false => RuntimeError::CannotCreateContainer(text.into()),
        })
    }

    /// Adds the fix if the engine's words do not contain it.
    fn of_member(self, image: &str) -> RuntimeError {
        match self.classify() {
            RuntimeError::CannotStartContainer(reason) if Phrase::NoSuchProgram.is_in(reason.text()) => {
                RuntimeError::CannotStartContainer(reason.reworded(|text| {
                    format!(
                        "{text} (the image {image} has no such program: check `command` and `entryPoint`, and that the \
                         program is built into the image)"
                    )
                }))
            }
            other => other,
        }
    }
}

/// A task's address, and how its ports are reached.
fn reach_of(inspected: &ContainerInspectResponse, direct: bool, host: IpAddr) -> Result<(IpAddr, Reach), RuntimeError> {
    let settings = inspected.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    let address = networks
        .into_iter()
        .flat_map(HashMap::values)
        .find_map(|endpoint| endpoint.ip_address.as_ref()?.parse::<IpAddr>().ok())
        .ok_or_else(|| RuntimeError::Other("the engine assigned no address to the task".into()))?;
    if direct {
        return Ok((address, Reach::Direct));
    }
    let mut published = BTreeMap::new();
    for (port, bindings) in settings.and_then(|settings| settings.ports.as_ref()).into_iter().flatten() {
        let Some(port) = port.strip_suffix("/tcp").and_then(|port| port.parse::<u16>().ok()) else { continue };
        let on_host = bindings.iter().flatten().find_map(|binding| binding.host_port.as_ref()?.parse::<u16>().ok());
        if let Some(on_host) = on_host {
            published.insert(port, SocketAddr::new(host, on_host));
        }
    }
    Ok((address, Reach::Published(published)))
}
