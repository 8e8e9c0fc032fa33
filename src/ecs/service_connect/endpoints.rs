//! The endpoints of a deployment's tasks.
//!
//! "Only new tasks with a Service Connect configuration in the same namespace and that start running after this deployment
//! can resolve and connect to this endpoint. … Existing tasks and replacement tasks continue to behave the same as they did
//! after the most recent deployment." So they are told when a deployment begins, and stay.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::world::{ServiceRecord, World};
use neargate_model::ServiceName;
use neargate_model::service::Service;
use neargate_model::service_connect::{AppProtocol, Endpoint, OfferedPort};
use neargate_model::task_definition::PortMapping;

/// The most endpoints in one namespace here: so many addresses lead to the proxy.
pub const MOST: usize = 64;

/// ECS API, TimeoutConfiguration: "The idleTimeout default for HTTP/HTTP2/GRPC is 5 minutes".
const IDLE_HTTP: Duration = Duration::from_secs(5 * 60);
/// "The idleTimeout default for TCP is 1 hour."
const IDLE_TCP: Duration = Duration::from_secs(60 * 60);
/// ECS developer guide: "The default timeout value is 15 seconds".
const PER_REQUEST: Duration = Duration::from_secs(15);

/// Where the endpoint with this number is found. On AWS it is 127.255.0.x, where packets are turned to the proxy; here the
/// proxy has the address, so that no port of the task's own is in its way.
pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(169, 254, 173, u8::try_from(number + 1).unwrap_or(u8::MAX))
}

/// What the tasks of a deployment of `service` find, when these are the services that there are.
pub fn of_deployment<'s>(service: &Service, all: impl Iterator<Item = &'s Service>) -> Vec<Endpoint> {
    let Some(own) = &service.service_connect else { return Vec::new() };
    let mut offered: Vec<(&OfferedPort, AppProtocol)> = all
        .filter_map(|other| Some((other, other.service_connect.as_ref()?)))
        .filter(|(_, connect)| connect.namespace == own.namespace)
        .flat_map(|(other, connect)| connect.services.iter().map(move |offered| (other, offered)))
        .filter_map(|(other, offered)| Some((offered, port(other, &offered.port_name)?.app_protocol)))
        .collect();
    offered.sort_by(|(a, _), (b, _)| (&a.alias.dns_name, a.alias.port).cmp(&(&b.alias.dns_name, b.alias.port)));
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (offered, protocol) in offered {
        // A name has one address, whatever its ports.
        let address = match endpoints.last() {
            Some(last) if last.dns_name == offered.alias.dns_name => last.address,
            Some(last) => Ipv4Addr::from(u32::from(last.address) + 1),
            None => address(0),
        };
        endpoints.push(endpoint(&own.namespace, offered, protocol, address));
    }
    endpoints
}

fn endpoint(namespace: &str, offered: &OfferedPort, protocol: AppProtocol, address: Ipv4Addr) -> Endpoint {
    let is_tcp = protocol == AppProtocol::Tcp;
    let unless_zero =
        |given: Option<Duration>, otherwise| Some(given.unwrap_or(otherwise)).filter(|one| !one.is_zero());
    Endpoint {
        namespace: namespace.to_owned(),
        discovery_name: offered.discovery_name.clone(),
        dns_name: offered.alias.dns_name.clone(),
        address,
        port: offered.alias.port,
        protocol,
        idle_timeout: unless_zero(offered.idle_timeout, if is_tcp { IDLE_TCP } else { IDLE_HTTP }),
        per_request_timeout: unless_zero(offered.per_request_timeout, PER_REQUEST).filter(|_| !is_tcp),
    }
}

impl World {
    /// What the tasks of a new deployment of the service find, when the services are as they are.
    pub(crate) fn endpoints_of(&self, service: &ServiceName) -> Arc<[Endpoint]> {
        let Some(record) = self.services.get(service) else { return Arc::default() };
        let all = self.services.values().filter_map(ServiceRecord::wanted).map(|service| &**service);
        of_deployment(&record.primary.service, all).into()
    }
}

/// The port mapping of that name in a service's task definition.
pub(super) fn port<'s>(service: &'s Service, name: &str) -> Option<&'s PortMapping> {
    let mappings = service.task_definition.containers.iter().flat_map(|container| &container.port_mappings);
    mappings.into_iter().find(|mapping| mapping.name.as_deref() == Some(name))
}
