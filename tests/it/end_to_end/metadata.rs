//! What containers find at 169.254.170.2, and that nothing else does.

use serde_json::{Value, json};

use super::assert_nothing_is_left;
use crate::support::engine::{self, Listing};
use crate::support::scenario::{Scenario, container};
use crate::support::stack::Stack;
use crate::support::waiting::eventually;

/// Prints status, type and content of each URL, in which variables are replaced.
const FETCH: &str = r#"
import json, os, sys, urllib.error, urllib.request
for url in sys.argv[1:]:
    try:
        reply = urllib.request.urlopen(os.path.expandvars(url), timeout=10)
    except urllib.error.HTTPError as error:
        reply = error
    print(json.dumps([reply.status, reply.headers["Content-Type"], reply.read().decode()]))
"#;

/// A service of two tasks with a role, whose containers bind port 80 on every address, as the endpoint does on its own.
fn stack() -> Stack {
    let mut scenario = Scenario::of(vec![container("web", 80), container("api", 8000)]);
    scenario.file["services"]["service"]["desired_count"] = json!(2);
    scenario.task["taskRoleArn"] = json!("arn:aws:iam::111122223333:role/app");
    // What the user sets stays.
    let environment = scenario.task["containerDefinitions"][1]["environment"].as_array_mut().unwrap();
    environment.push(json!({ "name": "AWS_REGION", "value": "eu-west-1" }));
    scenario.stack()
}

/// What a container of one task gets for each URL.
async fn fetch(stack: &Stack, container: &str, urls: &[&str]) -> Vec<(u64, String, Value)> {
    let arguments = [&["exec", container, "--", "python3", "-c", FETCH], urls].concat();
    let output = stack.run(&arguments).await.succeeded();
    let replies = output.stdout.lines().map(|line| {
        let reply: Value = serde_json::from_str(line).unwrap();
        let content = reply[2].as_str().unwrap();
        let content = serde_json::from_str(content).unwrap_or_else(|_| json!(content));
        (reply[0].as_u64().unwrap(), reply[1].as_str().unwrap().to_owned(), content)
    });
    replies.collect()
}

#[tokio::test]
async fn containers_find_their_metadata_and_credentials_and_those_of_no_other_task() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = stack();
    let before = Listing::of(stack.project()).await;
    stack.up().await;
    let view = stack.view().await;
    let tasks: Vec<&str> = view.services[0].tasks.iter().map(|task| task.task_id.as_str()).collect();

    let printed =
        stack.run(&["exec", "api", "--", "printenv", "AWS_REGION", "AWS_DEFAULT_REGION", "ECS_AGENT_URI"]).await;
    let printed: Vec<&str> = printed.stdout.lines().collect();
    assert_eq!(printed[..2], ["eu-west-1", "us-east-1"], "what the task definition says wins");
    let own = tasks.iter().find(|task| printed[2].contains(**task)).expect("the id of a task in ECS_AGENT_URI");
    let other = tasks.iter().find(|task| *task != own).unwrap();

    let urls = [
        "${ECS_CONTAINER_METADATA_URI_V4}",
        "${ECS_CONTAINER_METADATA_URI_V4}/task",
        "${ECS_CONTAINER_METADATA_URI}/task",
        "http://169.254.170.2${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI}",
        "http://169.254.170.2/latest/meta-data",
    ];
    let replies = fetch(&stack, "api", &urls).await;
    let statuses: Vec<u64> = replies.iter().map(|(status, _, _)| *status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 404]);
    assert!(replies[..4].iter().all(|(_, content_type, _)| content_type == "application/json"), "{replies:?}");
    let (container, task, credentials) = (&replies[0].2, &replies[1].2, &replies[3].2);
    assert_eq!((&container["Name"], &container["KnownStatus"]), (&json!("api"), &json!("RUNNING")));
    assert!(container["ImageID"].as_str().unwrap().starts_with("sha256:"), "{container}");
    assert_eq!(task["ServiceName"], "service");
    let names: Vec<&Value> =
        task["Containers"].as_array().unwrap().iter().map(|container| &container["Name"]).collect();
    assert_eq!(names, ["web", "api"], "no pause container, no door");
    assert_eq!(credentials["RoleArn"], "arn:aws:iam::111122223333:role/app");

    let utilized = task["EphemeralStorageMetrics"]["Utilized"].as_u64().unwrap();
    assert!((50..20_000).contains(&utilized), "two containers of an image with Python: {utilized} MiB");

    let stats = fetch(&stack, "api", &["${ECS_CONTAINER_METADATA_URI_V4}/task/stats"]).await;
    let (_, _, stats) = &stats[0];
    assert_eq!(stats.as_object().unwrap().len(), 2);
    let stats = &stats[container["DockerId"].as_str().unwrap()];
    assert_eq!(stats["name"], "api");
    assert!(stats["memory_stats"]["usage"].as_u64().unwrap() > 1 << 20, "{stats}");
    let cpu = |when: &str| stats[when]["cpu_usage"]["total_usage"].as_u64().unwrap();
    assert!(cpu("cpu_stats") >= cpu("precpu_stats") && cpu("precpu_stats") > 0, "{stats}");
    assert!(stats["networks"]["eth1"]["rx_bytes"].as_u64().unwrap() > 0, "{stats}");

    let id = container["DockerId"].as_str().unwrap().replace(own, other);
    let foreign = fetch(&stack, "api", &[&format!("http://169.254.170.2/v4/{id}/task")]).await;
    assert_eq!(foreign[0].0, 404, "{foreign:?}");

    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn a_door_that_is_removed_comes_back() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = stack();
    stack.up().await;
    let door = format!("neargate-{}-door", stack.project());
    let docker = neargate::runtime::docker::Engine::connect().await.unwrap();
    let id = async || docker.docker().inspect_container(&door, None).await.ok().and_then(|found| found.id);
    let first = id().await.expect("a door");
    let by_force = bollard::query_parameters::RemoveContainerOptionsBuilder::new().force(true).build();
    docker.docker().remove_container(&first, Some(by_force)).await.unwrap();
    eventually("another door", async || id().await.is_some_and(|id| id != first)).await;
    // It is there before it listens.
    let request = ["exec", "web", "--", "python3", "-c", FETCH, "${ECS_CONTAINER_METADATA_URI_V4}"];
    eventually("an answer", async || stack.run(&request).await.stdout.starts_with("[200, ")).await;
}
