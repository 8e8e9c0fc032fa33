//! `deploy`: another revision of what a service runs, followed until the service is stable, or is not going to be; with
//! traffic meanwhile, if it is rehearsed.

mod aim;
mod observed;
mod rehearsal;
mod report;
mod stopping;

use std::time::{Duration, Instant};

use crate::admin::view::shape::ClusterView;
use crate::admin::wire::{Answer, DeployRequest, Request, WhatToRun};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::deployments::DeployArgs;
use crate::cli::input::format::Format;
use crate::cli::input::global::Global;
use crate::cli::input::project::{self, Project};
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::process::block_on_threads;
use crate::cli::running::rollout::{self, Outcome, Rollout};
use crate::model::ServiceName;
use rehearsal::{Rehearsal, Shown};
use report::{RehearsalReport, Report};

/// `deploy`
pub(crate) fn deploy(global: &Global, args: &DeployArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, None, false, printer)?;
    let service = match &args.service {
        Some(service) => service.clone(),
        None => only_service(&project)?,
    };
    if let Some(how) = args.stopping.how() {
        return stopping::stop(&project, args, &service, how, printer);
    }
    // Traffic must not wait for what is drawn, nor what is drawn for traffic.
    block_on_threads(async {
        let not_running = || asking::not_running(&project.topology.name);
        let before = asking::view(&project.folders).await?.ok_or_else(not_running)?;
        let mut rehearsal = match args.rehearsal.rehearse {
            true => Some(Rehearsal::begin(&project, &before, &service, &args.rehearsal, printer).await?),
            false => None,
        };
        let began = Instant::now();
        let request = Request::Deploy(request(&project, args, &service));
        let answer = asking::answer(&project.folders, &request).await?.ok_or_else(not_running)?;
        let Answer::Deployed { task_definition, deployment } = answer else {
            return Err(Failure::new("the process that runs the stack gave another answer"));
        };
        printer.note(format!("service {service}: deploying {task_definition} (deployment {deployment})"));
        let (outcome, reason) = if args.detach {
            (Outcome::InProgress, None)
        } else {
            let wait = Duration::from_secs(args.wait_timeout);
            let rollout = Rollout { service: &service, deployment: &deployment, wait };
            let see = |view: &ClusterView| rehearsal.iter_mut().for_each(|rehearsal| rehearsal.see(view));
            rollout::follow(&project, &rollout, &before, printer, see).await?
        };
        let seconds = began.elapsed().as_secs_f64();
        let shown = match rehearsal {
            Some(rehearsal) => Some(rehearsal.end(&project, &service, &deployment).await?),
            None => None,
        };
        let report = Report {
            service: &service,
            task_definition: &task_definition,
            deployment: &deployment,
            outcome: &outcome,
            reason: reason.as_deref(),
            seconds: (seconds * 10.0).round() / 10.0,
            rehearsal: shown.as_ref().map(RehearsalReport::new),
        };
        print(&report, shown.as_ref(), args.format.format, printer)?;
        let has_lost = shown.is_some_and(|shown| !shown.verdict.lost.is_empty());
        Ok(if has_lost { ExitStatus::FAILED } else { outcome.status() })
    })
}

fn request(project: &Project, args: &DeployArgs, service: &str) -> DeployRequest {
    let declared = project.topology.services.get(service);
    let task_definition = match (&args.task_definition, declared) {
        (Some(name), _) => WhatToRun::Registered(name.clone()),
        (None, Some(declared)) => WhatToRun::Definition(Box::new(declared.task_definition.definition.as_ref().clone())),
        (None, None) => WhatToRun::Current,
    };
    DeployRequest {
        cluster: args.cluster.clone(),
        service: service.to_owned(),
        task_definition,
        replacements: args.replacements.replacements(),
        build: args.build,
        force_new_deployment: args.force_new_deployment,
    }
}

fn print(report: &Report<'_>, shown: Option<&Shown>, format: Format, printer: &mut Printer) -> Result<(), Failure> {
    match format {
        Format::Json => printer.json_line(report),
        Format::Table => {
            printer.data(&report::outcome(report))?;
            shown.map_or(Ok(()), |shown| printer.data(&report::rehearsal(shown)))
        }
    }
}

fn only_service(project: &Project) -> Result<String, Failure> {
    let names: Vec<&str> = project.topology.services.keys().map(ServiceName::as_str).collect();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Failure::usage("the file has no service to deploy")),
        several => Err(Failure::usage(format!("name the service to deploy; the services are: {}", several.join(", ")))),
    }
}
