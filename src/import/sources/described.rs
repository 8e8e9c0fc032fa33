//! What the AWS CLI answers to `describe-…` calls, saved as files.
//!
//! Answers about attributes and certificates do not say whose they are. The script of `--print-commands` adds an `Arn`;
//! without it the file's name tells, if it holds the last part of the ARN, or there is only one they can belong to.

use serde_json::{Map, Value as Json};

use super::source::Refusal;
use crate::objects::{Item, Kind, Object, Objects, Value, made_up};

/// The objects of all answers.
pub(crate) fn read(answers: &[(String, String)]) -> Result<Objects, Vec<Refusal>> {
    let mut objects = Objects::default();
    let mut refusals = Vec::new();
    let mut later = Vec::new();
    for (file, text) in answers {
        match parse(file, text) {
            Ok(answer) if answer.contains_key("Attributes") || is_listener_certificates(&answer) => {
                later.push((file.as_str(), answer));
            }
            Ok(answer) => objects.merge(answered(file, answer)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    for (file, answer) in later {
        if let Err(refusal) = belongs(file, answer, &mut objects) {
            refusals.push(refusal);
        }
    }
    if refusals.is_empty() { Ok(objects) } else { Err(refusals) }
}

fn parse(file: &str, text: &str) -> Result<Map<String, Json>, Refusal> {
    let json: Json = serde_json::from_str(text).map_err(|error| Refusal::json(file, &error))?;
    let Json::Object(mut answer) = json else {
        return Err(Refusal::new(file, "it is not an object", "save the whole answer"));
    };
    // Recorders such as placebo put the answer beside its status.
    if let (true, Some(Json::Object(data))) = (answer.contains_key("status_code"), answer.get_mut("data")) {
        answer = std::mem::take(data);
    }
    for marker in ["NextMarker", "NextToken", "nextToken"] {
        if answer.get(marker).is_some_and(|marker| marker.as_str().is_some_and(|marker| !marker.is_empty())) {
            return Err(Refusal::new(
                file,
                format!("it is only the first page (`{marker}`)"),
                "leave out `--max-items` and `--no-paginate`, so that the CLI fetches all pages",
            ));
        }
    }
    Ok(answer)
}

fn is_listener_certificates(answer: &Map<String, Json>) -> bool {
    let Some(Json::Array(certificates)) = answer.get("Certificates") else { return false };
    certificates.iter().all(|certificate| certificate.get("DomainName").is_none())
}

/// The lists of an answer, what they hold, the field with the ARN, and further fields that name the object.
const LISTS: &[(&str, Kind, &str, &[&str])] = &[
    ("LoadBalancers", Kind::LoadBalancer, "LoadBalancerArn", &["DNSName"]),
    ("Listeners", Kind::Listener, "ListenerArn", &[]),
    ("Rules", Kind::Rule, "RuleArn", &[]),
    ("TargetGroups", Kind::TargetGroup, "TargetGroupArn", &[]),
    ("services", Kind::Service, "serviceArn", &[]),
    ("SecurityGroups", Kind::SecurityGroup, "GroupId", &["SecurityGroupArn"]),
    ("ScalableTargets", Kind::ScalableTarget, "ScalableTargetARN", &[]),
    ("Certificates", Kind::Certificate, "CertificateArn", &[]),
];

fn answered(file: &str, mut answer: Map<String, Json>) -> Objects {
    let mut objects = Objects::default();
    for (list, kind, arn, names) in LISTS {
        let Some(Json::Array(items)) = answer.remove(*list) else { continue };
        objects.list.extend(items.into_iter().filter_map(|item| object(file, item, *kind, arn, names)));
    }
    if let Some(certificate) = answer.remove("Certificate") {
        objects.list.extend(object(file, certificate, Kind::Certificate, "CertificateArn", &[]));
    }
    if let Some(definition) = answer.remove("taskDefinition") {
        objects.list.extend(object(file, definition, Kind::TaskDefinition, "taskDefinitionArn", &[]));
    }
    objects
}

fn object(file: &str, item: Json, kind: Kind, arn: &str, names: &[&str]) -> Option<Object> {
    let text = |field: &str| item.get(field).and_then(Json::as_str).map(str::to_owned);
    let is_default = item.get("IsDefault").and_then(Json::as_bool) == Some(true)
        || item.get("Priority").and_then(Json::as_str) == Some("default");
    if kind == Kind::Rule && is_default {
        return None;
    }
    let id = text(arn).or_else(|| text("Name"))?;
    let name = match kind {
        Kind::LoadBalancer => text("LoadBalancerName"),
        Kind::TargetGroup => text("TargetGroupName"),
        Kind::Service => text("serviceName"),
        Kind::SecurityGroup => text("GroupName"),
        Kind::TaskDefinition => text("family"),
        _ => None,
    };
    let left = name.as_deref().and_then(made_up).filter(|left| !left.is_empty());
    let label =
        left.clone().or_else(|| name.clone()).unwrap_or_else(|| id.rsplit(['/', ':']).next().unwrap_or(&id).to_owned());
    let mut made = Object::new(kind, &id, &label, file);
    made.ids = std::iter::once(id).chain(names.iter().filter_map(|field| text(field))).collect();
    made.name = name.filter(|_| left.is_none());
    if let (Kind::TaskDefinition, Some(family)) = (kind, text("family")) {
        let revision = item.get("revision").and_then(Json::as_u64);
        made.ids.extend(revision.map(|revision| format!("{family}:{revision}")));
    }
    let place = made.place().clone();
    made.fields = Item::from_json(item, &place);
    spell(&mut made);
    Some(made)
}

/// Fields that answers spell unlike requests.
fn spell(made: &mut Object) {
    let renames: &[(&str, &str)] = match made.kind {
        Kind::LoadBalancer => &[("LoadBalancerName", "Name")],
        Kind::TargetGroup => &[("TargetGroupName", "Name")],
        Kind::Service => &[("clusterArn", "cluster")],
        Kind::Rule => {
            let listener = made.ids.first().and_then(|arn| listener_of(arn));
            if let Some(listener) = listener {
                let item = Item::text(listener, made.place());
                made.fields.put("ListenerArn", item);
            }
            &[]
        }
        _ => &[],
    };
    for (answer, request) in renames {
        if let Some(item) = made.fields.get(answer).cloned() {
            made.fields.put(request, item);
        }
    }
    if let Value::Map(fields) = &mut made.fields.value {
        fields.retain(|(field, _)| !NOT_SETTINGS.contains(&field.as_str()));
    }
}

/// What answers say besides settings.
const NOT_SETTINGS: &[&str] = &[
    "LoadBalancerName",
    "TargetGroupName",
    "TargetGroupArn",
    "RuleArn",
    "CanonicalHostedZoneId",
    "CreatedTime",
    "State",
    "AvailabilityZones",
    "LoadBalancerArns",
    "IsDefault",
    "serviceArn",
    "clusterArn",
    "status",
    "runningCount",
    "pendingCount",
    "deployments",
    "events",
    "taskSets",
    "createdAt",
    "createdBy",
    "roleArn",
    "platformFamily",
    "propagateTags",
    "enableECSManagedTags",
    "serviceRegistries",
    "revision",
    "registeredAt",
    "registeredBy",
    "compatibilities",
    "requiresAttributes",
    "taskDefinitionArn",
    "OwnerId",
    "SecurityGroupArn",
    "Description",
    "IpPermissionsEgress",
];

/// `:listener-rule/app/N/L/X/R` belongs to `:listener/app/N/L/X`.
fn listener_of(rule: &str) -> Option<String> {
    let (listener, _) = rule.rsplit_once('/')?;
    Some(listener.replacen(":listener-rule/", ":listener/", 1))
}

/// Gives attributes and certificates to the object that they belong to.
fn belongs(file: &str, mut answer: Map<String, Json>, objects: &mut Objects) -> Result<(), Refusal> {
    let (field, kind) = match answer.get("Attributes") {
        Some(attributes) => ("Attributes", kind_of(attributes)),
        None => ("Certificates", Some(Kind::Listener)),
    };
    let Some(kind) = kind else { return Ok(()) };
    let arn = answer.get("Arn").and_then(Json::as_str).map(str::to_owned);
    let all: Vec<&Object> = objects.of(kind).collect();
    let named = |object: &&&Object| match &arn {
        Some(arn) => object.ids.contains(arn),
        None => object.ids.iter().any(|id| {
            let last = id.rsplit('/').next().unwrap_or(id);
            last.len() >= 8 && file.contains(last)
        }),
    };
    let owner = all.iter().find(named).or(match (&all[..], &arn) {
        ([only], None) => Some(only),
        _ => None,
    });
    let Some(owner) = owner.map(|owner| owner.key.clone()) else {
        let noun = kind.noun();
        if all.is_empty() {
            return Ok(());
        }
        return Err(Refusal::new(
            file,
            format!("it does not say to which of the {} {noun}s it belongs", all.len()),
            format!(
                "put the last part of the {noun}'s ARN into the file's name, or use the script of `--print-commands`"
            ),
        ));
    };
    let json = answer.remove(field).unwrap_or_default();
    if let Some(owner) = objects.list.iter_mut().find(|object| object.key == owner) {
        let mut place = owner.place().clone();
        place.file = file.into();
        owner.fields.put(field, Item::from_json(json, &place.key(field)));
    }
    Ok(())
}

/// Whose attributes they are, by their keys.
fn kind_of(attributes: &Json) -> Option<Kind> {
    let keys = attributes.as_array()?.iter().filter_map(|attribute| attribute.get("Key")?.as_str());
    for key in keys {
        for (begin, kind) in [
            ("idle_timeout.", Kind::LoadBalancer),
            ("access_logs.", Kind::LoadBalancer),
            ("deletion_protection.", Kind::LoadBalancer),
            ("deregistration_delay.", Kind::TargetGroup),
            ("stickiness.", Kind::TargetGroup),
            ("target_group_health.", Kind::TargetGroup),
            ("routing.http.response.", Kind::Listener),
            ("routing.http.request.", Kind::Listener),
            ("tcp.idle_timeout.", Kind::Listener),
        ] {
            if key.starts_with(begin) {
                return Some(kind);
            }
        }
    }
    None
}
