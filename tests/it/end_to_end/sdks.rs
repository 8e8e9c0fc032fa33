//! AWS's SDKs in real containers: they find region, credentials and metadata without any configuration, and a task protects
//! itself.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::Stack;

const ROLE: &str = "arn:aws:iam::111122223333:role/app";

/// A service whose containers `python` and `node` have an SDK each, with a role.
fn scenario() -> Scenario {
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sdks");
    let containers = scenario.task["containerDefinitions"].as_array_mut().unwrap();
    let mut builds = serde_json::Map::new();
    for (name, sleep) in [("python", "import time; time.sleep(3600)"), ("node", "setTimeout(() => {}, 3600000)")] {
        let option = if name == "python" { "-c" } else { "-e" };
        let program = if name == "python" { "python3" } else { "node" };
        containers.push(json!({
            "name": name,
            "image": format!("{name}-sdk"),
            "essential": false,
            "command": [program, option, sleep],
            "stopTimeout": 2,
        }));
        builds.insert(name.to_owned(), json!({ "context": fixtures.join(name) }));
    }
    scenario.task["cpu"] = json!("512");
    scenario.task["memory"] = json!("1024");
    scenario.task["taskRoleArn"] = json!(ROLE);
    scenario.service()["build"] = builds.into();
    scenario
}

async fn find(stack: &Stack) -> (Value, Value) {
    let python = stack.run(&["exec", "python", "--", "python3", "/find.py"]).await.succeeded().json();
    let node = stack.run(&["exec", "node", "--", "node", "/sdk/find.mjs"]).await.succeeded().json();
    (python, node)
}

#[tokio::test]
async fn sdks_find_region_credentials_and_metadata_without_configuration() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = scenario().stack();
    stack.up().await;
    let (python, node) = find(&stack).await;
    for found in [&python, &node] {
        assert_eq!((&found["region"], &found["family"]), (&json!("us-east-1"), &json!("scenario")), "{found}");
        assert!(found["accessKeyId"].as_str().unwrap().starts_with("ASIANEARGATE"), "{found}");
        assert_eq!((&found["secret"], &found["token"]), (&json!(true), &json!(true)), "{found}");
    }
    assert_eq!(python["method"], "container-role");
    assert_eq!(python["endpoint"], "https://sqs.us-east-1.amazonaws.com");
    assert_eq!(node["expires"], true);
    stack.down().await;
}

#[tokio::test]
async fn the_sdk_for_go_finds_the_same() {
    let Some(_turn) = engine::turn().await else { return };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients/go-sdk");
    if !program.is_file() {
        return eprintln!("skipped: the program with AWS's SDK for Go is not built (fixtures/clients/install)");
    }
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let containers = scenario.task["containerDefinitions"].as_array_mut().unwrap();
    let command = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"];
    containers.push(json!({ "name": "go", "image": "go-sdk", "essential": false, "command": command }));
    scenario.task["taskRoleArn"] = json!(ROLE);
    scenario.service()["build"] = json!({ "go": { "context": "go" } });
    let stack = scenario.stack();
    let context = stack.folder().join("go");
    std::fs::create_dir(&context).unwrap();
    std::fs::copy(program, context.join("find")).unwrap();
    let dockerfile = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sdks/go/Dockerfile");
    std::fs::copy(dockerfile, context.join("Dockerfile")).unwrap();
    stack.up().await;
    let found = stack.run(&["exec", "go", "--", "/find"]).await.succeeded().json();
    assert_eq!((&found["region"], &found["family"]), (&json!("us-east-1"), &json!("scenario")), "{found}");
    assert_eq!((&found["secret"], &found["token"], &found["expires"]), (&json!(true), &json!(true), &json!(true)));
    assert_eq!(found["source"], "CredentialsEndpointProvider");
    stack.down().await;
}

/// The file gives the role a profile: the tasks are given its credentials, and nothing prints them.
#[tokio::test]
async fn sdks_find_the_credentials_of_a_profile() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let mut scenario = scenario();
    scenario.file["task_roles"] = json!({ "app": { "profile": "dev" } });
    let mut stack = scenario.stack();
    let file = stack.folder().join("aws-credentials");
    let secret = "a-secret-that-nobody-prints";
    let text = format!("[dev]\naws_access_key_id = AKIADEVELOPER\naws_secret_access_key = {secret}\n");
    std::fs::write(&file, text).unwrap();
    stack.set("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    stack.set("RUST_LOG", "debug");
    let up = stack.up().await;
    let (python, node) = find(&stack).await;
    for found in [&python, &node] {
        assert_eq!(found["accessKeyId"], "AKIADEVELOPER", "{found}");
        assert_eq!((&found["secret"], &found["token"]), (&json!(true), &json!(false)), "{found}");
    }
    let shown = stack.run(&["ps", "--format", "json"]).await.succeeded().stdout + &up.stdout + &up.stderr;
    assert!(!shown.contains(secret) && !shown.contains("AKIADEVELOPER"));
    let logs = everything_below(&stack.state_folder());
    assert!(!logs.is_empty() && !logs.contains(secret));
    stack.down().await;
}

/// The text of every file in a folder.
fn everything_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => text += &everything_below(&entry.path()),
            kind if kind.is_file() => text += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()),
            _ => {}
        }
    }
    text
}

/// Asks for protection, prints the answer.
const PROTECT: &str = r#"
import os, sys, urllib.request
request = urllib.request.Request(
    os.environ["ECS_AGENT_URI"] + "/task-protection/v1/state", data=sys.argv[1].encode(), method="PUT"
)
print(urllib.request.urlopen(request, timeout=10).read().decode())
"#;

#[tokio::test]
async fn a_task_that_protects_itself_is_not_scaled_in() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.task["taskRoleArn"] = json!(ROLE);
    let stack = scenario.stack();
    stack.up().await;
    let protect = async |content: &str| {
        stack.run(&["exec", "web", "--", "python3", "-c", PROTECT, content]).await.succeeded().json()
    };
    let answer = protect(r#"{"ProtectionEnabled":true,"ExpiresInMinutes":10}"#).await;
    assert_eq!(answer["protection"]["ProtectionEnabled"], true, "{answer}");

    stack.run(&["scale", "service=0"]).await;
    let said = "was unable to scale in due to (reason 1 tasks under protection)";
    stack.until("the event", |view| view.services[0].events.iter().any(|event| event.message.ends_with(said))).await;
    assert_eq!(stack.view().await.services[0].running_count, 1);

    protect(r#"{"ProtectionEnabled":false}"#).await;
    stack.until("no task", |view| view.services[0].running_count == 0).await;
    stack.down().await;
}
