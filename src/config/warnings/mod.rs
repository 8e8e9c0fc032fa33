//! Warnings about the whole file: configurations that load but probably do not do what the author intended.
//!
//! Users come here to reproduce some of them (such as a closed security group), so they never stop anything.

mod rules;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use self::rules::{prefix_without_its_root, shadowed};
use super::lower::lowering::Places;
use super::text::diagnostics::Diagnostic;
use super::text::source::Span;
use neargate_alb::security_group;
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};
use neargate_model::rule::{Action, Transforms};
use neargate_model::security_group::Source;
use neargate_model::target_group::{Stickiness, TargetProtocol};
use neargate_model::{SecurityGroupName, Topology};

/// All warnings.
pub(super) fn about(topology: &Topology, places: &Places, out: &mut Vec<Diagnostic>) {
    unused_target_groups(topology, places, out);
    plain_health_checks(topology, places, out);
    application_cookies_among_groups(topology, places, out);
    for balancer in topology.load_balancers.values() {
        redirect_to_https(balancer, places, out);
        for (listener, (_, spans)) in balancer.listeners.iter().zip(places.listeners_of(balancer)) {
            shadowed(listener, spans, out);
            prefix_without_its_root(listener, spans, out);
            rewritten_for_nobody(listener, spans, out);
        }
        clients_kept_out(topology, balancer, places, out);
    }
    bindings(topology, places, out);
    lost_output(topology, places, out);
}

fn unused_target_groups(topology: &Topology, places: &Places, out: &mut Vec<Diagnostic>) {
    let used = topology.in_use();
    for name in topology.target_groups.keys() {
        let Some(span) = places.target_groups.get(name.as_str()) else { continue };
        if !used.contains(name) {
            out.push(
                Diagnostic::warning(format!("nothing forwards to the target group `{name}`"), *span, "")
                    .note("its targets are `unused` and not checked: Target.NotInUse (ALB user guide, Target health status)")
                    .help("forward to it in a rule or a default action, or remove it"),
            );
        }
    }
}

/// Health checks use HTTP whatever the protocol of the targets is, and continue to do so when that protocol changes.
fn plain_health_checks(topology: &Topology, places: &Places, out: &mut Vec<Diagnostic>) {
    let used = topology.in_use();
    for (name, group) in topology.target_groups.iter().filter(|(name, _)| used.contains(name)) {
        let check = &group.health_check;
        if group.protocol != TargetProtocol::Https || check.protocol != TargetProtocol::Http || check.port.is_some() {
            continue;
        }
        let Some(span) = places.target_groups.get(name.as_str()) else { continue };
        out.push(
            Diagnostic::warning(format!("`{name}` speaks TLS to its targets, but its health checks do not"), *span, "")
                .note("health checks use HTTP unless `protocol` is set (ELBv2 API reference, HealthCheckProtocol)")
                .help("add `health_check: { protocol: HTTPS }`, or the `port` where targets answer without TLS"),
        );
    }
}

/// Settings that AWS accepts but ignores.
fn application_cookies_among_groups(topology: &Topology, places: &Places, out: &mut Vec<Diagnostic>) {
    let weighted: BTreeSet<_> = topology
        .load_balancers
        .values()
        .flat_map(LoadBalancer::actions)
        .filter_map(|action| match action {
            Action::Forward(forward) if forward.target_groups.len() > 1 => Some(&forward.target_groups),
            _ => None,
        })
        .flatten()
        .map(|weighted| &weighted.target_group)
        .collect();
    for name in weighted {
        let group = topology.target_groups.get(name);
        let follows =
            group.is_some_and(|group| matches!(group.attributes.stickiness, Some(Stickiness::AppCookie { .. })));
        let Some(span) = places.target_groups.get(name.as_str()).filter(|_| follows) else { continue };
        out.push(
            Diagnostic::warning(format!("`{name}` is one of several groups of an action, so its clients do not stick"), *span, "")
                .note("application-based stickiness does not work with weighted target groups (ALB user guide, Sticky sessions)")
                .help("use `type: lb_cookie`, or forward to this group alone"),
        );
    }
}

fn redirect_to_https(balancer: &LoadBalancer, places: &Places, out: &mut Vec<Diagnostic>) {
    let (listeners, places) = (&balancer.listeners, places.listeners_of(balancer));
    let https = listeners.iter().position(|listener| matches!(listener.protocol, ListenerProtocol::Https(_)));
    let Some(https) = https else { return };
    let Some((at, _)) = places.get(https) else { return };
    match listeners.iter().position(|listener| listener.port == 80) {
        // Programs call an internal load balancer, by the URL that they are given.
        None if balancer.internal => {}
        None => out.push(
            Diagnostic::warning("nothing listens on port 80", *at, "only HTTPS is answered")
                .note("people who type the name without https:// wait until the browser times out")
                .help("add `- { port: 80, protocol: HTTP, default_action: { redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } } }`"),
        ),
        Some(plain) => {
            let Some((at, _)) = places.get(plain) else { return };
            if listeners[plain].protocol == ListenerProtocol::Http
                && matches!(listeners[plain].default_actions.routing, Action::Forward(_))
            {
                out.push(
                    Diagnostic::warning("port 80 serves the application without TLS", *at, "")
                        .note("pages served there are not a secure context: crypto.randomUUID and Secure cookies do not work on them")
                        .help("redirect: `default_action: { redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } }`"),
                );
            }
            if let Action::Redirect(redirect) = &listeners[plain].default_actions.routing
                && redirect.protocol == "HTTPS"
                && redirect.port == "#{port}"
            {
                out.push(
                    Diagnostic::warning("the redirect to HTTPS keeps port 80", *at, "")
                        .note("AWS answers with https://HOST:80/…: a redirect changes only what it names (ALB user guide, Redirect actions)")
                        .help("add `port: 443` to the redirect"),
                );
            }
        }
    }
}

fn rewritten_for_nobody(listener: &Listener, spans: &[Span], out: &mut Vec<Diagnostic>) {
    for (rule, span) in listener.rules.iter().zip(spans) {
        if rule.transforms != Transforms::default() && !matches!(rule.actions.routing, Action::Forward(_)) {
            out.push(
                Diagnostic::warning("this rule rewrites requests and forwards none", *span, "")
                    .note(
                        "transforms change what targets get; redirects and fixed responses use the original request",
                    )
                    .help(
                        "forward to a target group, or remove the transform; a redirect can use `#{path}` and `#{host}`",
                    ),
            );
        }
    }
}

fn clients_kept_out(topology: &Topology, balancer: &LoadBalancer, places: &Places, out: &mut Vec<Diagnostic>) {
    let groups = &balancer.security_groups;
    // Without any groups the VPC's default one is not worth a warning on every port.
    if groups.iter().all(|group| group.as_str() == "default") {
        return;
    }
    for (listener, (span, _)) in balancer.listeners.iter().zip(places.listeners_of(balancer)) {
        let here = Ipv4Addr::LOCALHOST.into();
        if !security_group::client_reaches(&topology.security_groups, groups, listener.port, here).allowed {
            out.push(
                Diagnostic::warning(
                    format!("the load balancer's security groups let no client in on port {}", listener.port),
                    *span,
                    "",
                )
                .note("on AWS clients time out; here they are let in, because everything comes from this machine")
                .help(format!("add {{ protocol: tcp, port: {}, cidr: 0.0.0.0/0 }}", listener.port)),
            );
        }
    }
}

fn bindings(topology: &Topology, places: &Places, out: &mut Vec<Diagnostic>) {
    for (name, service) in &topology.services {
        let Some(spans) = places.bindings.get(name.as_str()) else { continue };
        let bindings = service.load_balancers.iter().zip(spans);
        let bindings =
            bindings.flat_map(|(binding, span)| binding.target_groups().map(move |own| (binding, own, span)));
        for (binding, own_group, span) in bindings {
            let Some(group) = topology.target_groups.get(own_group) else { continue };
            if group.port != binding.port {
                let warning = Diagnostic::warning(
                    format!("the target group's port is {}, the container's {}", group.port, binding.port),
                    *span,
                    "this one counts",
                )
                .note("ECS registers targets with the container's port (ECS developer guide, Use load balancing)");
                out.push(match places.target_groups.get(own_group.as_str()) {
                    Some(place) => warning.also(*place, format!("port: {}", group.port)),
                    None => warning,
                });
            }
            let mut ports = vec![(binding.port, "requests")];
            match group.health_check.port {
                Some(port) if port != binding.port => ports.push((port, "health checks")),
                _ => {}
            }
            for (port, what) in ports {
                let balancer = topology.security_groups_before(own_group);
                let own = &service.security_groups;
                if !security_group::load_balancer_reaches(&topology.security_groups, balancer, own, port).allowed {
                    out.push(blocked(topology, balancer, name.as_str(), port, what, *span));
                }
            }
        }
    }
}

fn blocked(
    topology: &Topology,
    balancer: &[SecurityGroupName],
    service: &str,
    port: u16,
    what: &str,
    span: Span,
) -> Diagnostic {
    let names =
        |list: &[SecurityGroupName]| list.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(", ");
    let service_groups =
        topology.services.get(service).map(|service| service.security_groups.clone()).unwrap_or_default();
    let own = names(&service_groups);
    let warning = Diagnostic::warning(
        format!("the load balancer cannot reach `{service}` on port {port}"),
        span,
        format!("{what} time out"),
    )
    .note(format!(
        "{own} lets nothing from {} in on {port}; traffic that a security group does not let in is dropped, never refused",
        names(balancer)
    ));
    let reversed = service_groups
        .iter()
        .filter_map(|name| topology.security_groups.get(name))
        .flat_map(|g| &g.ingress)
        .find(|rule| matches!(&rule.source, Source::SecurityGroup(from) if balancer.contains(from)));
    match (reversed, balancer.first()) {
        (Some(rule), _) if rule.from_port == rule.to_port => {
            warning.help(format!("{own} lets it in on {}: is that the port you mean?", rule.from_port))
        }
        (_, Some(first)) => warning
            .help(format!("add {{ protocol: tcp, port: {port}, security_group: {first} }} to the ingress of {own}")),
        _ => warning,
    }
}

fn lost_output(topology: &Topology, places: &Places, out: &mut Vec<Diagnostic>) {
    for (name, service) in &topology.services {
        let Some(span) = places.services.get(name.as_str()) else { continue };
        let silent: Vec<&str> = service
            .task_definition
            .containers
            .iter()
            .filter(|container| container.log_configuration.is_none())
            .map(|container| container.name.as_str())
            .collect();
        if !silent.is_empty() {
            out.push(
                Diagnostic::warning(
                    format!("on Fargate the output of {} is lost", super::text::suggest::all_of(silent)),
                    *span,
                    "no `logConfiguration`",
                )
                .note("without a log driver nothing is kept (ECS developer guide, Send Amazon ECS logs to CloudWatch); here `neargate logs` has it")
                .help("add a `logConfiguration` with the driver awslogs to the task definition"),
            );
        }
    }
}
