//! `exec`: a command inside a running container. Its exit code is ours.

use crate::cli::project;
use crate::cli::stack::{self, block_on};
use crate::cli::terminal;
use crate::cli::{ExecArgs, ExitStatus, Failure, Global};
use crate::control::view::ClusterView;
use crate::model::{ContainerName, TaskId};
use crate::runtime::docker::{DockerOptions, DockerRuntime, ExecRequest, Streams};

/// `exec`
pub(crate) fn exec(global: &Global, args: &ExecArgs) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    block_on(async {
        let view = stack::view(&folders).await?.ok_or_else(|| stack::not_running(&project))?;
        let runtime = DockerRuntime::connect(DockerOptions::new(project.clone())).await?;
        let request = ExecRequest {
            task: find(&view, args)?,
            container: ContainerName::new(&args.container),
            command: args.command.clone(),
            tty: !args.no_tty && terminal::is_terminal(),
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
        let runs = |name: &str, status: &str| name == args.container && status == "RUNNING";
        task.containers.iter().any(|container| runs(&container.name, &container.last_status))
    });
    found.map(|task| TaskId::new(&task.task_id)).ok_or_else(|| {
        let mut running: Vec<&str> = tasks()
            .flat_map(|task| &task.containers)
            .filter(|container| container.last_status == "RUNNING")
            .map(|container| container.name.as_str())
            .collect();
        running.sort_unstable();
        running.dedup();
        Failure::new(format!(
            "container `{}` is not running{}; running are: {}",
            args.container,
            args.task.as_deref().map(|task| format!(" in a task {task}…")).unwrap_or_default(),
            if running.is_empty() { "none".to_owned() } else { running.join(", ") }
        ))
    })
}
