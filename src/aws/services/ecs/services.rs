//! Services.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{self, invalid, missing, refused};
use super::service_record::{self, INACTIVE, SERVICE};
use super::service_settings::Settings;
use super::{pages, service_names, service_shape};
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::ecs::violation::Violation;
use crate::ecs::world::ServiceRecord;
use crate::model::arn::{ACCOUNT, Arn, REGION};
use crate::model::deployment::DeploymentConfiguration;
use crate::model::service::Service;
use crate::model::{ClusterName, ServiceName};
use crate::protocols::fault::Fault;

/// The most services in one DescribeServices.
const MOST_DESCRIBED: usize = 10;

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let mut asked: Settings = input.read()?;
    let cluster = names::cluster(state, asked.cluster.as_deref())?;
    let name = ServiceName::new(asked.service_name.as_deref().unwrap_or_default());
    if asked.scheduling_strategy.as_deref() == Some("DAEMON") {
        return Err(refused(&Violation::DaemonOnFargate));
    }
    if asked.launch_type.is_some() && !asked.capacity_provider_strategy.is_empty() {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    let revision = asked.revision(state)?.ok_or_else(|| invalid("TaskDefinition can not be blank."))?;
    let network = asked.security_groups(state)?;
    if asked.network_configuration.is_none() {
        return Err(invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."));
    }
    let mut settings = Service::new(revision, asked.count()?.unwrap_or(0));
    settings.security_groups = network.unwrap_or_default();
    settings.load_balancers = asked.bindings(state)?.unwrap_or_default();
    settings.health_check_grace_period = Duration::from_secs(asked.health_check_grace_period_seconds.unwrap_or(0));
    let rebalances = asked.rebalances();
    if let Some(configuration) = asked.deployment_configuration {
        settings.deployment_configuration = configuration.over(&DeploymentConfiguration::default())?;
    }
    settings.availability_zone_rebalancing = rebalances.unwrap_or(true);
    settings.service_registry = service_names::registry(state, &asked.service_registries)?;
    settings.service_connect =
        service_names::connect(state, &cluster, &settings.task_definition, asked.service_connect_configuration)?;
    let record = service_record::after(None, &input.json()?);
    let record = service_record::tagged(record, tags::of(std::mem::take(&mut asked.tags)))?;
    let mut edits = hosted_in(state, &cluster)?;
    edits.push(Edit::CreateService { service: name.clone(), settings });
    edits.push(Edit::put(SERVICE, name.as_str(), record));
    edits.push(Edit::forget(INACTIVE, name.as_str()));
    Ok(Decision::edits(edits, move |state| one(state, &name)))
}

/// Services are in one cluster. The first one decides in which.
fn hosted_in(state: &State, cluster: &ClusterName) -> Result<Vec<Edit>, Fault> {
    let topology = &state.snapshot.topology;
    if topology.cluster == *cluster {
        return Ok(Vec::new());
    }
    if !topology.services.is_empty() {
        return Err(other_cluster(state));
    }
    Ok(vec![Edit::CreateCluster { cluster: cluster.clone(), hosts_services: true }])
}

/// Tasks run in the cluster of the services.
pub(super) fn other_cluster(state: &State) -> Fault {
    let own = &state.snapshot.topology.cluster;
    invalid(format!("neargate runs tasks in one cluster, which is '{own}' as long as it has services."))
}

pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Settings = input.read()?;
    names::cluster(state, asked.cluster.as_deref())?;
    let name = names::service(asked.service.as_deref().unwrap_or_default());
    let Some(before) = state.snapshot.topology.services.get(&name) else {
        // Observed: UpdateService says nothing more here.
        let was_deleted =
            state.snapshot.world.services.contains_key(&name) || state.records().get(INACTIVE, name.as_str()).is_some();
        return match was_deleted.then_some(()) {
            Some(()) => Err(Fault::new("ServiceNotActiveException", "Service was not ACTIVE.")),
            None => Err(Fault::new("ServiceNotFoundException", "")),
        };
    };
    let mut edit = Edit::scale(name.clone(), before.desired_count);
    if let Edit::UpdateService {
        desired_count,
        task_definition,
        security_groups,
        load_balancers,
        health_check_grace_period,
        deployment_configuration,
        availability_zone_rebalancing,
        force_new_deployment,
        ..
    } = &mut edit
    {
        *desired_count = asked.count()?;
        *task_definition = asked.revision(state)?;
        *security_groups = asked.security_groups(state)?;
        *load_balancers = asked.bindings(state)?;
        *health_check_grace_period = asked.health_check_grace_period_seconds.map(Duration::from_secs);
        *availability_zone_rebalancing = asked.rebalances();
        *force_new_deployment = asked.force_new_deployment;
        *deployment_configuration =
            asked.deployment_configuration.map(|said| said.over(&before.deployment_configuration)).transpose()?;
    }
    let record = service_record::after(service_record::record(state, &name), &input.json()?);
    let edits = vec![edit, Edit::put(SERVICE, name.as_str(), record)];
    Ok(Decision::edits(edits, move |state| one(state, &name)))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Deleted {
    cluster: Option<String>,
    service: String,
    force: bool,
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Deleted { cluster, service, force } = input.read()?;
    names::cluster(state, cluster.as_deref())?;
    let name = names::service(&service);
    let mut edits = vec![Edit::DeleteService { service: name.clone(), force }, Edit::forget(SERVICE, name.as_str())];
    // Without tasks it is gone as soon as it is deleted.
    let last = one(state, &name).ok().map(|mut last| {
        last["service"]["status"] = json!("DRAINING");
        last["service"]["desiredCount"] = json!(0);
        last
    });
    if let Some(last) = &last {
        let mut gone = last["service"].clone();
        for (member, value) in [("status", json!("INACTIVE")), ("runningCount", json!(0)), ("pendingCount", json!(0))] {
            gone[member] = value;
        }
        gone["deployments"] = json!([]);
        edits.push(Edit::put(INACTIVE, name.as_str(), Record::new(gone)));
    }
    Ok(Decision::edits(edits, move |state| match (one(state, &name), last) {
        (Err(_), Some(last)) => Ok(last),
        (draining, _) => draining,
    }))
}

/// `{"service": …}`
fn one(state: &State, name: &ServiceName) -> Result<Value, Fault> {
    let record = state.snapshot.world.services.get(name);
    let record = record.ok_or_else(|| refused(&Violation::ServiceNotFound(name.clone())))?;
    Ok(json!({ "service": described(state, name, record, true) }))
}

/// A service with what is remembered of it.
fn described(state: &State, name: &ServiceName, record: &ServiceRecord, with_tags: bool) -> Value {
    let mut shape = service_shape::shape(state, name, record);
    let known = service_record::record(state, name);
    if let Some(known) = &known {
        service_record::overlay(&mut shape, known);
    }
    if with_tags {
        shape["tags"] = tags::lower(&known.unwrap_or_default().tags);
    }
    shape
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    cluster: Option<String>,
    services: Vec<String>,
    include: Vec<String>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Described { cluster, services, include } = input.read()?;
    let with_tags = include.iter().any(|included| included == "TAGS");
    let cluster = names::cluster(state, cluster.as_deref())?;
    if services.is_empty() {
        return Err(invalid("Services cannot be empty."));
    }
    if services.len() > MOST_DESCRIBED {
        return Err(invalid("Services cannot have more than 10 elements."));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let is_the_stacks = state.snapshot.topology.cluster == cluster;
    for given in &services {
        let name = names::service(given);
        match state.snapshot.world.services.get(&name).filter(|_| is_the_stacks) {
            Some(record) => found.push(described(state, &name, record, with_tags)),
            None => match inactive(state, &cluster, &name) {
                Some(gone) => found.push(gone),
                None if given.starts_with("arn:") => failures.push(missing(given)),
                // The old form, without the cluster (observed).
                None => failures.push(missing(format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{given}"))),
            },
        }
    }
    Ok(Decision::reply(json!({ "services": found, "failures": failures })))
}

/// A service that was deleted.
fn inactive(state: &State, cluster: &ClusterName, name: &ServiceName) -> Option<Value> {
    let record = state.records().get(INACTIVE, name.as_str())?;
    (record.text("clusterArn") == Arn::cluster(cluster).as_str()).then(|| record.value.clone())
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    cluster: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Listed { cluster, max_results, next_token } = input.read()?;
    let cluster = names::cluster(state, cluster.as_deref())?;
    let topology = &state.snapshot.topology;
    let services = topology.services.keys().filter(|_| topology.cluster == cluster);
    let arns: Vec<Arn> = services.map(|name| Arn::service(&cluster, name)).collect();
    // Unlike the others, it gives ten at a time (ECS API, ListServices.maxResults).
    let (page, next) = pages::page(&arns, Some(max_results.unwrap_or(MOST_DESCRIBED)), next_token.as_deref())?;
    Ok(Decision::reply(pages::with_token(json!({ "serviceArns": page }), next)))
}
