//! The certificates of a listener besides its default one.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{self, missing};
use super::known::Known;
use super::listener_shape::{Given, certificate_arn, find};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::model::ListenerId;
use crate::model::listener::{ListenerProtocol, TlsSettings};
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    listener_arn: Option<String>,
    certificates: Vec<Given>,
    marker: Option<String>,
    page_size: Option<usize>,
}

fn settings<'k>(known: &'k Known<'_>, asked: &Asked) -> Result<(&'k ListenerId, Option<&'k TlsSettings>), Fault> {
    let (id, owned) = known.listener(asked.listener_arn.as_deref())?;
    Ok(match &owned.listener.protocol {
        ListenerProtocol::Http => (id, None),
        ListenerProtocol::Https(settings) => (id, Some(settings)),
    })
}

fn secured<'k>(known: &'k Known<'_>, asked: &Asked) -> Result<(&'k ListenerId, &'k TlsSettings), Fault> {
    if asked.certificates.is_empty() {
        return Err(missing("certificates"));
    }
    let (id, settings) = settings(known, asked)?;
    let settings = settings.ok_or_else(|| {
        Fault::new("UnsupportedProtocol", "Certificates can only be added to listeners with the protocol HTTPS or TLS")
    })?;
    Ok((id, settings))
}

fn changed(id: &ListenerId, settings: TlsSettings) -> Edit {
    Edit::ModifyListener {
        listener: id.clone(),
        port: None,
        protocol: Some(ListenerProtocol::Https(settings)),
        default_actions: None,
    }
}

/// "If the certificate is already in the certificate list, the call is successful but the certificate is not added again."
pub(super) fn add(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (id, settings) = secured(&known, &asked)?;
    let mut settings = settings.clone();
    let mut added = Vec::new();
    for given in &asked.certificates {
        let certificate = find(&known, given, &settings.certificates)?;
        added.push(json!({ "CertificateArn": certificate_arn(&certificate), "IsDefault": false }));
        if !settings.certificates.contains(&certificate) {
            settings.certificates.push(certificate);
        }
    }
    let edit = changed(id, settings);
    Ok(Decision::edit(edit, move |_| Ok(Members(json!({ "Certificates": added })))))
}

/// "You can't remove the default certificate for a listener. To replace the default certificate, call ModifyListener."
pub(super) fn remove(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (id, settings) = secured(&known, &asked)?;
    let mut settings = settings.clone();
    for given in &asked.certificates {
        let is_it = |arn: &str| given.certificate_arn.as_deref() == Some(arn);
        if settings.certificates.first().is_some_and(|first| is_it(certificate_arn(first).as_str())) {
            return Err(Fault::new("OperationNotPermitted", "Default certificate cannot be removed"));
        }
        settings.certificates.retain(|certificate| !is_it(certificate_arn(certificate).as_str()));
    }
    let edit = changed(id, settings);
    Ok(Decision::edit(edit, |_| Ok(Members(json!({})))))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let known = Known::of(state);
    let (_, settings) = settings(&known, &asked)?;
    let certificates = settings.map(|settings| &*settings.certificates).unwrap_or_default();
    let shape =
        |(index, certificate)| json!({ "CertificateArn": certificate_arn(certificate), "IsDefault": index == 0 });
    let found: Vec<Value> = certificates.iter().enumerate().map(shape).collect();
    faults::page("Certificates", &found, asked.page_size, asked.marker.as_deref()).map(Decision::members)
}
