//! `service_discovery`, and `service_registries` of services (Cloud Map API reference; ECS API reference, ServiceRegistry).

use std::collections::BTreeMap;

use super::lowering::Lowering;
use crate::file::File;
use crate::file::discovery::{DiscoveryServiceFile, DnsConfigFile, RecordWord, RegistryFile, RoutingWord};
use crate::file::service::ServiceFile;
use crate::lower::containers::port_exists;
use crate::read::reader::Spanned;
use crate::task_definition::ReadDefinition;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_ecs::discovery::limits::{self, Refused};
use neargate_model::discovery::{DnsRecord, RecordKind, RoutingPolicy, ServiceRegistry};

const CREATE: &str = "Cloud Map API reference, CreateService";
const NAMESPACE: &str = "Cloud Map API reference, CreatePrivateDnsNamespace";
const REGISTRY: &str = "ECS API reference, ServiceRegistry";
/// Cloud Map API reference, DnsRecord, TTL.
const LONGEST_TTL: u32 = 2_147_483_647;

/// Cloud Map services by key, with what a service of ECS adds left open; `None` for one with mistakes.
pub(super) type Registries = BTreeMap<String, Option<ServiceRegistry>>;

/// All Cloud Map services.
pub(super) fn lower(file: &File, lowering: &mut Lowering<'_>) -> Registries {
    let mut names: BTreeMap<String, Spanned<String>> = BTreeMap::new();
    let mut registries = Registries::new();
    for (key, service) in file.service_discovery.iter().flat_map(|services| services.iter()) {
        let registry = lower_service(key, service, lowering);
        if let Some(registry) = &registry {
            let at = service.name.as_ref().unwrap_or(key);
            if let Some(first) = names.insert(registry.name(), at.clone()) {
                lowering.report(
                    Diagnostic::error(format!("`{}` is the name of two services", registry.name()), at.span, "")
                        .also(first.span, "and here")
                        .note(format!("a name is unique in its namespace ({CREATE})")),
                );
            }
        }
        registries.insert(key.value.clone(), registry);
    }
    registries
}

fn lower_service(
    key: &Spanned<String>,
    file: &DiscoveryServiceFile,
    lowering: &mut Lowering<'_>,
) -> Option<ServiceRegistry> {
    let name = file.name.as_ref().unwrap_or(key);
    let service = dns_name(name, "a Cloud Map service", CREATE, lowering);
    let dns = file.dns_config.as_ref()?;
    let namespace = dns.namespace.as_ref().and_then(|name| dns_name(name, "a DNS namespace", NAMESPACE, lowering));
    let records = records(dns, lowering)?;
    Some(ServiceRegistry {
        service: service?,
        namespace: namespace?,
        records,
        routing_policy: match dns.routing_policy.as_ref().map(|word| word.value) {
            None | Some(RoutingWord::Multivalue) => RoutingPolicy::Multivalue,
            Some(RoutingWord::Weighted) => RoutingPolicy::Weighted,
        },
        custom_health: file.health_check_custom_config.is_some(),
        port: None,
    })
}

/// Labels of at most 63 letters, digits, hyphens and underscores, in lower case: DNS does not tell cases apart.
fn dns_name(name: &Spanned<String>, what: &str, page: &str, lowering: &mut Lowering<'_>) -> Option<String> {
    let clean = name.trim_end_matches('.').to_ascii_lowercase();
    let is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if clean.len() <= 253 && clean.split('.').all(is_fine) {
        return Some(clean);
    }
    lowering.report(
        Diagnostic::error(format!("`{}` cannot name {what}", name.value), name.span, "")
            .note(format!("parts of at most 63 letters, digits, `-` and `_`, with dots between them ({page})")),
    );
    None
}

fn records(file: &DnsConfigFile, lowering: &mut Lowering<'_>) -> Option<Vec<DnsRecord>> {
    let mut records = Vec::new();
    let given = file.dns_records.as_ref()?;
    for record in given {
        let (Some(kind), Some(ttl)) = (&record.kind, &record.ttl) else { continue };
        if ttl.value > LONGEST_TTL {
            lowering.report(
                Diagnostic::error("a TTL that is too long", ttl.span, "")
                    .note(format!("at most {LONGEST_TTL} seconds ({CREATE})")),
            );
        }
        let kind = match kind.value {
            RecordWord::A => RecordKind::A,
            RecordWord::Aaaa => RecordKind::Aaaa,
            RecordWord::Srv => RecordKind::Srv,
        };
        records.push(DnsRecord { kind, ttl: ttl.value });
    }
    let kinds: Vec<RecordKind> = records.iter().map(|record| record.kind).collect();
    if let Err(refused) = limits::records(&kinds)
        && kinds.len() == given.len()
    {
        lowering.report(
            Diagnostic::error("record types that do not go together", file.span, "")
                .aws(&refused.to_string(), CREATE)
                .help("for tasks: `A`, or `SRV` if clients ask for the port"),
        );
        return None;
    }
    Some(records)
}

/// The registry of a service, with the port that its tasks are registered with.
pub(super) fn registry(
    service: &ServiceFile,
    definition: Option<&ReadDefinition>,
    registries: &Registries,
    lowering: &mut Lowering<'_>,
) -> Option<ServiceRegistry> {
    let file = service.service_registries.as_ref()?;
    let name = file.registry.as_ref()?;
    let Some(registry) = registries.get(&name.value) else {
        unknown(name, registries, lowering);
        return None;
    };
    if let (Some(container), Some(port), Some(definition)) = (&file.container_name, &file.container_port, definition) {
        port_exists(container, port, definition, lowering);
    }
    let registry = registry.as_ref()?;
    let has_srv = registry.record(RecordKind::Srv).is_some();
    let RegistryFile { port, container_name, container_port, .. } = file;
    if let Err(refused) = limits::port(has_srv, port.is_some(), container_name.is_some(), container_port.is_some()) {
        report_port(refused, file, lowering);
    }
    let port = port.as_ref().or(container_port.as_ref()).map(|port| port.value);
    Some(ServiceRegistry { port, ..registry.clone() })
}

fn report_port(refused: Refused, file: &RegistryFile, lowering: &mut Lowering<'_>) {
    let port = file.port.as_ref().map(|port| port.span);
    let container = file.container_name.as_ref().map(|name| name.span);
    let container_port = file.container_port.as_ref().map(|port| port.span);
    let diagnostic = match refused {
        Refused::PortTwice => {
            let diagnostic = Diagnostic::error("the port is given in two ways", port.unwrap_or(file.span), "");
            match container.or(container_port) {
                Some(other) => diagnostic.also(other, "and here"),
                None => diagnostic,
            }
        }
        Refused::PortIncomplete => Diagnostic::error(
            "a container's port is a name and a number",
            container.or(container_port).unwrap_or(file.span),
            "",
        ),
        Refused::PortMissing | Refused::RecordTypes => Diagnostic::error("SRV records without a port", file.span, "")
            .help("add `container_name` and `container_port`"),
    };
    lowering.report(diagnostic.aws(&refused.to_string(), REGISTRY));
}

fn unknown(name: &Spanned<String>, registries: &Registries, lowering: &mut Lowering<'_>) {
    if lowering.reader.has_lost(name) || lowering.reader.has_lost("service_discovery") {
        return;
    }
    let diagnostic =
        Diagnostic::error(format!("there is no service `{}` in `service_discovery`", name.value), name.span, "")
            .maybe_help(help_for(name, "the services there are", registries.keys().map(String::as_str)));
    lowering.report(if name.starts_with("arn:") {
        diagnostic.help("refer to Cloud Map services by their key in `service_discovery`, not by ARN")
    } else {
        diagnostic
    });
}
