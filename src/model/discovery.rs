//! Service discovery: the DNS names under which tasks of a service are found (Cloud Map API: Service, DnsConfig; ECS API:
//! ServiceRegistry).

use serde::{Deserialize, Serialize};

/// Where the tasks of a service are registered: a Cloud Map service, and the port that ECS registers with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRegistry {
    /// Name of the Cloud Map service: the first label of the DNS name, or several. Lower-case.
    pub service: String,
    /// Name of its private DNS namespace. Lower-case.
    pub namespace: String,
    /// The records of each instance: one of each type.
    pub records: Vec<DnsRecord>,
    /// `routingPolicy`
    pub routing_policy: RoutingPolicy,
    /// `healthCheckCustomConfig`: names lead to healthy instances only.
    pub custom_health: bool,
    /// The port in SRV records.
    pub port: Option<u16>,
}

impl ServiceRegistry {
    /// `service.namespace`
    pub fn name(&self) -> String {
        format!("{}.{}", self.service, self.namespace)
    }

    /// The settings of its records of this type.
    pub fn record(&self, kind: RecordKind) -> Option<DnsRecord> {
        self.records.iter().find(|record| record.kind == kind).copied()
    }
}

/// A record that Cloud Map creates for each instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsRecord {
    /// `Type`
    pub kind: RecordKind,
    /// `TTL`, in seconds.
    pub ttl: u32,
}

/// The type of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordKind {
    /// The IPv4 address.
    A,
    /// The IPv6 address, which tasks here do not have.
    Aaaa,
    /// A port, and a name that leads to the address.
    Srv,
}

/// How many instances an answer names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoutingPolicy {
    /// `MULTIVALUE`: up to eight.
    #[default]
    Multivalue,
    /// `WEIGHTED`: one.
    Weighted,
}
