//! The plan as YAML with comments.

use super::Plan;

/// The file.
pub(super) fn yaml(plan: &Plan) -> String {
    let mut y = String::new();
    let mut line = |text: &str| {
        y.push_str(text);
        y.push('\n');
    };
    line("# Written by `neargate init`. `neargate check` says what is wrong and what differs from AWS;");
    line("# every key is described in docs/configuration.md.");
    line(&format!("name: {}", plan.name));
    line(&format!("domain: {} # the certificate is issued for it", scalar(&plan.domain)));
    line("");
    line("# What they do not let in times out, as on AWS.");
    line("security_groups:");
    line("  alb-sg:");
    line("    ingress:");
    line("      - { protocol: tcp, port: 80, cidr: 0.0.0.0/0 }");
    line("      - { protocol: tcp, port: 443, cidr: 0.0.0.0/0 }");
    line("  fargate-sg:");
    if plan.routes.is_empty() {
        line("    ingress: []");
    } else {
        line("    ingress:");
    }
    for route in &plan.routes {
        line(&format!("      - {{ protocol: tcp, port: {}, security_group: alb-sg }}", route.port));
    }
    if !plan.routes.is_empty() {
        line("");
        line("target_groups:");
    }
    for route in &plan.routes {
        line(&format!("  {}:", route.target_group));
        line("    protocol: HTTP");
        line(&format!("    port: {}", route.port));
        line("    target_type: ip");
        line("    health_check:");
        line(&format!("      path: {}", scalar(&route.health_path)));
        line("      matcher: 200");
    }
    line("");
    line("load_balancer:");
    line("  security_groups: [alb-sg]");
    line("  listeners:");
    line("    - port: 80");
    line("      protocol: HTTP");
    line("      default_action: { redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } }");
    line("    - port: 443");
    line("      protocol: HTTPS");
    match plan.routes.first() {
        Some(route) => line(&format!("      default_action: {{ forward: {} }}", route.target_group)),
        None => line("      default_action: { fixed_response: { status_code: 503, content_type: text/plain } }"),
    }
    let rules: Vec<_> = plan.routes.iter().filter_map(|route| Some((route.path.as_ref()?, route))).collect();
    if !rules.is_empty() {
        line("      # The lowest priority that matches wins. `/api/*` does not match `/api`.");
        line("      rules:");
    }
    for (index, (path, route)) in rules.iter().enumerate() {
        line(&format!("        - priority: {}", index + 1));
        line(&format!("          conditions: [{{ path_pattern: [{}] }}]", quoted(path)));
        line(&format!("          action: {{ forward: {} }}", route.target_group));
    }
    line("");
    line(&format!("cluster: {}", scalar(&plan.cluster)));
    line("services:");
    line(&format!("  {}:", plan.service));
    line(&format!("    task_definition: {}", scalar(&plan.task_definition)));
    line("    desired_count: 1");
    line("    security_groups: [fargate-sg]");
    if !plan.routes.is_empty() {
        line("    load_balancers:");
    }
    for route in &plan.routes {
        line(&format!(
            "      - {{ target_group: {}, container: {}, port: {} }}",
            route.target_group, route.container, route.port
        ));
    }
    if !plan.builds.is_empty() {
        line("    # Built here instead of pulled, from the same Dockerfiles as in the workflow.");
        line("    build:");
    }
    for build in &plan.builds {
        line(&format!("      {}:", build.container));
        line(&format!("        context: {}", scalar(&build.context)));
        line(&format!("        dockerfile: {}", scalar(&build.dockerfile)));
        if let Some(target) = &build.target {
            line(&format!("        target: {}", scalar(target)));
        }
        if !build.args.is_empty() {
            line("        args:");
        }
        for (name, value) in &build.args {
            line(&format!("          {name}: {}", quoted(value)));
        }
    }
    if !plan.environment.is_empty() {
        line("    # What the workflow adds to the task definition when it deploys.");
        line("    environment:");
    }
    for (container, variables) in &plan.environment {
        line(&format!("      {container}:"));
        for (name, value) in variables {
            line(&format!("        {name}: {}", quoted(value)));
        }
    }
    if !plan.secrets.is_empty() {
        line("");
        line("# Values of what the task definition takes from Secrets Manager and SSM. Keep them in .env.");
        line("secrets:");
    }
    for (secret, value) in &plan.secrets {
        let value = if value.starts_with('{') { format!("'{value}'") } else { quoted(value) };
        line(&format!("  {}: {value}", quoted(secret)));
    }
    y
}

/// Plain where YAML cannot take it for something else.
fn scalar(text: &str) -> String {
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '.')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !matches!(text.to_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if safe { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_yaml_would_misread_is_quoted() {
        assert_eq!(scalar("frontend/Dockerfile"), "frontend/Dockerfile");
        assert_eq!(scalar("no"), "\"no\"");
        assert_eq!(scalar("1.10"), "\"1.10\"");
        assert_eq!(quoted("a\"b"), "\"a\\\"b\"");
    }
}
