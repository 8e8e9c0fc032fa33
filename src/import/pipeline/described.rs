//! Services as JSON describes them: what `aws ecs create-service --cli-input-json` takes, and what `describe-services`
//! prints. They name the service, the family that it runs and the container ports behind its load balancer.

use super::found::{Definition, Deploy, Origin, Pipeline, Place, line_of};
use super::scope::text_of;
use super::text::Text;
use crate::definition::is_aside;
use crate::pipeline::found::Described;
use crate::repository::Repository;
use neargate_config::init_support::yaml;
use neargate_config::text::tree::{Node, Value};

/// Finds them by what they say, whatever they are called. Where no pipeline deploys anything, they are what is deployed.
pub(super) fn follow(repository: &Repository, pipeline: &mut Pipeline) {
    for (path, text) in repository.texts_below("") {
        if path.ends_with(".json") && text.contains("\"serviceName\"") && !is_aside(path) {
            pipeline.described.extend(read(path, text));
        }
    }
    pipeline.ports.extend(pipeline.described.iter().flat_map(|described| described.ports.clone()));
    if pipeline.deploys.is_empty() {
        for described in pipeline.described.clone() {
            pipeline.jobs += 1;
            let job = pipeline.jobs;
            let definition = described.family.map(|family| {
                let origin = Origin::Family(family);
                pipeline.definitions.push(Definition { job, origin, edits: Vec::new() });
                pipeline.definitions.len() - 1
            });
            pipeline.deploys.push(Deploy {
                stages: vec![described.place.file.clone()],
                place: described.place,
                job,
                service: Some(described.service),
                cluster: described.cluster,
                definition,
            });
        }
    }
}

/// The services that a text describes.
pub(super) fn read(path: &str, text: &str) -> Vec<Described> {
    let Some(root) = yaml(text) else { return Vec::new() };
    let listed = match root.get("services").map(|services| &services.value) {
        Some(Value::List(services)) => services.as_slice(),
        _ => &[],
    };
    let all = [&root].into_iter().chain(root.get("service")).chain(listed);
    all.filter_map(|node| described(path, text, node)).collect()
}

fn described(path: &str, text: &str, node: &Node) -> Option<Described> {
    let service = text_of(node, "serviceName").or_else(|| text_of(node, "service"))?;
    let named =
        !service.is_empty() && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    // Other tools call other things by that name.
    let is_one = ["taskDefinition", "loadBalancers", "launchType", "desiredCount", "networkConfiguration"];
    if !named || !is_one.iter().any(|key| node.get(key).is_some()) {
        return None;
    }
    let listed = match node.get("loadBalancers").map(|balancers| &balancers.value) {
        Some(Value::List(balancers)) => balancers.as_slice(),
        _ => &[],
    };
    let port = |balancer: &Node| {
        Some((text_of(balancer, "containerName")?.to_owned(), text_of(balancer, "containerPort")?.parse().ok()?))
    };
    let at = node.get("serviceName").or_else(|| node.get("service")).map_or(0, |name| name.span.range().start);
    Some(Described {
        place: Place { file: path.to_owned(), line: line_of(text, at) },
        service: service.to_owned(),
        cluster: text_of(node, "cluster").or_else(|| text_of(node, "clusterArn")).map(str::to_owned),
        family: text_of(node, "taskDefinition").map(family),
        ports: listed.iter().filter_map(port).collect(),
    })
}

/// `family`, `family:3` and `arn:…:task-definition/family:3` are all of one family.
fn family(given: &str) -> Text {
    let name = given.rsplit('/').next().unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default();
    super::text::from_file(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_in_either_shape() {
        let input = r#"{"serviceName":"shop-web","cluster":"shop","taskDefinition":"shop:4",
            "loadBalancers":[{"targetGroupArn":"x","containerName":"web","containerPort":8080}]}"#;
        let printed = r#"{"services":[{"serviceName":"a","clusterArn":"arn:aws:ecs:e:1:cluster/c","taskDefinition":
            "arn:aws:ecs:e:1:task-definition/f:12"}]}"#;
        let [web] = &read("service.json", input)[..] else { panic!() };
        assert_eq!((web.service.as_str(), web.family.as_deref(), web.place.line), ("shop-web", Some("shop"), 1));
        assert_eq!(web.ports, [("web".to_owned(), 8080)]);
        let [a] = &read("services.json", printed)[..] else { panic!() };
        assert_eq!((a.service.as_str(), a.family.as_deref()), ("a", Some("f")));
        for other in
            [r#"{"serviceName":"x"}"#, r#"{"serviceName":"${NAME}","desiredCount":1}"#, "[", r#"{"service":{}}"#]
        {
            assert!(read("x.json", other).is_empty(), "{other}");
        }
    }
}
