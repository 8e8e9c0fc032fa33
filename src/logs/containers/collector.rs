//! Follows every container that starts, and appends its output to its file.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::control::runtime::{LogLine, Runtime};
use crate::control::view::shape::ClusterView;
use crate::logs::containers::files::file_of;
use crate::logs::containers::keeper::Keeper;
use crate::model::{ContainerName, TaskId};

/// How many lines are written at once. Fewer, as soon as none is waiting: readers follow the file.
const BATCH: usize = 256;

/// Collects until the view's sender is gone, then until what still runs has ended.
pub async fn collect<R: Runtime>(runtime: Arc<R>, mut views: watch::Receiver<Arc<ClusterView>>, folder: PathBuf) {
    let mut followed = HashSet::new();
    let mut followers = JoinSet::new();
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        for task in view.services.iter().flat_map(|service| &service.tasks) {
            for container in &task.containers {
                let Some(runtime_id) = &container.runtime_id else { continue };
                if followed.insert(runtime_id.clone()) {
                    let path = file_of(&folder, &container.log_group, &container.log_stream);
                    let task = TaskId::new(&task.task_id);
                    let container = ContainerName::new(&container.name);
                    followers.spawn(follow(Arc::clone(&runtime), task, container, path));
                }
            }
        }
        if views.changed().await.is_err() {
            break;
        }
    }
    while followers.join_next().await.is_some() {}
}

async fn follow<R: Runtime>(runtime: Arc<R>, task: TaskId, container: ContainerName, path: PathBuf) {
    let (sender, lines) = mpsc::channel(1024);
    let (followed, ()) = tokio::join!(runtime.follow_logs(&task, &container, sender), write(path, lines));
    if let Err(error) = followed {
        tracing::warn!(%task, %container, %error, "cannot follow a container's output");
    }
}

async fn write(path: PathBuf, mut lines: mpsc::Receiver<LogLine>) {
    let mut keeper = Keeper::new(path);
    let mut waiting = Vec::with_capacity(BATCH);
    while lines.recv_many(&mut waiting, BATCH).await > 0 {
        let batch = std::mem::take(&mut waiting);
        let kept = tokio::task::spawn_blocking(move || {
            keeper.keep(&batch);
            keeper
        });
        // Fails only while the runtime is being shut down.
        let Ok(kept) = kept.await else { return };
        keeper = kept;
    }
}
