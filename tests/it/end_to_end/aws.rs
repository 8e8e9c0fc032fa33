//! AWS's APIs of a running stack: a deployment as a pipeline makes it, and what is refused.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::Stack;
use crate::support::waiting::until;
use neargate_fixture::top;

/// A client of the endpoint that signs as it likes.
pub(super) struct Client {
    pub(super) address: String,
}

/// With any key being good, the signature need not be right.
const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/ecs/aws4_request, \
                      SignedHeaders=host, Signature=00\r\n";

impl Client {
    /// Of a stack that serves the APIs.
    pub(super) async fn of(stack: &Stack) -> Self {
        let printed = stack.run(&["env", "--shell", "github"]).await.succeeded().stdout;
        let endpoint = printed.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL=http://"));
        Self { address: endpoint.expect("the endpoint among the variables").to_owned() }
    }

    /// Status and body of the answer to a request with these header fields.
    async fn send(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let host = if head.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        let length = body.len();
        let request =
            format!("POST / HTTP/1.1\r\n{host}{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_ascii_lowercase().contains("\r\ndate: "), "SDKs set their clocks by it: {head}");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// An action of ECS: its output, or the error's type and message.
    pub(super) async fn ecs(&self, action: &str, input: Value) -> Result<Value, (String, String)> {
        self.json(&format!("AmazonEC2ContainerServiceV20141113.{action}"), input).await
    }

    /// An action of ECR.
    pub(super) async fn ecr(&self, action: &str, input: Value) -> Result<Value, (String, String)> {
        self.json(&format!("AmazonEC2ContainerRegistry_V20150921.{action}"), input).await
    }

    async fn json(&self, target: &str, input: Value) -> Result<Value, (String, String)> {
        let head = format!("{SIGNED}X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
        let (status, body) = self.send(&head, &input.to_string()).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if status == 200 { Ok(body) } else { Err((text("__type"), text("message"))) }
    }
}

async fn stack() -> Stack {
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.file["cluster"] = json!("prod");
    let stack = scenario.stack();
    stack.run(&["up", "--detach", "--wait", "--aws=127.0.0.1:0"]).await.succeeded();
    stack
}

#[tokio::test]
async fn a_pipeline_deploys_through_the_apis() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = stack().await;
    let client = Client::of(&stack).await;

    // What the team's workflow does: register, look, update, poll.
    let families = client.ecs("ListTaskDefinitionFamilies", json!({})).await.unwrap();
    let described = client.ecs("DescribeTaskDefinition", json!({ "taskDefinition": families["families"][0] })).await;
    let mut definition = described.unwrap()["taskDefinition"].take();
    let members = definition.as_object_mut().unwrap();
    for computed in ["taskDefinitionArn", "revision", "status", "compatibilities", "requiresAttributes", "registeredBy"]
    {
        assert!(members.remove(computed).is_some(), "{computed}");
    }
    let environment = definition["containerDefinitions"][0]["environment"].as_array_mut().unwrap();
    environment.retain(|variable| variable["name"] != "NAME");
    environment.push(json!({ "name": "NAME", "value": "deployed" }));
    definition["somethingNew"] = json!({ "that": "a newer SDK sends" });
    definition["pidMode"] = Value::Null;
    let registered = client.ecs("RegisterTaskDefinition", definition).await.unwrap();
    let registered = &registered["taskDefinition"];
    assert_eq!((&registered["revision"], &registered["status"]), (&json!(2), &json!("ACTIVE")));
    assert_eq!(registered["containerDefinitions"][0]["portMappings"][0]["hostPort"], 80, "filled in");
    let arn = registered["taskDefinitionArn"].clone();

    let update = json!({ "cluster": "prod", "service": "service", "taskDefinition": arn, "forceNewDeployment": false, "volumeConfigurations": [] });
    let updated = client.ecs("UpdateService", update.clone()).await.unwrap();
    let deployments = updated["service"]["deployments"].as_array().unwrap();
    assert_eq!(deployments.len(), 2, "a waiter that looks at once must not find it stable");
    assert_eq!((&deployments[0]["status"], &deployments[0]["taskDefinition"]), (&json!("PRIMARY"), &arn));
    let id = deployments[0]["id"].clone();

    let describe = json!({ "cluster": "prod", "services": ["service", "nope"] });
    let stable = until(
        "one deployment",
        async || client.ecs("DescribeServices", describe.clone()).await.ok(),
        |found| {
            let service = &found["services"][0];
            service["deployments"].as_array().is_some_and(|all| all.len() == 1)
                && service["runningCount"] == service["desiredCount"]
        },
    )
    .await;
    let deployment = &stable["services"][0]["deployments"][0];
    assert_eq!((&deployment["id"], &deployment["rolloutState"]), (&id, &json!("COMPLETED")));
    assert_eq!(
        stable["failures"],
        json!([{ "arn": "arn:aws:ecs:us-east-1:111122223333:service/nope", "reason": "MISSING" }])
    );
    let again = client.ecs("UpdateService", update).await.unwrap();
    assert_eq!(again["service"]["deployments"][0]["id"], id, "nothing changed, so no deployment began");

    let tasks = client.ecs("ListTasks", json!({ "cluster": "prod", "serviceName": "service" })).await.unwrap();
    let tasks = client.ecs("DescribeTasks", json!({ "cluster": "prod", "tasks": tasks["taskArns"] })).await.unwrap();
    assert_eq!((&tasks["tasks"][0]["lastStatus"], &tasks["tasks"][0]["taskDefinitionArn"]), (&json!("RUNNING"), &arn));

    let python = top().join("target/clients/venv/bin/python");
    if std::process::Command::new(&python).args(["-c", "import boto3"]).status().is_ok_and(|status| status.success()) {
        let script = top().join("fixtures/clients/deploy.py");
        let endpoint = format!("http://{}", client.address);
        let ran = stack.spawn_program(python.to_str().unwrap(), &[script.to_str().unwrap(), &endpoint]).end().await;
        let ran = ran.succeeded();
        assert_eq!(ran.stdout.lines().last(), Some("deployed"), "{ran:?}");
    } else {
        eprintln!("skipped: boto3 is not installed (fixtures/clients/install)");
    }
}

#[tokio::test]
async fn errors_are_those_of_aws_and_pages_get_no_answer() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = stack().await;
    let client = Client::of(&stack).await;
    for (action, input, code, message) in [
        ("DescribeServices", json!({ "services": ["service"] }), "ClusterNotFoundException", "Cluster not found."),
        ("UpdateService", json!({ "cluster": "prod", "service": "nope" }), "ServiceNotFoundException", ""),
        (
            "UpdateService",
            json!({ "cluster": "prod", "service": "service", "taskDefinition": "nope" }),
            "ClientException",
            "TaskDefinition not found.",
        ),
        (
            "DescribeTaskDefinition",
            json!({ "taskDefinition": "nope:7" }),
            "ClientException",
            "Unable to describe task definition.",
        ),
        (
            "DescribeTasks",
            json!({ "cluster": "prod", "tasks": [] }),
            "InvalidParameterException",
            "Tasks cannot be empty.",
        ),
        (
            "StopTask",
            json!({ "cluster": "prod", "task": "0123" }),
            "InvalidParameterException",
            "The referenced task was not found.",
        ),
        (
            "RunTask",
            json!({ "cluster": "prod", "taskDefinition": "x" }),
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            "DeleteService",
            json!({ "cluster": "prod", "service": "service" }),
            "InvalidParameterException",
            "The service cannot be stopped while it is scaled above 0.",
        ),
    ] {
        let got = client.ecs(action, input).await;
        assert_eq!(got, Err((code.to_owned(), message.to_owned())), "{action}");
    }
    let (code, message) = client.ecs("CreateDaemon", json!({})).await.unwrap_err();
    assert_eq!(code, "UnknownOperationException");
    assert!(message.ends_with("(neargate does not serve ecs:CreateDaemon.)"), "{message}");

    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let identity = "Action=GetCallerIdentity&Version=2011-06-15";
    let (status, body) = client.send(&format!("{SIGNED}{form}").replace("/ecs/", "/sts/"), identity).await;
    assert_eq!(status, 200);
    assert!(body.contains("<Arn>arn:aws:iam::111122223333:root</Arn>"), "{body}");
    let (status, body) = client.send(form, identity).await;
    assert_eq!(status, 403, "it is not signed");
    assert!(body.contains("<Code>MissingAuthenticationToken</Code>"), "{body}");
    for page in ["Origin: https://app.example.com\r\n", "Host: rebound.example\r\n"] {
        let (status, _) = client.send(&format!("{page}{SIGNED}{form}"), identity).await;
        assert_eq!(status, 403, "{page}");
    }
}
