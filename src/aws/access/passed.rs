//! Roles that a call hands to a service, for which `iam:PassRole` is needed (IAM user guide, "Grant a user permissions to pass a
//! role to an AWS service").

use serde_json::Value;

use super::super::action::State;
use super::asked::Asked;
use super::call::Call;
use super::input;
use crate::aws::services::ecs::names;
use crate::model::arn::ACCOUNT;

/// Tasks run as this service.
const TASKS: &str = "ecs-tasks.amazonaws.com";
/// Which creates what tasks and services need.
const ECS: &str = "ecs.amazonaws.com";
const CODEDEPLOY: &str = "codedeploy.amazonaws.com";

/// The roles, each with the service that gets it.
pub(super) fn roles(state: &State, call: &Call<'_>) -> Vec<Asked> {
    let Call { service, action, input: given, .. } = call;
    let mut passed: Vec<(String, &str)> = Vec::new();
    match (service.signing_name, *action) {
        ("ecs", "RegisterTaskDefinition") => of_tasks(given, &mut passed),
        ("ecs", "CreateService" | "UpdateService" | "RunTask" | "StartTask") => {
            // Those of the revision; one that is already in use is not passed again.
            if let Some(name) = input::text(given, "taskDefinition")
                && let Some(revision) = names::task_definition(state, name)
            {
                let definition = &revision.definition;
                let roles = [&definition.execution_role_arn, &definition.task_role_arn];
                passed.extend(roles.into_iter().flatten().map(|role| (role.to_string(), TASKS)));
            }
            of_tasks(&given["overrides"], &mut passed);
            passed.extend(input::text(given, "role").map(|role| (role.to_owned(), ECS)));
            let volumes = input::list(&given["volumeConfigurations"]).into_iter();
            passed.extend(volumes.filter_map(|volume| {
                input::text(&volume["managedEBSVolume"], "roleArn").map(|role| (role.to_owned(), ECS))
            }));
            let balancers = input::list(&given["loadBalancers"]).into_iter();
            passed.extend(balancers.filter_map(|balancer| {
                input::text(&balancer["advancedConfiguration"], "roleArn").map(|role| (role.to_owned(), ECS))
            }));
        }
        ("codedeploy", "CreateDeploymentGroup" | "UpdateDeploymentGroup") => {
            passed.extend(input::text(given, "serviceRoleArn").map(|role| (role.to_owned(), CODEDEPLOY)));
        }
        _ => {}
    }
    let asked = passed
        .into_iter()
        .map(|(role, service)| Asked::on("iam:PassRole", role_arn(&role)).with("iam:PassedToService", service));
    asked.collect()
}

fn of_tasks(given: &Value, passed: &mut Vec<(String, &str)>) {
    let roles = ["executionRoleArn", "taskRoleArn"].into_iter().filter_map(|member| input::text(given, member));
    passed.extend(roles.map(|role| (role.to_owned(), TASKS)));
}

/// ECS takes a role's name for its ARN.
fn role_arn(role: &str) -> String {
    match role.starts_with("arn:") {
        true => role.to_owned(),
        false => format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
    }
}
