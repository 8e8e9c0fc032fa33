//! `deploy --rollback` and `deploy --stop`: the end of a deployment in progress, as ECS's StopServiceDeployment does it.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::admin::wire::{Answer, Request};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::deployments::{DeployArgs, How};
use crate::cli::input::format::Format;
use crate::cli::input::project::Project;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::rollout::{self, Outcome, Rollout};

/// The documented shape of `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    service: &'a str,
    /// What was stopped.
    deployment: &'a str,
    task_definition: &'a str,
    /// The deployment that is restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<&'a str>,
    /// How that went.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a Outcome>,
}

/// Stops it, and follows the rollback.
pub(super) fn stop(
    project: &Project,
    args: &DeployArgs,
    service: &str,
    how: How,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    asking::block_on(async {
        let not_running = || asking::not_running(&project.topology.name);
        let before = asking::view(&project.folders).await?.ok_or_else(not_running)?;
        let began = Instant::now();
        let request = Request::StopDeployment { service: service.to_owned(), abort: how == How::Abort };
        let answer = asking::answer(&project.folders, &request).await?.ok_or_else(not_running)?;
        let Answer::Stopped { deployment, task_definition, restored } = answer else {
            return Err(Failure::new("the process that runs the stack gave another answer"));
        };
        printer.note(format!("service {service}: stopped the deployment of {task_definition} ({deployment})"));
        let outcome = match &restored {
            None => None,
            Some(_) if args.detach => Some(Outcome::InProgress),
            Some(restored) => {
                let wait = Duration::from_secs(args.wait_timeout);
                let rollout = Rollout { service, deployment: restored, wait };
                Some(rollout::follow(project, &rollout, &before, printer, |_| {}).await?.0)
            }
        };
        let report = Report {
            service,
            deployment: &deployment,
            task_definition: &task_definition,
            restored: restored.as_deref(),
            outcome: outcome.as_ref(),
        };
        match args.format.format {
            Format::Json => printer.json_line(&report)?,
            Format::Table => printer.data(&in_words(&report, how, began.elapsed()))?,
        }
        Ok(match (&outcome, how) {
            (Some(outcome), _) => outcome.status(),
            (None, How::Abort) => ExitStatus::SUCCESS,
            (None, How::Rollback) => ExitStatus::FAILED,
        })
    })
}

fn in_words(report: &Report<'_>, how: How, took: Duration) -> String {
    let Report { service, task_definition, .. } = report;
    let seconds = (took.as_secs_f64() * 10.0).round() / 10.0;
    match (report.outcome, how) {
        (Some(Outcome::Stable), _) => {
            format!(
                "service {service}: {task_definition} was rolled back; what ran before is stable after {seconds} s\n"
            )
        }
        (Some(Outcome::InProgress), _) => format!("service {service}: {task_definition} is being rolled back\n"),
        (Some(Outcome::NotStableInTime), _) => format!(
            "service {service}: what ran before {task_definition} is not stable after {seconds} s; the rollback goes on \
             (`neargate doctor`, `neargate events -f`)\n"
        ),
        (Some(_), _) => format!("service {service}: another deployment took the place of the rollback\n"),
        (None, How::Abort) => format!(
            "service {service}: the deployment of {task_definition} was stopped; tasks stay as they are until the next one\n"
        ),
        (None, How::Rollback) => format!(
            "service {service}: the deployment of {task_definition} was stopped, and there is none before it to roll back to\n"
        ),
    }
}
