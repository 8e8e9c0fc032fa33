//! Runs a command in a running container, with streams, terminal and exit code as in `docker exec`.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use bollard::query_parameters::ResizeExecOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::control::runtime::RuntimeError;
use crate::model::{ContainerName, TaskId};

use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::runtime_error;
use crate::runtime::docker::runtime::DockerRuntime;

/// How long to wait for the exit code after the output has ended.
const EXIT_LIMIT: Duration = Duration::from_secs(10);
const EXIT_POLL: Duration = Duration::from_millis(20);
const RESIZE_ATTEMPTS: u32 = 20;

/// The command, and the container to run it in.
#[derive(Clone, Debug)]
pub struct ExecRequest {
    /// The task.
    pub task: TaskId,
    /// The container.
    pub container: ContainerName,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Allocates a terminal for the command.
    pub tty: bool,
    /// Settings that differ from the container's own command.
    pub settings: ExecSettings,
}

/// The settings in which a command differs from its container's own command.
#[derive(Clone, Debug, Default)]
pub struct ExecSettings {
    /// The user that runs it.
    pub user: Option<String>,
    /// Whether it has all privileges.
    pub privileged: bool,
    /// The folder in which it runs.
    pub working_dir: Option<String>,
    /// Variables that are added to the container's or replace them.
    pub environment: BTreeMap<String, String>,
}

/// The sources and destinations of a command's streams.
#[derive(Debug)]
pub struct Streams<O, E> {
    /// Pieces of standard input; closed at its end. `None` for no input.
    pub stdin: Option<mpsc::Receiver<Bytes>>,
    /// The destination of standard output; with a terminal, of all output.
    pub stdout: O,
    /// The destination of standard error.
    pub stderr: E,
    /// Columns and rows of the user's terminal, initially and after each change. Only with a terminal.
    pub sizes: Option<mpsc::Receiver<(u16, u16)>>,
}

impl DockerRuntime {
    /// Runs a command and returns its exit code: 126 or 127 if it cannot be run.
    pub async fn exec(
        &self,
        request: &ExecRequest,
        mut streams: Streams<impl AsyncWrite + Unpin + Send, impl AsyncWrite + Unpin + Send>,
    ) -> Result<i64, RuntimeError> {
        let docker = self.engine.docker();
        let container = &request.container;
        let not_there = || RuntimeError::Other(format!("the container {container} is not running").into());
        let id = self.container_id(&request.task, container).await?.ok_or_else(not_there)?;
        let settings = &request.settings;
        let environment: Vec<String> =
            settings.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let config = ExecConfig {
            cmd: Some(request.command.clone()),
            attach_stdin: Some(streams.stdin.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(request.tty),
            user: settings.user.clone(),
            privileged: Some(settings.privileged),
            working_dir: settings.working_dir.clone(),
            env: (!environment.is_empty()).then_some(environment),
            ..ExecConfig::default()
        };
        let created = docker.create_exec(&id, config).await.map_err(|error| match error::status(&error) {
            Some(404 | 409) => not_there().caused_by(error),
            _ => runtime_error(error, &format!("running a command in {container}")),
        })?;
        let options = StartExecOptions { detach: false, tty: request.tty, output_capacity: None };
        let started = docker.start_exec(&created.id, Some(options)).await;
        let started = started.map_err(|error| runtime_error(error, &format!("running a command in {container}")))?;
        let StartExecResults::Attached { mut output, mut input } = started else { return Ok(0) };

        let stdin = streams.stdin.take();
        let feed = async {
            let Some(mut pieces) = stdin else { return std::future::pending().await };
            while let Some(piece) = pieces.recv().await {
                if input.write_all(&piece).await.is_err() || input.flush().await.is_err() {
                    return;
                }
            }
            // The end of our input is the end of the command's; it may still have a lot to say.
            let _ = input.shutdown().await;
            std::future::pending::<()>().await;
        };
        let resize = self.follow_size(&created.id, streams.sizes.take());
        let show = async {
            while let Some(piece) = output.next().await {
                let written = match piece.map_err(|error| runtime_error(error, "reading the command's output"))? {
                    LogOutput::StdErr { message } => write(&mut streams.stderr, &message).await,
                    other => write(&mut streams.stdout, &other.into_bytes()).await,
                };
                written.map_err(|error| {
                    RuntimeError::Other(format!("writing the command's output: {error}").into()).caused_by(error)
                })?;
            }
            Ok(())
        };
        let (mut feed, mut resize, mut show) = (pin!(feed), pin!(resize), pin!(show));
        let mut feeding = true;
        loop {
            // Only the end of the output ends the command; the others are dropped with it.
            tokio::select! {
                shown = &mut show => break shown?,
                () = &mut feed, if feeding => feeding = false,
                () = &mut resize => {}
            }
        }
        self.exit_code(&created.id).await
    }

    async fn exit_code(&self, exec: &str) -> Result<i64, RuntimeError> {
        let deadline = tokio::time::Instant::now() + EXIT_LIMIT;
        loop {
            let inspected = self.engine.docker().inspect_exec(exec).await;
            let inspected = inspected.map_err(|error| runtime_error(error, "asking for the command's exit code"))?;
            if let (Some(code), Some(false)) = (inspected.exit_code, inspected.running) {
                return Ok(code);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(RuntimeError::Other("the command closed its output but is still running".into()));
            }
            tokio::time::sleep(EXIT_POLL).await;
        }
    }

    /// Passes each size on to the command's terminal. Never returns.
    async fn follow_size(&self, exec: &str, sizes: Option<mpsc::Receiver<(u16, u16)>>) {
        if let Some(mut sizes) = sizes {
            while let Some((columns, rows)) = sizes.recv().await {
                let options = ResizeExecOptionsBuilder::new().w(columns.into()).h(rows.into()).build();
                // The engine knows the terminal only once the command runs.
                for _ in 0..RESIZE_ATTEMPTS {
                    if self.engine.docker().resize_exec(exec, options.clone()).await.is_ok() {
                        break;
                    }
                    tokio::time::sleep(EXIT_POLL).await;
                }
            }
        }
        std::future::pending().await
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
