//! A service that is scaled by its own load: out by the load balancer's requests, in by the CPU of its containers.

use serde_json::json;

use crate::support::engine;
use crate::support::scenario::{Scenario, container};

#[tokio::test]
async fn a_service_follows_its_load() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    // A minute is a second.
    scenario.file["time_scale"] = json!(60);
    scenario.service()["appautoscaling_target"] = json!({ "min_capacity": 1, "max_capacity": 2 });
    let tracking = |metric: serde_json::Value, target_value: u32, disable_scale_in: bool| {
        let configuration = json!({
            "predefined_metric_specification": metric,
            "target_value": target_value,
            "disable_scale_in": disable_scale_in,
        });
        json!({ "target_tracking_scaling_policy_configuration": configuration })
    };
    let requests = json!({ "predefined_metric_type": "ALBRequestCountPerTarget", "resource_label": "tg-web" });
    let cpu = json!({ "predefined_metric_type": "ECSServiceAverageCPUUtilization" });
    scenario.service()["appautoscaling_policy"] =
        json!({ "requests": tracking(requests, 60, true), "cpu": tracking(cpu, 1000, false) });
    let stack = scenario.stack();
    stack.up().await;

    // Some hundred requests a second, for as long as it takes.
    let mut connection = stack.open(443).await;
    let said = |text: &'static str| {
        move |view: &neargate::admin::view::shape::ClusterView| {
            view.services[0].events.iter().any(|event| event.message.contains(text))
        }
    };
    let load = async {
        loop {
            assert_eq!(connection.get("/health").await.status, 200);
        }
    };
    tokio::select! {
        () = load => {}
        _ = stack.until("a second task", |view| view.services[0].running_count == 2) => {}
    }
    stack.until("the alarm", said("-AlarmHigh-")).await;

    let view = stack.until("one task again", |view| view.services[0].desired_count == 1).await;
    let scaling = view.services[0].scaling.as_ref().unwrap();
    let policy = scaling.policies.iter().find(|policy| policy.policy_name == "cpu").unwrap();
    assert!(policy.value.is_some_and(|percent| percent > 0.0), "{scaling:?}");
    stack
        .until("the fulfilment", said("Successfully set desired count to 1. Change successfully fulfilled by ecs."))
        .await;
    stack.down().await;
}
