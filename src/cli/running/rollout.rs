//! Follows a deployment until it has ended, and says how.

use std::time::Duration;

use serde::Serialize;

use crate::admin::view::shape::{ClusterView, DeploymentView};
use crate::admin::wire::Request;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::project::Project;
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::process::Signals;
use crate::cli::running::waiting::Patience;
use crate::ecs::world::RolloutState;

/// How a deployment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Outcome {
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
    /// What a command ends with that deployed.
    pub(crate) fn status(&self) -> ExitStatus {
        match self {
            Self::Stable | Self::InProgress => ExitStatus::SUCCESS,
            Self::RolledBack | Self::Failed | Self::Replaced => ExitStatus::FAILED,
            Self::NotStableInTime => ExitStatus::NOT_HEALTHY,
        }
    }
}

/// A deployment to follow.
pub(crate) struct Rollout<'a> {
    /// The service.
    pub(crate) service: &'a str,
    /// The id of the deployment.
    pub(crate) deployment: &'a str,
    /// How long to wait once images are there.
    pub(crate) wait: Duration,
}

/// Shows what happens from the view `before` on until the deployment has ended. Everything that is seen goes to `seen`.
/// Returns also why it failed, if it did.
pub(crate) async fn follow(
    project: &Project,
    rollout: &Rollout<'_>,
    before: &ClusterView,
    printer: &mut Printer,
    mut seen: impl FnMut(&ClusterView),
) -> Result<(Outcome, Option<String>), Failure> {
    let Rollout { service, deployment, wait } = *rollout;
    let mut live = Live::new();
    live.prime(before);
    let mut patience = Patience::new(wait);
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
        seen(&view);
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
