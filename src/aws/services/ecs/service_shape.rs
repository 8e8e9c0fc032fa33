//! A service as DescribeServices returns it. What Terraform compares must be there: without `schedulingStrategy` or
//! `launchType` it replaces a service instead of updating it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::action::{State, drop_nulls};
use crate::ecs::count::Counts;
use crate::ecs::world::{Deployment, ServiceRecord, Task};
use crate::model::arn::{self, ACCOUNT, Arn};
use crate::model::deployment::{DeploymentConfiguration, Threshold};
use crate::model::service::Service;
use crate::model::strategy::{HookTarget, LifecycleHook, Strategy};
use crate::model::{ServiceName, Zone};
use crate::protocols::timestamp::EpochSeconds;

/// A service, as far as it has come.
pub(super) fn shape(state: &State, name: &ServiceName, record: &ServiceRecord) -> Value {
    let topology = &state.snapshot.topology;
    let tasks: Vec<&Task> =
        state.snapshot.world.tasks.values().filter(|task| task.spec.service() == Some(name)).collect();
    let Counts { running, pending } = Counts::of(tasks.iter().copied());
    let settings = &*record.asked;
    let is_wanted = topology.services.contains_key(name);
    let oldest = record.deployments().chain(&record.completed).map(|deployment| deployment.created_at).min();
    let deployments: Vec<Value> =
        record.deployments().map(|deployment| self::deployment(state, record, deployment, &tasks)).collect();
    let mut shape = json!({
        "serviceArn": Arn::service(&topology.cluster, name),
        "serviceName": name,
        "clusterArn": Arn::cluster(&topology.cluster),
        "loadBalancers": load_balancers(settings),
        "serviceRegistries": [],
        "status": if is_wanted { "ACTIVE" } else { "DRAINING" },
        "desiredCount": if is_wanted { settings.desired_count } else { 0 },
        "runningCount": running,
        "pendingCount": pending,
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": Arn::task_definition(&record.primary.service.task_definition.name()),
        "deploymentConfiguration": configuration(&settings.deployment_configuration),
        "deployments": deployments,
        "roleArn": service_role(settings),
        "events": events(name, record),
        "createdAt": oldest.map(EpochSeconds),
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": network(state, settings),
        "healthCheckGracePeriodSeconds":
            Some(settings.health_check_grace_period.as_secs()).filter(|_| !settings.load_balancers.is_empty()),
        "schedulingStrategy": "REPLICA",
        "deploymentController": { "type": "ECS" },
        "createdBy": format!("arn:aws:iam::{ACCOUNT}:root"),
        "enableECSManagedTags": false,
        "propagateTags": "NONE",
        "enableExecuteCommand": false,
        "availabilityZoneRebalancing": if settings.availability_zone_rebalancing { "ENABLED" } else { "DISABLED" },
    });
    drop_nulls(&mut shape);
    shape
}

fn deployment(state: &State, record: &ServiceRecord, deployment: &Deployment, tasks: &[&Task]) -> Value {
    let own = tasks.iter().copied().filter(|task| task.spec.deployment() == Some(&deployment.id));
    let Counts { running, pending } = Counts::of(own);
    let is_primary = deployment.id == record.primary.id;
    let desired = match record.wanted() {
        // It begins with nothing, and counts what has been created for it (observed).
        Some(service) if is_primary => service.desired_count.min(running + pending),
        Some(_) => running + pending,
        None => 0,
    };
    json!({
        "id": deployment.id,
        "status": if is_primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": Arn::task_definition(&deployment.service.task_definition.name()),
        "desiredCount": desired,
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": EpochSeconds(deployment.created_at),
        "updatedAt": EpochSeconds(deployment.updated_at),
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "platformFamily": "Linux",
        "networkConfiguration": network(state, &deployment.service),
        "rolloutState": deployment.rollout.to_string(),
        "rolloutStateReason": deployment.rollout_state_reason(),
    })
}

pub(super) fn load_balancers(service: &Service) -> Vec<Value> {
    let bindings = service.load_balancers.iter();
    bindings
        .map(|binding| {
            let mut shape = json!({
                "targetGroupArn": Arn::target_group(&binding.target_group),
                "containerName": binding.container,
                "containerPort": binding.port,
                "advancedConfiguration": binding.advanced.as_ref().map(|advanced| json!({
                    "alternateTargetGroupArn": Arn::target_group(&advanced.alternate_target_group),
                    "productionListenerRule": Arn::listener_rule(&advanced.production_listener_rule),
                    "testListenerRule": advanced.test_listener_rule.as_ref().map(Arn::listener_rule),
                })),
            });
            drop_nulls(&mut shape);
            shape
        })
        .collect()
}

/// The role of the service itself, which registers its targets.
fn service_role(service: &Service) -> Option<String> {
    let role = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS";
    (!service.load_balancers.is_empty()).then(|| format!("arn:aws:iam::{ACCOUNT}:{role}"))
}

pub(super) fn network(state: &State, service: &Service) -> Value {
    let groups: Vec<String> = service.security_groups.iter().map(arn::security_group_id).collect();
    let zones: BTreeSet<&Zone> = state.snapshot.world.nodes.zones().collect();
    let subnets: Vec<String> = zones.into_iter().map(arn::subnet_id).collect();
    json!({
        "awsvpcConfiguration": { "subnets": subnets, "securityGroups": groups, "assignPublicIp": "DISABLED" },
    })
}

pub(super) fn configuration(configuration: &DeploymentConfiguration) -> Value {
    let DeploymentConfiguration { minimum_healthy_percent, maximum_percent, circuit_breaker, alarms, .. } =
        configuration;
    let (kind, value) = match circuit_breaker.threshold {
        Threshold::Count(value) => ("COUNT", value),
        Threshold::BoundedPercent(value) => ("BOUNDED_PERCENT", value),
        Threshold::UnboundedPercent(value) => ("UNBOUNDED_PERCENT", value),
    };
    json!({
        "deploymentCircuitBreaker": {
            "enable": circuit_breaker.enable,
            "rollback": circuit_breaker.rollback,
            "resetOnHealthyTask": circuit_breaker.reset_on_healthy_task,
            "thresholdConfiguration": { "type": kind, "value": value },
        },
        "maximumPercent": maximum_percent,
        "minimumHealthyPercent": minimum_healthy_percent,
        "strategy": configuration.strategy.name(),
        "bakeTimeInMinutes": minutes(configuration.bake_time),
        "linearConfiguration": match configuration.strategy {
            Strategy::Linear { step, bake_time } => {
                Some(json!({ "stepPercent": step.percent(), "stepBakeTimeInMinutes": minutes(bake_time) }))
            }
            _ => None,
        },
        "canaryConfiguration": match configuration.strategy {
            Strategy::Canary { share, bake_time } => {
                Some(json!({ "canaryPercent": share.percent(), "canaryBakeTimeInMinutes": minutes(bake_time) }))
            }
            _ => None,
        },
        "lifecycleHooks": hooks(&configuration.lifecycle_hooks),
        "alarms": alarms.as_ref().map(|alarms| json!({
            "alarmNames": alarms.alarms.keys().collect::<Vec<_>>(),
            "rollback": alarms.rollback,
            "enable": true,
        })),
    })
}

fn minutes(time: Duration) -> u64 {
    time.as_secs() / 60
}

/// `None` without hooks.
fn hooks(hooks: &[LifecycleHook]) -> Option<Vec<Value>> {
    let shape = |hook: &LifecycleHook| {
        let (kind, name) = match &hook.target {
            HookTarget::Lambda { name, .. } => ("AWS_LAMBDA", Some(name)),
            HookTarget::Pause => ("PAUSE", None),
        };
        json!({
            "targetType": kind,
            "hookTargetArn": name,
            "lifecycleStages": hook.stages.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "hookDetails": hook.details,
            "timeoutConfiguration": {
                "timeoutInMinutes": minutes(hook.timeout),
                "action": hook.on_timeout.to_string(),
            },
        })
    };
    (!hooks.is_empty()).then(|| hooks.iter().map(shape).collect())
}

/// Newest first.
fn events(name: &ServiceName, record: &ServiceRecord) -> Vec<Value> {
    let events = record.events.iter().rev();
    events
        .map(|event| {
            let at = event.at.as_nanosecond().to_string();
            json!({
                "id": arn::uuid(&["event", name.as_str(), &at, &event.message]),
                "createdAt": EpochSeconds(event.at),
                "message": event.message,
            })
        })
        .collect()
}
