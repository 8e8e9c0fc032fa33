//! Namespaces.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{invalid, no_page};
use super::filter::Filter;
use super::known::{DNS_PRIVATE, HTTP, NAMESPACE, Namespace};
use super::{known, operations};
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::aws::services::secretsmanager::seconds;
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::fault::Fault;

/// Seconds of the SOA record that a client does not choose (Cloud Map API reference, SOA).
const TTL: u64 = 15;
/// As GetNamespace has it.
fn shape(state: &State, namespace: &Namespace) -> Value {
    let services = known::services(state).iter().filter(|service| service.namespace() == namespace.id).count();
    let mut properties = json!({ "HttpProperties": { "HttpName": namespace.name() } });
    if namespace.is_dns() {
        let zone = namespace.record.text("HostedZoneId");
        let ttl = namespace.record.value["Ttl"].as_u64().unwrap_or(TTL);
        properties["DnsProperties"] = json!({ "HostedZoneId": zone, "SOA": { "TTL": ttl } });
    }
    let mut shape = json!({
        "Id": namespace.id,
        "Arn": namespace.arn(),
        "Name": namespace.name(),
        "Type": namespace.record.text("Type"),
        "ServiceCount": services,
        "Properties": properties,
        "CreateDate": namespace.record.value["CreateDate"],
    });
    for member in ["Description", "CreatorRequestId"] {
        if !namespace.record.text(member).is_empty() {
            shape[member] = namespace.record.value[member].clone();
        }
    }
    shape
}

/// As lists have it.
fn summary(state: &State, namespace: &Namespace) -> Value {
    let mut shape = shape(state, namespace);
    if let Some(members) = shape.as_object_mut() {
        members.remove("CreatorRequestId");
    }
    shape
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    id: String,
    name: String,
    description: String,
    creator_request_id: String,
    vpc: String,
    properties: Value,
    namespace: Value,
    tags: Vec<Tag>,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn ttl(properties: &Value) -> Option<u64> {
    properties["DnsProperties"]["SOA"]["TTL"].as_u64()
}

pub(super) fn create_http(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    create(state, given, HTTP)
}

pub(super) fn create_private_dns(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    if given.vpc.is_empty() {
        return Err(invalid("Vpc must not be empty"));
    }
    create(state, given, DNS_PRIVATE)
}

fn create(state: &State, given: Given, kind: &str) -> Result<Decision, Fault> {
    let is_good = |symbol: char| symbol.is_ascii_graphic();
    if given.name.is_empty() || given.name.len() > 1024 || !given.name.chars().all(is_good) {
        return Err(invalid(format!("Namespace name '{}' must have 1 to 1024 visible characters", given.name)));
    }
    // DNS does not tell cases apart.
    let name = if kind == HTTP { given.name } else { given.name.trim_end_matches('.').to_ascii_lowercase() };
    if let Some(known) = known::namespaces(state).into_iter().find(|known| known.name() == name) {
        let message = format!("Namespace {name} already exists: {}", known.id);
        return Err(Fault::new("NamespaceAlreadyExists", message));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| invalid(refused.to_string()))?;
    let id = format!("ns-{}", state.ids.letters("namespace", 16).to_ascii_lowercase());
    let value = json!({
        "Name": name,
        "Type": kind,
        "Description": given.description,
        "CreatorRequestId": given.creator_request_id,
        "Vpc": given.vpc,
        "HostedZoneId": known::zone(&id),
        "Ttl": ttl(&given.properties),
        "CreateDate": seconds(state.now),
    });
    let edits = vec![Edit::put(NAMESPACE, &id, Record::new(value).with(tags))];
    Ok(operations::done(state, "CREATE_NAMESPACE", ("NAMESPACE", &id), edits))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let namespace = known::namespace(state, &given.id)?;
    Ok(Decision::reply(json!({ "Namespace": shape(state, &namespace) })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let admits = |namespace: &Namespace| {
        given.filters.iter().all(|filter| match filter.name.as_str() {
            "TYPE" => filter.admits(namespace.record.text("Type")),
            "NAME" | "HTTP_NAME" => filter.admits(namespace.name()),
            _ => true,
        })
    };
    let shapes: Vec<Value> =
        known::namespaces(state).iter().filter(|one| admits(one)).map(|one| summary(state, one)).collect();
    let (page, next) =
        pages::page(&shapes, Sizes::up_to(100), given.max_results, given.next_token.as_deref()).map_err(no_page)?;
    Ok(Decision::reply(pages::with_token(json!({ "Namespaces": page }), "NextToken", next)))
}

/// UpdateHttpNamespace and UpdatePrivateDnsNamespace.
pub(super) fn update(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let Namespace { id, mut record } = known::namespace(state, &given.id)?;
    if let Some(description) = given.namespace["Description"].as_str() {
        record.value["Description"] = json!(description);
    }
    if let Some(ttl) = ttl(&given.namespace["Properties"]) {
        record.value["Ttl"] = json!(ttl);
    }
    let edits = vec![Edit::put(NAMESPACE, &id, record)];
    Ok(operations::done(state, "UPDATE_NAMESPACE", ("NAMESPACE", &id), edits))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let namespace = known::namespace(state, &given.id)?;
    if known::services(state).iter().any(|service| service.namespace() == namespace.id) {
        let message = format!("Namespace {} has services; delete them first", namespace.id);
        return Err(Fault::new("ResourceInUse", message));
    }
    let edits = vec![Edit::forget(NAMESPACE, &namespace.id)];
    Ok(operations::done(state, "DELETE_NAMESPACE", ("NAMESPACE", &namespace.id), edits))
}
