//! The resolved topology as a tree: listeners, rules in the order in which they are tried, target groups, services.

use std::path::Path;
use std::time::Duration;

use super::scaling;
use crate::alb::security_group;
use crate::cli::input::file::relative;
use crate::ecs::images::naming;
use crate::ecs::images::naming::Source;
use crate::model::certificate::IssuedCertificate;
use crate::model::listener::{Certificate, Listener, ListenerProtocol, LoadBalancer};
use crate::model::rule::{Action, Condition, Patterns, Rule};
use crate::model::service::Service;
use crate::model::strategy::{HookTarget, Strategy};
use crate::model::target_group::{ProtocolVersion, TargetGroup, TargetProtocol};
use crate::model::topology::TimeScale;
use crate::model::{DomainName, SecurityGroupName, ServiceName, TargetGroupName, Topology};

/// One line and what hangs below it.
struct Branch {
    line: String,
    below: Vec<Branch>,
}

fn leaf(line: String) -> Branch {
    Branch { line, below: Vec::new() }
}

/// The whole picture.
pub(super) fn render(topology: &Topology, folder: &Path) -> String {
    let mut text = format!("{}  {}\n\n", topology.name, urls(topology));
    let balancers = topology.load_balancers.values().map(|balancer| load_balancer(topology, balancer));
    let groups = Branch {
        line: "target groups".to_owned(),
        below: topology.target_groups.iter().map(|(name, group)| target_group(topology, name, group)).collect(),
    };
    let services = Branch {
        line: format!("services of cluster {}", topology.cluster),
        below: topology.services.iter().map(|(name, service)| self::service(name, topology, service, folder)).collect(),
    };
    for branch in balancers.chain([groups, services]) {
        if !branch.below.is_empty() {
            text.push_str(&branch.line);
            text.push('\n');
            draw(&branch.below, "", &mut text);
            text.push('\n');
        }
    }
    // Every part ended with an empty line; the caller decides what comes after the last.
    text.pop();
    text
}

/// One that is not alone also says what tells it apart.
fn load_balancer(topology: &Topology, balancer: &LoadBalancer) -> Branch {
    let mut line = format!("load balancer {}", balancer.name);
    if topology.has_several_load_balancers() {
        let scheme = super::settings::scheme(balancer);
        let names: Vec<&str> = balancer.domains.iter().map(|name| name.as_str()).collect();
        line.push_str(&format!("  {scheme} at {}  {}", balancer.bind_address, names.join(", ")));
        line.truncate(line.trim_end().len());
    }
    line.push_str(&format!("  in {}", names(&balancer.security_groups)));
    Branch { line, below: balancer.listeners.iter().map(listener).collect() }
}

fn draw(branches: &[Branch], indent: &str, text: &mut String) {
    for (index, branch) in branches.iter().enumerate() {
        let last = index + 1 == branches.len();
        text.push_str(&format!("{indent}{} {}\n", if last { "└─" } else { "├─" }, branch.line));
        draw(&branch.below, &format!("{indent}{}  ", if last { " " } else { "│" }), text);
    }
}

fn urls(topology: &Topology) -> String {
    let url = |name: &DomainName| {
        let balancer = topology.load_balancer_at(name).or_else(|| topology.default_load_balancer())?;
        let is_https = |listener: &&Listener| matches!(listener.protocol, ListenerProtocol::Https(_));
        let (scheme, port, usual) = match (balancer.listeners.iter().find(is_https), balancer.listeners.first()) {
            (Some(listener), _) => ("https", listener.port, 443),
            (None, listener) => ("http", listener?.port, 80),
        };
        let suffix = if port == usual { String::new() } else { format!(":{port}") };
        Some(format!("{scheme}://{name}{suffix}"))
    };
    topology.domains.iter().filter_map(url).collect::<Vec<_>>().join("  ")
}

fn names(groups: &[SecurityGroupName]) -> String {
    groups.iter().map(|group| group.as_str()).collect::<Vec<_>>().join(", ")
}

fn listener(listener: &Listener) -> Branch {
    let line = match &listener.protocol {
        ListenerProtocol::Http => format!("HTTP :{}", listener.port),
        ListenerProtocol::Https(tls) => {
            let certificates: Vec<String> = tls
                .certificates
                .iter()
                .map(|certificate| match certificate {
                    Certificate::Issued(IssuedCertificate { names, .. }) => {
                        let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
                        format!("certificate issued for {names}")
                    }
                    Certificate::Files { certificate, .. } => {
                        let name = certificate.file_name().map(|name| name.to_string_lossy().into_owned());
                        format!("certificate from {}", name.unwrap_or_default())
                    }
                })
                .collect();
            format!("HTTPS :{}  {} · {}", listener.port, certificates.join(" · "), tls.ssl_policy)
        }
    };
    let width = listener.rules.iter().map(|rule| conditions(rule).chars().count()).max().unwrap_or(0).min(60);
    let digits = listener.rules.iter().map(|rule| rule.priority.to_string().len()).max().unwrap_or(0).max(7);
    let mut below: Vec<Branch> = listener
        .rules
        .iter()
        .map(|rule| Branch {
            line: format!(
                "{:>digits$}  {:<width$}  → {}",
                rule.priority,
                conditions(rule),
                action(&rule.actions.routing)
            ),
            below: transforms(rule),
        })
        .collect();
    below.push(leaf(format!(
        "{:>digits$}  {:<width$}  → {}",
        "default",
        "",
        action(&listener.default_actions.routing)
    )));
    Branch { line, below }
}

pub(crate) fn conditions(rule: &Rule) -> String {
    rule.conditions.iter().map(condition).collect::<Vec<_>>().join(" and ")
}

/// What the target sees instead of what the conditions were compared with.
fn transforms(rule: &Rule) -> Vec<Branch> {
    let both = [("host", &rule.transforms.host_header), ("url", &rule.transforms.url)];
    let given = both.into_iter().filter_map(|(what, rewrite)| Some((what, rewrite.as_ref()?)));
    given.map(|(what, rewrite)| leaf(format!("rewrites {what} ~{} to {}", rewrite.regex, rewrite.replace))).collect()
}

fn condition(condition: &Condition) -> String {
    let patterns = |patterns: &Patterns| match patterns {
        Patterns::Wildcards(values) => values.join(" | "),
        Patterns::Regexes(values) => values.iter().map(|value| format!("~{value}")).collect::<Vec<_>>().join(" | "),
    };
    let values = match condition {
        Condition::HostHeader(list) | Condition::PathPattern(list) => patterns(list),
        Condition::HttpHeader { name, values } => format!("{name}: {}", patterns(values)),
        Condition::HttpRequestMethod(methods) => methods.join(" | "),
        Condition::QueryString(pairs) => pairs
            .iter()
            .map(|pair| match &pair.key {
                Some(key) => format!("{key}={}", pair.value),
                None => pair.value.clone(),
            })
            .collect::<Vec<_>>()
            .join(" | "),
        Condition::SourceIp(networks) => networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
    };
    format!("{} {values}", condition.field())
}

pub(crate) fn action(action: &Action) -> String {
    match action {
        Action::Forward(forward) => {
            let total: u32 = forward.target_groups.iter().map(|group| u32::from(group.weight)).sum();
            let groups: Vec<String> = forward
                .target_groups
                .iter()
                .map(|group| match (forward.target_groups.len(), total) {
                    (1, _) => group.target_group.to_string(),
                    (_, 0) => format!("{} 0 %", group.target_group),
                    _ => format!("{} {:.0} %", group.target_group, 100.0 * f64::from(group.weight) / f64::from(total)),
                })
                .collect();
            groups.join(" | ")
        }
        Action::Redirect(redirect) => {
            let query = if redirect.query.is_empty() { String::new() } else { format!("?{}", redirect.query) };
            let crate::model::rule::Redirect { protocol, host, port, path, .. } = redirect;
            format!("{} {}://{host}:{port}{path}{query}", redirect.status_code, protocol.to_lowercase())
        }
        Action::FixedResponse(fixed) => {
            let kind = fixed.content_type.as_deref().map(|kind| format!(" {kind}")).unwrap_or_default();
            let body = match fixed.message_body.chars().count() {
                0 => ", empty".to_owned(),
                characters => format!(", {characters} characters"),
            };
            format!("{}{kind}{body}", fixed.status_code)
        }
    }
}

fn target_group(topology: &Topology, name: &TargetGroupName, group: &TargetGroup) -> Branch {
    let protocol = match group.protocol {
        TargetProtocol::Http => "HTTP",
        TargetProtocol::Https => "HTTPS",
    };
    let version = match group.protocol_version {
        ProtocolVersion::Http1 => "",
        ProtocolVersion::Http2 => " HTTP2",
        ProtocolVersion::Grpc => " GRPC",
    };
    let of = match (topology.is_in_use(name), topology.load_balancer_of(name)) {
        (false, _) => " · unused".to_owned(),
        (true, Some(balancer)) if topology.has_several_load_balancers() => format!(" · behind {}", balancer.name),
        (true, _) => String::new(),
    };
    let mut below = vec![leaf(health_check(group, topology.time_scale))];
    for (service_name, service) in &topology.services {
        for binding in service.load_balancers.iter().filter(|binding| binding.target_groups().any(|own| own == name)) {
            let balancer = topology.security_groups_before(name);
            let own = &service.security_groups;
            let reach =
                security_group::load_balancer_reaches(&topology.security_groups, balancer, own, binding.port).allowed;
            below.push(leaf(format!(
                "{service_name}/{}:{}  {} may reach {} on {}: {}",
                binding.container,
                binding.port,
                names(balancer),
                names(&service.security_groups),
                binding.port,
                if reach { "yes" } else { "NO, it times out" },
            )));
        }
    }
    for target in &group.static_targets {
        let address = std::net::SocketAddr::new(target.address, target.port);
        below.push(leaf(format!("{address}  static")));
    }
    if below.len() == 1 {
        below.push(leaf("no targets: requests are answered with 503".to_owned()));
    }
    Branch { line: format!("{name}  {protocol}{version} :{}{of}", group.port), below }
}

fn health_check(group: &TargetGroup, scale: TimeScale) -> String {
    let check = &group.health_check;
    let port = check.port.map(|port| format!(" on port {port}")).unwrap_or_default();
    let here = if scale.factor() > 1.0 {
        format!(" ({} s here)", seconds(scale.apply(check.interval)))
    } else {
        String::new()
    };
    format!(
        "healthy when {}{port} answers {}, asked every {} s{here}, {} s to answer",
        check.path,
        super::settings::matcher(&check.matcher),
        check.interval.as_secs(),
        check.timeout.as_secs(),
    )
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds:.0}") } else { format!("{seconds:.1}") }
}

/// How a new revision takes over, where it does not simply replace the last one.
fn strategy(service: &Service) -> Option<Branch> {
    let configuration = &service.deployment_configuration;
    let minutes = |time: Duration| format!("{} min", time.as_secs() / 60);
    let steps = match configuration.strategy {
        Strategy::Rolling => return None,
        Strategy::BlueGreen => String::new(),
        Strategy::Linear { step, bake_time } => format!(" in steps of {step}, one every {}", minutes(bake_time)),
        Strategy::Canary { share, bake_time } => format!(" with {share} first, the rest after {}", minutes(bake_time)),
    };
    let bake_time = minutes(configuration.bake_time);
    let rules = service.load_balancers.iter().filter_map(|binding| Some((binding, binding.advanced.as_ref()?)));
    let rules = rules.map(|(binding, advanced)| {
        let test = advanced.test_listener_rule.as_ref().map(|rule| format!(", for tests {rule}")).unwrap_or_default();
        let (one, other) = (&binding.target_group, &advanced.alternate_target_group);
        leaf(format!("{one} and {other} by {}{test}", advanced.production_listener_rule))
    });
    let hooks = configuration.lifecycle_hooks.iter().map(|hook| {
        let stages: Vec<&str> = hook.stages.iter().map(|stage| (*stage).into()).collect();
        let target = match &hook.target {
            HookTarget::Lambda { command, .. } => format!("hook {}", command.join(" ")),
            HookTarget::Pause => "pause".to_owned(),
        };
        leaf(format!("{target} at {}", stages.join(", ")))
    });
    let line = format!("{} deployments{steps}, baked for {bake_time}", configuration.strategy.name());
    Some(Branch { line, below: rules.chain(hooks).collect() })
}

fn service(name: &ServiceName, topology: &Topology, service: &Service, folder: &Path) -> Branch {
    let definition = &service.task_definition;
    let tasks =
        if service.desired_count == 1 { "1 task".to_owned() } else { format!("{} tasks", service.desired_count) };
    let below = definition.containers.iter().map(|container| {
        let image = match naming::source(service, container) {
            Source::Build { build, .. } => {
                let context = relative(&build.context, folder);
                let context = if context.as_os_str().is_empty() { Path::new(".") } else { &context };
                let context = crate::config::text::source::show_path(context);
                let target = build.target.as_ref().map(|target| format!(", stage {target}")).unwrap_or_default();
                format!("built from {context} with {}{target}", build.dockerfile)
            }
            Source::Registry(image) => image.to_owned(),
        };
        let ports: Vec<String> = container
            .port_mappings
            .iter()
            .map(|mapping| format!(":{}{}", mapping.container_port, if mapping.udp { "/udp" } else { "" }))
            .collect();
        let mut facts = vec![format!("{} {}", container.name, ports.join(" ")).trim_end().to_owned(), image];
        if !container.essential {
            facts.push("not essential".to_owned());
        }
        if !container.secrets.is_empty() {
            let names: Vec<&str> = container.secrets.iter().map(|secret| secret.name.as_str()).collect();
            facts.push(format!("secrets {}", names.join(", ")));
        }
        leaf(facts.join("  "))
    });
    let scaling = topology.scalable_targets.get(name).map(|target| {
        let (line, policies) = scaling::lines(target);
        Branch { line, below: policies.into_iter().map(leaf).collect() }
    });
    let below = strategy(service).into_iter().chain(below);
    Branch {
        line: format!(
            "{name}  {tasks} of {} ({} CPU units, {} MiB)  in {}",
            definition.family,
            definition.cpu,
            definition.memory_mib,
            names(&service.security_groups)
        ),
        below: below.chain(scaling).collect(),
    }
}
