//! Follows every container that starts, and appends what it says to its file.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::fs::OpenOptions;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::control::runtime::{LogLine, Runtime};
use crate::control::view::ClusterView;
use crate::logs::file_of;
use crate::model::{ContainerName, TaskId};

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
    let (followed, written) = tokio::join!(runtime.follow_logs(&task, &container, sender), write(&path, lines));
    if let Err(error) = followed {
        tracing::warn!(%task, %container, %error, "cannot follow a container's output");
    }
    if let Err(error) = written {
        tracing::warn!(path = %path.display(), %error, "cannot keep a container's output");
    }
}

async fn write(path: &Path, mut lines: mpsc::Receiver<LogLine>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path).await?;
    let mut file = BufWriter::new(file);
    while let Some(line) = lines.recv().await {
        let stream = if line.stderr { "stderr" } else { "stdout" };
        file.write_all(format!("{} {stream} {}\n", line.at, line.text).as_bytes()).await?;
        // Readers follow the file: nothing waits in the buffer while there is nothing more to add to it.
        if lines.is_empty() {
            file.flush().await?;
        }
    }
    file.flush().await
}
