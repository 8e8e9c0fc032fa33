//! Removes leftovers: by label, never by name, and never anything without our label.

use std::collections::BTreeMap;

use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use futures_util::future::join_all;
use std::collections::HashMap;

use crate::control::runtime::{Owners, RuntimeError};
use crate::model::ProjectName;

use super::engine::connect::Engine;
use super::engine::error;
use super::engine::error::{Phrase, runtime_error};
use super::engine::labels::{CONTAINER, OWNER, PAUSE, PROJECT, SERVICE, TASK};
use super::engine::owner::{Owner, RealProcesses};
use super::engine::pause;
use super::runtime::DockerRuntime;
use super::tasks::close::{remove_container, remove_volume};

/// A project with objects on the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectOnEngine {
    /// Its name.
    pub project: ProjectName,
    /// Tasks, running or not.
    pub tasks: usize,
    /// Running containers of task definitions.
    pub running_containers: usize,
    /// The process that created them, if it may still be alive.
    pub owner_pid: Option<u32>,
}

impl Engine {
    /// Every project that has containers or a network on the engine.
    pub async fn projects(&self) -> Result<Vec<ProjectOnEngine>, RuntimeError> {
        let filters = HashMap::from([("label".to_owned(), vec![PROJECT.to_owned()])]);
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let listed = tokio::try_join!(
            self.docker().list_containers(Some(containers)),
            self.docker().list_networks(Some(networks))
        );
        let (containers, networks) = listed.map_err(|error| runtime_error(error, "listing projects"))?;

        let here = Owner::current();
        let mut projects: BTreeMap<String, ProjectOnEngine> = BTreeMap::new();
        let mut tasks = std::collections::BTreeSet::new();
        let labelled = containers
            .into_iter()
            .map(|summary| (summary.labels, summary.state == Some(ContainerSummaryStateEnum::RUNNING)))
            .chain(networks.into_iter().map(|network| (network.labels, false)));
        for (labels, running) in labelled {
            let labels = labels.unwrap_or_default();
            let Some(name) = labels.get(PROJECT) else { continue };
            let project = projects.entry(name.clone()).or_insert_with(|| ProjectOnEngine {
                project: ProjectName::new(name),
                tasks: 0,
                running_containers: 0,
                owner_pid: None,
            });
            let is_member = labels.get(CONTAINER).is_some_and(|container| container != PAUSE);
            project.running_containers += usize::from(running && is_member);
            project.tasks += usize::from(labels.get(TASK).is_some_and(|task| tasks.insert(task.clone())));
            let owner = labels.get(OWNER).and_then(|label| Owner::parse(label));
            let alive = owner.filter(|owner| !owner.is_dead(&here, &RealProcesses));
            project.owner_pid = project.owner_pid.or(alive.map(|owner| owner.pid()));
        }
        Ok(projects.into_values().collect())
    }
}

impl DockerRuntime {
    /// Another living process on this machine that runs the project. Its lock may be gone, or in another state folder,
    /// but the labels of its containers name it.
    pub(super) async fn find_other_owner(&self) -> Result<Option<u32>, RuntimeError> {
        let filters = self.names.project_filter();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.engine.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|error| runtime_error(error, "looking for another owner"))?;
        let owners = listed.iter().filter_map(|summary| owner_of(summary.labels.as_ref()));
        let mut others = owners.filter(|owner| *owner != self.owner);
        Ok(others.find(|owner| owner.is_alive_here(&self.owner, &RealProcesses)).map(|owner| owner.pid()))
    }

    pub(super) async fn sweep_engine(&self, of: Owners) -> Result<Vec<String>, RuntimeError> {
        let goes = |labels: Option<&HashMap<String, String>>| {
            let is_dead = |owner: &Owner| owner.is_dead(&self.owner, &RealProcesses);
            match of {
                Owners::Dead => owner_of(labels).is_some_and(|owner| is_dead(&owner)),
                Owners::DeadOrSelf => owner_of(labels).is_some_and(|owner| owner == self.owner || is_dead(&owner)),
                Owners::Any => true,
            }
        };
        if of != Owners::Dead {
            self.shut_door().await;
        }
        let docker = self.engine.docker();
        let filters = self.names.project_filter();
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let listed = tokio::try_join!(
            docker.list_containers(Some(containers)),
            docker.list_networks(Some(networks)),
            docker.list_volumes(Some(volumes))
        );
        let (containers, networks, volumes) =
            listed.map_err(|error| runtime_error(error, "looking for what was left"))?;

        let mut words = Vec::new();
        let doomed = containers.into_iter().filter(|summary| goes(summary.labels.as_ref()));
        let (pauses, members): (Vec<_>, Vec<_>) = doomed.partition(|summary| {
            summary.labels.as_ref().and_then(|labels| labels.get(CONTAINER)).is_some_and(|name| name == PAUSE)
        });
        for group in [members, pauses] {
            let removals = group.iter().map(|summary| async move {
                let id = summary.id.as_deref().unwrap_or_default();
                remove_container(docker, id).await.map(|()| container_in_words(summary))
            });
            for removed in join_all(removals).await {
                words.push(removed.map_err(|error| runtime_error(error, "removing a container"))?);
            }
        }

        let volumes: Vec<_> =
            volumes.volumes.into_iter().flatten().filter(|volume| goes(Some(&volume.labels))).collect();
        let removed = join_all(volumes.iter().map(|volume| remove_volume(docker, &volume.name))).await;
        words.extend(
            volumes
                .iter()
                .zip(removed)
                .filter(|(_, removed)| *removed)
                .map(|(volume, _)| format!("volume {}", volume.name)),
        );
        for network in networks.iter().filter(|network| goes(network.labels.as_ref())) {
            words.extend(self.remove_network(network).await?);
        }
        if of != Owners::Dead {
            self.remove_superseded(None).await;
            words.extend(self.remove_pause_images().await);
        }
        if let Some(cgroups) = &self.cgroups {
            cgroups.sweep(self.names.project());
        }
        Ok(words)
    }

    async fn remove_network(&self, network: &bollard::models::Network) -> Result<Option<String>, RuntimeError> {
        let (Some(id), Some(name)) = (&network.id, &network.name) else { return Ok(None) };
        match self.engine.docker().remove_network(id).await {
            Ok(()) => {
                let mut known = self.network.lock().await;
                if known.as_ref().is_some_and(|known| known.id == *id) {
                    *known = None;
                }
                Ok(Some(format!("network {name}")))
            }
            Err(error) if error::is_not_found(&error) => Ok(None),
            // A living process has tasks in it, or the user attached a container of theirs: it stays with them.
            Err(error) if Phrase::NetworkInUse.is_in(&error::message(&error)) => Ok(None),
            Err(error) => Err(runtime_error(error, &format!("removing the network {name}"))),
        }
    }

    /// Images of the pause container, of any version, that no container uses.
    async fn remove_pause_images(&self) -> Vec<String> {
        let docker = self.engine.docker();
        let filters = HashMap::from([("label".to_owned(), vec![pause::LABEL.to_owned()])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = docker.list_images(Some(options)).await.unwrap_or_default();
        let mut words = Vec::new();
        for image in images {
            let options = RemoveImageOptionsBuilder::new().force(false).build();
            if docker.remove_image(&image.id, Some(options), None).await.is_ok() {
                words.push(format!("image {}", image.repo_tags.first().unwrap_or(&image.id)));
            }
        }
        words
    }
}

fn owner_of(labels: Option<&HashMap<String, String>>) -> Option<Owner> {
    Owner::parse(labels?.get(OWNER)?)
}

fn container_in_words(summary: &bollard::models::ContainerSummary) -> String {
    let label = |name: &str| summary.labels.as_ref().and_then(|labels| labels.get(name)).map(String::as_str);
    let name = summary.names.iter().flatten().next().map_or("", |name| name.trim_start_matches('/'));
    match (label(SERVICE), label(TASK).and_then(|task| task.get(..8)), label(CONTAINER)) {
        (Some(service), Some(task), Some(container)) if container != PAUSE => {
            format!("container {container} of task {task} of {service}")
        }
        _ => format!("container {name}"),
    }
}
