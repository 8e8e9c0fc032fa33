//! A task as DescribeTasks returns it.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::aws::action::drop_nulls;
use crate::ecs::world::Task;
use crate::model::ClusterName;
use crate::model::arn::{self, Arn};
use crate::model::task_definition::ContainerDefinition;
use crate::protocols::timestamp::EpochSeconds;

/// A task, with its containers and its network interface.
pub(super) fn shape(cluster: &ClusterName, task: &Task) -> Value {
    let spec = &*task.spec;
    let definition = &spec.definition;
    let arn = Arn::task(cluster, &spec.id);
    let connected = task.connected_at;
    let mut shape = json!({
        "taskArn": arn,
        "clusterArn": Arn::cluster(cluster),
        "taskDefinitionArn": Arn::task_definition(&crate::model::task_definition::RevisionName {
            family: definition.family.as_str().into(),
            number: spec.revision,
        }),
        "group": spec.group(),
        "startedBy": spec.started_by(),
        "lastStatus": task.status().to_string(),
        "desiredStatus": if task.is_wanted() { "RUNNING" } else { "STOPPED" },
        "healthStatus": task.health().to_string(),
        "connectivity": connected.map(|_| "CONNECTED"),
        "connectivityAt": connected.map(EpochSeconds),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "cpu": definition.cpu.to_string(),
        "memory": definition.memory_mib.to_string(),
        "availabilityZone": task.zone(),
        "createdAt": EpochSeconds(task.created_at),
        "pullStartedAt": task.pull_started_at.map(EpochSeconds),
        "pullStoppedAt": task.pull_stopped_at.map(EpochSeconds),
        "startedAt": task.running_since.map(|since| EpochSeconds(since.timestamp)),
        "stoppingAt": task.stop.as_ref().map(|stop| EpochSeconds(stop.at.timestamp)),
        "executionStoppedAt": task.execution_stopped_at.map(EpochSeconds),
        "stoppedAt": task.stopped_at.map(EpochSeconds),
        "stopCode": task.stop.as_ref().map(|stop| stop.code.to_string()),
        "stoppedReason": task.stop.as_ref().map(|stop| stop.reason.clone()),
        "version": 1 + [task.connected_at, task.pull_stopped_at, task.stopped_at].iter().flatten().count(),
        "ephemeralStorage": { "sizeInGiB": definition.ephemeral_storage_gib.unwrap_or(20) },
        "attachments": [attachment(task)],
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
        "containers": definition.containers.iter().map(|one| container(cluster, task, one)).collect::<Vec<_>>(),
        "enableExecuteCommand": false,
        "overrides": { "containerOverrides": [], "inferenceAcceleratorOverrides": [] },
        "tags": [],
    });
    drop_nulls(&mut shape);
    shape
}

/// Its elastic network interface.
fn attachment(task: &Task) -> Value {
    let id = task.spec.id.as_str();
    let status = match (task.address(), task.is_stopped()) {
        (Some(_), _) => "ATTACHED",
        (None, false) => "PRECREATED",
        (None, true) => "DELETED",
    };
    let mut details = Vec::new();
    if let Some(zone) = task.zone() {
        details.push(json!({ "name": "subnetId", "value": arn::subnet_id(zone) }));
    }
    if let Some(address) = task.address() {
        details.push(json!({ "name": "networkInterfaceId", "value": arn::network_interface_id(&task.spec.id) }));
        details.push(json!({ "name": "privateDnsName", "value": dns_name(address) }));
        details.push(json!({ "name": "privateIPv4Address", "value": address.to_string() }));
    }
    json!({
        "id": arn::uuid(&["attachment", id]),
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": details,
    })
}

fn dns_name(address: IpAddr) -> String {
    format!("ip-{}.ec2.internal", address.to_string().replace('.', "-"))
}

fn container(cluster: &ClusterName, task: &Task, definition: &ContainerDefinition) -> Value {
    let state = &task.containers[&definition.name];
    let interfaces: Vec<Value> = task
        .address()
        .map(|address| {
            let attachment = arn::uuid(&["attachment", task.spec.id.as_str()]);
            json!({ "attachmentId": attachment, "privateIpv4Address": address.to_string() })
        })
        .into_iter()
        .collect();
    json!({
        "containerArn": Arn::container(cluster, &task.spec.id, &definition.name),
        "taskArn": Arn::task(cluster, &task.spec.id),
        "name": definition.name,
        "image": definition.image,
        "imageDigest": state.image_digest,
        "runtimeId": state.runtime_id,
        "lastStatus": state.status().to_string(),
        "exitCode": state.exit().map(|exit| exit.exit_code),
        "reason": state.reason,
        "networkBindings": [],
        "networkInterfaces": interfaces,
        "healthStatus": state.health.to_string(),
        "cpu": definition.cpu.to_string(),
        "memory": definition.memory_mib.map(|mib| mib.to_string()),
        "memoryReservation": definition.memory_reservation_mib.map(|mib| mib.to_string()),
    })
}
