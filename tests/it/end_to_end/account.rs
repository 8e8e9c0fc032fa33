//! An account without a file: what clients of AWS's APIs make in it listens and runs as if a file said it.

use std::collections::BTreeMap;

use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{Stack, free_port};
use neargate_fixture::top;

#[tokio::test]
async fn boto3_sets_up_an_application_in_an_empty_account() {
    let Some(_turn) = engine::turn().await else { return };
    let python = top().join("target/clients/venv/bin/python");
    if !std::process::Command::new(&python).args(["-c", "import boto3"]).status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: boto3 is not installed (fixtures/clients/install)");
        return;
    }
    let stack = Stack::listening_on(BTreeMap::new(), |_| {});
    let up = stack.run(&["up", "--detach", "--wait", "--aws=127.0.0.1:0"]).await.succeeded();
    assert!(up.stderr.contains("an empty account"), "{up:?}");
    let printed = stack.run(&["env", "--shell", "github"]).await.succeeded().stdout;
    let endpoint = printed.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL=")).unwrap().to_owned();
    let script = async |name: &str, arguments: &[&str]| {
        let script = top().join("fixtures/clients").join(name);
        let words = [&[script.to_str().unwrap(), endpoint.as_str()], arguments].concat();
        let ran = stack.spawn_program(python.to_str().unwrap(), &words).end().await.succeeded();
        ran.stdout.lines().last().unwrap_or_default().to_owned()
    };

    let (port, definition) = (free_port(), Scenario::of(vec![container("web", 80)]).task.to_string());
    assert_eq!(script("set_up.py", &[&port.to_string(), &definition]).await, "set up");
    let answer = stack.get(&format!("http://localhost:{port}/app")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stack.get(&format!("http://localhost:{port}/")).await.status, 404, "the default action");
    let shown = stack.run(&["ps"]).await.succeeded().stdout;
    assert!(shown.contains("web"), "{shown}");

    assert_eq!(script("take_down.py", &[]).await, "taken down");
    stack.run(&["down"]).await.succeeded();
}

/// Version 1 or 2, whichever is on PATH.
#[tokio::test]
async fn the_aws_cli_sets_up_an_application_in_an_empty_account() {
    let Some(_turn) = engine::turn().await else { return };
    if !std::process::Command::new("aws").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: the AWS CLI is not installed");
        return;
    }
    let stack = Stack::listening_on(BTreeMap::new(), |_| {});
    stack.run(&["up", "--detach", "--wait", "--aws=127.0.0.1:0"]).await.succeeded();
    let printed = stack.run(&["env", "--shell", "github"]).await.succeeded().stdout;
    let endpoint = printed.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL=")).unwrap();
    let (port, definition) = (free_port().to_string(), Scenario::of(vec![container("web", 80)]).task.to_string());
    let script = top().join("fixtures/clients/set_up.sh");
    let ran =
        stack.spawn_program(script.to_str().unwrap(), &["aws", endpoint, &port, &definition]).end().await.succeeded();
    assert_eq!(ran.stdout.lines().last(), Some("set up"));
    assert_eq!(stack.get(&format!("http://localhost:{port}/app")).await.status, 200);
    stack.run(&["down"]).await.succeeded();
}
