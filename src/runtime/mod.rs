//! Who really runs the tasks.

pub mod docker;

use std::time::Duration;

use tokio::sync::mpsc;

use crate::control::runtime::{
    ImageProgress, ImageRequest, LogLine, Owners, ProvidedImage, Runtime, RuntimeError, RuntimeEvent, StartedContainer,
    TaskNetwork, TaskSpec,
};
use crate::model::task::ContainerExit;
use crate::model::{ContainerName, TaskId, Topology};
use docker::DockerOptions;
use docker::DockerRuntime;

/// The runtime of a stack: an engine, or nobody, for a load balancer whose targets the file gives by address.
#[derive(Debug)]
pub enum StackRuntime {
    /// A container engine.
    Docker(Box<DockerRuntime>),
    /// The topology has no services, so that no engine is needed.
    Nobody,
}

impl StackRuntime {
    /// What the topology needs.
    pub async fn connect(topology: &Topology) -> Result<Self, RuntimeError> {
        if topology.services.is_empty() {
            return Ok(Self::Nobody);
        }
        let runtime = DockerRuntime::connect(DockerOptions::new(topology.name.clone())).await?;
        Ok(Self::Docker(Box::new(runtime)))
    }

    /// Another living process of this machine that runs the project.
    pub async fn other_owner(&self) -> Result<Option<u32>, RuntimeError> {
        match self {
            Self::Docker(docker) => docker.other_owner().await,
            Self::Nobody => Ok(None),
        }
    }

    /// Whether the engine answers, and soon; nobody always does.
    pub async fn answers(&self) -> Result<(), RuntimeError> {
        match self {
            Self::Docker(docker) => docker.engine().answers().await,
            Self::Nobody => Ok(()),
        }
    }
}

/// What is answered when something is asked of nobody.
fn no_engine<T>() -> Result<T, RuntimeError> {
    Err(RuntimeError::EngineUnreachable(
        "this stack was started without services, and so without an engine; restart it (`neargate down`, `neargate up`) \
         to run tasks"
            .to_owned(),
    ))
}

impl Runtime for StackRuntime {
    async fn prepare(&self) -> Result<(), RuntimeError> {
        match self {
            Self::Docker(docker) => docker.prepare().await,
            Self::Nobody => Ok(()),
        }
    }

    async fn provide_image(
        &self,
        request: &ImageRequest,
        progress: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError> {
        match self {
            Self::Docker(docker) => docker.provide_image(request, progress).await,
            Self::Nobody => no_engine(),
        }
    }

    async fn open_task(&self, task: &TaskSpec) -> Result<TaskNetwork, RuntimeError> {
        match self {
            Self::Docker(docker) => docker.open_task(task).await,
            Self::Nobody => no_engine(),
        }
    }

    async fn start_container(
        &self,
        task: &TaskSpec,
        container: &ContainerName,
    ) -> Result<StartedContainer, RuntimeError> {
        match self {
            Self::Docker(docker) => docker.start_container(task, container).await,
            Self::Nobody => no_engine(),
        }
    }

    async fn stop_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<(), RuntimeError> {
        match self {
            Self::Docker(docker) => docker.stop_container(task, container, stop_timeout).await,
            Self::Nobody => Ok(()),
        }
    }

    async fn restart_container(
        &self,
        task: &TaskId,
        container: &ContainerName,
        stop_timeout: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError> {
        match self {
            Self::Docker(docker) => docker.restart_container(task, container, stop_timeout).await,
            Self::Nobody => no_engine(),
        }
    }

    async fn close_task(&self, task: &TaskId) -> Result<(), RuntimeError> {
        match self {
            Self::Docker(docker) => docker.close_task(task).await,
            Self::Nobody => Ok(()),
        }
    }

    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>) {
        match self {
            Self::Docker(docker) => docker.watch(events).await,
            Self::Nobody => events.closed().await,
        }
    }

    async fn follow_logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        lines: mpsc::Sender<LogLine>,
    ) -> Result<(), RuntimeError> {
        match self {
            Self::Docker(docker) => docker.follow_logs(task, container, lines).await,
            Self::Nobody => no_engine(),
        }
    }

    async fn sweep(&self, of: Owners) -> Result<Vec<String>, RuntimeError> {
        match self {
            Self::Docker(docker) => docker.sweep(of).await,
            Self::Nobody => Ok(Vec::new()),
        }
    }
}
