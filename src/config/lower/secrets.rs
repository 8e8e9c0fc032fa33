//! `secrets`: values of the secrets that containers use (ECS developer guide, "Pass sensitive data to an Amazon ECS
//! container").

use std::collections::BTreeMap;

use super::lowering::Lowering;
use super::services::nearest_secret;
use crate::file::File;
use crate::read::reader::Spanned;
use crate::task_definition::context::WantedSecret;
use crate::text::diagnostics::Diagnostic;
use neargate_ecs::images::naming;
use neargate_ecs::task_definition::value_from;
use neargate_model::service::Service;
use neargate_model::{Redacted, ServiceName};

/// Every value, by ARN or name as the containers write it.
pub(super) fn lower(
    file: &File,
    services: &BTreeMap<ServiceName, Service>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<String, Redacted> {
    let given: Vec<(&Spanned<String>, &Spanned<String>)> =
        file.secrets.iter().flat_map(|secrets| secrets.iter()).collect();
    let mut values = BTreeMap::new();
    let mut used: Vec<&str> = Vec::new();
    let wanted = std::mem::take(&mut lowering.wanted);
    for want in &wanted {
        let names = value_from::aliases(&want.secret);
        // The most exact name wins.
        let found = names.iter().find_map(|name| given.iter().find(|(key, _)| key.value == *name));
        let other = want.secret.split_once("::").filter(|_| found.is_none() && want.variable.is_some());
        let found = found.or_else(|| {
            let (secret, _) = other?;
            let names = value_from::aliases(secret);
            let base = names.iter().find_map(|name| given.iter().find(|(key, _)| key.value == *name))?;
            lowering.report(
                Diagnostic::warning("a specific version of the secret is requested", want.span, "ignored here")
                    .note("the value under `secrets` applies to every version"),
            );
            Some(base)
        });
        let Some((key, value)) = found else {
            let lost = names.iter().any(|name| lowering.reader.has_lost(name)) || lowering.reader.has_lost("secrets");
            if !lost || want.variable.is_none() {
                missing(want, services, lowering);
            }
            continue;
        };
        used.push(key);
        if let Some(json_key) = &want.json_key {
            has_json_key(want, json_key, value, lowering);
        }
        values.insert(want.secret.clone(), Redacted::new(&value.value));
    }
    let names: Vec<String> = wanted.iter().map(|want| want.secret.clone()).collect();
    for (key, value) in given {
        if !used.contains(&key.as_str()) {
            // If a task definition could not be read, it is unknown which containers use which secrets.
            if !services.is_empty() {
                lowering.report(
                    Diagnostic::warning("no container asks for this secret", key.span, "")
                        .maybe_help(nearest_secret(key, &names)),
                );
            }
            values.insert(key.value.clone(), Redacted::new(&value.value));
        }
    }
    values
}

fn missing(want: &WantedSecret, services: &BTreeMap<ServiceName, Service>, lowering: &mut Lowering<'_>) {
    let Some(variable) = &want.variable else {
        let pulled = services.values().any(|service| {
            service.task_definition.containers.iter().any(|container| {
                container.repository_credentials.as_deref() == Some(want.secret.as_str())
                    && naming::uses_credentials(service, container)
            })
        });
        if pulled {
            lowering.report(
                Diagnostic::warning("the registry's credentials have no value", want.span, "")
                    .note("the image is pulled with your own `docker login` instead")
                    .help(format!(
                        "to pull as Fargate does, add `\"{}\": '{{\"username\":\"…\",\"password\":\"…\"}}'` to `secrets`",
                        want.secret
                    )),
            );
        }
        return;
    };
    let value = match &want.json_key {
        Some(key) => format!("'{{\"{key}\":\"${{{variable}}}\"}}'"),
        None => format!("\"${{{variable}}}\""),
    };
    lowering.report(
        Diagnostic::error(format!("the secret of `{variable}` has no value"), want.span, "")
            .note("on Fargate the task would stop with ResourceInitializationError: unable to pull secrets or registry auth")
            .help(format!("add to `secrets` in {}:\n  \"{}\": {value}\nand set {variable} in the environment or in `.env`",
                crate::text::source::show_path(lowering.source.path), want.secret)),
    );
}

/// A secret that is used with a JSON key must be an object with that key.
fn has_json_key(want: &WantedSecret, key: &str, value: &Spanned<String>, lowering: &mut Lowering<'_>) {
    // What could not be interpolated has been reported.
    if value.is_empty() {
        return;
    }
    let read: Option<serde_json::Value> = serde_json::from_str(&value.value).ok();
    let has = read.as_ref().and_then(|object| object.get(key)).is_some();
    if has {
        return;
    }
    let why = match &read {
        Some(serde_json::Value::Object(_)) => "the object does not have this key",
        _ => "it is not a JSON object",
    };
    lowering.report(
        Diagnostic::error(format!("the value of the secret has no key `{key}`"), value.span, why)
            .also(want.span, "asked for here")
            .aws(
                &format!("retrieved secret from Secrets Manager did not contain json key {key}"),
                "amazon-ecs-agent, Secrets Manager client",
            )
            .help(format!("write '{{\"{key}\": \"…\"}}'")),
    );
}
