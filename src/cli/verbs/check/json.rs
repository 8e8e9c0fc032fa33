//! `check --format json`: a separate shape, so that the model may change without breaking scripts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde::Serialize;

use super::scaling::ScalingView;
use super::settings::{self, HealthCheckView};
use crate::alb::{attributes, security_group};
use crate::cli::input::file::relative;
use crate::config::text::source::show_path;
use crate::config::{Diagnostic, Diagnostics, Loaded, Location, Severity, Sources};
use crate::ecs::images::naming;
use crate::ecs::images::naming::Source;
use crate::model::listener::{ListenerProtocol, LoadBalancer};
use crate::model::rule::{Action, Condition, Patterns, Rule};
use crate::model::{Topology, arn};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    topology: Option<Project<'a>>,
    diagnostics: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fidelity: Vec<Field<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    location: Place,
    notes: &'a [String],
    help: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    file: String,
    line: usize,
    column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Field<'a> {
    field: &'a str,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    locations: Vec<Place>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Project<'a> {
    name: &'a str,
    domains: Vec<&'a str>,
    time_scale: f64,
    /// The only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<Balancer<'a>>,
    /// Several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    load_balancers: Vec<Balancer<'a>>,
    target_groups: Vec<Group<'a>>,
    cluster: &'a str,
    services: Vec<ServiceView<'a>>,
    /// Names only.
    secrets: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Balancer<'a> {
    name: &'a str,
    /// What tells it from others, if there are any.
    #[serde(flatten)]
    apart: Option<Apart<'a>>,
    security_groups: Vec<&'a str>,
    attributes: BTreeMap<&'static str, String>,
    listeners: Vec<ListenerView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Apart<'a> {
    /// `internet-facing` or `internal`.
    scheme: &'static str,
    dns_name: String,
    domains: Vec<&'a str>,
    bind_address: IpAddr,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListenerView<'a> {
    port: u16,
    protocol: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssl_policy: Option<&'a str>,
    attributes: BTreeMap<String, String>,
    /// In the order in which they are tried; the default one last.
    rules: Vec<RuleView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleView<'a> {
    /// As text, as AWS has it: `default` is one of them.
    priority: String,
    conditions: Vec<ConditionView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transforms: Vec<TransformView<'a>>,
    action: ActionView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransformView<'a> {
    /// In the API's words.
    #[serde(rename = "type")]
    kind: &'static str,
    regex: &'a str,
    replace: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionView {
    field: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    regex_values: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum ActionView<'a> {
    Forward { target_groups: Vec<Weighted<'a>> },
    Redirect { status_code: u16, protocol: &'a str, host: &'a str, port: &'a str, path: &'a str, query: &'a str },
    FixedResponse { status_code: u16, content_type: Option<&'a str>, message_body: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Weighted<'a> {
    target_group: &'a str,
    weight: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Group<'a> {
    name: &'a str,
    protocol: &'static str,
    protocol_version: &'static str,
    port: u16,
    in_use: bool,
    /// The one that forwards to it, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancer: Option<&'a str>,
    health_check_path: &'a str,
    health_check: HealthCheckView<'a>,
    attributes: BTreeMap<&'static str, String>,
    targets: Vec<Target<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    port: u16,
    /// Whether the security groups let the load balancer in.
    reachable: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceView<'a> {
    name: &'a str,
    family: &'a str,
    desired_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    scaling: Option<ScalingView<'a>>,
    cpu: u32,
    memory: u32,
    security_groups: Vec<&'a str>,
    containers: Vec<ContainerView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerView<'a> {
    name: &'a str,
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<BuildView<'a>>,
    essential: bool,
    ports: Vec<u16>,
    /// Names only.
    secrets: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildView<'a> {
    context: String,
    dockerfile: &'a str,
}

/// The report of a file without mistakes.
pub(super) fn valid(loaded: &Loaded, folder: &Path) -> String {
    let report = Report {
        valid: true,
        topology: Some(project(&loaded.topology, folder)),
        diagnostics: messages(&loaded.warnings, &loaded.sources),
        fidelity: loaded
            .fidelity
            .iter()
            .map(|field| Field {
                field: &field.field,
                level: field.level.name(),
                reason: field.level.reason(),
                locations: field.locations.iter().map(place).collect(),
            })
            .collect(),
    };
    print(&report)
}

/// The report of a file with mistakes.
pub(super) fn invalid(diagnostics: &Diagnostics) -> String {
    let messages = messages(diagnostics.items(), diagnostics.sources());
    print(&Report { valid: false, topology: None, diagnostics: messages, fidelity: Vec::new() })
}

fn print(report: &Report<'_>) -> String {
    serde_json::to_string_pretty(report).unwrap_or_default()
}

fn place(location: &Location) -> Place {
    Place { file: show_path(&location.path), line: location.line, column: location.column }
}

fn messages<'a>(items: &'a [Diagnostic], sources: &Sources) -> Vec<Message<'a>> {
    items
        .iter()
        .map(|item| Message {
            severity: match item.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: item.message(),
            location: place(&item.location(sources)),
            notes: item.notes(),
            help: item.helps(),
        })
        .collect()
}

fn project<'a>(topology: &'a Topology, folder: &Path) -> Project<'a> {
    let several = topology.has_several_load_balancers();
    let mut balancers: Vec<Balancer<'_>> =
        topology.load_balancers.values().map(|one| load_balancer(one, several)).collect();
    Project {
        name: topology.name.as_str(),
        domains: topology.domains.iter().map(|domain| domain.as_str()).collect(),
        time_scale: topology.time_scale.factor(),
        load_balancer: if several { None } else { balancers.pop() },
        load_balancers: balancers,
        target_groups: topology
            .target_groups
            .iter()
            .map(|(name, group)| Group {
                name: name.as_str(),
                protocol: settings::protocol(group.protocol),
                protocol_version: settings::protocol_version(group.protocol_version),
                port: group.port,
                in_use: topology.is_in_use(name),
                load_balancer: topology
                    .load_balancer_of(name)
                    .filter(|_| several && topology.is_in_use(name))
                    .map(|balancer| balancer.name.as_str()),
                health_check_path: &group.health_check.path,
                health_check: settings::health_check(&group.health_check),
                attributes: attributes::target_group::spelled(&group.attributes),
                targets: targets(topology, name, group),
            })
            .collect(),
        cluster: topology.cluster.as_str(),
        services: topology
            .services
            .iter()
            .map(|(name, service)| self::service(name, topology, service, folder))
            .collect(),
        secrets: topology.secrets.keys().map(String::as_str).collect(),
    }
}

fn load_balancer(balancer: &LoadBalancer, several: bool) -> Balancer<'_> {
    Balancer {
        name: balancer.name.as_str(),
        apart: several.then(|| Apart {
            scheme: settings::scheme(balancer),
            dns_name: arn::load_balancer_dns_name(&balancer.name, balancer.internal),
            domains: balancer.domains.iter().map(|name| name.as_str()).collect(),
            bind_address: balancer.bind_address,
        }),
        security_groups: balancer.security_groups.iter().map(|name| name.as_str()).collect(),
        attributes: attributes::load_balancer::spelled(&balancer.attributes),
        listeners: balancer
            .listeners
            .iter()
            .map(|listener| ListenerView {
                port: listener.port,
                protocol: match listener.protocol {
                    ListenerProtocol::Http => "HTTP",
                    ListenerProtocol::Https(_) => "HTTPS",
                },
                ssl_policy: match &listener.protocol {
                    ListenerProtocol::Http => None,
                    ListenerProtocol::Https(tls) => Some(&tls.ssl_policy),
                },
                attributes: attributes::listener::texts(&listener.headers),
                rules: listener
                    .rules
                    .iter()
                    .map(rule)
                    .chain([RuleView {
                        priority: "default".to_owned(),
                        conditions: Vec::new(),
                        transforms: Vec::new(),
                        action: action(&listener.default_actions.routing),
                    }])
                    .collect(),
            })
            .collect(),
    }
}

fn rule(rule: &Rule) -> RuleView<'_> {
    RuleView {
        priority: rule.priority.to_string(),
        conditions: rule.conditions.iter().map(condition).collect(),
        transforms: transforms(rule).collect(),
        action: action(&rule.actions.routing),
    }
}

fn transforms(rule: &Rule) -> impl Iterator<Item = TransformView<'_>> {
    let both = [("host-header-rewrite", &rule.transforms.host_header), ("url-rewrite", &rule.transforms.url)];
    both.into_iter().filter_map(|(kind, rewrite)| {
        let rewrite = rewrite.as_ref()?;
        Some(TransformView { kind, regex: &rewrite.regex, replace: &rewrite.replace })
    })
}

fn condition(condition: &Condition) -> ConditionView {
    let split = |patterns: &Patterns| match patterns {
        Patterns::Wildcards(values) => (values.clone(), Vec::new()),
        Patterns::Regexes(values) => (Vec::new(), values.clone()),
    };
    let (values, regex_values) = match condition {
        Condition::HostHeader(list) | Condition::PathPattern(list) => split(list),
        Condition::HttpHeader { values, .. } => split(values),
        Condition::HttpRequestMethod(methods) => (methods.clone(), Vec::new()),
        Condition::QueryString(pairs) => {
            let texts = pairs.iter().map(|pair| match &pair.key {
                Some(key) => format!("{key}={}", pair.value),
                None => pair.value.clone(),
            });
            (texts.collect(), Vec::new())
        }
        Condition::SourceIp(networks) => (networks.iter().map(ToString::to_string).collect(), Vec::new()),
    };
    let name = match condition {
        Condition::HttpHeader { name, .. } => Some(name.clone()),
        _ => None,
    };
    ConditionView { field: condition.field(), name, values, regex_values }
}

fn action(action: &Action) -> ActionView<'_> {
    match action {
        Action::Forward(forward) => ActionView::Forward {
            target_groups: forward
                .target_groups
                .iter()
                .map(|group| Weighted { target_group: group.target_group.as_str(), weight: group.weight })
                .collect(),
        },
        Action::Redirect(redirect) => ActionView::Redirect {
            status_code: redirect.status_code,
            protocol: &redirect.protocol,
            host: &redirect.host,
            port: &redirect.port,
            path: &redirect.path,
            query: &redirect.query,
        },
        Action::FixedResponse(fixed) => ActionView::FixedResponse {
            status_code: fixed.status_code,
            content_type: fixed.content_type.as_deref(),
            message_body: &fixed.message_body,
        },
    }
}

fn targets<'a>(
    topology: &'a Topology,
    name: &crate::model::TargetGroupName,
    group: &crate::model::target_group::TargetGroup,
) -> Vec<Target<'a>> {
    let balancer = topology.security_groups_before(name);
    let bound = topology.services.iter().flat_map(|(service_name, service)| {
        let of_group = service.load_balancers.iter().filter(|binding| binding.target_groups().any(|own| own == name));
        of_group.map(move |binding| Target {
            service: Some(service_name.as_str()),
            container: Some(binding.container.as_str()),
            address: None,
            port: binding.port,
            reachable: security_group::load_balancer_reaches(
                &topology.security_groups,
                balancer,
                &service.security_groups,
                binding.port,
            )
            .allowed,
        })
    });
    let fixed = group.static_targets.iter().map(|target| Target {
        service: None,
        container: None,
        address: Some(target.address.to_string()),
        port: target.port,
        reachable: true,
    });
    bound.chain(fixed).collect()
}

fn service<'a>(
    name: &'a crate::model::ServiceName,
    topology: &'a Topology,
    service: &'a crate::model::service::Service,
    folder: &Path,
) -> ServiceView<'a> {
    let definition = &service.task_definition;
    ServiceView {
        name: name.as_str(),
        family: &definition.family,
        desired_count: service.desired_count,
        scaling: topology.scalable_targets.get(name).map(ScalingView::from),
        cpu: definition.cpu,
        memory: definition.memory_mib,
        security_groups: service.security_groups.iter().map(|name| name.as_str()).collect(),
        containers: definition
            .containers
            .iter()
            .map(|container| ContainerView {
                name: container.name.as_str(),
                image: service.images.get(&container.name).unwrap_or(&container.image),
                build: match naming::source(service, container) {
                    Source::Build { build, .. } => Some(BuildView {
                        context: show_path(&relative(&build.context, folder)),
                        dockerfile: &build.dockerfile,
                    }),
                    Source::Registry(_) => None,
                },
                essential: container.essential,
                ports: container.port_mappings.iter().map(|mapping| mapping.container_port).collect(),
                secrets: container.secrets.iter().map(|secret| secret.name.as_str()).collect(),
            })
            .collect(),
    }
}
