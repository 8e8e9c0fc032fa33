//! The names that clients use.

use super::context::Context;
use super::report::Outcome;
use crate::objects::{Item, Kind, Object};

/// What stands for a name that no source has.
const UNKNOWN: &str = "app.example.com";

/// Names that lead to a load balancer: records in DNS, then names of its certificates, then those that rules ask for.
pub(super) fn of(
    balancer: &Object,
    listeners: &[&Object],
    rules: &[&Object],
    context: &mut Context<'_>,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: String| {
        let name = name.trim_end_matches('.').to_lowercase();
        if name.contains('.') && !name.contains(['*', '?', '$', ' ']) && !names.contains(&name) {
            names.push(name);
        }
    };
    for record in context.objects.of(Kind::Alias) {
        let target = record.get("DNSName").and_then(Item::as_text).unwrap_or_default();
        let target = target.trim_start_matches("dualstack.").trim_end_matches('.').to_lowercase();
        if balancer.key == target || balancer.ids.iter().any(|id| id.to_lowercase() == target) {
            record.get("Name").and_then(Item::as_text).into_iter().for_each(&mut add);
        }
    }
    for listener in listeners {
        for certificate in listener.get("Certificates").into_iter().flat_map(Item::list) {
            let Some(arn) = certificate.get("CertificateArn") else { continue };
            let crate::objects::Target::Object(certificate) = context.objects.follow(Kind::Certificate, arn) else {
                continue;
            };
            certificate.get("DomainName").and_then(Item::as_text).into_iter().for_each(&mut add);
            let more = certificate.get("SubjectAlternativeNames").into_iter().flat_map(Item::list);
            more.filter_map(Item::as_text).for_each(&mut add);
        }
    }
    for condition in rules.iter().filter_map(|rule| rule.get("Conditions")).flat_map(Item::list) {
        let is_host = condition.get("Field").and_then(Item::as_text).is_some_and(|field| field == "host-header");
        let values = condition.at(&["HostHeaderConfig", "Values"]).or_else(|| condition.get("Values"));
        if is_host {
            // A secret is no name.
            let values = values.into_iter().flat_map(Item::list).filter(|value| !value.is_sensitive());
            values.filter_map(Item::as_text).for_each(&mut add);
        }
    }
    if names.is_empty() {
        let note = format!("no source says by which name clients reach it; {UNKNOWN} stands for it");
        context.report.add(Outcome::Assumed, "domain", balancer.place(), note);
        names.push(UNKNOWN.to_owned());
    }
    names
}
