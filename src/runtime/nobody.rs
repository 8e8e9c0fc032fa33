//! The runtime of a topology without services, for which no engine is needed.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::control::runtime::{
    ImageProgress, ImageRequest, LogLine, NodeState, ObservedNode, Owners, ProvidedImage, Runtime, RuntimeError,
    RuntimeEvent, StartedContainer, TaskNetwork, TaskSpec,
};
use crate::model::arn::REGION;
use crate::model::task::ContainerExit;
use crate::model::{ContainerName, NodeName, TaskId, Zone};

/// A runtime without tasks.
#[derive(Debug)]
pub(super) struct Nobody;

/// The error of all calls that need an engine.
fn no_engine<T>() -> Result<T, RuntimeError> {
    Err(RuntimeError::EngineUnreachable(
        "this stack was started without services, and so without an engine; restart it (`neargate down`, `neargate up`) \
         to run tasks"
            .into(),
    ))
}

#[async_trait]
impl Runtime for Nobody {
    async fn prepare(&self) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn provide_image(
        &self,
        _: &ImageRequest,
        _: &[NodeName],
        _: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError> {
        no_engine()
    }

    async fn open_task(&self, _: &TaskSpec) -> Result<TaskNetwork, RuntimeError> {
        no_engine()
    }

    async fn start_container(&self, _: &TaskSpec, _: &ContainerName) -> Result<StartedContainer, RuntimeError> {
        no_engine()
    }

    async fn stop_container(&self, _: &TaskId, _: &ContainerName, _: Duration) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn restart_container(
        &self,
        _: &TaskId,
        _: &ContainerName,
        _: Duration,
    ) -> Result<Option<ContainerExit>, RuntimeError> {
        no_engine()
    }

    async fn close_task(&self, _: &TaskId) -> Result<(), RuntimeError> {
        Ok(())
    }

    async fn watch(&self, events: mpsc::Sender<RuntimeEvent>) {
        // A service that is added later gets tasks, which say why they cannot run.
        let node = ObservedNode {
            name: NodeName::new("none"),
            zone: Zone::new(format!("{REGION}a")),
            state: NodeState::Ready,
            schedulable: true,
        };
        let _ = events.send(RuntimeEvent::Nodes(vec![node])).await;
        events.closed().await;
    }

    async fn follow_logs(&self, _: &TaskId, _: &ContainerName, _: mpsc::Sender<LogLine>) -> Result<(), RuntimeError> {
        no_engine()
    }

    async fn sweep(&self, _: Owners) -> Result<Vec<String>, RuntimeError> {
        Ok(Vec::new())
    }
}
