//! `service_connect_configuration` of services (ECS API reference, ServiceConnectConfiguration).

use std::collections::BTreeMap;
use std::time::Duration;

use super::lowering::Lowering;
use crate::file::connect::{ClientAliasFile, ConnectFile, OfferedFile};
use crate::file::service::ServiceFile;
use crate::read::reader::Spanned;
use crate::task_definition::ReadDefinition;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::help_for;
use neargate_ecs::service_connect::endpoints::MOST;
use neargate_ecs::service_connect::limits::{self, Refused};
use neargate_model::service_connect::{AppProtocol, ClientAlias, OfferedPort, ServiceConnect};

const SERVICE: &str = "ECS API reference, ServiceConnectService";
const ALIAS: &str = "ECS API reference, ServiceConnectClientAlias";
const TIMEOUT: &str = "ECS API reference, TimeoutConfiguration";

/// Names that the services of a namespace have taken.
#[derive(Default)]
pub(super) struct Taken {
    discovery_names: BTreeMap<(String, String), Span>,
    aliases: BTreeMap<(String, String, u16), Span>,
    full: bool,
}

/// The settings of a service; `None` if it does not use Service Connect.
pub(super) fn lower(
    service: &ServiceFile,
    definition: Option<&ReadDefinition>,
    taken: &mut Taken,
    lowering: &mut Lowering<'_>,
) -> Option<ServiceConnect> {
    let file = service.service_connect_configuration.as_ref()?;
    if !file.enabled.as_ref()?.value {
        return None;
    }
    let namespace = namespace(file, lowering)?;
    let offered = file.service.iter().flat_map(|services| &services.0);
    let services =
        offered.filter_map(|offered| self::offered(offered, &namespace, definition, taken, lowering)).collect();
    Some(ServiceConnect { namespace, services })
}

fn namespace(file: &ConnectFile, lowering: &mut Lowering<'_>) -> Option<String> {
    let Some(namespace) = &file.namespace else {
        if !lowering.reader.reported_inside(file.whole) {
            lowering.report(
                Diagnostic::error("Service Connect needs a `namespace`", file.span, "")
                    .note("on AWS the cluster may have a default one; here each service names its own")
                    .help("give all services that reach each other the same `namespace`"),
            );
        }
        return None;
    };
    // Terraform gives the ARN, which ends with an id; a name serves as well.
    if namespace.starts_with("arn:") {
        lowering.report(
            Diagnostic::error("a namespace in your account has no name here", namespace.span, "")
                .help("write its name, such as `internal`"),
        );
        return None;
    }
    Some(namespace.value.clone())
}

fn offered(
    file: &OfferedFile,
    namespace: &str,
    definition: Option<&ReadDefinition>,
    taken: &mut Taken,
    lowering: &mut Lowering<'_>,
) -> Option<OfferedPort> {
    let port_name = file.port_name.as_ref()?;
    let protocol = protocol(port_name, definition, lowering);
    let discovery_name = file.discovery_name.as_ref().unwrap_or(port_name);
    if let Err(refused) = limits::discovery_name(discovery_name) {
        refuse(refused, "not a name of a Cloud Map service", discovery_name.span, SERVICE, lowering);
    }
    let key = (namespace.to_owned(), discovery_name.value.clone());
    if let Some(first) = taken.discovery_names.insert(key, discovery_name.span) {
        lowering.report(
            Diagnostic::error(
                format!("`{}` is in the namespace already", discovery_name.value),
                discovery_name.span,
                "",
            )
            .also(first, "here")
            .aws(&Refused::DiscoveryNameTaken.to_string(), SERVICE),
        );
    }
    let alias = alias(file, discovery_name, namespace, taken, lowering);
    let timeout = file.timeout.as_ref();
    let (idle, request) = (
        timeout.and_then(|timeout| timeout.idle_timeout_seconds.as_ref()),
        timeout.and_then(|timeout| timeout.per_request_timeout_seconds.as_ref()),
    );
    if let (Some(protocol), Some(given)) = (protocol, request)
        && let Err(refused) = limits::timeout(protocol, true)
    {
        refuse(refused, "a port without `appProtocol` carries no requests", given.span, TIMEOUT, lowering);
    }
    let seconds = |given: Option<&Spanned<u32>>| given.map(|given| Duration::from_secs(given.value.into()));
    Some(OfferedPort {
        port_name: port_name.value.clone(),
        discovery_name: discovery_name.value.clone(),
        alias: alias?,
        idle_timeout: seconds(idle),
        per_request_timeout: seconds(request),
    })
}

fn alias(
    file: &OfferedFile,
    discovery_name: &Spanned<String>,
    namespace: &str,
    taken: &mut Taken,
    lowering: &mut Lowering<'_>,
) -> Option<ClientAlias> {
    let aliases = file.client_alias.as_ref().map(|aliases| aliases.0.as_slice()).unwrap_or_default();
    if let Err(refused) = limits::aliases(aliases.len())
        && !lowering.reader.reported_inside(file.whole)
    {
        let at = aliases.get(1).map_or(file.span, |second| second.span);
        let what = if aliases.is_empty() { "nobody can connect to a port without an alias" } else { "a second alias" };
        refuse(refused, what, at, SERVICE, lowering);
    }
    let ClientAliasFile { port, dns_name, span, .. } = aliases.first()?;
    let port = port.as_ref()?;
    if let Some(name) = dns_name
        && let Err(refused) = limits::dns_name(name)
    {
        refuse(refused, &format!("`{}` is no alias", name.value), name.span, ALIAS, lowering);
    }
    let dns_name = match dns_name {
        Some(name) => name.value.clone(),
        None => format!("{}.{namespace}", discovery_name.value),
    };
    let key = (namespace.to_owned(), dns_name.clone(), port.value);
    if let Some(first) = taken.aliases.insert(key, *span) {
        lowering.report(
            Diagnostic::error(format!("`{dns_name}:{}` leads to two services", port.value), *span, "")
                .also(first, "here")
                .aws(&Refused::EndpointTaken.to_string(), ALIAS),
        );
    }
    if taken.aliases.len() > MOST && !std::mem::replace(&mut taken.full, true) {
        lowering.report(Diagnostic::error(format!("more than {MOST} endpoints"), *span, "one too many here"));
    }
    Some(ClientAlias { dns_name, port: port.value })
}

/// The protocol of the port of that name; reports one that does not exist.
fn protocol(
    name: &Spanned<String>,
    definition: Option<&ReadDefinition>,
    lowering: &mut Lowering<'_>,
) -> Option<AppProtocol> {
    let definition = definition?;
    let mappings = definition.definition.containers.iter().flat_map(|container| &container.port_mappings);
    let named: Vec<_> = mappings.filter_map(|mapping| Some((mapping.name.as_deref()?, mapping.app_protocol))).collect();
    if let Some((_, protocol)) = named.iter().find(|(known, _)| *known == name.value) {
        return Some(*protocol);
    }
    // A mapping that could not be read may be the one.
    if definition.containers.iter().all(|(_, sure)| *sure) {
        let known = named.iter().map(|(known, _)| *known);
        let help = if named.is_empty() {
            Some(format!("add \"name\": \"{}\" to a port mapping of the task definition", name.value))
        } else {
            help_for(name, "the named ports are", known)
        };
        lowering.report(
            Diagnostic::error(format!("the task definition has no port `{}`", name.value), name.span, "")
                .aws(&Refused::UnknownPort.to_string(), SERVICE)
                .maybe_help(help),
        );
    }
    None
}

fn refuse(refused: Refused, what: &str, at: Span, page: &str, lowering: &mut Lowering<'_>) {
    lowering.report(Diagnostic::error(what, at, "").aws(&refused.to_string(), page));
}
