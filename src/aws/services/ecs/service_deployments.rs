//! Service deployments and revisions: what a service runs, ran before, and how it comes from one to the other. Only what a
//! service still remembers is known: its deployments under way, the last one that came up and the last one that failed.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, invalid, missing};
use super::{pages, service_shape};
use crate::aws::action::{Decision, Effect, Input, State, drop_nulls};
use crate::control::command::{PauseAction, StopType};
use crate::ecs::count::Counts;
use crate::ecs::world::{Deployment, Failure, RolloutState, ServiceRecord, Task};
use crate::model::arn::Arn;
use crate::model::{DeploymentId, ServiceName};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

/// A deployment, and whose it is.
struct Known<'s> {
    service: &'s ServiceName,
    record: &'s ServiceRecord,
    deployment: &'s Deployment,
}

/// Newest first.
fn of_service<'s>(service: &'s ServiceName, record: &'s ServiceRecord) -> Vec<Known<'s>> {
    let mut seen: BTreeSet<&DeploymentId> = BTreeSet::new();
    let all = record.deployments().chain(&record.completed).chain(&record.given_up);
    let mut known: Vec<Known<'s>> = all
        .filter(|deployment| seen.insert(&deployment.id))
        .map(|deployment| Known { service, record, deployment })
        .collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.deployment.created_at));
    known
}

fn all(state: &State) -> impl Iterator<Item = Known<'_>> {
    state.snapshot.world.services.iter().flat_map(|(name, record)| of_service(name, record))
}

impl Known<'_> {
    fn arn(&self, state: &State) -> Arn {
        Arn::service_deployment(&state.snapshot.topology.cluster, self.service, &self.deployment.id)
    }

    fn revision(&self, state: &State) -> Arn {
        Arn::service_revision(&state.snapshot.topology.cluster, self.service, &self.deployment.id)
    }

    /// `ServiceDeploymentStatus`
    fn status(&self) -> &'static str {
        let restores = self.record.is_rolling_back();
        match (self.deployment.rollout, self.deployment.failure) {
            (RolloutState::Completed, _) => "SUCCESSFUL",
            (RolloutState::InProgress, _) => "IN_PROGRESS",
            (RolloutState::Failed, Some(Failure::Stopped)) => "STOPPED",
            (RolloutState::Failed, _) if restores && self.record.primary.rollout == RolloutState::InProgress => {
                "ROLLBACK_IN_PROGRESS"
            }
            (RolloutState::Failed, _) if self.record.primary.id != self.deployment.id => "ROLLBACK_SUCCESSFUL",
            (RolloutState::Failed, _) => "STOPPED",
        }
    }

    fn finished_at(&self) -> Option<EpochSeconds> {
        (self.deployment.rollout != RolloutState::InProgress).then_some(EpochSeconds(self.deployment.updated_at))
    }

    /// `ServiceDeploymentBrief`
    fn brief(&self, state: &State) -> Value {
        let mut shape = json!({
            "serviceDeploymentArn": self.arn(state),
            "serviceArn": Arn::service(&state.snapshot.topology.cluster, self.service),
            "clusterArn": Arn::cluster(&state.snapshot.topology.cluster),
            "createdAt": EpochSeconds(self.deployment.created_at),
            "startedAt": EpochSeconds(self.deployment.created_at),
            "finishedAt": self.finished_at(),
            "targetServiceRevisionArn": self.revision(state),
            "status": self.status(),
            "statusReason": self.deployment.rollout_state_reason(),
        });
        drop_nulls(&mut shape);
        shape
    }

    /// `ServiceDeployment`
    fn shape(&self, state: &State) -> Value {
        let others = self.record.deployments().filter(|other| other.id != self.deployment.id);
        let sources: Vec<Value> = others.map(|other| self.summary(state, other)).collect();
        let breaker = self.deployment.service.deployment_configuration.circuit_breaker;
        let watched = match (breaker.enable, self.deployment.failure, self.deployment.rollout) {
            (false, ..) => "DISABLED",
            (true, Some(Failure::CircuitBreaker), _) => "TRIGGERED",
            (true, _, RolloutState::InProgress) => "MONITORING",
            (true, ..) => "MONITORING_COMPLETE",
        };
        let mut shape = self.brief(state);
        shape.as_object_mut().map(|members| members.remove("targetServiceRevisionArn"));
        shape["updatedAt"] = json!(EpochSeconds(self.deployment.updated_at));
        shape["sourceServiceRevisions"] = json!(sources);
        shape["targetServiceRevision"] = self.summary(state, self.deployment);
        shape["deploymentConfiguration"] =
            service_shape::configuration(&self.deployment.service.deployment_configuration);
        shape["deploymentCircuitBreaker"] = json!({ "status": watched, "failureCount": self.deployment.failed_tasks });
        if self.status().starts_with("ROLLBACK") {
            let restored = Known { deployment: &self.record.primary, ..*self };
            shape["rollback"] = json!({
                "reason": self.deployment.rollout_state_reason(),
                "startedAt": EpochSeconds(self.record.primary.created_at),
                "serviceRevisionArn": restored.revision(state),
            });
        }
        drop_nulls(&mut shape);
        shape
    }

    /// `ServiceRevisionSummary`
    fn summary(&self, state: &State, deployment: &Deployment) -> Value {
        let tasks: Vec<&Task> = state.snapshot.world.tasks.values().collect();
        let own = tasks.into_iter().filter(|task| task.spec.deployment() == Some(&deployment.id));
        let Counts { running, pending } = Counts::of(own);
        let is_wanted = deployment.id == self.record.primary.id;
        json!({
            "arn": Arn::service_revision(&state.snapshot.topology.cluster, self.service, &deployment.id),
            "requestedTaskCount": if is_wanted { deployment.service.desired_count } else { 0 },
            "runningTaskCount": running,
            "pendingTaskCount": pending,
        })
    }

    /// `ServiceRevision`
    fn revision_shape(&self, state: &State) -> Value {
        let service = &self.deployment.service;
        let images = service.task_definition.definition.containers.iter();
        let images: Vec<Value> = images
            .map(|container| {
                let digest = self.deployment.images.get(&container.name);
                let mut image = json!({ "containerName": container.name, "image": container.image });
                if let Some(digest) = digest {
                    image["imageDigest"] = json!(digest);
                }
                image
            })
            .collect();
        json!({
            "serviceRevisionArn": self.revision(state),
            "serviceArn": Arn::service(&state.snapshot.topology.cluster, self.service),
            "clusterArn": Arn::cluster(&state.snapshot.topology.cluster),
            "taskDefinition": Arn::task_definition(&service.task_definition.name()),
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "loadBalancers": service_shape::load_balancers(service),
            "networkConfiguration": service_shape::network(state, service),
            "containerImages": images,
            "createdAt": EpochSeconds(self.deployment.created_at),
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    service: String,
    cluster: Option<String>,
    status: Vec<String>,
    created_at: Between,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `CreatedAt`, in seconds since 1970.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Between {
    before: Option<f64>,
    after: Option<f64>,
}

impl Between {
    fn contains(&self, deployment: &Deployment) -> bool {
        let at = deployment.created_at.as_millisecond() as f64 / 1000.0;
        self.before.is_none_or(|before| at <= before) && self.after.is_none_or(|after| at >= after)
    }
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Listed = input.read()?;
    names::cluster(state, asked.cluster.as_deref())?;
    let name = names::service(&asked.service);
    let found = state.snapshot.world.services.get(&name);
    let record = found.ok_or_else(|| Fault::new("ServiceNotFoundException", "Service not found."))?;
    let wanted = of_service(&name, record).into_iter().filter(|known| {
        (asked.status.is_empty() || asked.status.iter().any(|status| status == known.status()))
            && asked.created_at.contains(known.deployment)
    });
    let shapes: Vec<Value> = wanted.map(|known| known.brief(state)).collect();
    let (page, next) = pages::page(&shapes, asked.max_results, asked.next_token.as_deref())?;
    Ok(Decision::reply(pages::with_token(json!({ "serviceDeployments": page }), next)))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Described {
    service_deployment_arns: Vec<String>,
    service_revision_arns: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &asked.service_deployment_arns {
        match all(state).find(|known| known.arn(state).as_str() == given) {
            Some(known) => found.push(known.shape(state)),
            None => failures.push(missing(given)),
        }
    }
    Ok(Decision::reply(json!({ "serviceDeployments": found, "failures": failures })))
}

pub(super) fn describe_revisions(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &asked.service_revision_arns {
        match all(state).find(|known| known.revision(state).as_str() == given) {
            Some(known) => found.push(known.revision_shape(state)),
            None => failures.push(missing(given)),
        }
    }
    Ok(Decision::reply(json!({ "serviceRevisions": found, "failures": failures })))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Changed {
    service_deployment_arn: String,
    stop_type: Option<String>,
    action: Option<String>,
}

impl Changed {
    fn service(&self, state: &State) -> Result<ServiceName, Fault> {
        let found = all(state).find(|known| known.arn(state).as_str() == self.service_deployment_arn);
        let found = found.map(|known| known.service.clone());
        found.ok_or_else(|| {
            Fault::new(
                "ServiceDeploymentNotFoundException",
                "The service deployment ARN that you specified was not found.",
            )
        })
    }

    fn reply(self, effect: Effect) -> Decision {
        Decision::then(effect, move |_| Ok(json!({ "serviceDeploymentArn": self.service_deployment_arn })))
    }
}

pub(super) fn stop(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Changed = input.read()?;
    let service = asked.service(state)?;
    let stop_type = match asked.stop_type.as_deref() {
        None | Some("ROLLBACK") => StopType::Rollback,
        Some("ABORT") => StopType::Abort,
        Some(_) => return Err(invalid("stopType must be ROLLBACK or ABORT")),
    };
    Ok(asked.reply(Effect::StopServiceDeployment(service, stop_type)))
}

pub(super) fn resume(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Changed = input.read()?;
    let service = asked.service(state)?;
    let action = match asked.action.as_deref() {
        None | Some("CONTINUE") => PauseAction::Continue,
        Some("ROLLBACK") => PauseAction::Rollback,
        Some(_) => return Err(invalid("action must be CONTINUE or ROLLBACK")),
    };
    Ok(asked.reply(Effect::ContinueServiceDeployment(service, action)))
}
