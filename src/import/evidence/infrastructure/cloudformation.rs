//! Target groups in CloudFormation templates, and manifests of AWS Copilot.

use super::target_group::{TargetGroup, literal_path};
use crate::evidence::question::place;
use crate::repository::Repository;
use neargate_config::init_support;
use neargate_config::text::tree::{Node, Value};

/// Every target group.
pub(super) fn target_groups(repository: &Repository) -> Vec<TargetGroup> {
    let mut found = Vec::new();
    for (path, text) in repository.texts_below("") {
        if text.contains("AWS::ElasticLoadBalancingV2::TargetGroup") && is_data(path) {
            found.extend(template(path, text));
        } else if path.starts_with("copilot/") && path.ends_with("/manifest.yml") {
            found.extend(manifest(path, text));
        }
    }
    found
}

fn is_data(path: &str) -> bool {
    [".yml", ".yaml", ".json", ".template"].iter().any(|end| path.ends_with(end))
}

fn template(path: &str, text: &str) -> Vec<TargetGroup> {
    let Some(root) = init_support::yaml(text) else { return Vec::new() };
    let Some(Value::Map(resources)) = root.get("Resources").map(|resources| &resources.value) else {
        return Vec::new();
    };
    let of_type = |kind: &'static str| {
        resources.iter().filter(move |entry| entry.value.get("Type").and_then(Node::text) == Some(kind))
    };
    let mut groups: Vec<(String, TargetGroup)> = of_type("AWS::ElasticLoadBalancingV2::TargetGroup")
        .filter_map(|entry| {
            let group = target_group(path, text, &root, &entry.key, entry.value.get("Properties")?)?;
            Some((entry.key.clone(), group))
        })
        .collect();
    for service in of_type("AWS::ECS::Service") {
        let properties = service.value.get("Properties");
        let Some(Value::List(registrations)) =
            properties.and_then(|one| one.get("LoadBalancers")).map(|one| &one.value)
        else {
            continue;
        };
        for registration in registrations {
            let group = registration.get("TargetGroupArn").and_then(reference);
            let container = registration.get("ContainerName").and_then(|name| resolved(&root, name));
            let port = registration.get("ContainerPort").and_then(|port| resolved(&root, port)?.parse().ok());
            for (_, known) in groups.iter_mut().filter(|(name, _)| Some(name.as_str()) == group) {
                known.registered.extend(container.clone().map(|container| (container, port)));
            }
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn target_group(path: &str, text: &str, root: &Node, name: &str, properties: &Node) -> Option<TargetGroup> {
    let value = |key: &str| properties.get(key).and_then(|value| resolved(root, value));
    let check = properties.get("HealthCheckPath");
    let asked = match check {
        Some(check) => literal_path(&resolved(root, check)?)?,
        None if value("Protocol").is_some_and(|protocol| protocol.starts_with("HTTP")) => "/".to_owned(),
        None => return None,
    };
    let at = check.unwrap_or(properties).head.range().start;
    Some(TargetGroup {
        names: value("Name").into_iter().chain([name.to_owned()]).collect(),
        port: value("Port").and_then(|port| port.parse().ok()),
        path: asked,
        matcher: properties
            .get("Matcher")
            .and_then(|matcher| resolved(root, matcher.get("HttpCode")?))
            .filter(|code| code != "200"),
        place: place(path, text, at),
        registered: Vec::new(),
        why: "from its target group in CloudFormation",
    })
}

/// Text, or the default of the parameter that it refers to (`!Ref Port`; the tree has no tags).
fn resolved(root: &Node, node: &Node) -> Option<String> {
    let text = reference(node)?;
    let parameter = root.get("Parameters").and_then(|parameters| parameters.get(text));
    match parameter {
        Some(parameter) => parameter.get("Default").and_then(Node::text).map(str::to_owned),
        None => Some(text.to_owned()),
    }
}

fn reference(node: &Node) -> Option<&str> {
    node.text().or_else(|| node.get("Ref").and_then(Node::text)).or_else(|| node.get("Fn::Sub").and_then(Node::text))
}

fn manifest(path: &str, text: &str) -> Option<TargetGroup> {
    let root = init_support::yaml(text)?;
    let check = root.get("http")?.get("healthcheck")?;
    let asked = check.text().or_else(|| check.get("path").and_then(Node::text))?;
    let name = root.get("name").and_then(Node::text).unwrap_or_default();
    Some(TargetGroup {
        names: vec![name.to_owned()],
        port: root.get("image").and_then(|image| image.get("port")?.text()?.parse().ok()),
        path: literal_path(asked)?,
        matcher: check.get("success_codes").and_then(Node::text).filter(|codes| *codes != "200").map(str::to_owned),
        place: place(path, text, check.head.range().start),
        registered: vec![(name.to_owned(), None)],
        why: "from the health check in Copilot's manifest",
    })
}
