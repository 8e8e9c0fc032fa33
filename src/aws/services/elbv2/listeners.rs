//! Listeners and their attributes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::{self, BEFORE};
use super::faults::{self, invalid, missing, no_listeners, not_here, not_one_of, refused, tags_refused};
use super::known::{Known, listener_arn, put};
use super::listener_shape::{self, Given, MUTUAL_AUTHENTICATION, shape};
use super::load_balancers::{Attribute, listed};
use crate::alb::attributes::listener as texts;
use crate::alb::attributes::texts::{AttributesOf, change};
use crate::alb::violation::Violation;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::ListenerId;
use crate::model::listener::{Certificate, Listener, ListenerProtocol, TlsSettings};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// "The default security policy for HTTPS listeners" of the API, the console and IaC differ; this is the API's (ALB user
/// guide, Security policies for your Application Load Balancer).
const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    load_balancer_arn: Option<String>,
    listener_arn: Option<String>,
    port: Option<u16>,
    protocol: Option<String>,
    ssl_policy: Option<String>,
    certificates: Vec<Given>,
    default_actions: Option<Vec<actions::Given>>,
    mutual_authentication: Option<Value>,
    tags: Vec<Tag>,
    attributes: Option<Vec<Attribute>>,
}

/// What a listener may have been before.
#[derive(Default)]
struct Before<'b> {
    protocol: Option<&'b ListenerProtocol>,
}

impl Asked {
    /// The protocol with its settings, or nothing if they stay as they are.
    fn protocol(&self, known: &Known<'_>, before: &Before<'_>) -> Result<Option<ListenerProtocol>, Fault> {
        let was = match before.protocol {
            Some(ListenerProtocol::Https(settings)) => Some(settings),
            Some(ListenerProtocol::Http) | None => None,
        };
        let is_https = match self.protocol.as_deref().filter(|protocol| !protocol.is_empty()) {
            Some("HTTP") => false,
            Some("HTTPS") => true,
            Some(other @ ("TCP" | "TLS" | "UDP" | "TCP_UDP" | "GENEVE" | "QUIC" | "TCP_QUIC")) => {
                return Err(invalid(format!("Listener protocol '{other}' must be one of 'HTTP, HTTPS'")));
            }
            Some(other) => return Err(not_one_of(other, "protocol", &["HTTP", "HTTPS"])),
            None => was.is_some(),
        };
        let policy = self.ssl_policy.clone().filter(|policy| !policy.is_empty());
        if !is_https {
            if policy.is_some() || !self.certificates.is_empty() {
                return Err(Fault::new(
                    "InvalidConfigurationRequest",
                    "SSL policies and certificates cannot be specified for HTTP listeners",
                ));
            }
            return Ok(before.protocol.is_none_or(|_| was.is_some()).then_some(ListenerProtocol::Http));
        }
        if was.is_some() && policy.is_none() && self.certificates.is_empty() {
            return Ok(None);
        }
        if self.certificates.len() > 1 {
            return Err(Fault::new("TooManyCertificates", "Only one certificate can be specified"));
        }
        let own: &[Certificate] = was.map(|settings| &*settings.certificates).unwrap_or_default();
        let certificates = match self.certificates.first() {
            None => own.to_vec(),
            Some(given) => {
                let default = listener_shape::find(known, given, own)?;
                let others = own.iter().skip(1).filter(|certificate| **certificate != default).cloned();
                std::iter::once(default.clone()).chain(others).collect()
            }
        };
        let ssl_policy = policy.or_else(|| was.map(|settings| settings.ssl_policy.clone()));
        let ssl_policy = ssl_policy.unwrap_or_else(|| DEFAULT_POLICY.to_owned());
        Ok(Some(ListenerProtocol::Https(TlsSettings { ssl_policy, certificates })))
    }
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let mut asked: Asked = input.read()?;
    let known = Known::of(state);
    let (name, _) = known.load_balancer(asked.load_balancer_arn.as_deref())?;
    let port = asked.port.ok_or_else(|| missing("port"))?;
    if asked.protocol.is_none() {
        return Err(missing("protocol"));
    }
    let taken =
        known.resources.listeners.values().any(|other| other.load_balancer == *name && other.listener.port == port);
    if taken {
        return Err(refused(&Violation::DuplicateListener { port }));
    }
    let read = actions::read(&known, asked.default_actions.take().ok_or_else(|| missing("defaultActions"))?)?;
    if trusts(asked.mutual_authentication.as_ref()) {
        return Err(not_here("Mutual authentication"));
    }
    let protocol = asked.protocol(&known, &Before::default())?.unwrap_or(ListenerProtocol::Http);
    let tags = tags::of(std::mem::take(&mut asked.tags));
    tags::judge(&tags).map_err(|problem| tags_refused(&problem))?;
    let id = known.new_listener_id(name, port);
    let arn = listener_arn(&id, name);
    let edits = vec![
        Edit::CreateListener {
            listener: id.clone(),
            load_balancer: name.clone(),
            settings: Listener::new(port, protocol, read.actions),
        },
        put(&arn, Record::new(json!({ BEFORE: read.before })).with(tags)),
    ];
    Ok(Decision::edits(edits, move |state| Ok(Members(json!({ "Listeners": [one(&Known::of(state), &id)?] })))))
}

/// Whether clients would have to show certificates, which nobody here asks them for.
fn trusts(mutual_authentication: Option<&Value>) -> bool {
    mutual_authentication.and_then(|settings| settings["Mode"].as_str()).is_some_and(|mode| mode != "off")
}

fn one(known: &Known<'_>, id: &ListenerId) -> Result<Value, Fault> {
    let owned = known.resources.listeners.get(id).ok_or_else(no_listeners)?;
    Ok(shape(known, id, owned))
}

pub(super) fn modify(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let mut asked: Asked = input.read()?;
    let known = Known::of(state);
    let (id, owned) = known.listener(asked.listener_arn.as_deref())?;
    if trusts(asked.mutual_authentication.as_ref()) {
        return Err(not_here("Mutual authentication"));
    }
    let read = asked.default_actions.take().map(|actions| actions::read(&known, actions)).transpose()?;
    let protocol = asked.protocol(&known, &Before { protocol: Some(&owned.listener.protocol) })?;
    let (default_actions, before) = read.map(|read| (read.actions, read.before)).unzip();
    let arn = listener_arn(id, &owned.load_balancer);
    let mut record = known.record(&arn);
    if let Some(before) = before {
        record.value[BEFORE] = json!(before);
    }
    if let Some(settings) = &asked.mutual_authentication {
        record.value[MUTUAL_AUTHENTICATION] = settings.clone();
    }
    let id = id.clone();
    let edits = vec![
        Edit::ModifyListener { listener: id.clone(), port: asked.port, protocol, default_actions },
        put(&arn, record),
    ];
    Ok(Decision::edits(edits, move |state| Ok(Members(json!({ "Listeners": [one(&Known::of(state), &id)?] })))))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (id, owned) = known.listener(asked.listener_arn.as_deref())?;
    let mut edits = vec![Edit::DeleteListener { listener: id.clone() }];
    edits.extend(known.forget_listener(id, owned));
    Ok(Decision::edits(edits, |_| Ok(Members(json!({})))))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    load_balancer_arn: Option<String>,
    listener_arns: Vec<String>,
    marker: Option<String>,
    page_size: Option<usize>,
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let known = Known::of(state);
    let found: Vec<Value> = match (&asked.load_balancer_arn, asked.listener_arns.as_slice()) {
        (Some(_), [_, ..]) => return Err(invalid("You cannot specify both a load balancer ARN and listener ARNs")),
        (None, []) => return Err(invalid("You must specify either listener ARNs or a load balancer ARN")),
        (Some(arn), []) => {
            let (name, _) = known.load_balancer(Some(arn))?;
            let own = known.resources.listeners.iter().filter(|(_, owned)| owned.load_balancer == *name);
            let mut own: Vec<_> = own.collect();
            own.sort_by_key(|(_, owned)| owned.listener.port);
            own.into_iter().map(|(id, owned)| shape(&known, id, owned)).collect()
        }
        (None, arns) => {
            let of_arn = |arn: &String| known.listener(Some(arn)).map(|(id, owned)| shape(&known, id, owned));
            arns.iter().map(of_arn).collect::<Result<_, _>>()?
        }
    };
    faults::page("Listeners", &found, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}

pub(super) fn describe_attributes(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (_, owned) = known.listener(asked.listener_arn.as_deref())?;
    Ok(Decision::members(json!({ "Attributes": listed(&texts::texts(&owned.listener.headers)) })))
}

pub(super) fn modify_attributes(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (id, owned) = known.listener(asked.listener_arn.as_deref())?;
    let mut changed = texts::texts(&owned.listener.headers);
    let changes = asked.attributes.ok_or_else(|| missing("attributes"))?.into_iter().map(Into::into);
    change(&mut changed, changes, AttributesOf::Listener).map_err(|violation| refused(&violation))?;
    let attributes = texts::read(&changed).map_err(|violation| refused(&violation))?;
    let reply = json!({ "Attributes": listed(&texts::texts(&attributes)) });
    let edit = Edit::ModifyListenerAttributes { listener: id.clone(), attributes };
    Ok(Decision::edit(edit, move |_| Ok(Members(reply))))
}
