//! Instances: the tasks that ECS has registered, and what clients have.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::faults::{invalid, no_instance, no_page};
use super::known::{self, Discovered};
use super::operations;
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::ecs::discovery::zone;
use crate::model::arn::REGION;
use crate::protocols::fault::Fault;

const INSTANCE: &str = "servicediscovery/instance";

/// An instance with its attributes.
pub(super) struct Instance {
    id: String,
    attributes: Map<String, Value>,
    is_healthy: bool,
}

impl Instance {
    fn shape(&self) -> Value {
        json!({ "Id": self.id, "Attributes": self.attributes })
    }

    fn status(&self) -> &'static str {
        if self.is_healthy { "HEALTHY" } else { "UNHEALTHY" }
    }
}

/// The instances of a service.
pub(super) fn of(state: &State, service: &Discovered) -> Vec<Instance> {
    let namespace = known::namespace(state, service.namespace()).ok();
    let name = format!("{}.{}", service.name(), namespace.as_ref().map(|one| one.name()).unwrap_or_default());
    let world = &state.snapshot.world;
    let tasks = zone::instances(world).filter(|one| one.registry.name().eq_ignore_ascii_case(&name)).map(|one| {
        let spec = &one.task.spec;
        // As ECS registers them (ECS developer guide, "Service discovery components").
        let mut attributes = Map::from_iter([
            ("AWS_INSTANCE_IPV4".to_owned(), json!(one.address.to_string())),
            ("AVAILABILITY_ZONE".to_owned(), json!(format!("{REGION}a"))),
            ("REGION".to_owned(), json!(REGION)),
            ("ECS_CLUSTER_NAME".to_owned(), json!(state.snapshot.topology.cluster.as_str())),
            ("ECS_TASK_DEFINITION_FAMILY".to_owned(), json!(spec.definition.family.as_str())),
            ("AWS_INIT_HEALTH_STATUS".to_owned(), json!(if one.is_healthy() { "HEALTHY" } else { "UNHEALTHY" })),
        ]);
        if let Some(service) = spec.service() {
            attributes.insert("ECS_SERVICE_NAME".to_owned(), json!(service.as_str()));
        }
        if let Some(port) = one.registry.port {
            attributes.insert("AWS_INSTANCE_PORT".to_owned(), json!(port.to_string()));
        }
        Instance { id: one.task.spec.id.to_string(), attributes, is_healthy: one.is_healthy() }
    });
    let own = state.records().of(INSTANCE).filter(|(_, record)| record.text("ServiceId") == service.id);
    let own = own.map(|(_, record)| Instance {
        id: record.text("Id").to_owned(),
        attributes: record.value["Attributes"].as_object().cloned().unwrap_or_default(),
        is_healthy: true,
    });
    tasks.chain(own).collect()
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    service_id: String,
    instance_id: String,
    attributes: Map<String, Value>,
    namespace_name: String,
    service_name: String,
    query_parameters: Map<String, Value>,
    health_status: Option<String>,
    instances: Vec<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn id(service: &str, instance: &str) -> String {
    format!("{service} {instance}")
}

pub(super) fn register(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let service = known::service(state, &given.service_id)?;
    if given.instance_id.is_empty() {
        return Err(invalid("InstanceId must not be empty"));
    }
    let value = json!({ "ServiceId": service.id, "Id": given.instance_id, "Attributes": given.attributes });
    let edits = vec![Edit::put(INSTANCE, id(&service.id, &given.instance_id), Record::new(value))];
    Ok(operations::done(state, "REGISTER_INSTANCE", ("INSTANCE", &given.instance_id), edits))
}

pub(super) fn deregister(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let service = known::service(state, &given.service_id)?;
    let id = id(&service.id, &given.instance_id);
    state.records().get(INSTANCE, &id).ok_or_else(|| no_instance(&given.instance_id))?;
    let edits = vec![Edit::forget(INSTANCE, id)];
    Ok(operations::done(state, "DEREGISTER_INSTANCE", ("INSTANCE", &given.instance_id), edits))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let service = known::service(state, &given.service_id)?;
    let found = of(state, &service).into_iter().find(|instance| instance.id == given.instance_id);
    let found = found.ok_or_else(|| no_instance(&given.instance_id))?;
    Ok(Decision::reply(json!({ "Instance": found.shape() })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let service = known::service(state, &given.service_id)?;
    let shapes: Vec<Value> = of(state, &service).iter().map(Instance::shape).collect();
    let (page, next) =
        pages::page(&shapes, Sizes::up_to(100), given.max_results, given.next_token.as_deref()).map_err(no_page)?;
    Ok(Decision::reply(pages::with_token(json!({ "Instances": page }), "NextToken", next)))
}

pub(super) fn health(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let service = known::service(state, &given.service_id)?;
    let instances = of(state, &service);
    for wanted in &given.instances {
        instances.iter().find(|one| one.id == *wanted).ok_or_else(|| no_instance(wanted))?;
    }
    let shown = instances.iter().filter(|one| given.instances.is_empty() || given.instances.contains(&one.id));
    let status: Map<String, Value> = shown.map(|one| (one.id.clone(), json!(one.status()))).collect();
    Ok(Decision::reply(json!({ "Status": status })))
}

pub(super) fn discover(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let spaces = known::namespaces(state);
    let space = spaces.iter().find(|space| space.name() == given.namespace_name);
    let space = space.ok_or_else(|| super::faults::no_namespace(&given.namespace_name))?;
    let services = known::services(state);
    let service = services.iter().find(|one| one.namespace() == space.id && one.name() == given.service_name);
    let service = service.ok_or_else(|| super::faults::no_service(&given.service_name))?;
    let instances = of(state, service);
    let asked = |instance: &&Instance| {
        given.query_parameters.iter().all(|(name, value)| instance.attributes.get(name) == Some(value))
    };
    let found: Vec<&Instance> = instances.iter().filter(asked).collect();
    let healthy: Vec<&Instance> = found.iter().copied().filter(|one| one.is_healthy).collect();
    let shown = match given.health_status.as_deref() {
        None | Some("HEALTHY") => healthy,
        Some("UNHEALTHY") => found.into_iter().filter(|one| !one.is_healthy).collect(),
        Some("HEALTHY_OR_ELSE_ALL") if !healthy.is_empty() => healthy,
        Some("ALL" | "HEALTHY_OR_ELSE_ALL") => found,
        Some(other) => return Err(invalid(format!("'{other}' is no health status to ask for"))),
    };
    let most = given.max_results.unwrap_or(100).clamp(1, 1000);
    let shapes = shown.into_iter().take(most).map(|one| {
        json!({
            "InstanceId": one.id,
            "NamespaceName": space.name(),
            "ServiceName": service.name(),
            "HealthStatus": one.status(),
            "Attributes": one.attributes,
        })
    });
    Ok(Decision::reply(json!({
        "Instances": shapes.collect::<Vec<_>>(),
        "InstancesRevision": state.snapshot.generation,
    })))
}
