//! A log router gets the output of the other containers. Fluent Bit is not at hand: a small program that speaks its protocol
//! stands for it.

use serde_json::{Value, json};

use super::assert_nothing_is_left;
use crate::support::engine;
use crate::support::engine::Listing;
use crate::support::scenario::{Scenario, container};
use crate::support::waiting::until;

const ROUTER: &str = include_str!("../../../fixtures/target/router.py");

#[tokio::test]
async fn the_log_router_gets_the_output_of_the_other_containers() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let containers = scenario.task["containerDefinitions"].as_array_mut().unwrap();
    containers[0]["logConfiguration"] =
        json!({ "logDriver": "awsfirelens", "options": { "Name": "stdout", "Format": "json_lines" } });
    let mut router = containers[0].clone();
    router["name"] = json!("router");
    router["command"] = json!(["python3", "-c", ROUTER]);
    router["portMappings"] = json!([]);
    router["firelensConfiguration"] = json!({ "type": "fluentbit" });
    router["logConfiguration"] = json!({
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": "/ecs/router", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "router",
        },
    });
    containers.push(router);
    let stack = scenario.stack();
    let before = Listing::of(stack.project()).await;
    stack.up().await;
    let task = stack.view().await.services[0].tasks[0].task_id.clone();
    stack.get("https://app.domain.com/print?line=hello").await;

    let said = async || {
        let output = stack.run(&["logs", "router", "--format", "json"]).await;
        let lines = output.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Some(lines.filter_map(|line| serde_json::from_str(line["message"].as_str()?).ok()).collect::<Vec<Value>>())
    };
    let is_hello = |message: &Value| message[2]["log"] == "hello";
    let said = until("the line at the router", said, |said| said.iter().any(is_hello)).await;
    let configuration = said[0].as_str().unwrap();
    for part in ["unix_path /var/run/fluent.sock", &format!("/{task}\n"), "Name stdout\n    Match web-firelens*\n"] {
        assert!(configuration.contains(part), "{configuration}");
    }
    let message = said.iter().find(|message| is_hello(message)).unwrap();
    assert_eq!(message[0], format!("web-firelens-{task}"));
    assert_eq!(message[2]["source"], "stdout");
    // It is kept here as well.
    let own = stack.run(&["logs", "web"]).await.succeeded();
    assert!(own.stdout.contains("hello"), "{own:?}");
    let told = stack.run(&["exec", "web", "--", "printenv", "FLUENT_HOST", "FLUENT_PORT"]).await.succeeded();
    assert_eq!(told.stdout, "127.0.0.1\n24224\n");

    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}
