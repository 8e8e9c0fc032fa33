//! `deploy`: another revision of what a service runs, followed until the service is stable, or is not going to be.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::admin::view::shape::{ClusterView, DeploymentView};
use crate::admin::wire::{Answer, DeployRequest, Request, WhatToRun};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::deployments::DeployArgs;
use crate::cli::input::format::Format;
use crate::cli::input::global::Global;
use crate::cli::input::project::{self, Project};
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::process::Signals;
use crate::cli::running::waiting::Patience;
use crate::ecs::world::RolloutState;
use crate::model::ServiceName;

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Outcome {
    Stable,
    /// It failed, and what ran before runs again.
    RolledBack,
    Failed,
    /// Another deployment took its place.
    Replaced,
    NotStableInTime,
    /// Nobody waited for it.
    InProgress,
}

impl Outcome {
    fn status(&self) -> ExitStatus {
        match self {
            Self::Stable | Self::InProgress => ExitStatus::SUCCESS,
            Self::RolledBack | Self::Failed | Self::Replaced => ExitStatus::FAILED,
            Self::NotStableInTime => ExitStatus::NOT_HEALTHY,
        }
    }
}

/// What is printed at the end.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    service: &'a str,
    task_definition: &'a str,
    deployment: &'a str,
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    seconds: f64,
}

/// `deploy`
pub(crate) fn deploy(global: &Global, args: &DeployArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, None, false, printer)?;
    let service = match &args.service {
        Some(service) => service.clone(),
        None => only_service(&project)?,
    };
    let declared = project.topology.services.get(service.as_str());
    let task_definition = match (&args.task_definition, declared) {
        (Some(name), _) => WhatToRun::Registered(name.clone()),
        (None, Some(declared)) => WhatToRun::Definition(Box::new(declared.task_definition.definition.as_ref().clone())),
        (None, None) => WhatToRun::Current,
    };
    let request = DeployRequest {
        cluster: args.cluster.clone(),
        service: service.clone(),
        task_definition,
        replacements: args.replacements.replacements(),
        build: args.build,
        force_new_deployment: args.force_new_deployment,
    };
    asking::block_on(async {
        let not_running = || asking::not_running(&project.topology.name);
        let before = asking::view(&project.folders).await?.ok_or_else(not_running)?;
        let began = Instant::now();
        let answer = asking::answer(&project.folders, &Request::Deploy(request)).await?.ok_or_else(not_running)?;
        let Answer::Deployed { task_definition, deployment } = answer else {
            return Err(Failure::new("the process that runs the stack gave another answer"));
        };
        printer.note(format!("service {service}: deploying {task_definition} (deployment {deployment})"));
        let (outcome, reason) = match args.detach {
            true => (Outcome::InProgress, None),
            false => follow(&project, &before, args, &service, &deployment, printer).await?,
        };
        let seconds = began.elapsed().as_secs_f64();
        let report = Report {
            service: &service,
            task_definition: &task_definition,
            deployment: &deployment,
            outcome: &outcome,
            reason: reason.as_deref(),
            seconds: (seconds * 10.0).round() / 10.0,
        };
        match args.format.format {
            Format::Json => printer.json_line(&report)?,
            Format::Table => printer.data(&in_words(&report))?,
        }
        Ok(outcome.status())
    })
}

fn only_service(project: &Project) -> Result<String, Failure> {
    let names: Vec<&str> = project.topology.services.keys().map(ServiceName::as_str).collect();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Failure::usage("the file has no service to deploy")),
        several => Err(Failure::usage(format!("name the service to deploy; the services are: {}", several.join(", ")))),
    }
}

fn in_words(report: &Report<'_>) -> String {
    let Report { service, task_definition, reason, seconds, .. } = report;
    let because = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    match report.outcome {
        Outcome::Stable => format!("service {service} is stable on {task_definition} after {seconds} s\n"),
        Outcome::RolledBack => format!("service {service}: {task_definition} was rolled back{because}\n"),
        Outcome::Failed => format!("service {service}: the deployment of {task_definition} failed{because}\n"),
        Outcome::Replaced => format!("service {service}: another deployment replaced that of {task_definition}\n"),
        Outcome::NotStableInTime => format!(
            "service {service} is not stable on {task_definition} after {seconds} s; the deployment goes on \
             (`neargate doctor`, `neargate events -f`)\n"
        ),
        Outcome::InProgress => format!("service {service}: {task_definition} is being deployed\n"),
    }
}

/// Shows what happens until the deployment has ended.
async fn follow(
    project: &Project,
    before: &ClusterView,
    args: &DeployArgs,
    service: &str,
    deployment: &str,
    printer: &mut Printer,
) -> Result<(Outcome, Option<String>), Failure> {
    let mut live = Live::new();
    live.prime(before);
    let mut patience = Patience::new(Duration::from_secs(args.wait_timeout));
    let mut signals = Signals::new()?;
    let gone = || Failure::new("the stack was taken down during the deployment");
    let mut conversation = asking::ask(&project.folders, &Request::Watch).await?.ok_or_else(gone)?;
    let mut watched = Watched::default();
    loop {
        let view = tokio::select! {
            // Cancel-safe enough: on the other arms the conversation is not used again.
            view = conversation.view() => view?.ok_or_else(gone)?,
            () = patience.is_over() => return Ok((Outcome::NotStableInTime, watched.reason)),
            () = signals.next() => return Err(Failure {
                status: ExitStatus::INTERRUPTED,
                message: "interrupted; the deployment goes on (`neargate events -f`)".to_owned(),
            }),
        };
        live.report(&view, printer);
        patience.saw(&view);
        let found = view.services.iter().find(|found| found.service_name == service);
        let Some(found) = found else { return Err(Failure::new(format!("service {service} was deleted"))) };
        if let Some(outcome) = watched.see(&found.deployments, deployment) {
            return Ok((outcome, watched.reason));
        }
    }
}

/// What was seen of a deployment.
#[derive(Default)]
struct Watched {
    has_failed: bool,
    /// `rolloutStateReason`, once it has failed.
    reason: Option<String>,
}

impl Watched {
    /// How it has ended, if it has. The PRIMARY deployment comes first.
    fn see(&mut self, deployments: &[DeploymentView], id: &str) -> Option<Outcome> {
        let own = deployments.iter().find(|deployment| deployment.id == id);
        if let Some(failed) = own.filter(|own| own.rollout_state == RolloutState::Failed) {
            self.has_failed = true;
            self.reason = Some(failed.rollout_state_reason.clone());
        }
        let primary = deployments.first()?;
        match (primary.id == id, self.has_failed) {
            (true, true) => Some(Outcome::Failed),
            (true, false) => (primary.rollout_state == RolloutState::Completed).then_some(Outcome::Stable),
            // What it was rolled back to is not stable yet.
            (false, true) => (primary.rollout_state != RolloutState::InProgress).then_some(Outcome::RolledBack),
            (false, false) => Some(Outcome::Replaced),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(id: &str, state: RolloutState) -> DeploymentView {
        let reason = format!("{id} is {state}");
        DeploymentView {
            id: id.to_owned(),
            rollout_state: state.into(),
            rollout_state_reason: reason,
            ..DeploymentView::default()
        }
    }

    #[test]
    fn a_deployment_ends_with_its_own_state_or_with_what_took_its_place() {
        use RolloutState::{Completed, Failed, InProgress};
        let own = |state| deployment("own", state);
        let other = |state| deployment("other", state);
        let ends = |views: &[&[DeploymentView]]| {
            let mut watched = Watched::default();
            let outcomes: Vec<_> = views.iter().map(|view| watched.see(view, "own")).collect();
            (outcomes, watched.reason)
        };
        let failed = Some("own is FAILED".to_owned());
        assert_eq!(
            ends(&[&[own(InProgress), other(Completed)], &[own(Completed)]]),
            (vec![None, Some(Outcome::Stable)], None)
        );
        assert_eq!(ends(&[&[own(Failed), other(Completed)]]), (vec![Some(Outcome::Failed)], failed.clone()));
        assert_eq!(
            ends(&[&[other(InProgress), own(Failed)], &[other(Completed)]]),
            (vec![None, Some(Outcome::RolledBack)], failed)
        );
        assert_eq!(ends(&[&[other(InProgress), own(InProgress)]]), (vec![Some(Outcome::Replaced)], None));
    }
}
