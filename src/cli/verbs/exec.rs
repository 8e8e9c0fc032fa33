//! `exec`: a command inside a running container. Its exit code is ours.

use crate::admin::view::shape::{ClusterView, ContainerView};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::ExecArgs;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::picture::short;
use crate::cli::output::terminal;
use crate::cli::running::asking;
use crate::cli::running::asking::block_on;
use crate::model::task::{ContainerStatus, TaskStatus};
use crate::model::{ContainerName, TaskId};
use crate::runtime::docker::{DockerOptions, DockerRuntime, ExecRequest, ExecSettings, Streams};

/// `exec`
pub(crate) fn exec(global: &Global, args: &ExecArgs) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    block_on(async {
        let view = asking::view(&folders).await?.ok_or_else(|| asking::not_running(&project))?;
        let runtime = DockerRuntime::connect(DockerOptions::new(project.clone())).await?;
        let request = ExecRequest {
            task: find(&view, args)?,
            container: ContainerName::new(&args.container),
            command: args.command.clone(),
            tty: !args.no_tty && terminal::is_terminal(),
            settings: ExecSettings::default(),
        };
        let streams = Streams {
            stdin: Some(terminal::read_stdin()),
            stdout: tokio::io::stdout(),
            stderr: tokio::io::stderr(),
            sizes: request.tty.then(terminal::sizes),
        };
        // Raw mode ends when the guard is dropped, however the command ends.
        let _raw = if request.tty { terminal::RawMode::enter() } else { None };
        let code = runtime.exec(&request, streams).await?;
        Ok(ExitStatus(u8::try_from(code).unwrap_or(1)))
    })
}

/// The task whose container is meant: the one of `--task`, or the first that runs.
fn find(view: &ClusterView, args: &ExecArgs) -> Result<TaskId, Failure> {
    let tasks = || view.services.iter().flat_map(|service| &service.tasks);
    let wanted = args.task.as_deref().unwrap_or_default();
    let found = tasks().filter(|task| task.task_id.starts_with(wanted)).find(|task| {
        let runs = |container: &ContainerView| {
            container.name == args.container && container.last_status == ContainerStatus::Running
        };
        task.containers.iter().any(runs)
    });
    found.map(|task| TaskId::new(&task.task_id)).ok_or_else(|| not_running(view, args))
}

/// Which tasks and containers there are instead.
fn not_running(view: &ClusterView, args: &ExecArgs) -> Failure {
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    let running = tasks.filter_map(|task| {
        let containers = task.containers.iter().filter(|container| container.last_status == ContainerStatus::Running);
        let names: Vec<&str> = containers.map(|container| container.name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{} ({})", short(&task.task_id), names.join(", ")))
    });
    let running: Vec<String> = running.collect();
    let running = if running.is_empty() { "none".to_owned() } else { running.join(", ") };
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    let known = |wanted: &str| {
        tasks.clone().any(|task| task.task_id.starts_with(wanted) && task.last_status == TaskStatus::Running)
    };
    Failure::new(match args.task.as_deref() {
        Some(wanted) if !known(wanted) => {
            format!("no running task with an ID that begins with `{wanted}`; running: {running}")
        }
        Some(wanted) => format!("container `{}` is not running in task {wanted}; running: {running}", args.container),
        None => format!("container `{}` is not running; running: {running}", args.container),
    })
}
