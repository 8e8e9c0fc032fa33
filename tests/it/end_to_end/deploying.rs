//! `deploy` and `run-task`: what they register, how they end, and what they refuse.

use serde_json::{Value, json};

use super::assert_fails;
use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Output, Stack};

fn last_line(output: &Output) -> Value {
    serde_json::from_str(output.stdout.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{output:?}"))
}

#[tokio::test]
async fn a_deployment_ends_stable_or_rolled_back_and_a_task_runs_once() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.service()["deployment_circuit_breaker"] = json!({ "enable": true, "rollback": true });
    let stack = scenario.stack();
    assert_fails(&stack.run(&["deploy"]).await, 1, &["not running"]);
    assert_fails(&stack.run(&["run-task", "scenario"]).await, 1, &["not running"]);
    stack.up().await;

    what_does_not_exist_is_refused_in_the_words_of_aws(&stack).await;
    another_variable_is_another_revision(&stack).await;
    what_fails_is_rolled_back(&stack).await;
    a_task_returns_what_its_command_returns(&stack).await;
    stack.down().await;
}

async fn what_does_not_exist_is_refused_in_the_words_of_aws(stack: &Stack) {
    let deploy = async |arguments: &[&str]| stack.run(&[&["deploy"], arguments].concat()).await;
    let refused = deploy(&["srvice"]).await;
    assert_fails(&refused, 2, &["ServiceNotFoundException: Service not found.", "services of this stack are: service"]);
    let refused = deploy(&["--cluster", "prod"]).await;
    assert_fails(
        &refused,
        2,
        &["ClusterNotFoundException: Cluster not found.", "the cluster of this stack is scenario"],
    );
    let refused = deploy(&["--task-definition", "nope"]).await;
    assert_fails(&refused, 2, &["ClientException: TaskDefinition not found.", "families of this stack are: scenario"]);
    assert_fails(&deploy(&["--image", "wep=x"]).await, 2, &["no container `wep`", "its containers are: web"]);
    let refused = stack.run(&["run-task", "nope"]).await;
    assert_fails(&refused, 2, &["ClientException: TaskDefinition not found.", "families of this stack are: scenario"]);
    let refused = stack.run(&["run-task", "scenario", "--env", "wep.A=b"]).await;
    let words = "InvalidParameterException: Override for container named wep is not a container in the TaskDefinition.";
    assert_fails(&refused, 2, &[words, "web"]);
}

async fn another_variable_is_another_revision(stack: &Stack) {
    let deployed = stack.run(&["deploy", "--env", "web.NAME=second", "--format", "json"]).await.succeeded();
    let report = last_line(&deployed);
    assert_eq!(
        (&report["outcome"], &report["taskDefinition"]),
        (&json!("STABLE"), &json!("scenario:2")),
        "{deployed:?}"
    );
    assert!(deployed.stderr.contains("has started 1 tasks"), "the events are shown: {deployed:?}");
    let view = stack.view().await;
    assert_eq!((view.ready, view.services[0].task_definition.as_str()), (true, "scenario:2"));
    let reply = stack.get(&format!("https://{DOMAIN}/")).await;
    assert!(reply.body.contains("second"), "{reply:?}");
    // What was deployed stays when the file says what it said.
    let up = stack.up().await;
    assert!(up.stderr.contains("task_definition stays at scenario:2"), "{up:?}");
}

async fn what_fails_is_rolled_back(stack: &Stack) {
    let failed = stack.run(&["deploy", "service", "--env", "web.CRASH=3", "--format", "json"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let report = last_line(&failed);
    assert_eq!((&report["outcome"], &report["taskDefinition"]), (&json!("ROLLED_BACK"), &json!("scenario:3")));
    assert_eq!(report["reason"], json!("ECS deployment circuit breaker: tasks failed to start."));
    assert_eq!(stack.view().await.services[0].task_definition, "scenario:2");
    let late = stack.run(&["deploy", "--env", "web.HEALTH=500", "--wait-timeout", "0"]).await;
    assert_eq!(late.code, Some(3), "{late:?}");
    assert!(late.stdout.contains("is not stable on scenario:4"), "{late:?}");

    // Somebody has seen enough of it.
    assert_fails(&stack.run(&["deploy", "--rollback", "--build"]).await, 2, &["cannot be used with"]);
    assert_fails(&stack.run(&["deploy", "--rollback", "srvice"]).await, 2, &["Service not found."]);
    let stopped = stack.run(&["deploy", "--rollback", "--format", "json"]).await.succeeded();
    let report = last_line(&stopped);
    assert_eq!((&report["taskDefinition"], &report["outcome"]), (&json!("scenario:4"), &json!("STABLE")));
    assert_eq!(stack.view().await.services[0].task_definition, "scenario:2");
    assert_fails(&stack.run(&["deploy", "--rollback"]).await, 2, &["ConflictException", "no deployment in progress"]);
    let late = stack.run(&["deploy", "--env", "web.HEALTH=500", "--detach"]).await;
    assert!(late.stdout.contains("is being deployed"), "{late:?}");
    let stopped = stack.run(&["deploy", "--stop"]).await.succeeded();
    assert!(stopped.stdout.contains("tasks stay as they are"), "{stopped:?}");
    stack.run(&["deploy", "--task-definition", "scenario:2"]).await.succeeded();

    // What failed does not come back with neargate.
    assert_eq!(stack.run(&["deploy", "--env", "web.CRASH=3"]).await.code, Some(1));
    stack.run(&["down", "--keep"]).await.succeeded();
    let up = stack.up().await;
    assert!(up.stderr.contains("task_definition stays at scenario:2"), "{up:?}");
    assert_eq!(stack.view().await.services[0].task_definition, "scenario:2");
    stack.run(&["deploy", "--task-definition", "scenario:1"]).await.succeeded();
}

async fn a_task_returns_what_its_command_returns(stack: &Stack) {
    let script = r#"echo "$NAME says hello"; exit 7"#;
    let run = ["run-task", "scenario", "--env", "web.NAME=migration", "--command", "sh", "-c", script];
    let ran = stack.run(&run).await;
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert!(ran.stdout.contains("migration says hello"), "{ran:?}");
    assert!(ran.stderr.contains("EssentialContainerExited") && ran.stderr.contains("exit code 7"), "{ran:?}");

    let run = ["run-task", "task-definition.json", "--count", "2", "--format", "json", "--command", "true"];
    let ran = stack.run(&run).await.succeeded();
    let stopped: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(stopped.len(), 2, "{ran:?}");
    assert!(stopped.iter().all(|task| task["exitCode"] == 0), "{ran:?}");
    let view = stack.view().await;
    assert_eq!(view.tasks.len(), 3, "a stopped task stays visible, and is not replaced");
    assert!(view.tasks.iter().all(|task| task.group == "family:scenario"), "{:?}", view.tasks);
}
