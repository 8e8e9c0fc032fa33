//! Metadata of a task.

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::Serialize;

use neargate_model::arn::Arn;
use neargate_model::task::TaskStatus;
use neargate_model::task_definition::TaskDefinition;

use super::container::ContainerMetadata;
use super::subject::Subject;

/// The bound that hosts of Fargate report most of the time, in milliseconds. How far this machine's clock is off is not
/// known to us.
const CLOCK_ERROR_BOUND: f64 = 0.5;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TaskMetadata<'a> {
    cluster: Arn,
    #[serde(rename = "TaskARN")]
    task_arn: Arn,
    family: &'a str,
    revision: String,
    desired_status: &'static str,
    known_status: &'static str,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<&'a str>,
    launch_type: &'static str,
    containers: Vec<ContainerMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<&'a str>,
    clock_drift: ClockDrift,
    #[serde(skip_serializing_if = "Option::is_none")]
    ephemeral_storage_metrics: Option<EphemeralStorageMetrics>,
}

#[derive(Serialize)]
struct Limits {
    #[serde(rename = "CPU")]
    cpu: serde_json::Number,
    #[serde(rename = "Memory")]
    memory: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClockDrift {
    clock_error_bound: f64,
    reference_timestamp: String,
    clock_synchronization_status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorageMetrics {
    utilized: u64,
    reserved: u64,
}

impl<'a> TaskMetadata<'a> {
    pub(super) fn new(subject: &Subject<'a>) -> Self {
        let task = subject.task;
        let spec = &*task.spec;
        let containers = spec.definition.containers.iter();
        Self {
            cluster: Arn::cluster(subject.cluster),
            task_arn: Arn::task(subject.cluster, &spec.id),
            family: &spec.definition.family,
            revision: spec.revision.to_string(),
            desired_status: if task.is_wanted() { "RUNNING" } else { "STOPPED" },
            known_status: known_status(task.status()),
            limits: Limits { cpu: vcpus(spec.definition.cpu), memory: spec.definition.memory_mib },
            pull_started_at: task.pull_started_at.map(|at| at.to_string()),
            pull_stopped_at: task.pull_stopped_at.map(|at| at.to_string()),
            execution_stopped_at: task.execution_stopped_at.map(|at| at.to_string()),
            availability_zone: task.zone().map(|zone| zone.as_str()),
            launch_type: "FARGATE",
            containers: containers.map(|definition| ContainerMetadata::new(subject, definition)).collect(),
            service_name: spec.service().map(|name| name.as_str()),
            clock_drift: ClockDrift {
                clock_error_bound: CLOCK_ERROR_BOUND,
                reference_timestamp: whole_second(subject.now.timestamp),
                clock_synchronization_status: "SYNCHRONIZED",
            },
            ephemeral_storage_metrics: subject.measured.map(|measured| EphemeralStorageMetrics {
                utilized: measured.now.storage >> 20,
                reserved: reserved_mib(&spec.definition),
            }),
        }
    }
}

/// The ephemeral storage that tasks have without asking for any, in GiB.
const STORAGE: u32 = 20;
/// What Fargate reports beyond it, in MiB.
const BEYOND: u64 = 16;

fn reserved_mib(definition: &TaskDefinition) -> u64 {
    u64::from(definition.ephemeral_storage_gib.unwrap_or(STORAGE)) * 1024 + BEYOND
}

/// The agent's word for a task's state: nothing is known of one that does not run yet.
fn known_status(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating => "NONE",
        TaskStatus::Running | TaskStatus::Deactivating | TaskStatus::Stopping => "RUNNING",
        TaskStatus::Deprovisioning | TaskStatus::Stopped => "STOPPED",
    }
}

/// CPU units as vCPUs, without a fraction where there is none.
fn vcpus(units: u32) -> serde_json::Number {
    match units % 1024 {
        0 => (units / 1024).into(),
        _ => serde_json::Number::from_f64(f64::from(units) / 1024.0).unwrap_or_else(|| 0.into()),
    }
}

/// As Fargate gives it, without a fraction.
fn whole_second(time: Timestamp) -> String {
    let down = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Floor);
    time.round(down).unwrap_or(time).to_string()
}
