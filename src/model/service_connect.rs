//! Service Connect: the endpoints that services of one namespace offer each other (ECS API: ServiceConnectConfiguration).

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `serviceConnectConfiguration` of a service for which it is enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceConnect {
    /// Name of the namespace: only services in it reach each other.
    pub namespace: String,
    /// What it offers; none for a service that is only a client.
    pub services: Vec<OfferedPort>,
}

/// An entry of `services`: a port that other services of the namespace reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedPort {
    /// Name of a port mapping of the task definition.
    pub port_name: String,
    /// Unique in the namespace.
    pub discovery_name: String,
    /// What clients call it.
    pub alias: ClientAlias,
    /// `idleTimeoutSeconds`; zero turns it off, and `None` is the default of the protocol.
    pub idle_timeout: Option<Duration>,
    /// `perRequestTimeoutSeconds`, in the same way.
    pub per_request_timeout: Option<Duration>,
}

/// `clientAliases[]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAlias {
    /// The name that clients use.
    pub dns_name: String,
    /// The port that clients use, which need not be the container's.
    pub port: u16,
}

/// `appProtocol` of a port mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppProtocol {
    /// It is not given: connections are passed on.
    #[default]
    Tcp,
    /// `http`: HTTP/1.1.
    Http,
    /// `http2`
    Http2,
    /// `grpc`
    Grpc,
}

/// An endpoint as a client's task has it from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The namespace of both services.
    pub namespace: String,
    /// What it leads to.
    pub discovery_name: String,
    /// The name by which the task finds it in `/etc/hosts`.
    pub dns_name: String,
    /// Where that leads.
    pub address: Ipv4Addr,
    /// The port of the alias.
    pub port: u16,
    /// The protocol of the server's port.
    pub protocol: AppProtocol,
    /// After so long without a byte a connection ends; `None` is never.
    pub idle_timeout: Option<Duration>,
    /// The longest that a response may take to be complete; `None` is for ever.
    pub per_request_timeout: Option<Duration>,
}
