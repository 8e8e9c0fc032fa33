//! The names of a service in Cloud Map and Service Connect (ECS API reference, ServiceRegistry and ServiceConnectConfiguration).

use std::time::Duration;

use serde::Deserialize;

use super::clusters;
use super::names::invalid;
use crate::aws::action::State;
use crate::aws::services::servicediscovery;
use crate::ecs::discovery::limits as registry_limits;
use crate::ecs::service_connect::limits::{self, Refused};
use crate::model::ClusterName;
use crate::model::discovery::{RecordKind, ServiceRegistry};
use crate::model::service_connect::{ClientAlias, OfferedPort, ServiceConnect};
use crate::model::task_definition::RevisionName;
use crate::protocols::fault::Fault;

/// An entry of `serviceRegistries`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Registry {
    registry_arn: String,
    port: Option<u16>,
    container_name: Option<String>,
    container_port: Option<u16>,
}

/// `serviceConnectConfiguration`
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Connect {
    enabled: bool,
    namespace: Option<String>,
    services: Vec<Offered>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Offered {
    port_name: String,
    discovery_name: Option<String>,
    client_aliases: Vec<Alias>,
    timeout: Timeout,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Alias {
    port: u16,
    dns_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Timeout {
    idle_timeout_seconds: Option<u64>,
    per_request_timeout_seconds: Option<u64>,
}

/// Where tasks are registered. A service of Cloud Map without DNS records has no names for them.
pub(super) fn registry(state: &State, given: &[Registry]) -> Result<Option<ServiceRegistry>, Fault> {
    let one = match given {
        [] => return Ok(None),
        [one] => one,
        _ => return Err(invalid("service registries can have at most 1 items.")),
    };
    let arn = &one.registry_arn;
    let Some(registry) = servicediscovery::registry(state, arn) else {
        return match servicediscovery::exists(state, arn) {
            true => Ok(None),
            false => Err(invalid(format!("Service registry {arn} does not exist."))),
        };
    };
    let has_srv = registry.record(RecordKind::Srv).is_some();
    let (port, name, number) = (one.port, &one.container_name, one.container_port);
    registry_limits::port(has_srv, port.is_some(), name.is_some(), number.is_some())
        .map_err(|refused| invalid(refused.to_string()))?;
    Ok(Some(ServiceRegistry { port: port.or(number), ..registry }))
}

/// What a service offers to others, and where it finds theirs.
pub(super) fn connect(
    state: &State,
    cluster: &ClusterName,
    definition: &RevisionName,
    given: Option<Connect>,
) -> Result<Option<ServiceConnect>, Fault> {
    let Some(given) = given.filter(|given| given.enabled) else { return Ok(None) };
    let namespace = given.namespace.or_else(|| clusters::default_namespace(state, cluster));
    let namespace = namespace
        .ok_or_else(|| invalid("A namespace is required: the cluster has no default one for Service Connect."))?;
    let Some(name) = servicediscovery::namespace_name(state, &namespace) else {
        return Err(Fault::new("NamespaceNotFoundException", format!("Namespace {namespace} could not be found.")));
    };
    let families = state.desired.task_definitions();
    let definition = families.revision(definition);
    let refuse = |refused: Refused| invalid(refused.to_string());
    let services = given.services.into_iter().map(|offered| {
        let mappings = definition.iter().flat_map(|one| &one.containers).flat_map(|one| &one.port_mappings);
        let mapping = mappings.into_iter().find(|mapping| mapping.name.as_deref() == Some(&*offered.port_name));
        let protocol = mapping.ok_or(Refused::UnknownPort).map_err(refuse)?.app_protocol;
        let discovery_name = offered.discovery_name.unwrap_or_else(|| offered.port_name.clone());
        limits::discovery_name(&discovery_name).map_err(refuse)?;
        limits::aliases(offered.client_aliases.len()).map_err(refuse)?;
        let timeout = offered.timeout;
        limits::timeout(protocol, timeout.per_request_timeout_seconds.is_some()).map_err(refuse)?;
        let alias = offered.client_aliases.into_iter().next().ok_or(Refused::AliasMissing).map_err(refuse)?;
        let dns_name = alias.dns_name.unwrap_or_else(|| format!("{discovery_name}.{name}"));
        limits::dns_name(&dns_name).map_err(refuse)?;
        Ok(OfferedPort {
            port_name: offered.port_name,
            discovery_name,
            alias: ClientAlias { dns_name, port: alias.port },
            idle_timeout: timeout.idle_timeout_seconds.map(Duration::from_secs),
            per_request_timeout: timeout.per_request_timeout_seconds.map(Duration::from_secs),
        })
    });
    let services: Vec<OfferedPort> = services.collect::<Result<_, Fault>>()?;
    taken(state, &name, &services).map_err(refuse)?;
    Ok(Some(ServiceConnect { namespace: name, services }))
}

/// Whether another service of the namespace has one of these names.
fn taken(state: &State, namespace: &str, services: &[OfferedPort]) -> Result<(), Refused> {
    let others = state.snapshot.topology.services.values().filter_map(|service| service.service_connect.as_ref());
    let others: Vec<&OfferedPort> =
        others.filter(|connect| connect.namespace == namespace).flat_map(|connect| &connect.services).collect();
    for service in services {
        if others.iter().any(|other| other.discovery_name == service.discovery_name) {
            return Err(Refused::DiscoveryNameTaken);
        }
        if others.iter().any(|other| other.alias == service.alias) {
            return Err(Refused::EndpointTaken);
        }
    }
    Ok(())
}
