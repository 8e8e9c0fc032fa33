//! Clusters. Services are created in one of them; the others are empty.

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, invalid, missing, tags_refused};
use crate::aws::action::{Decision, Input, State, drop_nulls};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::ecs::count::Counts;
use crate::model::ClusterName;
use crate::model::arn::Arn;
use crate::protocols::fault::Fault;

/// What is remembered of a cluster, by its name.
pub(super) const CLUSTER: &str = "ecs/cluster";

/// The members that are returned as they were sent.
const MEMBERS: [&str; 5] =
    ["settings", "configuration", "serviceConnectDefaults", "capacityProviders", "defaultCapacityProviderStrategy"];

/// The capacity providers that Fargate has.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Named {
    cluster: Option<String>,
    cluster_name: Option<String>,
    capacity_providers: Vec<String>,
    tags: Vec<Tag>,
}

impl Named {
    fn check_providers(&self) -> Result<(), Fault> {
        let unknown = self.capacity_providers.iter().find(|name| !PROVIDERS.contains(&name.as_str()));
        unknown.map_or(Ok(()), |name| {
            Err(invalid(format!(
                "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
            )))
        })
    }
}

/// Sets the members that a request has.
fn set(record: &mut Record, sent: &Value, members: &[&str]) {
    for member in members {
        if let Some(value) = sent.get(*member) {
            record.value[*member] = value.clone();
        }
    }
}

fn record(state: &State, name: &ClusterName) -> Record {
    let known = state.records().get(CLUSTER, name.as_str()).cloned();
    known.unwrap_or_else(|| Record::new(json!({})))
}

/// The namespace of services that name none (ECS API reference, ClusterServiceConnectDefaultsRequest).
pub(super) fn default_namespace(state: &State, name: &ClusterName) -> Option<String> {
    let record = record(state, name);
    record.value["serviceConnectDefaults"]["namespace"].as_str().map(str::to_owned)
}

/// "If the cluster exists already, it is returned" (observed). The first services are created in the newest cluster.
pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    asked.check_providers()?;
    let name = ClusterName::new(asked.cluster_name.as_deref().unwrap_or("default"));
    let tags = tags::of(asked.tags);
    tags::judge(&tags).map_err(|problem| tags_refused(&problem))?;
    let mut record = record(state, &name).with(tags);
    set(&mut record, &input.json()?, &MEMBERS);
    let hosts_services = state.snapshot.topology.services.is_empty();
    let edits =
        vec![Edit::CreateCluster { cluster: name.clone(), hosts_services }, Edit::put(CLUSTER, name.as_str(), record)];
    Ok(Decision::edits(edits, move |state| Ok(json!({ "cluster": shape(state, &name, "ACTIVE", &Included::ALL) }))))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    let name = names::cluster(state, asked.cluster.as_deref())?;
    let last = shape(state, &name, "INACTIVE", &Included::ALL);
    let edits = vec![Edit::DeleteCluster { cluster: name.clone() }, Edit::forget(CLUSTER, name.as_str())];
    Ok(Decision::edits(edits, move |_| Ok(json!({ "cluster": last }))))
}

/// `UpdateCluster` and `UpdateClusterSettings`
pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    changed(state, input, &["settings", "configuration", "serviceConnectDefaults"])
}

pub(super) fn put_capacity_providers(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    asked.check_providers()?;
    changed(state, input, &["capacityProviders", "defaultCapacityProviderStrategy"])
}

fn changed(state: &State, input: &Input<'_>, members: &[&str]) -> Result<Decision, Fault> {
    let asked: Named = input.read()?;
    let name = names::cluster(state, asked.cluster.as_deref())?;
    let mut record = record(state, &name);
    set(&mut record, &input.json()?, members);
    let edit = Edit::put(CLUSTER, name.as_str(), record);
    Ok(Decision::edit(edit, move |state| Ok(json!({ "cluster": shape(state, &name, "ACTIVE", &Included::ALL) }))))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Clusters {
    clusters: Vec<String>,
    include: Vec<String>,
}

/// What DescribeClusters shows only if it is asked to (ECS API, DescribeClusters.include).
struct Included {
    settings: bool,
    configurations: bool,
    tags: bool,
}

impl Included {
    const ALL: Self = Self { settings: true, configurations: true, tags: true };
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Clusters { mut clusters, include } = input.read()?;
    if clusters.is_empty() {
        clusters.push("default".to_owned());
    }
    let has = |word: &str| include.iter().any(|included| included == word);
    let included = Included { settings: has("SETTINGS"), configurations: has("CONFIGURATIONS"), tags: has("TAGS") };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in &clusters {
        match names::cluster(state, Some(given)) {
            Ok(name) => found.push(shape(state, &name, "ACTIVE", &included)),
            Err(_) => failures.push(missing(Arn::cluster(&ClusterName::new(names::last_part(given))))),
        }
    }
    Ok(Decision::reply(json!({ "clusters": found, "failures": failures })))
}

pub(super) fn list(state: &State, _: &Input<'_>) -> Result<Decision, Fault> {
    let arns: Vec<Arn> = state.desired.clusters().map(|name| Arn::cluster(&name)).collect();
    Ok(Decision::reply(json!({ "clusterArns": arns })))
}

fn shape(state: &State, name: &ClusterName, status: &str, included: &Included) -> Value {
    let is_the_stacks = state.snapshot.topology.cluster == *name;
    let world = &state.snapshot.world;
    let tasks = world.tasks.values().filter(|_| is_the_stacks);
    let Counts { running, pending } = Counts::of(tasks);
    let services = if is_the_stacks { state.snapshot.topology.services.len() } else { 0 };
    let record = record(state, name);
    let list = |member: &str| record.value.get(member).cloned().unwrap_or_else(|| json!([]));
    let settings = match record.value.get("settings") {
        _ if !included.settings => json!([]),
        Some(settings) => settings.clone(),
        None => json!([{ "name": "containerInsights", "value": "disabled" }]),
    };
    let mut shape = json!({
        "clusterArn": Arn::cluster(name),
        "clusterName": name,
        "status": status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": services,
        "statistics": [],
        "tags": if included.tags { tags::lower(&record.tags) } else { json!([]) },
        "settings": settings,
        "configuration": record.value.get("configuration").filter(|_| included.configurations),
        "serviceConnectDefaults": record.value.get("serviceConnectDefaults"),
        "capacityProviders": list("capacityProviders"),
        "defaultCapacityProviderStrategy": list("defaultCapacityProviderStrategy"),
    });
    drop_nulls(&mut shape);
    shape
}
