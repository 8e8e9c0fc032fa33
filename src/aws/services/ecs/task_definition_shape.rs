//! A task definition as DescribeTaskDefinition returns it: what was sent, with the defaults that ECS fills in. Terraform
//! compares it with what it wants, so each default counts.
//!
//! Members that mean nothing here come back as they were sent.

use serde_json::{Map, Value, json};

use crate::control::desired::families::Status;
use crate::model::arn::{ACCOUNT, Arn};
use crate::model::task_definition::{
    ContainerDefinition, CpuArchitecture, DependencyCondition, Revision, TaskDefinition, VolumeKind,
};

/// A revision. What it was registered with is known if an API registered it; for one of the file it is made from what the
/// file says.
pub(super) fn shape(revision: &Revision, status: Status, sent: Option<Value>) -> Value {
    let mut shape = match sent {
        Some(Value::Object(sent)) => sent,
        _ => of_definition(&revision.definition),
    };
    shape.remove("tags");
    drop_empty(&mut shape);
    let containers = shape.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    containers.into_iter().flatten().filter_map(Value::as_object_mut).for_each(fill_container);
    for member in ["volumes", "placementConstraints", "requiresCompatibilities"] {
        shape.entry(member).or_insert_with(|| json!([]));
    }
    shape.insert("taskDefinitionArn".to_owned(), json!(Arn::task_definition(&revision.name())));
    shape.insert("revision".to_owned(), json!(revision.number));
    let status = match status {
        Status::Active => "ACTIVE",
        Status::Inactive => "INACTIVE",
    };
    shape.insert("status".to_owned(), json!(status));
    shape.insert("compatibilities".to_owned(), json!(["EC2", "FARGATE"]));
    shape.insert("requiresAttributes".to_owned(), attributes(&revision.definition));
    shape.insert("registeredBy".to_owned(), json!(format!("arn:aws:iam::{ACCOUNT}:root")));
    Value::Object(shape)
}

/// An empty list or object means that nothing was given.
fn drop_empty(members: &mut Map<String, Value>) {
    members.retain(|_, value| match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    });
}

fn fill_container(container: &mut Map<String, Value>) {
    drop_empty(container);
    container.entry("cpu").or_insert(json!(0));
    container.entry("essential").or_insert(json!(true));
    for list in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"] {
        container.entry(list).or_insert_with(|| json!([]));
    }
    for mapping in container["portMappings"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(port) = mapping.get("containerPort").cloned() {
            mapping.insert("hostPort".to_owned(), port);
        }
        mapping.entry("protocol").or_insert(json!("tcp"));
    }
    if let Some(check) = container.get_mut("healthCheck").and_then(Value::as_object_mut) {
        for (member, default) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            check.entry(member).or_insert(json!(default));
        }
    }
}

/// What an agent must be able to do; on Fargate it always is (ECS API, TaskDefinition.requiresAttributes).
fn attributes(definition: &TaskDefinition) -> Value {
    let mut names = vec!["com.amazonaws.ecs.capability.docker-remote-api.1.18", "ecs.capability.task-eni"];
    if definition.containers.iter().any(|container| container.log_configuration.is_some()) {
        names.push("com.amazonaws.ecs.capability.logging-driver.awslogs");
    }
    if definition.execution_role_arn.is_some() {
        names.push("ecs.capability.execution-role-awslogs");
    }
    if definition.task_role_arn.is_some() {
        names.push("com.amazonaws.ecs.capability.task-iam-role");
    }
    if definition.containers.iter().any(|container| !container.secrets.is_empty()) {
        names.push("ecs.capability.secrets.asm.environment-variables");
    }
    names.into_iter().map(|name| json!({ "name": name })).collect()
}

fn of_definition(definition: &TaskDefinition) -> Map<String, Value> {
    let mut shape = json!({
        "family": definition.family,
        "containerDefinitions": definition.containers.iter().map(container).collect::<Vec<_>>(),
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": definition.cpu.to_string(),
        "memory": definition.memory_mib.to_string(),
        "executionRoleArn": definition.execution_role_arn,
        "taskRoleArn": definition.task_role_arn,
        "runtimePlatform": definition.cpu_architecture.map(|architecture| json!({
            "cpuArchitecture": match architecture {
                CpuArchitecture::X86_64 => "X86_64",
                CpuArchitecture::Arm64 => "ARM64",
            },
            "operatingSystemFamily": "LINUX",
        })),
        "volumes": definition.volumes.iter().map(|volume| json!({
            "name": volume.name,
            "efsVolumeConfiguration": match &volume.kind {
                VolumeKind::Task => Value::Null,
                VolumeKind::Efs { file_system, folder } => {
                    json!({ "fileSystemId": file_system, "rootDirectory": format!("/{folder}") })
                }
            },
        })).collect::<Vec<_>>(),
        "pidMode": definition.shares_processes.then_some("task"),
        "ephemeralStorage": definition.ephemeral_storage_gib.map(|size| json!({ "sizeInGiB": size })),
    });
    crate::aws::action::drop_nulls(&mut shape);
    match shape {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn container(container: &ContainerDefinition) -> Value {
    let pairs = |name: &str, value: &str| json!({ "name": name, "value": value });
    json!({
        "name": container.name,
        "image": container.image,
        "repositoryCredentials":
            container.repository_credentials.as_ref().map(|arn| json!({ "credentialsParameter": arn })),
        "cpu": container.cpu,
        "memory": container.memory_mib,
        "memoryReservation": container.memory_reservation_mib,
        "essential": container.essential,
        "portMappings": container.port_mappings.iter().map(|mapping| json!({
            "containerPort": mapping.container_port,
            "protocol": if mapping.udp { "udp" } else { "tcp" },
        })).collect::<Vec<_>>(),
        "entryPoint": container.entry_point,
        "command": container.command,
        "environment": container.environment.iter().map(|(name, value)| pairs(name, value)).collect::<Vec<_>>(),
        "environmentFiles":
            container.environment_files.iter().map(|arn| json!({ "value": arn, "type": "s3" })).collect::<Vec<_>>(),
        "secrets": container.secrets.iter().map(|secret| json!({
            "name": secret.name,
            "valueFrom": match &secret.json_key {
                Some(key) => format!("{}:{key}::", secret.secret),
                None => secret.secret.clone(),
            },
        })).collect::<Vec<_>>(),
        "dependsOn": container.depends_on.iter().map(|dependency| json!({
            "containerName": dependency.container,
            "condition": match dependency.condition {
                DependencyCondition::Start => "START",
                DependencyCondition::Complete => "COMPLETE",
                DependencyCondition::Success => "SUCCESS",
                DependencyCondition::Healthy => "HEALTHY",
            },
        })).collect::<Vec<_>>(),
        "startTimeout": container.start_timeout.map(|time| time.as_secs()),
        "stopTimeout": container.stop_timeout.as_secs(),
        "healthCheck": container.health_check.as_ref().map(|check| json!({
            "command": check.command,
            "interval": check.interval.as_secs(),
            "timeout": check.timeout.as_secs(),
            "retries": check.retries,
            "startPeriod": Some(check.start_period.as_secs()).filter(|seconds| *seconds > 0),
        })),
        "restartPolicy": container.restart_policy.as_ref().map(|policy| json!({
            "enabled": true,
            "ignoredExitCodes": policy.ignored_exit_codes,
            "restartAttemptPeriod": policy.restart_attempt_period.as_secs(),
        })),
        "user": container.user,
        "workingDirectory": container.working_directory,
        "readonlyRootFilesystem": container.readonly_root_filesystem.then_some(true),
        "interactive": container.interactive.then_some(true),
        "pseudoTerminal": container.pseudo_terminal.then_some(true),
        "dockerLabels": container.docker_labels,
        "ulimits": container.ulimits.iter().map(|limit| json!({
            "name": limit.name,
            "softLimit": limit.soft_limit,
            "hardLimit": limit.hard_limit,
        })).collect::<Vec<_>>(),
        "mountPoints": container.mount_points.iter().map(|mount| json!({
            "sourceVolume": mount.source_volume,
            "containerPath": mount.container_path,
            "readOnly": mount.read_only,
        })).collect::<Vec<_>>(),
        "volumesFrom": container.volumes_from.iter().map(|from| json!({
            "sourceContainer": from.container,
            "readOnly": from.read_only,
        })).collect::<Vec<_>>(),
        "logConfiguration": container.log_configuration.as_ref().map(|log| json!({
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log.group,
                "awslogs-region": crate::model::arn::REGION,
                "awslogs-stream-prefix": log.stream_prefix,
            },
        })),
    })
}
