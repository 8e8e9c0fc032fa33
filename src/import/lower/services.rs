//! ECS services.

use super::context::Context;
use super::report::Outcome;
use super::tree::{Map, Out, Part, raw, text};
use super::{security, tasks};
use crate::objects::{Item, Kind, Object, Origin, Place};

/// What a service becomes: its part of the file, and its task definition as JSON.
pub(super) struct Lowered {
    pub(super) part: Part,
    pub(super) definition: String,
    /// What the containers want from Secrets Manager and SSM: secret, JSON key, variable.
    pub(super) secrets: Vec<(String, Option<String>, String)>,
}

/// Whether its tasks can be Fargate's; otherwise why not.
pub(super) fn not_fargate(service: &Object) -> Option<&'static str> {
    let value = |field: &str| service.get(field).and_then(Item::as_text).unwrap_or_default();
    match (value("launchType").as_str(), value("schedulingStrategy").as_str()) {
        ("EC2", _) => Some("its tasks run on EC2 instances; only Fargate's are emulated"),
        ("EXTERNAL", _) => Some("its tasks run outside of AWS; only Fargate's are emulated"),
        (_, "DAEMON") => Some("it runs a task on every instance; only services of Fargate are emulated"),
        _ => None,
    }
}

/// The bindings of a service.
pub(super) fn bindings(service: &Object) -> &[Item] {
    service.get("loadBalancers").map_or(&[], Item::list)
}

/// The service named `file` has its task definition in.
pub(super) fn lower(service: &Object, file: &str, context: &mut Context<'_>) -> Option<Lowered> {
    let link = service.get("taskDefinition");
    let Some(link) = link else {
        context.report.add(Outcome::Refused, "taskDefinition", service.place(), "the service has none");
        return None;
    };
    let definition = context.follow(Kind::TaskDefinition, link, "taskDefinition")?;
    let mut out = Map::default();
    let made_from = definition.place().to_string();
    let task = tasks::lower(definition, context)?;
    out.put("task_definition", Part::at(text(file), &link.place).comment(made_from));
    builds(definition, &mut out, context);
    count(service, &mut out, context);
    let network = service.fields.at(&["networkConfiguration", "awsvpcConfiguration", "securityGroups"]);
    security::members(network, service.place(), &mut out, context);
    let bound: Vec<Part> = bindings(service).iter().filter_map(|binding| self::binding(binding, context)).collect();
    if !bound.is_empty() {
        out.put("load_balancers", Out::List(bound));
    }
    if let Some(grace) = service.get("healthCheckGracePeriodSeconds")
        && let Some(seconds) = grace.as_number().filter(|seconds| *seconds > 0)
    {
        context.report.add(Outcome::Honoured, "healthCheckGracePeriodSeconds", &grace.place, "");
        out.put("health_check_grace_period_seconds", Part::at(raw(seconds), &grace.place));
    }
    deployment(service, &mut out, context);
    if !task.environment.is_empty() {
        let mut containers = Map::default();
        for (container, variables) in task.environment {
            let mut map = Map::default();
            variables.into_iter().for_each(|(name, part)| map.put(&name, part));
            containers.put(&container, map.out());
        }
        let note = "values that looked like secrets; they are in .env, never here";
        out.put("environment", Part::from(containers.out()).comment(note));
    }
    let read = [
        "serviceName",
        "cluster",
        "taskDefinition",
        "desiredCount",
        "loadBalancers",
        "networkConfiguration",
        "healthCheckGracePeriodSeconds",
        "deploymentConfiguration",
        "launchType",
        "schedulingStrategy",
        "deploymentController",
        "enableExecuteCommand",
    ];
    context.rest(service, &read);
    controller(service, context);
    let part = Part::at(out.out(), service.place()).comment(service.place().to_string());
    Some(Lowered { part, definition: task.json, secrets: task.secrets })
}

fn controller(service: &Object, context: &mut Context<'_>) {
    let Some(kind) = service.fields.at(&["deploymentController", "type"]) else { return };
    if kind.as_text().is_some_and(|kind| kind != "ECS") {
        let note = "another controller shifts traffic between two groups: the listener may point to the green one";
        context.report.add(Outcome::Approximated, "deploymentController", &kind.place, note);
    }
}

/// Images that the source builds: from CDK's assets.
fn builds(definition: &Object, out: &mut Map, context: &mut Context<'_>) {
    let mut all = Map::default();
    for (container, build) in definition.get("builds").map_or(&[][..], Item::entries) {
        let text_of = |field: &str| build.get(field).and_then(Item::as_text);
        let unsupported: Vec<String> =
            build.get("unsupported").into_iter().flat_map(Item::list).filter_map(Item::as_text).collect();
        let Some(folder) = text_of("context").filter(|_| unsupported.is_empty()) else {
            let note = format!("the image is built with {}, which `build` does not have", unsupported.join(", "));
            context.report.add(Outcome::Refused, "image", &build.place, note);
            continue;
        };
        let mut map = Map::default();
        map.put("context", text(&folder));
        for field in ["dockerfile", "target"] {
            if let Some(value) = text_of(field).filter(|value| value != "Dockerfile") {
                map.put(field, text(&value));
            }
        }
        let mut args = Map::default();
        for (name, value) in build.get("args").map_or(&[][..], Item::entries) {
            args.put(name, context.text(value, name, "a build argument"));
        }
        if !args.0.is_empty() {
            map.put("args", args.out());
        }
        let note = "a copy that `cdk synth` makes: edits of the source are seen after the next one";
        context.report.add(Outcome::Approximated, "image", &build.place, note);
        all.put(container, Part::at(map.out(), &build.place).comment(note));
    }
    if !all.0.is_empty() {
        out.put("build", all.out());
    }
}

/// How many tasks. What scales it decides in production, so its minimum is taken.
fn count(service: &Object, out: &mut Map, context: &mut Context<'_>) {
    let name = service.get("serviceName").and_then(Item::as_text).unwrap_or_default();
    let scaled = context.objects.of(Kind::ScalableTarget).find(|target| {
        let id = target.get("ResourceId").and_then(Item::as_text).unwrap_or_default();
        !name.is_empty() && id.starts_with("service/") && id.ends_with(&format!("/{name}"))
    });
    let count = service.get("desiredCount");
    let written = count.filter(|count| !matches!(count.origin, Origin::Default(_) | Origin::Unknown { .. }));
    if let Some(count) = written
        && let Some(number) = count.as_number()
    {
        context.report.add(Outcome::Honoured, "desiredCount", &count.place, "");
        out.put("desired_count", Part::at(raw(number), &count.place));
    } else if let Some((target, least)) =
        scaled.and_then(|target| Some((target, target.get("MinCapacity").and_then(Item::as_number)?)))
    {
        context.report.add(Outcome::Assumed, "desiredCount", target.place(), "the minimum of what scales it");
        out.put("desired_count", Part::at(raw(least), target.place()));
    } else {
        let place = count.map_or(service.place(), |count| &count.place);
        let zero = count.is_some_and(|count| matches!(count.origin, Origin::Default(_)));
        let note = if zero { "1 here; the source gives none, which is 0 in Terraform" } else { "1, AWS's default" };
        context.report.add(Outcome::Assumed, "desiredCount", place, note);
    }
}

fn binding(binding: &Item, context: &mut Context<'_>) -> Option<Part> {
    let link = binding.get("targetGroupArn")?;
    let group = context.follow(Kind::TargetGroup, link, "targetGroupArn")?;
    let Some(key) = context.groups.get(&group.key).cloned() else {
        let note = "the group is not behind an Application Load Balancer";
        context.report.add(Outcome::Ignored, "loadBalancers", &binding.place, note);
        return None;
    };
    let mut out = Map::default();
    out.put("target_group", Part::at(text(&key), &link.place));
    for (field, key) in [("containerName", "container"), ("containerPort", "port")] {
        match binding.get(field) {
            Some(item) if item.as_text().is_some() => {
                let value = item.as_number().filter(|_| key == "port");
                out.put(
                    key,
                    Part::at(value.map_or_else(|| text(&item.as_text().unwrap_or_default()), raw), &item.place),
                );
            }
            _ => {
                context.report.add(Outcome::Refused, field, &binding.place, "it is not known which container is meant");
                return None;
            }
        }
    }
    context.report.add(Outcome::Honoured, "loadBalancers", &binding.place, "");
    Some(Part::at(out.out(), &binding.place))
}

fn deployment(service: &Object, out: &mut Map, context: &mut Context<'_>) {
    let field = |path: &[&str]| {
        let path: Vec<&str> = std::iter::once("deploymentConfiguration").chain(path.iter().copied()).collect();
        service.fields.at(&path).cloned()
    };
    for (name, key, default) in [
        ("minimumHealthyPercent", "deployment_minimum_healthy_percent", 100),
        ("maximumPercent", "deployment_maximum_percent", 200),
    ] {
        if let Some(item) = field(&[name])
            && let Some(number) = item.as_number()
        {
            context.report.add(Outcome::Honoured, name, &item.place, "");
            if number != default {
                out.put(key, Part::at(raw(number), &item.place));
            }
        }
    }
    if let Some(breaker) = field(&["deploymentCircuitBreaker"])
        && breaker.get("enable").and_then(Item::as_bool) == Some(true)
    {
        let mut map = Map::default();
        map.put("enable", raw(true));
        map.put("rollback", raw(breaker.get("rollback").and_then(Item::as_bool).unwrap_or(false)));
        context.report.add(Outcome::Honoured, "deploymentCircuitBreaker", &breaker.place, "");
        out.put("deployment_circuit_breaker", Part::at(map.out(), &breaker.place));
    }
}

/// The last part of the cluster's ARN or name.
pub(super) fn cluster(service: &Object, objects: &crate::objects::Objects) -> Option<(String, Place)> {
    let _ = objects;
    let item = service.get("cluster")?;
    let text = item.as_text()?;
    Some((text.rsplit('/').next().unwrap_or(&text).to_owned(), item.place.clone()))
}
