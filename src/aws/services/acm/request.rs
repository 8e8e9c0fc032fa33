//! RequestCertificate, DeleteCertificate.

use serde::Deserialize;
use serde_json::json;

use super::certificate::{CERTIFICATE, Found};
use super::view::in_use_by;
use crate::aws::action::{Decision, Input, State};
use crate::aws::tags::{self, Tag};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::model::DomainName;
use crate::model::arn::Arn;
use crate::model::certificate::{IssuedCertificate, KeyAlgorithm};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Given {
    domain_name: String,
    subject_alternative_names: Vec<String>,
    validation_method: Option<String>,
    key_algorithm: Option<String>,
    certificate_arn: String,
    tags: Vec<Tag>,
}

/// ACM user guide, "Quotas": domain names of a certificate.
const MOST_NAMES: usize = 100;

pub(super) fn request(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let mut names: Vec<DomainName> = Vec::new();
    for (member, name) in [("domainName", &given.domain_name)]
        .into_iter()
        .chain(given.subject_alternative_names.iter().map(|name| ("subjectAlternativeNames", name)))
    {
        let name = name.to_ascii_lowercase();
        if !is_domain_name(&name) {
            return Err(Fault::new(
                "ValidationException",
                format!(
                    "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: (\\*\\.)?(((?!-)[A-Za-z0-9-]{{0,62}}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{{1,62}}[A-Za-z0-9])"
                ),
            ));
        }
        let name = DomainName::new(name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MOST_NAMES {
        return Err(Fault::new("LimitExceededException", format!("The number of domain names exceeds {MOST_NAMES}.")));
    }
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| Fault::new("InvalidTagException", refused.to_string()))?;
    let key_algorithm = key_algorithm(given.key_algorithm.as_deref())?;
    let certificate = IssuedCertificate { names, key_algorithm };
    let id = certificate.id();
    let arn = Arn::certificate(&id);
    let value = json!({
        "createdAt": state.now.to_string(),
        "validationMethod": given.validation_method.unwrap_or_else(|| "EMAIL".to_owned()),
    });
    // Asked again, it is the same one.
    let known = state.desired.records().get(CERTIFICATE, id.as_str()).cloned();
    let record = known.unwrap_or_else(|| Record::new(value).with(tags));
    let edits = vec![Edit::RequestCertificate { certificate }, Edit::put(CERTIFICATE, id.as_str(), record)];
    Ok(Decision::edits(edits, move |_| Ok(json!({ "CertificateArn": arn }))))
}

/// The kind of key (ACM API reference, RequestCertificate, KeyAlgorithm: the others are those of imported certificates).
fn key_algorithm(given: Option<&str>) -> Result<KeyAlgorithm, Fault> {
    let Some(name) = given else { return Ok(KeyAlgorithm::default()) };
    name.parse().map_err(|_| match name {
        "RSA_1024" | "RSA_3072" | "RSA_4096" | "EC_secp521r1" => Fault::new(
            "InvalidParameterException",
            format!("The key algorithm {name} is not supported for requested certificates."),
        ),
        _ => Fault::new(
            "ValidationException",
            format!(
                "1 validation error detected: Value '{name}' at 'keyAlgorithm' failed to satisfy constraint: Member must satisfy \
                 enum value set: [RSA_1024, RSA_2048, RSA_3072, RSA_4096, EC_prime256v1, EC_secp384r1, EC_secp521r1]"
            ),
        ),
    })
}

/// Labels of letters, digits and hyphens, at least two, and `*` only as the first.
fn is_domain_name(name: &str) -> bool {
    let rest = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && rest.contains('.') && rest.split('.').all(is_label)
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let found = Found::of(state, &given.certificate_arn)?;
    if !in_use_by(state, &found).is_empty() {
        let message = format!("Certificate {} in account {} is in use.", found.arn(), crate::model::arn::ACCOUNT);
        return Err(Fault::new("ResourceInUseException", message));
    }
    let edits =
        vec![Edit::DeleteCertificate { certificate: found.id.clone() }, Edit::forget(CERTIFICATE, found.id.as_str())];
    Ok(Decision::edits(edits, |_| Ok(json!({}))))
}
