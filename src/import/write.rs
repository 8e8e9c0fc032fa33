//! The plan as YAML with comments: each guess with its reason beside it.

use super::plan::draft::{Plan, Route, Service};
use super::yaml::{comment, key, text, value};

/// Where editors find the schema.
const SCHEMA: &str = "https://raw.githubusercontent.com/neargate/neargate/main/schema/neargate.schema.json";
/// Where people find every key.
pub(super) const REFERENCE: &str = "https://github.com/neargate/neargate/blob/main/docs/configuration.md";

/// The file.
pub(super) fn yaml(plan: &Plan) -> String {
    let mut lines = Lines(String::new());
    lines.add(0, &format!("# yaml-language-server: $schema={SCHEMA}"));
    lines.add(0, "# Written by `neargate init`. `neargate check` reports mistakes and differences from AWS;");
    lines.add(0, &format!("# {REFERENCE} describes every key."));
    lines.add(0, &format!("name: {}", text(&plan.name)));
    lines.add(0, &comment(&format!("The certificate is issued for it. {}.", sentence(&plan.domain.why))));
    lines.add(0, &format!("domain: {}", text(&plan.domain.value)));
    security_groups(plan, &mut lines);
    target_groups(plan, &mut lines);
    load_balancer(plan, &mut lines);
    lines.add(0, "");
    lines.add(0, &format!("cluster: {}", text(&plan.cluster)));
    lines.add(0, "services:");
    for (index, service) in plan.services.iter().enumerate() {
        let routes: Vec<&Route> = plan.routes.iter().filter(|route| route.service == index).collect();
        self::service(service, &routes, &mut lines);
    }
    if !plan.secrets.is_empty() {
        lines.add(0, "");
        lines.add(
            0,
            "# Values that the task definition takes from Secrets Manager and SSM. Keep them in .env, and .env",
        );
        lines.add(0, "# in .gitignore.");
        lines.add(0, "secrets:");
        for (secret, wanted) in &plan.secrets {
            lines.add(1, &format!("{}: {}", key(secret), value(wanted)));
        }
    }
    lines.0
}

struct Lines(String);

impl Lines {
    fn add(&mut self, depth: usize, line: &str) {
        if !line.is_empty() {
            self.0.push_str(&"  ".repeat(depth));
        }
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// With a capital letter, unless it begins with a name.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

fn security_groups(plan: &Plan, lines: &mut Lines) {
    lines.add(0, "");
    lines.add(0, "# Traffic that they do not let in times out, as on AWS.");
    lines.add(0, "security_groups:");
    lines.add(1, "alb-sg:");
    lines.add(2, "ingress:");
    lines.add(3, "- { protocol: tcp, port: 80, cidr: 0.0.0.0/0 }");
    lines.add(3, "- { protocol: tcp, port: 443, cidr: 0.0.0.0/0 }");
    lines.add(1, "fargate-sg:");
    let mut ports: Vec<u16> = Vec::new();
    for route in &plan.routes {
        if !ports.contains(&route.port) {
            ports.push(route.port);
        }
    }
    lines.add(2, if ports.is_empty() { "ingress: []" } else { "ingress:" });
    for port in ports {
        lines.add(3, &format!("- {{ protocol: tcp, port: {port}, security_group: alb-sg }}"));
    }
}

fn target_groups(plan: &Plan, lines: &mut Lines) {
    if plan.routes.is_empty() {
        return;
    }
    lines.add(0, "");
    lines.add(0, "target_groups:");
    for route in &plan.routes {
        lines.add(1, &format!("{}:", key(&route.target_group)));
        lines.add(2, "protocol: HTTP");
        lines.add(2, &format!("port: {}", route.port));
        lines.add(2, "target_type: ip");
        lines.add(2, "health_check:");
        match &route.health {
            Some(health) => {
                lines.add(3, &comment(&sentence(&health.why)));
                lines.add(3, &format!("path: {}", text(&health.value)));
            }
            None => {
                lines.add(
                    3,
                    "# No health path was found: if this one answers 404, replace it with the path that reports health.",
                );
                lines.add(3, "path: /");
            }
        }
        lines.add(3, &format!("matcher: {}", text_or_number(route.matcher.as_deref().unwrap_or("200"))));
    }
}

fn text_or_number(matcher: &str) -> String {
    if matcher.bytes().all(|byte| byte.is_ascii_digit()) { matcher.to_owned() } else { text(matcher) }
}

fn load_balancer(plan: &Plan, lines: &mut Lines) {
    lines.add(0, "");
    lines.add(0, "load_balancer:");
    lines.add(1, "security_groups: [alb-sg]");
    lines.add(1, "listeners:");
    lines.add(2, "- port: 80");
    lines.add(2, "  protocol: HTTP");
    lines.add(2, "  default_action: { redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } }");
    lines.add(2, "- port: 443");
    lines.add(2, "  protocol: HTTPS");
    match plan.routes.first() {
        Some(route) => {
            lines.add(3, &comment(&format!("`{}`: {}", route.container, route.why)));
            lines.add(3, &format!("default_action: {{ forward: {} }}", key(&route.target_group)));
        }
        None => lines.add(3, "default_action: { fixed_response: { status_code: 503, content_type: text/plain } }"),
    }
    let rules: Vec<&Route> = plan.routes.iter().filter(|route| !route.paths.is_empty()).collect();
    if !rules.is_empty() {
        lines.add(3, "# Guessed: copy the rules of your load balancer here. The lowest priority that matches wins.");
        lines.add(3, "rules:");
    }
    for (index, route) in rules.iter().enumerate() {
        let paths: Vec<String> = route.paths.iter().map(|path| super::yaml::quoted(path)).collect();
        lines.add(4, &format!("- priority: {}", index + 1));
        lines.add(4, &format!("  conditions: [{{ path_pattern: [{}] }}]", paths.join(", ")));
        lines.add(4, &format!("  action: {{ forward: {} }}", key(&route.target_group)));
    }
}

fn service(service: &Service, routes: &[&Route], lines: &mut Lines) {
    lines.add(1, &format!("{}:", key(&service.name)));
    lines.add(2, &comment(&sentence(&service.task_definition.why)));
    lines.add(2, &format!("task_definition: {}", text(&service.task_definition.value)));
    lines.add(2, "desired_count: 1");
    lines.add(2, "security_groups: [fargate-sg]");
    if !routes.is_empty() {
        lines.add(2, "load_balancers:");
    }
    for route in routes {
        lines.add(
            3,
            &format!(
                "- {{ target_group: {}, container: {}, port: {} }}",
                key(&route.target_group),
                text(&route.container),
                route.port
            ),
        );
    }
    if !service.builds.is_empty() {
        lines.add(2, "# Built here instead of pulled.");
        lines.add(2, "build:");
    }
    for build in &service.builds {
        lines.add(3, &format!("{}:", key(&build.container)));
        lines.add(4, &comment(&sentence(&build.why)));
        lines.add(4, &format!("context: {}", text(&build.context)));
        lines.add(4, &format!("dockerfile: {}", text(&build.dockerfile)));
        if let Some(target) = &build.target {
            lines.add(4, &format!("target: {}", text(target)));
        }
        if !build.args.is_empty() {
            lines.add(4, "args:");
        }
        for (name, wanted) in &build.args {
            lines.add(5, &format!("{}: {}", key(name), value(wanted)));
        }
    }
    if !service.environment.is_empty() {
        lines.add(2, "# Values that the workflow adds to the task definition when it deploys.");
        lines.add(2, "environment:");
    }
    for (container, variables) in &service.environment {
        lines.add(3, &format!("{}:", key(container)));
        for (name, wanted) in variables {
            lines.add(4, &format!("{}: {}", key(name), value(wanted)));
        }
    }
}
