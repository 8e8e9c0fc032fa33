//! Copies files that change while `up --watch` runs into running containers, and removes deleted ones there.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use bollard::query_parameters::UploadToContainerOptionsBuilder;

use crate::control::runtime::RuntimeError;
use crate::ecs::images::dockerignore::Dockerignore;
use crate::model::service::{Build, Hook};
use crate::model::{ContainerName, TaskId};

use super::exec::{ExecRequest, ExecSettings, Streams};
use crate::runtime::docker::engine::error::runtime_error;
use crate::runtime::docker::images::context::{Context, ContextError};
use crate::runtime::docker::runtime::DockerRuntime;

impl DockerRuntime {
    /// Makes these paths in a container match this machine: copies files, and removes missing paths. The content of
    /// folders is not implied.
    pub async fn sync(
        &self,
        task: &TaskId,
        container: &ContainerName,
        files: &BTreeSet<(PathBuf, String)>,
    ) -> Result<(), RuntimeError> {
        let (there, gone): (Vec<_>, Vec<_>) =
            files.iter().cloned().partition(|(here, _)| here.symlink_metadata().is_ok());
        let id = self.container_id(task, container).await?;
        let id = id.ok_or_else(|| RuntimeError::Other(format!("the container {container} is not running").into()))?;
        if !there.is_empty() {
            let packed = tokio::task::spawn_blocking(move || pack(&there)).await;
            let packed = packed.map_err(io::Error::other).and_then(|packed| packed);
            let packed = packed.map_err(|error| {
                RuntimeError::Other(format!("reading what has changed: {error}").into()).caused_by(error)
            })?;
            let options = UploadToContainerOptionsBuilder::new().path("/").build();
            let body = bollard::body_full(packed.into());
            let copied = self.engine().docker().upload_to_container(&id, Some(options), body).await;
            copied.map_err(|error| runtime_error(error, &format!("copying files into {container}")))?;
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
            settings: ExecSettings::default(),
        };
        let streams = Streams { stdin: None, stdout: tokio::io::sink(), stderr: tokio::io::sink(), sizes: None };
        match self.exec(&request, streams).await? {
            0 => Ok(()),
            code => Err(RuntimeError::Other(format!("removing files from {container}: rm ended with {code}").into())),
        }
    }

    /// Runs a command in a container after files have been copied into it. Returns its exit code and its output.
    pub async fn run_hook(
        &self,
        task: &TaskId,
        container: &ContainerName,
        hook: &Hook,
    ) -> Result<(i64, String), RuntimeError> {
        let request = ExecRequest {
            task: task.clone(),
            container: container.clone(),
            command: hook.command.clone(),
            tty: false,
            settings: ExecSettings {
                user: hook.user.clone(),
                privileged: hook.privileged,
                working_dir: hook.working_dir.clone(),
                environment: hook.environment.clone(),
            },
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let streams = Streams { stdin: None, stdout: &mut out, stderr: &mut err, sizes: None };
        let code = self.exec(&request, streams).await?;
        out.extend(err);
        Ok((code, String::from_utf8_lossy(&out).into_owned()))
    }
}

/// The ignore file of a build, in the builder's interpretation.
pub fn ignore_file(build: &Build) -> Result<Dockerignore, ContextError> {
    Context::open(build).map(|context| context.ignore().clone())
}

/// Packs the files into an archive under their paths in the container. A folder is skipped, because its files are
/// listed themselves.
fn pack(files: &[(PathBuf, String)]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    for (here, there) in files {
        // What goes away in this moment will be told as another change.
        let Ok(metadata) = here.symlink_metadata() else { continue };
        if metadata.is_dir() {
            continue;
        }
        match archive.append_path_with_name(here, there.trim_start_matches('/')) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    archive.into_inner()
}
