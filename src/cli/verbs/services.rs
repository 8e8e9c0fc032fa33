//! Small verbs for a running stack: `scale`, `stop`, `start`, `events`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::admin::view::shape::{ClusterView, EventView};
use crate::admin::wire::Request;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{EventsArgs, Format};
use crate::cli::input::deployments::ContinueDeploymentArgs;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::picture::short;
use crate::cli::output::printer::{DIM, Printer};
use crate::cli::running::asking;
use crate::machine::folders::Folders;
use crate::model::ProjectName;
use crate::model::task::DesiredStatus;

/// `scale`: another number of tasks, until the file says something else than now.
pub(crate) fn scale(global: &Global, counts: &[(String, u32)], printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    asking::block_on(async {
        for (service, count) in counts {
            set(&project, &folders, service, Some(*count)).await?;
            printer.note(format!("service {service}: desired count {count} (until the file sets another number)"));
        }
        Ok(ExitStatus::SUCCESS)
    })
}

/// `stop`: one task, which its service then replaces, or every task of a service.
pub(crate) fn stop(global: &Global, names: &[String], printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    asking::block_on(async {
        let view = asking::view(&folders).await?.ok_or_else(|| asking::not_running(&project))?;
        for name in names {
            if view.services.iter().any(|service| service.service_name == *name) {
                set(&project, &folders, name, Some(0)).await?;
                printer.note(format!("service {name}: stopping all tasks (`neargate start {name}` starts them again)"));
                continue;
            }
            let task = find_task(&view, name)?;
            let request = Request::StopTask { task: task.clone() };
            asking::request(&folders, &request).await?.ok_or_else(|| asking::not_running(&project))?;
            printer.note(format!("task {}: stopping; its service replaces it (`neargate events -f`)", short(&task)));
        }
        Ok(ExitStatus::SUCCESS)
    })
}

/// `continue-deployment`: what a lifecycle hook has paused goes on, or is rolled back.
pub(crate) fn continue_deployment(
    global: &Global,
    args: &ContinueDeploymentArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    let ContinueDeploymentArgs { service, rollback, .. } = args;
    asking::block_on(async {
        let request = Request::ContinueDeployment { service: service.clone(), rollback: *rollback };
        asking::request(&folders, &request).await?.ok_or_else(|| asking::not_running(&project))?;
        let what = if *rollback { "is rolled back" } else { "goes on" };
        printer.note(format!("service {service}: its deployment {what} (`neargate events -f`)"));
        Ok(ExitStatus::SUCCESS)
    })
}

/// `start`: the number of tasks that the file asks for.
pub(crate) fn start(global: &Global, services: &[String], printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    asking::block_on(async {
        let view = asking::view(&folders).await?.ok_or_else(|| asking::not_running(&project))?;
        let all: Vec<String> = view.services.iter().map(|service| service.service_name.clone()).collect();
        for service in if services.is_empty() { &all } else { services } {
            set(&project, &folders, service, None).await?;
            printer.note(format!("service {service}: starting the tasks that the file asks for"));
        }
        Ok(ExitStatus::SUCCESS)
    })
}

async fn set(project: &ProjectName, folders: &Folders, service: &str, count: Option<u32>) -> Result<(), Failure> {
    let request = Request::Scale { service: service.to_owned(), count };
    match asking::request(folders, &request).await? {
        Some(_) => Ok(()),
        None => Err(asking::not_running(project)),
    }
}

/// The one running task whose id begins like this.
fn find_task(view: &ClusterView, wanted: &str) -> Result<String, Failure> {
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    let running: Vec<&str> =
        tasks.filter(|task| task.desired_status == DesiredStatus::Running).map(|task| task.task_id.as_str()).collect();
    let found: Vec<&str> = running.iter().copied().filter(|id| id.starts_with(wanted)).collect();
    let list = |ids: &[&str]| match ids {
        [] => "none".to_owned(),
        ids => ids.iter().map(|id| short(id)).collect::<Vec<_>>().join(", "),
    };
    match found.as_slice() {
        [task] => Ok((*task).to_owned()),
        [] => {
            let services: Vec<&str> = view.services.iter().map(|service| service.service_name.as_str()).collect();
            Err(Failure::usage(format!(
                "no service `{wanted}` and no running task with an ID that begins with `{wanted}`; services: {}; tasks: {}",
                if services.is_empty() { "none".to_owned() } else { services.join(", ") },
                list(&running)
            )))
        }
        several => Err(Failure::usage(format!("`{wanted}` is the beginning of several tasks: {}", list(several)))),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventLine<'a> {
    created_at: &'a str,
    service: &'a str,
    message: &'a str,
}

/// `events`: what the services' schedulers did, in ECS's words.
pub(crate) fn events(global: &Global, args: &EventsArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (project, folders) = project::identify(global)?;
    asking::block_on(async {
        let request = if args.follow { Request::Watch } else { Request::View };
        let mut conversation = asking::ask(&folders, &request).await?.ok_or_else(|| asking::not_running(&project))?;
        let mut seen = Seen::default();
        loop {
            let view = tokio::select! {
                view = conversation.view() => view,
                _ = tokio::signal::ctrl_c() => return Ok(ExitStatus::INTERRUPTED),
            };
            // Ends with the stack, as `logs -f` does.
            let Ok(Some(view)) = view else { return Ok(ExitStatus::SUCCESS) };
            print(&seen.new_in(&view), args.format.format, printer)?;
            if !args.follow {
                return Ok(ExitStatus::SUCCESS);
            }
        }
    })
}

fn print(events: &[(String, EventView)], format: Format, printer: &mut Printer) -> Result<(), Failure> {
    for (service, event) in events {
        match format {
            Format::Json => {
                printer.json_line(&EventLine { created_at: &event.created_at, service, message: &event.message })?;
            }
            Format::Table => printer.data(&format!("{DIM}{}{DIM:#}  {}\n", event.created_at, event.message))?,
        }
    }
    Ok(())
}

/// How many events of each service have been printed, by the last of them: old ones are dropped from the view.
#[derive(Default)]
struct Seen(BTreeMap<String, EventView>);

impl Seen {
    /// Those that are new, of all services, by time.
    fn new_in(&mut self, view: &ClusterView) -> Vec<(String, EventView)> {
        let mut new = Vec::new();
        for service in &view.services {
            let last = self.0.get(&service.service_name);
            let from = service.events.iter().rposition(|event| Some(event) == last).map_or(0, |at| at + 1);
            new.extend(service.events[from..].iter().map(|event| (service.service_name.clone(), event.clone())));
            if let Some(event) = service.events.last() {
                self.0.insert(service.service_name.clone(), event.clone());
            }
        }
        // RFC 3339 in UTC sorts as text; stable, so that one service's stay in order.
        new.sort_by(|a, b| a.1.created_at.cmp(&b.1.created_at));
        new
    }
}
