//! Resources of Elastic Load Balancing (Service Authorization Reference, "Actions, resources, and condition keys for AWS Elastic
//! Load Balancing V2").

use super::super::asked::Asked;
use super::super::call::Call;
use super::super::input;
use super::arns::arn;

/// The member that names the resource.
const MEMBERS: &[&str] = &["RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn"];

pub(super) fn of(call: &Call<'_>, action: &str) -> Vec<Asked> {
    let given = call.input;
    let service = "elasticloadbalancing";
    match call.action {
        // They know no resources, and messages name none.
        name if name.starts_with("Describe") => vec![Asked::on_all(action).unnamed()],
        "CreateLoadBalancer" => {
            let name = input::text(given, "Name").unwrap_or_default();
            vec![Asked::on(action, arn(service, &format!("loadbalancer/app/{name}/*")))]
        }
        "CreateTargetGroup" => {
            let name = input::text(given, "Name").unwrap_or_default();
            vec![Asked::on(action, arn(service, &format!("targetgroup/{name}/*")))]
        }
        // About the load balancer or the listener in which something is created.
        "CreateListener" => on(action, input::text(given, "LoadBalancerArn")),
        "CreateRule" => on(action, input::text(given, "ListenerArn")),
        "AddTags" | "RemoveTags" => {
            input::texts(given, "ResourceArns").into_iter().map(|arn| Asked::on(action, arn)).collect()
        }
        "SetRulePriorities" => {
            let priorities = input::list(&given["RulePriorities"]).into_iter();
            priorities.filter_map(|one| input::text(one, "RuleArn")).map(|arn| Asked::on(action, arn)).collect()
        }
        _ => on(action, MEMBERS.iter().find_map(|member| input::text(given, member))),
    }
}

fn on(action: &str, arn: Option<&str>) -> Vec<Asked> {
    arn.map(|arn| Asked::on(action, arn)).into_iter().collect()
}
