//! What there is: namespaces and services that clients have created, and those of the file.

use serde_json::{Value, json};

use super::faults::{no_namespace, no_service};
use crate::aws::action::State;
use crate::aws::services::secretsmanager::seconds;
use crate::control::desired::records::Record;
use crate::control::identities::DECLARED_AT;
use crate::model::arn::{ACCOUNT, REGION, fingerprint};
use crate::model::discovery::{RecordKind, RoutingPolicy, ServiceRegistry};
use crate::protocols::fault::Fault;

pub(super) const NAMESPACE: &str = "servicediscovery/namespace";
pub(super) const SERVICE: &str = "servicediscovery/service";

pub(super) const HTTP: &str = "HTTP";
pub(super) const DNS_PRIVATE: &str = "DNS_PRIVATE";

/// A namespace, whose record may have to be made.
#[derive(Clone)]
pub(super) struct Namespace {
    pub(super) id: String,
    pub(super) record: Record,
}

impl Namespace {
    pub(super) fn name(&self) -> &str {
        self.record.text("Name")
    }

    pub(super) fn is_dns(&self) -> bool {
        self.record.text("Type") != HTTP
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/{}", self.id)
    }
}

/// Those that clients have created, and those that services of the file are in.
pub(super) fn namespaces(state: &State) -> Vec<Namespace> {
    let recorded = state.records().of(NAMESPACE);
    let mut all: Vec<Namespace> =
        recorded.map(|(id, record)| Namespace { id: id.to_owned(), record: record.clone() }).collect();
    let services = state.snapshot.topology.services.values();
    let declared = services.flat_map(|service| {
        let private = service.service_registry.as_ref().map(|registry| (registry.namespace.as_str(), DNS_PRIVATE));
        let connect = service.service_connect.as_ref().map(|connect| (connect.namespace.as_str(), HTTP));
        private.into_iter().chain(connect)
    });
    for (name, kind) in declared {
        if all.iter().any(|known| known.name() == name && (known.is_dns() || kind == HTTP)) {
            continue;
        }
        let id = format!("ns-{:016x}", fingerprint(&["namespace", kind, name]));
        let made = json!({ "Name": name, "Type": kind, "CreateDate": seconds(DECLARED_AT), "HostedZoneId": zone(&id) });
        all.push(Namespace { id, record: Record::new(made) });
    }
    all
}

pub(super) fn zone(id: &str) -> String {
    format!("Z{}", id.trim_start_matches("ns-").to_ascii_uppercase())
}

/// By its id or ARN.
pub(super) fn namespace(state: &State, id: &str) -> Result<Namespace, Fault> {
    let short = id.rsplit('/').next().unwrap_or(id);
    namespaces(state).into_iter().find(|namespace| namespace.id == short).ok_or_else(|| no_namespace(id))
}

/// The name of a namespace that ECS is given by its ARN, or as it is.
pub(in crate::aws::services) fn name_of(state: &State, given: &str) -> Option<String> {
    match given.starts_with("arn:") {
        true => namespace(state, given).ok().map(|namespace| namespace.name().to_owned()),
        false => Some(given.to_owned()),
    }
}

/// A service, whose record may have to be made.
#[derive(Clone)]
pub(super) struct Discovered {
    pub(super) id: String,
    pub(super) record: Record,
}

impl Discovered {
    pub(super) fn name(&self) -> &str {
        self.record.text("Name")
    }

    /// By id.
    pub(super) fn namespace(&self) -> &str {
        self.record.text("NamespaceId")
    }

    pub(super) fn arn(&self) -> String {
        arn(&self.id)
    }
}

fn arn(id: &str) -> String {
    format!("arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/{id}")
}

/// Those that clients have created, and those of the file.
pub(super) fn services(state: &State) -> Vec<Discovered> {
    let recorded = state.records().of(SERVICE);
    let mut all: Vec<Discovered> =
        recorded.map(|(id, record)| Discovered { id: id.to_owned(), record: record.clone() }).collect();
    let spaces = namespaces(state);
    for registry in state.snapshot.topology.services.values().filter_map(|service| service.service_registry.as_ref()) {
        let space = spaces.iter().find(|space| space.is_dns() && space.name() == registry.namespace);
        let Some(space) = space else { continue };
        if all.iter().any(|known| known.name() == registry.service && known.namespace() == space.id) {
            continue;
        }
        let id = format!("srv-{:016x}", fingerprint(&["service", &registry.name()]));
        all.push(Discovered { id, record: Record::new(declared(registry, &space.id)) });
    }
    all
}

/// The record of a service of the file.
fn declared(registry: &ServiceRegistry, namespace: &str) -> Value {
    let records = registry.records.iter().map(|record| {
        let kind = match record.kind {
            RecordKind::A => "A",
            RecordKind::Aaaa => "AAAA",
            RecordKind::Srv => "SRV",
        };
        json!({ "Type": kind, "TTL": record.ttl })
    });
    let policy = match registry.routing_policy {
        RoutingPolicy::Multivalue => "MULTIVALUE",
        RoutingPolicy::Weighted => "WEIGHTED",
    };
    let mut value = json!({
        "Name": registry.service,
        "NamespaceId": namespace,
        "Type": "DNS_HTTP",
        "DnsConfig": { "RoutingPolicy": policy, "DnsRecords": records.collect::<Vec<_>>() },
        "CreateDate": seconds(DECLARED_AT),
    });
    if registry.custom_health {
        value["HealthCheckCustomConfig"] = json!({ "FailureThreshold": 1 });
    }
    value
}

/// By its id or ARN.
pub(super) fn service(state: &State, id: &str) -> Result<Discovered, Fault> {
    let short = id.rsplit('/').next().unwrap_or(id);
    services(state).into_iter().find(|service| service.id == short).ok_or_else(|| no_service(id))
}
