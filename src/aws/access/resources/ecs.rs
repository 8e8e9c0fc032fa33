//! Resources of ECS (Service Authorization Reference, "Actions, resources, and condition keys for Amazon Elastic Container
//! Service").

use serde_json::Value;

use super::super::super::action::State;
use super::super::asked::Asked;
use super::super::call::Call;
use super::super::input;
use super::arns::arn;
use crate::aws::services::ecs::names;
use crate::model::arn::Arn;

pub(super) fn of(state: &State, call: &Call<'_>, action: &str) -> Vec<Asked> {
    let given = call.input;
    let cluster = cluster(given);
    let in_cluster = |asked: Asked| asked.with("ecs:cluster", &*cluster);
    let asked: Vec<Asked> = match call.action {
        "CreateService" => {
            let name = input::text(given, "serviceName").unwrap_or_default();
            vec![in_cluster(Asked::on(action, service(&cluster, name)))]
        }
        "UpdateService"
        | "DeleteService"
        | "CreateTaskSet"
        | "UpdateTaskSet"
        | "DeleteTaskSet"
        | "DescribeTaskSets"
        | "UpdateServicePrimaryTaskSet"
        | "ListServiceDeployments" => {
            let name = input::text(given, "service").unwrap_or_default();
            vec![in_cluster(Asked::on(action, service(&cluster, name)))]
        }
        "DescribeServices" => {
            let names = input::texts(given, "services").into_iter();
            names.map(|name| in_cluster(Asked::on(action, service(&cluster, &name)))).collect()
        }
        "RunTask" | "StartTask" => {
            let name = input::text(given, "taskDefinition").unwrap_or_default();
            vec![in_cluster(Asked::on(action, task_definition(state, name)))]
        }
        "StopTask" => {
            vec![in_cluster(Asked::on(action, task(&cluster, input::text(given, "task").unwrap_or_default())))]
        }
        "DescribeTasks" | "GetTaskProtection" | "UpdateTaskProtection" => {
            let tasks = input::texts(given, "tasks").into_iter();
            tasks.map(|name| in_cluster(Asked::on(action, task(&cluster, &name)))).collect()
        }
        "ExecuteCommand" => {
            let name = input::text(given, "task").unwrap_or_default();
            [cluster.clone(), task(&cluster, name)]
                .into_iter()
                .map(|resource| in_cluster(Asked::on(action, resource)))
                .map(|asked| match input::text(given, "container") {
                    Some(container) => asked.with("ecs:container-name", container),
                    None => asked,
                })
                .collect()
        }
        "DescribeClusters" => match input::texts(given, "clusters") {
            names if names.is_empty() => vec![Asked::on(action, arn("ecs", "cluster/default"))],
            names => names.iter().map(|name| Asked::on(action, cluster_arn(name))).collect(),
        },
        "DeleteCluster" | "UpdateCluster" | "UpdateClusterSettings" | "PutClusterCapacityProviders" => {
            vec![Asked::on(action, cluster.clone())]
        }
        "ListServices" | "ListTasks" => vec![in_cluster(Asked::on_all(action))],
        // Policies of today may name the family.
        "RegisterTaskDefinition" => {
            let family = input::text(given, "family").unwrap_or_default();
            vec![Asked::on_all(action).or(arn("ecs", &format!("task-definition/{family}:*")))]
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            input::text(given, "resourceArn").map(|arn| Asked::on(action, arn)).into_iter().collect()
        }
        "DescribeServiceDeployments" => on_each(action, given, "serviceDeploymentArns"),
        "DescribeServiceRevisions" => on_each(action, given, "serviceRevisionArns"),
        "StopServiceDeployment" => {
            let deployment = input::text(given, "serviceDeploymentArn");
            deployment.map(|arn| Asked::on(action, arn)).into_iter().collect()
        }
        _ => Vec::new(),
    };
    asked.into_iter().map(|asked| with_service(state, given, asked)).collect()
}

/// The keys of services and tasks that are created or changed.
fn with_service(state: &State, given: &Value, mut asked: Asked) -> Asked {
    if let Some(name) = input::text(given, "taskDefinition") {
        asked = asked.with("ecs:task-definition", task_definition(state, name));
    }
    if let Some(name) = input::text(given, "serviceName").filter(|_| asked.action == "ecs:ListTasks") {
        asked = asked.with("ecs:service", service(&cluster(given), name));
    }
    match given["enableExecuteCommand"].as_bool() {
        Some(enabled) => asked.with("ecs:enable-execute-command", enabled.to_string()),
        None => asked,
    }
}

fn on_each(action: &str, given: &Value, member: &str) -> Vec<Asked> {
    input::texts(given, member).into_iter().map(|arn| Asked::on(action, arn)).collect()
}

/// The ARN of the cluster that a request names, or of the default one.
fn cluster(given: &Value) -> String {
    cluster_arn(input::text(given, "cluster").unwrap_or("default"))
}

fn cluster_arn(name: &str) -> String {
    match name.starts_with("arn:") {
        true => name.to_owned(),
        false => arn("ecs", &format!("cluster/{name}")),
    }
}

fn in_cluster(kind: &str, cluster: &str, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let cluster = cluster.rsplit('/').next().unwrap_or_default();
    arn("ecs", &format!("{kind}/{cluster}/{name}"))
}

fn service(cluster: &str, name: &str) -> String {
    in_cluster("service", cluster, name)
}

fn task(cluster: &str, name: &str) -> String {
    in_cluster("task", cluster, name)
}

/// With its revision: a family stands for its latest.
fn task_definition(state: &State, name: &str) -> String {
    match names::task_definition(state, name) {
        Some(revision) => Arn::task_definition(&revision.name()).to_string(),
        None if name.starts_with("arn:") => name.to_owned(),
        None => arn("ecs", &format!("task-definition/{name}")),
    }
}
