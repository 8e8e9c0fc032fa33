//! Follows every container that starts, and appends its output to its file.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::control::runtime::{LogLine, Runtime};
use crate::control::snapshot::Snapshot;
use crate::ecs::log_stream::LogStream;
use crate::logs::containers::files::file_of;
use crate::logs::containers::keeper::Keeper;
use crate::model::{ContainerName, TaskId};

/// How many lines are written at once. Fewer, as soon as none is waiting: readers follow the file.
const BATCH: usize = 256;

/// Collects until the snapshots' sender is gone, then until what still runs has ended.
pub async fn collect(runtime: Arc<dyn Runtime>, mut snapshots: watch::Receiver<Arc<Snapshot>>, folder: PathBuf) {
    let mut followed = HashSet::new();
    let mut followers = JoinSet::new();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        for task in snapshot.world.tasks.values() {
            for container in &task.spec.definition.containers {
                let Some(runtime_id) = &task.containers[&container.name].runtime_id else { continue };
                if followed.insert(runtime_id.clone()) {
                    let stream = LogStream::new(&task.spec, container);
                    let path = file_of(&folder, &stream.group, &stream.name);
                    let (task, container) = (task.spec.id.clone(), container.name.clone());
                    followers.spawn(follow(Arc::clone(&runtime), task, container, path));
                }
            }
        }
        if snapshots.changed().await.is_err() {
            break;
        }
    }
    while followers.join_next().await.is_some() {}
}

async fn follow(runtime: Arc<dyn Runtime>, task: TaskId, container: ContainerName, path: PathBuf) {
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
