//! Carries out effects. It makes no choices: an effect says what to do and is tried once, and its outcome returns to
//! the controller as a fact. A failure is an observation, not an exception.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::control::details::Details;
use crate::control::observation::Observation;
use crate::control::runtime::{
    HookOutcome, ImageProgress, ImageRequest, ProvidedImage, Runtime, RuntimeError, StartedContainer, TaskNetwork,
};
use crate::ecs::step::{Effect, HookCall};
use crate::model::task::ContainerExit;
use crate::model::{ContainerName, NodeName, TaskId};

/// The outcome of an effect.
#[derive(Debug)]
pub(crate) enum Outcome {
    Prepared(Result<(), RuntimeError>),
    ImageProvided { image: String, nodes: Vec<NodeName>, result: Result<ProvidedImage, RuntimeError> },
    TaskOpened { task: TaskId, result: Result<TaskNetwork, RuntimeError> },
    ContainerStarted { task: TaskId, container: ContainerName, result: Result<StartedContainer, RuntimeError> },
    ContainerStopped { task: TaskId, container: ContainerName, result: Result<(), RuntimeError> },
    ContainerRestarted { task: TaskId, container: ContainerName, result: Result<Option<ContainerExit>, RuntimeError> },
    TaskClosed { task: TaskId, result: Result<(), RuntimeError> },
    HookAnswered { call: HookCall, outcome: HookOutcome },
}

/// Runs any number of effects at once; the plan ensures that no two concern the same container.
pub(crate) struct Executor {
    runtime: Arc<dyn Runtime>,
    observations: mpsc::Sender<Observation>,
    running: JoinSet<Outcome>,
    images: Vec<AbortHandle>,
}

impl Executor {
    pub(crate) fn new(runtime: Arc<dyn Runtime>, observations: mpsc::Sender<Observation>) -> Self {
        Self { runtime, observations, running: JoinSet::new(), images: Vec::new() }
    }

    /// Starts an effect; [`Self::next`] returns its outcome. There is none if its object is no longer known.
    pub(crate) fn start(&mut self, effect: Effect, details: &Details<'_>) {
        let runtime = Arc::clone(&self.runtime);
        match effect {
            Effect::PrepareProject => {
                self.running.spawn(async move { Outcome::Prepared(runtime.prepare().await) });
            }
            Effect::ProvideImage { image, user, container, nodes } => {
                let Some(request) = details.image_request(image, &user, &container) else { return };
                let observations = self.observations.clone();
                let handle = self.running.spawn(provide_image(runtime, observations, request, nodes));
                self.images.retain(|image| !image.is_finished());
                self.images.push(handle);
            }
            Effect::OpenTask(task) => {
                let Some(spec) = details.spec(&task) else { return };
                self.running.spawn(async move { Outcome::TaskOpened { task, result: runtime.open_task(&spec).await } });
            }
            Effect::StartContainer(task, container) => {
                let Some(spec) = details.pinned(&task, &container) else { return };
                self.running.spawn(async move {
                    let result = runtime.start_container(&spec, &container).await;
                    Outcome::ContainerStarted { task, container, result }
                });
            }
            Effect::StopContainer(task, container, stop_timeout) => {
                self.running.spawn(async move {
                    let result = runtime.stop_container(&task, &container, stop_timeout).await;
                    Outcome::ContainerStopped { task, container, result }
                });
            }
            Effect::RestartContainer(task, container, stop_timeout) => {
                self.running.spawn(async move {
                    let result = runtime.restart_container(&task, &container, stop_timeout).await;
                    Outcome::ContainerRestarted { task, container, result }
                });
            }
            Effect::InvokeHook(call) => {
                let Some(invocation) = details.invocation(&call) else { return };
                self.running.spawn(async move {
                    let outcome = runtime.invoke_hook(&invocation).await;
                    Outcome::HookAnswered { call, outcome }
                });
            }
            Effect::CloseTask(task) => {
                self.running.spawn(async move {
                    let result = runtime.close_task(&task).await;
                    Outcome::TaskClosed { task, result }
                });
            }
        }
    }

    /// Aborts builds and pulls in progress, because their images are no longer needed.
    pub(crate) fn abandon_images(&mut self) {
        for image in self.images.drain(..) {
            image.abort();
        }
    }

    /// The next outcome; waits forever if nothing is running. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Outcome {
        loop {
            match self.running.join_next().await {
                Some(Ok(outcome)) => return outcome,
                // Abandoned on purpose.
                Some(Err(error)) if error.is_cancelled() => {}
                Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
                None => std::future::pending().await,
            }
        }
    }

    /// The next outcome, if one is available now.
    pub(crate) fn try_next(&mut self) -> Option<Outcome> {
        loop {
            match self.running.try_join_next()? {
                Ok(outcome) => return Some(outcome),
                Err(error) if error.is_cancelled() => {}
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }
}

async fn provide_image(
    runtime: Arc<dyn Runtime>,
    observations: mpsc::Sender<Observation>,
    request: ImageRequest,
    nodes: Vec<NodeName>,
) -> Outcome {
    let (sender, receiver) = mpsc::channel(64);
    let result = tokio::select! {
        // Cancel-safe: dropping the build or pull is how it is abandoned, and `relay` only ends with it.
        result = runtime.provide_image(&request, &nodes, sender) => result,
        never = relay(receiver, observations) => never,
    };
    Outcome::ImageProvided { image: request.image, nodes, result }
}

/// Passes progress on, dropping it when the controller is busy.
async fn relay(
    mut progress: mpsc::Receiver<ImageProgress>,
    observations: mpsc::Sender<Observation>,
) -> Result<ProvidedImage, RuntimeError> {
    while let Some(progress) = progress.recv().await {
        let _ = observations.try_send(Observation::ImageProgressed(progress));
    }
    std::future::pending().await
}
