//! The end of a task on the engine: stop its containers, remove everything of it.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
    RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_util::future::join_all;

use crate::control::runtime::RuntimeError;
use crate::model::task::ContainerExit;
use crate::model::{ContainerName, TaskId};

use super::etc;
use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::{classify, runtime_error};
use crate::runtime::docker::engine::labels::{CONTAINER, PAUSE, TASK};
use crate::runtime::docker::runtime::DockerRuntime;

/// The longest time to wait for a removal that is already in progress.
const REMOVAL_LIMIT: Duration = Duration::from_secs(20);
const REMOVAL_POLL: Duration = Duration::from_millis(25);
/// Added to the stop timeout, for the engine's own work.
const STOP_MARGIN: Duration = Duration::from_secs(30);

impl DockerRuntime {
    /// Stops a member as the engine does: the image's stop signal, then SIGKILL.
    pub(crate) async fn stop(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<(), RuntimeError> {
        let Some(id) = self.container_id(task, container).await? else { return Ok(()) };
        let seconds = i32::try_from(stop_timeout.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        match self.engine.patient(stop_timeout + STOP_MARGIN).stop_container(&id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if error::is_not_found(&error) => Ok(()),
            Err(error) => Err(classify(error, |text| {
                RuntimeError::Other(format!("CannotStopContainerError: {container}: {text}").into())
            })),
        }
    }

    /// Stops a member and starts it again without recreating it. Returns its exit if it has ended again.
    pub(crate) async fn restart(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError> {
        let failed = |error: bollard::errors::Error| runtime_error(error, &format!("restarting {container}"));
        let id = self.container_id(task, container).await?;
        let id = id.ok_or_else(|| RuntimeError::Other(format!("the container {container} does not exist").into()))?;
        let seconds = i32::try_from(stop_timeout.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let options = RestartContainerOptionsBuilder::new().t(seconds).build();
        let docker = self.engine.patient(stop_timeout + STOP_MARGIN);
        docker.restart_container(&id, Some(options)).await.map_err(failed)?;
        let state = docker.inspect_container(&id, None).await.map_err(failed)?.state;
        Ok(state.filter(|state| state.running == Some(false)).map(|state| ContainerExit {
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
        }))
    }

    pub(crate) async fn containers_of(&self, task: &TaskId) -> Result<Vec<Found>, RuntimeError> {
        let filters = self.names.task_filter(task);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = self.engine.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|error| runtime_error(error, "listing the task's containers"))?;
        let found = listed.into_iter().filter_map(|summary| {
            let container = summary.labels?.remove(CONTAINER)?;
            Some(Found { id: summary.id?, container })
        });
        Ok(found.collect())
    }

    /// Removes all objects of the task.
    pub(crate) async fn close(&self, task: &TaskId) -> Result<(), RuntimeError> {
        // What we started need not wait for the list of what there is.
        let known = self.tasks().get(task).map(|open| open.containers.values().cloned().collect::<Vec<_>>());
        let known = known.unwrap_or_default();
        let removal = self.remove_all(known.iter().map(String::as_str));
        let (removed, found, volumes) = tokio::join!(removal, self.containers_of(task), self.volumes_of(task));
        removed?;
        let (found, volumes) = (found?, volumes?);
        let (pauses, others): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.container == PAUSE);
        let strays = others.into_iter().filter(|found| !known.contains(&found.id));
        self.remove_all(strays.map(|found| found.id.as_str())).await?;
        self.remove_all(pauses.into_iter().map(|found| found.id.as_str())).await?;
        let docker = self.engine.docker();
        join_all(volumes.iter().map(|volume| remove_volume(docker, volume))).await;
        if let Some(cgroups) = &self.cgroups {
            cgroups.close(self.names.project(), task);
        }
        if let Some(folder) = etc::folder(&self.options, task) {
            // The state folder ends with everything in it.
            let _ = std::fs::remove_dir_all(folder);
        }
        let open = self.tasks().remove(task);
        if let (Some(address), Some(network)) = (open.and_then(|open| open.address), &*self.network.lock().await) {
            network.release_address(address);
        }
        Ok(())
    }

    /// Removes all of them concurrently; a failure does not affect the others.
    async fn remove_all(&self, ids: impl Iterator<Item = &str>) -> Result<(), RuntimeError> {
        let removals = join_all(ids.map(|id| remove_container(self.engine.docker(), id))).await;
        let all: Result<Vec<()>, _> = removals.into_iter().collect();
        all.map(drop).map_err(|error| runtime_error(error, "removing a container of the task"))
    }

    async fn volumes_of(&self, task: &TaskId) -> Result<Vec<String>, RuntimeError> {
        let options = ListVolumesOptionsBuilder::new().filters(&self.names.task_filter(task)).build();
        let listed = self.engine.docker().list_volumes(Some(options)).await;
        let listed = listed.map_err(|error| runtime_error(error, "listing the task's volumes"))?;
        // Filters of several labels are an "or" in some versions of the engine.
        let of_task = listed
            .volumes
            .into_iter()
            .flatten()
            .filter(|volume| volume.labels.get(TASK).map(String::as_str) == Some(task.as_str()));
        Ok(of_task.map(|volume| volume.name).collect())
    }
}

/// A container of a task that was found by its label.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) container: String,
}

/// Removes a container with its anonymous volumes, by force, and returns when it is really gone.
pub(crate) async fn remove_container(docker: &Docker, id: &str) -> Result<(), bollard::errors::Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let deadline = tokio::time::Instant::now() + REMOVAL_LIMIT;
    loop {
        match docker.remove_container(id, Some(options.clone())).await {
            Ok(()) => return Ok(()),
            Err(error) if error::is_not_found(&error) => return Ok(()),
            // Somebody else is at it: it is gone when the engine knows it no more.
            Err(error) if error::status(&error) == Some(409) && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(REMOVAL_POLL).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes a volume, unless it is in use or already gone.
pub(crate) async fn remove_volume(docker: &Docker, name: &str) -> bool {
    let options = RemoveVolumeOptionsBuilder::new().force(false).build();
    docker.remove_volume(name, Some(options)).await.is_ok()
}
