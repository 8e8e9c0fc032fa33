//! `run-task`: tasks that belong to no service, with their output, until they have stopped.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::admin::view::shape::{ClusterView, ContainerView, TaskView};
use crate::admin::wire::{Answer, Request, RunTaskRequest, WhatToRun};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::deployments::RunTaskArgs;
use crate::cli::input::format::Format;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::follow::Output;
use crate::cli::output::picture::short;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::process::Signals;
use crate::logs::containers::reader::LogReader;
use crate::machine::folders::Folders;
use crate::machine::following::Following;
use crate::model::task::TaskStatus;

/// How long output may take to reach its file after a task has stopped.
const LAST_OUTPUT: Duration = Duration::from_millis(300);

/// A task that has stopped, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stopped<'a> {
    task_id: &'a str,
    task_arn: &'a str,
    task_definition: &'a str,
    exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_reason: Option<&'a str>,
}

/// `run-task`
pub(crate) fn run_task(global: &Global, args: &RunTaskArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    let file = Path::new(&args.task_definition);
    let is_file = file.is_file() || file.extension().is_some();
    let task_definition = match is_file {
        true => WhatToRun::Definition(Box::new(project::task_definition(global, file)?)),
        false => WhatToRun::Registered(args.task_definition.clone()),
    };
    let request = RunTaskRequest {
        cluster: args.cluster.clone(),
        task_definition,
        replacements: args.replacements.replacements(),
        command: (!args.command.is_empty()).then(|| (args.container.clone(), args.command.clone())),
        count: args.count,
        started_by: args.started_by.clone(),
    };
    asking::block_on(async {
        let not_running = || asking::not_running(&project);
        let answer = asking::answer(&folders, &Request::RunTask(request)).await?.ok_or_else(not_running)?;
        let Answer::Running { task_definition, tasks } = answer else {
            return Err(Failure::new("the process that runs the stack gave another answer"));
        };
        if args.detach {
            printer.data(&tasks.iter().map(|task| format!("{task}\n")).collect::<String>())?;
            return Ok(ExitStatus::SUCCESS);
        }
        for task in &tasks {
            printer.note(format!("task {}: running {task_definition}", short(task)));
        }
        follow(&folders, &tasks, args, printer).await
    })
}

/// Shows output until every task has stopped.
async fn follow(
    folders: &Folders,
    tasks: &[String],
    args: &RunTaskArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let gone = || Failure::new("the stack was taken down while the task was running");
    let mut conversation = asking::ask(folders, &Request::Watch).await?.ok_or_else(gone)?;
    let mut signals = Signals::new()?;
    let mut shown =
        Shown { reader: LogReader::new(folders.container_logs()), output: Output::new(args.format.format, false) };
    let mut following = Following::of(folders.container_logs());
    let mut stopped: BTreeMap<String, TaskView> = BTreeMap::new();
    while stopped.len() < tasks.len() {
        let view = tokio::select! {
            // A view that is half read when another arm wins is read to its end the next time.
            view = conversation.view() => Some(view?.ok_or_else(gone)?),
            () = following.grown() => None,
            () = signals.next() => {
                for task in tasks.iter().filter(|task| !stopped.contains_key(*task)) {
                    // One that has stopped meanwhile needs no stop.
                    let _ = asking::request(folders, &Request::StopTask { task: task.clone() }).await;
                    printer.note(format!("task {}: stopping", short(task)));
                }
                return Ok(ExitStatus::INTERRUPTED);
            }
        };
        shown.show(tasks, printer)?;
        stopped.extend(view.iter().flat_map(|view| ended(view, tasks)));
    }
    tokio::time::sleep(LAST_OUTPUT).await;
    shown.show(tasks, printer)?;
    let in_order: Vec<&TaskView> = tasks.iter().filter_map(|task| stopped.get(task)).collect();
    report(&in_order, args.format.format, printer)?;
    Ok(ExitStatus(in_order.iter().map(|task| status(task)).max().unwrap_or_default()))
}

struct Shown {
    reader: LogReader,
    output: Output,
}

impl Shown {
    /// What the tasks have written since.
    fn show(&mut self, tasks: &[String], printer: &mut Printer) -> Result<(), Failure> {
        let mut entries = self.reader.read()?;
        entries.retain(|entry| tasks.contains(&entry.task));
        printer.container_output(&self.output.text(&entries)?)
    }
}

fn ended(view: &ClusterView, tasks: &[String]) -> Vec<(String, TaskView)> {
    let own = view.tasks.iter().filter(|task| tasks.contains(&task.task_id));
    let stopped = own.filter(|task| task.last_status == TaskStatus::Stopped);
    stopped.map(|task| (task.task_id.clone(), task.clone())).collect()
}

/// The exit code of the essential container that ended the task: the first one that failed, or success. A task that never
/// ran has none.
fn exit_code(task: &TaskView) -> Option<i64> {
    let codes = || {
        task.containers
            .iter()
            .filter(|container| container.essential)
            .filter_map(|container: &ContainerView| container.exit_code)
    };
    codes().find(|code| *code != 0).or_else(|| codes().next())
}

/// The same as the status of a process; 1 if there is none.
fn status(task: &TaskView) -> u8 {
    exit_code(task).map_or(1, |code| u8::try_from(code).unwrap_or(1))
}

fn report(tasks: &[&TaskView], format: Format, printer: &mut Printer) -> Result<(), Failure> {
    for task in tasks {
        match format {
            Format::Json => printer.json_line(&Stopped {
                task_id: &task.task_id,
                task_arn: &task.task_arn,
                task_definition: &task.task_definition,
                exit_code: exit_code(task),
                stop_code: task.stop_code.as_ref().map(ToString::to_string),
                stopped_reason: task.stopped_reason.as_deref(),
            })?,
            Format::Table => {
                let code = exit_code(task).map(|code| format!(", exit code {code}")).unwrap_or_default();
                let why = task.why_stopped().unwrap_or_else(|| "stopped".to_owned());
                printer.note(format!("task {}: {why}{code}", short(&task.task_id)));
                for container in task.containers.iter().filter(|container| container.exit_code.is_none()) {
                    if let Some(reason) = &container.reason {
                        printer.note(format!("container {}: {reason}", container.name));
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_essential_container_that_failed() {
        let task = |codes: &[(bool, Option<i64>)]| TaskView {
            containers: codes
                .iter()
                .map(|(essential, exit_code)| ContainerView {
                    essential: *essential,
                    exit_code: *exit_code,
                    ..ContainerView::default()
                })
                .collect(),
            ..TaskView::default()
        };
        assert_eq!(status(&task(&[(true, Some(0)), (false, Some(3))])), 0);
        assert_eq!(status(&task(&[(true, Some(0)), (true, Some(7))])), 7);
        assert_eq!(status(&task(&[(true, Some(137))])), 137);
        assert_eq!(status(&task(&[(true, None)])), 1, "it never ran");
    }
}
