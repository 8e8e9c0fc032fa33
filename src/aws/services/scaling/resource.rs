//! What is scaled, as clients name it, and what is remembered of it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::action::State;
use crate::aws::pages::{self, NoPage, Sizes};
use crate::control::desired::records::Record;
use crate::model::ServiceName;
use crate::model::arn::{ACCOUNT, REGION, fingerprint};
use crate::protocols::fault::Fault;

/// The one dimension that services have.
pub(super) const DIMENSION: &str = "ecs:service:DesiredCount";

/// Records of scalable targets, by service.
pub(super) const TARGET: &str = "application-autoscaling/target";
/// And of policies, by service and name.
pub(super) const POLICY: &str = "application-autoscaling/policy";

/// `MaxResults`: "Valid range: 1 to 50".
const SIZES: Sizes = Sizes::up_to(50);

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationException", message)
}

/// `service/<cluster>/<name>`
pub(super) fn id(state: &State, service: &ServiceName) -> String {
    format!("service/{}/{service}", state.snapshot.topology.cluster)
}

/// The service that a resource id names.
///
/// # Errors
///
/// It names something else, which nothing here scales.
pub(super) fn service(state: &State, namespace: &str, id: &str, dimension: &str) -> Result<ServiceName, Fault> {
    namespaces(namespace)?;
    if dimension != DIMENSION {
        return Err(invalid(format!(
            "Unsupported service namespace, resource type or scalable dimension: {dimension}"
        )));
    }
    let parts: Vec<&str> = id.split('/').collect();
    match parts[..] {
        ["service", cluster, name] if cluster == state.snapshot.topology.cluster.as_str() => Ok(ServiceName::new(name)),
        ["service", _, _] => Err(invalid("ECS service doesn't exist")),
        _ => Err(invalid(format!("Unsupported resource ID: {id}"))),
    }
}

/// Services are all that is scaled here.
pub(super) fn namespaces(namespace: &str) -> Result<(), Fault> {
    match namespace {
        "ecs" => Ok(()),
        other => {
            Err(invalid(format!("Service namespace '{other}' is not supported. (neargate scales services of ecs.)")))
        }
    }
}

/// `arn:aws:application-autoscaling:…:scalable-target/<id>`
pub(super) fn arn(state: &State, service: &ServiceName) -> String {
    let id = id(state, service);
    let [high, low] = ["scalable target", "second half"].map(|half| fingerprint(&[half, &id]));
    format!("arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/0ec5{high:016x}{low:016x}")
}

/// What is remembered under an id.
pub(super) fn record(state: &State, kind: &str, id: &str) -> Record {
    state.records().get(kind, id).cloned().unwrap_or_else(|| Record::new(json!({ "created": created(state.now) })))
}

/// A time as records have it.
pub(super) fn created(at: Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}

/// `CreationTime`: that of the service, of a target that the file declares.
pub(super) fn creation_time(state: &State, record: Option<&Record>, service: &ServiceName) -> Value {
    let remembered = record.and_then(|record| record.value.get("created").cloned());
    let of_service = state.snapshot.world.services.get(service).map(|record| created(record.primary.created_at));
    remembered.or(of_service).unwrap_or_else(|| json!(0))
}

/// A page of a list, under its name.
pub(super) fn page(name: &str, all: &[Value], most: Option<usize>, token: Option<&str>) -> Result<Value, Fault> {
    let (page, next) = pages::page(all, SIZES, most, token).map_err(|no_page| match no_page {
        NoPage::Size => invalid("MaxResults must be between 1 and 50"),
        NoPage::Token => Fault::new("InvalidNextTokenException", "The specified token is not valid."),
    })?;
    let mut reply = serde_json::Map::new();
    reply.insert(name.to_owned(), page.into());
    Ok(pages::with_token(Value::Object(reply), "NextToken", next))
}
