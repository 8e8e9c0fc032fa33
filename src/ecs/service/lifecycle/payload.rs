//! What a hook is told: the event that a Lambda function would get.
//!
//! Source: ECS developer guide, "Lambda hooks for Amazon ECS service deployments", "Lifecycle payloads".

use serde_json::{Map, Value, json};

use super::progress::{HookRun, Lifecycle};
use crate::step::HookCall;
use crate::world::World;
use neargate_model::arn::{Arn, uuid};
use neargate_model::strategy::{HookTarget, LifecycleStage, Share};
use neargate_model::{DeploymentId, ServiceName, Topology};

/// A command to run, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Where it runs.
    pub folder: std::path::PathBuf,
    /// The event, as JSON: on its standard input and in its environment.
    pub event: String,
    /// Variables beside those of neargate itself.
    pub environment: Vec<(String, String)>,
}

/// The command of a hook that is to be asked; `None` if it is not any more.
pub fn invocation(topology: &Topology, world: &World, call: &HookCall) -> Option<Invocation> {
    let record = world.services.get(&call.service)?;
    let lifecycle = record.primary.lifecycle.as_ref().filter(|_| record.primary.id == call.deployment)?;
    let run = lifecycle.hooks.get(call.hook)?;
    let HookTarget::Lambda { command, folder, .. } = &run.hook.target else { return None };
    let blue = if lifecycle.is_rollback { Some(&record.primary.id) } else { lifecycle.source.as_ref() };
    let event = event(topology, &call.service, lifecycle, run, blue).to_string();
    let environment = vec![
        ("NEARGATE_HOOK_EVENT".to_owned(), event.clone()),
        ("NEARGATE_LIFECYCLE_STAGE".to_owned(), lifecycle.stage.to_string()),
        ("NEARGATE_SERVICE".to_owned(), call.service.to_string()),
    ];
    Some(Invocation { command: command.clone(), folder: folder.clone(), event, environment })
}

fn event(
    topology: &Topology,
    service: &ServiceName,
    lifecycle: &Lifecycle,
    run: &HookRun,
    blue: Option<&DeploymentId>,
) -> Value {
    let revision = |id: &DeploymentId| Arn::service_revision(&topology.cluster, service, id).to_string();
    let green = &lifecycle.target;
    let shares = |share: Share| -> Map<String, Value> {
        let share = if lifecycle.is_rollback { share.rest() } else { share };
        let mut shares = Map::from_iter([(revision(green), percent(share))]);
        shares.extend(blue.map(|blue| (revision(blue), percent(share.rest()))));
        shares
    };
    // Each map is filled at the stage that is about it.
    let (test, production) = match lifecycle.stage {
        LifecycleStage::TestTrafficShift => (shares(lifecycle.test()), Map::new()),
        LifecycleStage::PreProductionTrafficShift | LifecycleStage::ProductionTrafficShift => {
            (Map::new(), shares(lifecycle.production()))
        }
        _ => (Map::new(), Map::new()),
    };
    let execution = [green.as_str(), lifecycle.stage.into(), &lifecycle.step.to_string(), &run.asked.to_string()];
    let mut event = json!({
        "executionId": uuid(&[&["hook execution"][..], &execution[..]].concat()),
        "lifecycleStage": lifecycle.stage.to_string(),
        "resourceArn": Arn::service_deployment(&topology.cluster, service, green).to_string(),
        "executionDetails": {
            "serviceArn": Arn::service(&topology.cluster, service).to_string(),
            "targetServiceRevisionArn": revision(green),
            "testTrafficWeights": test,
            "productionTrafficWeights": production,
        },
    });
    let details = run.details.as_deref().and_then(|details| serde_json::from_str(details).ok());
    if let (Some(event), Some(details)) = (event.as_object_mut(), details) {
        event.insert("hookDetails".to_owned(), details);
    }
    event
}

/// A whole percentage is a whole number, as in the guide's examples.
fn percent(share: Share) -> Value {
    if share.tenths().is_multiple_of(10) { (share.tenths() / 10).into() } else { share.percent().into() }
}
