//! Files that change while `up --watch` runs, copied into running containers and taken out of them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use bollard::query_parameters::UploadToContainerOptionsBuilder;

use crate::control::runtime::RuntimeError;
use crate::ecs::images::dockerignore::Dockerignore;
use crate::model::service::Build;
use crate::model::{ContainerName, TaskId};

use super::exec::{ExecRequest, Streams};
use crate::runtime::docker::DockerRuntime;
use crate::runtime::docker::engine::error::runtime_error;
use crate::runtime::docker::images::context::Context;

impl DockerRuntime {
    /// Makes these places in a container as they are here: what is a file here is copied, what is not here is removed
    /// there.
    pub async fn sync(
        &self,
        task: &TaskId,
        container: &ContainerName,
        files: &BTreeSet<(PathBuf, String)>,
    ) -> Result<(), RuntimeError> {
        let (there, gone): (Vec<_>, Vec<_>) =
            files.iter().cloned().partition(|(here, _)| here.symlink_metadata().is_ok());
        let id = self.container_id(task, container).await?;
        let id = id.ok_or_else(|| RuntimeError::Other(format!("the container {container} is not running")))?;
        if !there.is_empty() {
            let packed = tokio::task::spawn_blocking(move || pack(&there)).await;
            let packed = packed.map_err(io::Error::other).and_then(|packed| packed);
            let packed = packed.map_err(|error| RuntimeError::Other(format!("reading what has changed: {error}")))?;
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            let body = bollard::body_full(packed.into());
            let copied = self.engine().docker().upload_to_container(&id, Some(options), body).await;
            copied.map_err(|error| runtime_error(&error, &format!("copying files into {container}")))?;
        }
        if gone.is_empty() {
            return Ok(());
        }
        let remove = ["rm", "-rf", "--"].into_iter().map(str::to_owned);
        let request = ExecRequest {
            task: task.clone(),
            container: container.clone(),
            command: remove.chain(gone.into_iter().map(|(_, there)| there)).collect(),
            tty: false,
        };
        let streams = Streams { stdin: None, stdout: tokio::io::sink(), stderr: tokio::io::sink(), sizes: None };
        match self.exec(&request, streams).await? {
            0 => Ok(()),
            code => Err(RuntimeError::Other(format!("removing files from {container}: rm ended with {code}"))),
        }
    }
}

/// The ignore file of a build, as the builder takes it.
pub fn ignore_file(build: &Build) -> Result<Dockerignore, String> {
    Context::open(build).map(|context| context.ignore().clone())
}

/// The files as an archive of the places where they go. Folders are taken with all that is in them: when one is made,
/// nothing else tells of what was put into it at once.
fn pack(files: &[(PathBuf, String)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    for (here, there) in files {
        add(&mut archive, here, Path::new(there.trim_start_matches('/')))?;
    }
    archive.into_inner()
}

fn add(archive: &mut tar::Builder<Vec<u8>>, here: &Path, there: &Path) -> io::Result<()> {
    // What goes away in this moment will be told as another change.
    let Ok(metadata) = here.symlink_metadata() else { return Ok(()) };
    if !metadata.is_dir() {
        return match archive.append_path_with_name(here, there) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
    }
    for entry in std::fs::read_dir(here)? {
        let entry = entry?;
        add(archive, &entry.path(), &there.join(entry.file_name()))?;
    }
    Ok(())
}
