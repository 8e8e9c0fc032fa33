//! The account's registry: the stock docker client pushes to it, and tasks run what it has.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use serde_json::{Value, json};

use super::aws::Client;
use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::waiting::until;

/// A client of the engine with its own configuration.
struct Docker<'f>(&'f Path);

impl Docker<'_> {
    fn run(&self, arguments: &[&str], input: &str) -> Output {
        use std::io::Write as _;
        let mut docker = Command::new("docker")
            .arg("--config")
            .arg(self.0)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        docker.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        docker.wait_with_output().unwrap()
    }

    fn succeeds(&self, arguments: &[&str], input: &str) {
        let output = self.run(arguments, input);
        assert!(output.status.success(), "docker {arguments:?}: {output:?}");
    }

    /// What it says when it fails.
    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments, "");
        assert!(!output.status.success(), "docker {arguments:?} has not failed: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The image of the containers of a scenario.
fn image_of(scenario: &Scenario) -> String {
    scenario.task["containerDefinitions"][0]["image"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_docker_pushes_is_what_tasks_run() {
    let Some(_turn) = engine::turn().await else { return };
    if !is_installed("docker") || !(is_installed("docker-registry") || is_installed("registry")) {
        eprintln!("skipped: there is no docker client, or no registry (Debian's docker-registry)");
        return;
    }
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.file["cluster"] = json!("prod");
    let image = image_of(&scenario);
    let stack = scenario.stack();
    stack.run(&["up", "--detach", "--wait", "--aws=127.0.0.1:0"]).await.succeeded();
    let client = Client::of(&stack).await;
    let folder = stack.folder().join("docker");
    std::fs::create_dir(&folder).unwrap();
    let docker = Docker(&folder);

    let created = client.ecr("CreateRepository", json!({ "repositoryName": "team/app" })).await.unwrap();
    let uri = created["repository"]["repositoryUri"].as_str().unwrap().to_owned();
    assert_eq!(uri, format!("{}/team/app", client.address));
    let (one, nowhere) = (format!("{uri}:one"), format!("{}/nowhere:one", client.address));
    docker.succeeds(&["tag", &image, &one], "");
    docker.succeeds(&["tag", &image, &nowhere], "");

    let refused = docker.fails(&["push", "--quiet", &one]);
    assert!(refused.contains("no basic auth credentials"), "{refused}");
    let token = client.ecr("GetAuthorizationToken", json!({})).await.unwrap();
    let token = &token["authorizationData"][0];
    let decoded = base64::engine::general_purpose::STANDARD.decode(token["authorizationToken"].as_str().unwrap());
    let decoded = String::from_utf8(decoded.unwrap()).unwrap();
    let endpoint = token["proxyEndpoint"].as_str().unwrap();
    let login = ["login", "--username", "AWS", "--password-stdin", endpoint];
    assert!(!docker.run(&login, "wrong").status.success(), "a wrong password is refused");
    docker.succeeds(&login, decoded.strip_prefix("AWS:").unwrap());

    docker.succeeds(&["push", "--quiet", &one], "");
    let unknown = docker.fails(&["push", "--quiet", &nowhere]);
    assert!(unknown.contains("The repository with name 'nowhere' does not exist in the registry"), "{unknown}");
    let immutable = json!({ "repositoryName": "team/app", "imageTagMutability": "IMMUTABLE" });
    client.ecr("PutImageTagMutability", immutable).await.unwrap();
    let kept = docker.fails(&["push", "--quiet", &one]);
    assert!(kept.contains("The image tag 'one' already exists in the 'team/app' repository"), "{kept}");

    let described = client.ecr("DescribeImages", json!({ "repositoryName": "team/app" })).await.unwrap();
    let described = &described["imageDetails"][0];
    assert_eq!(described["imageTags"], json!(["one"]));
    assert!(described["imageSizeInBytes"].as_u64().unwrap() > 0);
    for gone in [&one, &nowhere] {
        docker.succeeds(&["rmi", gone], "");
    }

    // As AWS calls it.
    let name = "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:one";
    deploy(&client, name).await;
    let tasks = client.ecs("ListTasks", json!({ "cluster": "prod", "serviceName": "service" })).await.unwrap();
    let tasks = client.ecs("DescribeTasks", json!({ "cluster": "prod", "tasks": tasks["taskArns"] })).await.unwrap();
    let run = &tasks["tasks"][0]["containers"][0];
    assert_eq!((&run["image"], &run["imageDigest"]), (&json!(name), &described["imageDigest"]));

    stack.run(&["down"]).await.succeeded();
    docker.succeeds(&["rmi", "--force", &one], "");
}

/// A revision with this image, until its tasks are those of the service.
async fn deploy(client: &Client, image: &str) {
    let families = client.ecs("ListTaskDefinitionFamilies", json!({})).await.unwrap();
    let described = client.ecs("DescribeTaskDefinition", json!({ "taskDefinition": families["families"][0] })).await;
    let described = described.unwrap()["taskDefinition"].take();
    let mut definition = json!({ "executionRoleArn": "arn:aws:iam::111122223333:role/execution" });
    for member in ["family", "cpu", "memory", "networkMode", "requiresCompatibilities", "containerDefinitions"] {
        definition[member] = described[member].clone();
    }
    definition["containerDefinitions"][0]["image"] = json!(image);
    let registered = client.ecs("RegisterTaskDefinition", definition).await.unwrap();
    let arn = registered["taskDefinition"]["taskDefinitionArn"].clone();
    let update = json!({ "cluster": "prod", "service": "service", "taskDefinition": arn });
    client.ecs("UpdateService", update).await.unwrap();
    let describe = json!({ "cluster": "prod", "services": ["service"] });
    let is_done = |found: &Value| {
        let deployments = found["services"][0]["deployments"].as_array();
        deployments.is_some_and(|all| all.len() == 1 && all[0]["rolloutState"] == "COMPLETED")
    };
    until("one deployment", async || client.ecs("DescribeServices", describe.clone()).await.ok(), is_done).await;
}
