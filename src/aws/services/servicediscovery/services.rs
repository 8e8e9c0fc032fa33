//! Services: the names in a namespace.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, no_page};
use super::filter::Filter;
use super::known::{Discovered, SERVICE};
use super::{instances, known, operations};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::aws::services::secretsmanager::seconds;
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::ecs::discovery::limits;
use crate::model::discovery::{DnsRecord, RecordKind, RoutingPolicy, ServiceRegistry};
use crate::protocols::fault::Fault;

/// As GetService has it.
fn shape(state: &State, service: &Discovered) -> Value {
    let mut shape = json!({
        "Id": service.id,
        "Arn": service.arn(),
        "Name": service.name(),
        "NamespaceId": service.namespace(),
        "InstanceCount": instances::of(state, service).len(),
        "Type": service.record.text("Type"),
        "CreateDate": service.record.value["CreateDate"],
    });
    for member in ["Description", "CreatorRequestId"] {
        if !service.record.text(member).is_empty() {
            shape[member] = service.record.value[member].clone();
        }
    }
    for member in ["DnsConfig", "HealthCheckConfig", "HealthCheckCustomConfig"] {
        if service.record.value[member].is_object() {
            shape[member] = service.record.value[member].clone();
        }
    }
    if let Some(dns) = shape.get_mut("DnsConfig") {
        // It is deprecated, and always there.
        dns["NamespaceId"] = json!(service.namespace());
    }
    shape
}

/// Whether there is a service with this ARN.
pub(in crate::aws::services) fn exists(state: &State, arn: &str) -> bool {
    known::service(state, arn).is_ok()
}

/// The registry of an ECS service that is given this ARN; `None` if there is no such service with DNS records.
pub(in crate::aws::services) fn registry(state: &State, arn: &str) -> Option<ServiceRegistry> {
    let service = known::service(state, arn).ok()?;
    let namespace = known::namespace(state, service.namespace()).ok()?;
    let dns = &service.record.value["DnsConfig"];
    let records = dns["DnsRecords"].as_array()?.iter().filter_map(|record| {
        Some(DnsRecord { kind: kind(record["Type"].as_str()?)?, ttl: u32::try_from(record["TTL"].as_u64()?).ok()? })
    });
    Some(ServiceRegistry {
        service: service.name().to_ascii_lowercase(),
        namespace: namespace.name().to_owned(),
        records: records.collect(),
        routing_policy: match dns["RoutingPolicy"].as_str() {
            Some("WEIGHTED") => RoutingPolicy::Weighted,
            _ => RoutingPolicy::Multivalue,
        },
        custom_health: service.record.value["HealthCheckCustomConfig"].is_object(),
        port: None,
    })
}

/// A type of records that lead to tasks.
fn kind(name: &str) -> Option<RecordKind> {
    match name {
        "A" => Some(RecordKind::A),
        "AAAA" => Some(RecordKind::Aaaa),
        "SRV" => Some(RecordKind::Srv),
        _ => None,
    }
}

/// As lists have it.
fn summary(state: &State, service: &Discovered) -> Value {
    let mut shape = shape(state, service);
    if let Some(members) = shape.as_object_mut() {
        for member in ["NamespaceId", "CreatorRequestId"] {
            members.remove(member);
        }
    }
    shape
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    id: String,
    name: String,
    namespace_id: String,
    creator_request_id: String,
    description: String,
    dns_config: Value,
    health_check_config: Value,
    health_check_custom_config: Value,
    #[serde(rename = "Type")]
    kind: String,
    service: Value,
    tags: Vec<Tag>,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let space = match given.namespace_id.is_empty() {
        true => given.dns_config["NamespaceId"].as_str().unwrap_or_default(),
        false => &given.namespace_id,
    };
    let space = known::namespace(state, space)?;
    if given.name.is_empty() || given.name.len() > 127 {
        return Err(invalid(format!("Service name '{}' must have 1 to 127 characters", given.name)));
    }
    let is_same = |known: &&Discovered| known.namespace() == space.id && known.name().eq_ignore_ascii_case(&given.name);
    if let Some(known) = known::services(state).iter().find(is_same) {
        return Err(Fault::new("ServiceAlreadyExists", format!("Service already exists: {}", known.id)));
    }
    let has_dns = given.dns_config.is_object();
    if has_dns && !space.is_dns() {
        return Err(invalid("DnsConfig can't be specified for a service in an HTTP namespace"));
    }
    if has_dns {
        judge(&given.dns_config)?;
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| invalid(refused.to_string()))?;
    let id = format!("srv-{}", state.ids.letters("service", 16).to_ascii_lowercase());
    let mut value = json!({
        "Name": given.name,
        "NamespaceId": space.id,
        "Type": if given.kind == "HTTP" || !has_dns { "HTTP" } else { "DNS_HTTP" },
        "Description": given.description,
        "CreatorRequestId": given.creator_request_id,
        "DnsConfig": given.dns_config,
        "HealthCheckConfig": given.health_check_config,
        "HealthCheckCustomConfig": given.health_check_custom_config,
        "CreateDate": seconds(state.now),
    });
    // What clients leave out is one (Cloud Map API reference, HealthCheckCustomConfig).
    if value["HealthCheckCustomConfig"].is_object() {
        value["HealthCheckCustomConfig"]["FailureThreshold"] = json!(1);
    }
    if value["DnsConfig"].is_object() && value["DnsConfig"]["RoutingPolicy"].is_null() {
        value["DnsConfig"]["RoutingPolicy"] = json!("MULTIVALUE");
    }
    let edit = Edit::put(SERVICE, &id, Record::new(value).with(tags));
    Ok(Decision::edit(edit, move |state| Ok(json!({ "Service": shape(state, &known::service(state, &id)?) }))))
}

/// Whether Cloud Map creates records of these types together.
fn judge(dns: &Value) -> Result<(), Fault> {
    let records = dns["DnsRecords"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = records.iter().filter_map(|record| record["Type"].as_str()).collect();
    if names == ["CNAME"] {
        return Ok(());
    }
    let kinds: Vec<RecordKind> = names.iter().filter_map(|name| kind(name)).collect();
    if kinds.len() != names.len() {
        return Err(invalid(format!("DnsRecords must have types A, AAAA, SRV or CNAME, not {}", names.join(", "))));
    }
    limits::records(&kinds).map_err(|refused| invalid(refused.to_string()))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    Ok(Decision::reply(json!({ "Service": shape(state, &known::service(state, &given.id)?) })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let admits = |service: &Discovered| {
        given.filters.iter().all(|filter| filter.name != "NAMESPACE_ID" || filter.admits(service.namespace()))
    };
    let shapes: Vec<Value> =
        known::services(state).iter().filter(|one| admits(one)).map(|one| summary(state, one)).collect();
    let (page, next) =
        pages::page(&shapes, Sizes::up_to(100), given.max_results, given.next_token.as_deref()).map_err(no_page)?;
    Ok(Decision::reply(pages::with_token(json!({ "Services": page }), "NextToken", next)))
}

/// What is not said is taken away, except the routing policy (Cloud Map API reference, UpdateService).
pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let Discovered { id, mut record } = known::service(state, &given.id)?;
    let changes = given.service;
    record.value["Description"] = changes["Description"].clone();
    if changes["DnsConfig"].is_object() {
        judge(&changes["DnsConfig"])?;
        record.value["DnsConfig"]["DnsRecords"] = changes["DnsConfig"]["DnsRecords"].clone();
    }
    if changes["HealthCheckConfig"].is_object() {
        record.value["HealthCheckConfig"] = changes["HealthCheckConfig"].clone();
    }
    let edits = vec![Edit::put(SERVICE, &id, record)];
    Ok(operations::done(state, "UPDATE_SERVICE", ("SERVICE", &id), edits))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let service = known::service(state, &given.id)?;
    if !instances::of(state, &service).is_empty() {
        let message = "Service contains registered instances; delete the instances before deleting the service";
        return Err(Fault::new("ResourceInUse", message));
    }
    Ok(Decision::edit(Edit::forget(SERVICE, service.id), |_| Ok(json!({}))))
}
