//! `aws_ecs_service` and `aws_ecs_task_definition`.

use super::resource::Resource;
use super::shape::{Shape, inner, list, renamed};
use crate::objects::{Finding, Item, Kind, Object, Origin, Value};

pub(super) fn service(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::Service, resource);
    shape.name("serviceName");
    shape.rename(&[
        ("cluster", "cluster"),
        ("task_definition", "taskDefinition"),
        ("launch_type", "launchType"),
        ("scheduling_strategy", "schedulingStrategy"),
        ("health_check_grace_period_seconds", "healthCheckGracePeriodSeconds"),
        ("enable_execute_command", "enableExecuteCommand"),
        ("platform_version", "platformVersion"),
        ("availability_zone_rebalancing", "availabilityZoneRebalancing"),
        ("tags", "tags"),
    ]);
    for silent in ["propagate_tags", "enable_ecs_managed_tags", "iam_role"] {
        shape.take(silent);
    }
    match shape.take("desired_count") {
        Some(count) => shape.put("desiredCount", count),
        None => {
            let nothing = Origin::Default("Terraform".to_owned());
            let place = resource.values.place.key("desired_count");
            shape.put("desiredCount", Item { value: Value::Number(0.into()), origin: nothing, place });
        }
    }
    if let Some(written) = shape.take("load_balancer") {
        let fields = [
            ("target_group_arn", "targetGroupArn"),
            ("container_name", "containerName"),
            ("container_port", "containerPort"),
        ];
        let bindings = written.list().iter().map(|binding| renamed(binding, &fields)).collect();
        shape.put("loadBalancers", list(bindings, &written.place));
    }
    if let Some(network) = shape.block("network_configuration") {
        let fields =
            [("security_groups", "securityGroups"), ("subnets", "subnets"), ("assign_public_ip", "assignPublicIp")];
        let mut out = Item::map(&network.place);
        out.put("awsvpcConfiguration", renamed(&network, &fields));
        shape.put("networkConfiguration", out);
    }
    let mut deployment = Item::map(&resource.values.place);
    for (argument, field) in [
        ("deployment_minimum_healthy_percent", "minimumHealthyPercent"),
        ("deployment_maximum_percent", "maximumPercent"),
    ] {
        if let Some(item) = shape.take(argument) {
            deployment.put(field, item);
        }
    }
    if let Some(breaker) = shape.block("deployment_circuit_breaker") {
        deployment
            .put("deploymentCircuitBreaker", renamed(&breaker, &[("enable", "enable"), ("rollback", "rollback")]));
    }
    shape.put("deploymentConfiguration", deployment);
    if let Some(controller) = shape.block("deployment_controller") {
        shape.put("deploymentController", renamed(&controller, &[("type", "type")]));
    }
    if let Some(written) = shape.take("capacity_provider_strategy") {
        let strategy = |item: &Item| renamed(item, &[("capacity_provider", "capacityProvider")]);
        let all = written.list().iter().map(strategy).collect();
        shape.put("capacityProviderStrategy", list(all, &written.place));
    }
    shape.done()
}

pub(super) fn task_definition(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::TaskDefinition, resource);
    let values = &resource.values;
    if let Some(family) = values.get("family").and_then(Item::as_text) {
        shape.object.ids.retain(|id| *id != family);
        if let Some(revision) = values.get("revision").and_then(Item::as_text) {
            shape.object.ids.push(format!("{family}:{revision}"));
        }
        shape.object.ids.extend(values.get("arn_without_revision").and_then(Item::as_text));
        shape.object.ids.push(family.clone());
        shape.object.name = Some(family);
    }
    shape.rename(&[
        ("family", "family"),
        ("cpu", "cpu"),
        ("memory", "memory"),
        ("network_mode", "networkMode"),
        ("requires_compatibilities", "requiresCompatibilities"),
        ("execution_role_arn", "executionRoleArn"),
        ("task_role_arn", "taskRoleArn"),
        ("pid_mode", "pidMode"),
        ("ipc_mode", "ipcMode"),
        ("tags", "tags"),
    ]);
    shape.take("enable_fault_injection");
    if let Some(storage) = shape.block("ephemeral_storage") {
        shape.put("ephemeralStorage", camel(&storage));
    }
    if let Some(platform) = shape.block("runtime_platform") {
        shape.put("runtimePlatform", camel(&platform));
    }
    if let Some(written) = shape.take("volume") {
        let volumes = written.list().iter().map(volume).collect();
        shape.put("volumes", list(volumes, &written.place));
    }
    if let Some(written) = shape.take("container_definitions") {
        let place = written.place.clone();
        let containers = containers(written);
        if let Err(note) = &containers {
            let finding = Finding { place: place.clone(), note: note.clone(), refused: true };
            shape.object.findings.push(finding);
        }
        if let Ok(containers) = containers {
            shape.put("containerDefinitions", containers);
        }
    }
    shape.done()
}

/// The containers, out of the JSON text in which they are. If the text is marked as sensitive, all values of environment
/// variables are.
fn containers(written: Item) -> Result<Item, String> {
    let (sensitive, place) = (written.is_sensitive(), written.place.clone());
    if let Origin::Unknown { why, .. } = &written.origin {
        return Err(format!(
            "`container_definitions` refers to something that does not exist yet ({why}): import the state after an apply, \
             or what `aws ecs describe-task-definition` answers"
        ));
    }
    let Value::Text(text) = written.value else { return Ok(written) };
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        format!("`container_definitions` is not valid JSON at line {}, column {}", error.line(), error.column())
    })?;
    if !json.is_array() {
        return Err("`container_definitions` is not a list".to_owned());
    }
    let mut item = Item::from_json(json, &place);
    if sensitive {
        for_each_environment(&mut item, &mut |value| value.origin = Origin::Sensitive);
    }
    Ok(item)
}

/// Visits the values of all environment variables of containers.
fn for_each_environment(containers: &mut Item, visit: &mut dyn FnMut(&mut Item)) {
    let Value::List(containers) = &mut containers.value else { return };
    for container in containers {
        let Value::Map(fields) = &mut container.value else { continue };
        for (_, environment) in fields.iter_mut().filter(|(field, _)| field == "environment") {
            let Value::List(variables) = &mut environment.value else { continue };
            for variable in variables {
                let Value::Map(entries) = &mut variable.value else { continue };
                entries.iter_mut().filter(|(key, _)| key == "value").for_each(|(_, value)| visit(value));
            }
        }
    }
}

fn volume(written: &Item) -> Item {
    let mut out = renamed(written, &[("name", "name")]);
    if let Some(path) = written.get("host_path") {
        let mut host = Item::map(&path.place);
        host.put("sourcePath", path.clone());
        out.put("host", host);
    }
    for (argument, field) in [
        ("efs_volume_configuration", "efsVolumeConfiguration"),
        ("docker_volume_configuration", "dockerVolumeConfiguration"),
        ("fsx_windows_file_server_volume_configuration", "fsxWindowsFileServerVolumeConfiguration"),
    ] {
        if let Some(block) = inner(written, argument) {
            let mut block = camel(&block);
            if let Some(config) = block.get("authorizationConfig").cloned()
                && let Some(config) = super::shape::block(&config)
            {
                block.put("authorizationConfig", camel(&config));
            }
            out.put(field, block);
        }
    }
    out
}

/// A block whose arguments are AWS's fields in snake case.
fn camel(block: &Item) -> Item {
    let mut out = Item::map(&block.place);
    for (argument, item) in block.entries().iter().filter(|(_, item)| item.is_given()) {
        // AWS writes `authorizationConfig.iam` and `sizeInGiB` in words that no rule gives.
        let field = match argument.as_str() {
            "size_in_gib" => "sizeInGiB".to_owned(),
            other => camel_case(other),
        };
        out.put(&field, item.clone());
    }
    out
}

fn camel_case(argument: &str) -> String {
    let mut words = argument.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}
