//! Clusters.

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, missing};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::ecs::count::Counts;
use crate::model::ClusterName;
use crate::model::arn::Arn;
use crate::protocols::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Named {
    cluster: Option<String>,
    cluster_name: Option<String>,
}

pub(super) fn create(_: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    let name = ClusterName::new(asked.cluster_name.as_deref().unwrap_or("default"));
    Ok(Decision::edit(Edit::CreateCluster { cluster: name.clone() }, move |state| {
        Ok(json!({ "cluster": shape(state, &name, "ACTIVE") }))
    }))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    let name = names::cluster(state, asked.cluster.as_deref())?;
    Ok(Decision::edit(Edit::DeleteCluster { cluster: name.clone() }, move |state| {
        Ok(json!({ "cluster": shape(state, &name, "INACTIVE") }))
    }))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Clusters {
    clusters: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Clusters { mut clusters } = input.read()?;
    if clusters.is_empty() {
        clusters.push("default".to_owned());
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &clusters {
        match names::cluster(state, Some(given)) {
            Ok(name) => found.push(shape(state, &name, "ACTIVE")),
            Err(_) => failures.push(missing(Arn::cluster(&ClusterName::new(names::last_part(given))))),
        }
    }
    Ok(Decision::reply(json!({ "clusters": found, "failures": failures })))
}

pub(super) fn list(state: &State, _: &Input<'_>) -> Result<Decision, Fault> {
    let arns: Vec<Arn> = state.desired.clusters().map(|name| Arn::cluster(&name)).collect();
    Ok(Decision::reply(json!({ "clusterArns": arns })))
}

fn shape(state: &State, name: &ClusterName, status: &str) -> Value {
    let is_the_stacks = state.snapshot.topology.cluster == *name;
    let world = &state.snapshot.world;
    let tasks = world.tasks.values().filter(|_| is_the_stacks);
    let Counts { running, pending } = Counts::of(tasks);
    let services = if is_the_stacks { state.snapshot.topology.services.len() } else { 0 };
    json!({
        "clusterArn": Arn::cluster(name),
        "clusterName": name,
        "status": status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": services,
        "statistics": [],
        "tags": [],
        "settings": [{ "name": "containerInsights", "value": "disabled" }],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    })
}
