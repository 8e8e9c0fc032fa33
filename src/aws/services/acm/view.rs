//! DescribeCertificate, ListCertificates.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::certificate::Found;
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::control::identities::DECLARED_AT;
use crate::model::DomainName;
use crate::model::arn::{Arn, fingerprint, uuid};
use crate::model::certificate::KeyAlgorithm;
use crate::model::listener::{Certificate, ListenerProtocol};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

/// ACM user guide, "ACM certificate characteristics": valid for 13 months (395 days).
const VALID: SignedDuration = SignedDuration::from_hours(395 * 24);

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    certificate_arn: String,
    certificate_statuses: Vec<String>,
    max_items: Option<usize>,
    next_token: Option<String>,
}

/// ARNs of the load balancers whose listeners have it.
pub(super) fn in_use_by(state: &State, found: &Found) -> Vec<String> {
    let topology = state.desired.topology();
    let uses = |protocol: &ListenerProtocol| match protocol {
        ListenerProtocol::Https(tls) => tls
            .certificates
            .iter()
            .any(|certificate| matches!(certificate, Certificate::Issued(issued) if issued.id() == found.id)),
        ListenerProtocol::Http => false,
    };
    let balancers = topology.load_balancers.values();
    let using = balancers.filter(|balancer| balancer.listeners.iter().any(|listener| uses(&listener.protocol)));
    using.map(|balancer| Arn::load_balancer(&balancer.name).to_string()).collect()
}

/// The record that would prove whose the name is: the same for a name and its wildcard.
fn validation(name: &DomainName, method: &str) -> Value {
    let bare = name.as_str().strip_prefix("*.").unwrap_or(name.as_str());
    let mut option = json!({
        "DomainName": name,
        "ValidationDomain": name,
        "ValidationStatus": "SUCCESS",
        "ValidationMethod": method,
    });
    if method == "DNS" {
        let digits = |purpose: &str| uuid(&[purpose, bare]).replace('-', "");
        let zone: String = format!("{:010x}", fingerprint(&["validation zone", bare])).chars().take(10).collect();
        option["ResourceRecord"] = json!({
            "Name": format!("_{}.{bare}.", digits("validation name")),
            "Type": "CNAME",
            "Value": format!("_{}.{zone}.acm-validations.aws.", digits("validation value")),
        });
    }
    option
}

fn created_at(found: &Found) -> Timestamp {
    found.record.text("createdAt").parse().unwrap_or(DECLARED_AT)
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let found = Found::of(state, &given.certificate_arn)?;
    let record = &found.record;
    let or = |member: &str, default: &str| match record.text(member) {
        "" => default.to_owned(),
        text => text.to_owned(),
    };
    let method = or("validationMethod", "DNS");
    let in_use_by = in_use_by(state, &found);
    let created = created_at(&found);
    let domain = found.names.first().cloned();
    let subject = domain.as_ref().map(|name| format!("CN={name}"));
    let options: Vec<Value> = found.names.iter().map(|name| validation(name, &method)).collect();
    let serial = uuid(&["serial", found.id.as_str()]).replace('-', "");
    let serial: Vec<&str> = serial.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
    Ok(Decision::reply(json!({ "Certificate": {
        "CertificateArn": found.arn(),
        "DomainName": domain,
        "SubjectAlternativeNames": found.names,
        "DomainValidationOptions": options,
        "Serial": serial.join(":"),
        "Subject": subject,
        "Issuer": "Amazon",
        "CreatedAt": EpochSeconds(created),
        "IssuedAt": EpochSeconds(created),
        "Status": "ISSUED",
        "NotBefore": EpochSeconds(created),
        "NotAfter": EpochSeconds(created.checked_add(VALID).unwrap_or(created)),
        "KeyAlgorithm": found.key_algorithm.as_ref(),
        "SignatureAlgorithm": match found.key_algorithm {
            KeyAlgorithm::Rsa2048 => "SHA256WITHRSA",
            KeyAlgorithm::P256 => "SHA256WITHECDSA",
            KeyAlgorithm::P384 => "SHA384WITHECDSA",
        },
        "RenewalEligibility": if in_use_by.is_empty() { "INELIGIBLE" } else { "ELIGIBLE" },
        "InUseBy": in_use_by,
        "Type": "AMAZON_ISSUED",
        "KeyUsages": [ { "Name": "DIGITAL_SIGNATURE" }, { "Name": "KEY_ENCIPHERMENT" } ],
        "ExtendedKeyUsages": [ { "Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1" } ],
        "Options": { "CertificateTransparencyLoggingPreference": "ENABLED" },
    } })))
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    // All of them are issued.
    let wanted = given.certificate_statuses.is_empty() || given.certificate_statuses.iter().any(|one| one == "ISSUED");
    let summary = |found: &Found| {
        let in_use = !in_use_by(state, found).is_empty();
        json!({
            "CertificateArn": found.arn(),
            "DomainName": found.names.first(),
            "SubjectAlternativeNameSummaries": found.names,
            "HasAdditionalSubjectAlternativeNames": false,
            "Status": "ISSUED",
            "Type": "AMAZON_ISSUED",
            "InUse": in_use,
            "CreatedAt": EpochSeconds(created_at(found)),
        })
    };
    let all: Vec<Value> = Found::all(state).iter().filter(|_| wanted).map(summary).collect();
    let (page, next) = pages::page(&all, Sizes::up_to(1000), given.max_items, given.next_token.as_deref())
        .map_err(|_| Fault::new("InvalidArgsException", "The NextToken is not valid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "CertificateSummaryList": page }), "NextToken", next)))
}
