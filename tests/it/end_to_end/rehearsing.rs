//! Deployments under traffic, on a real engine. `make soak` runs the rolls 50 times.

use serde_json::{Value, json};

use super::assert_fails;
use super::chatkit::Chatkit;
use crate::support::engine;
use crate::support::scenario::{Scenario, container, with};
use crate::support::stack::{Output, Stack};

/// Rolls in a row; `make soak` asks for more than a test has time for.
fn rolls(in_a_test: usize) -> usize {
    std::env::var("NEARGATE_ROLLS").ok().and_then(|rolls| rolls.parse().ok()).unwrap_or(in_a_test)
}

/// The service's task takes half a second to answer, so that a roll always finds requests in flight.
const SLOW: &str = "/slow?ms=500";

fn report(output: &Output) -> Value {
    serde_json::from_str(output.stdout.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{output:?}"))
}

async fn rehearse(stack: &Stack, more: &[&str]) -> Output {
    stack.run(&[&["deploy", "--rehearse", "--format", "json"], more].concat()).await
}

#[tokio::test]
async fn rolls_lose_what_aws_would_lose() {
    let Some(_turn) = engine::turn().await else { return };
    let rolls = rolls(2);
    let stack = Scenario::of(vec![with(container("web", 80), "GRACEFUL", "1")]).stack();
    stack.up().await;
    let (mut sent, mut failed) = (0, 0);
    for roll in 1..=rolls {
        let output = rehearse(&stack, &["--rate", "100/s", "--path", SLOW]).await;
        let report = report(&output);
        let rehearsal = &report["rehearsal"];
        sent += rehearsal["requests"].as_u64().unwrap();
        failed += rehearsal["failed"].as_u64().unwrap();
        assert_eq!((output.code, &report["outcome"]), (Some(0), &json!("STABLE")), "roll {roll}: {output:?}");
        assert_eq!(rehearsal["skipped"], 0, "roll {roll}");
    }
    eprintln!("well-behaved back end: {rolls} rolls, {failed} of {sent} requests failed");
    assert!(failed == 0 && sent > 200 * rolls as u64, "{failed} of {sent}");
    stack.down().await;

    let stack = Scenario::of(vec![container("web", 80)]).stack();
    stack.up().await;
    let (mut sent, mut failed) = (0, 0);
    for roll in 1..=rolls {
        let output = rehearse(&stack, &["--rate", "100/s", "--path", SLOW]).await;
        let report = report(&output);
        assert_eq!((output.code, &report["outcome"]), (Some(1), &json!("STABLE")), "roll {roll}: {output:?}");
        let rehearsal = &report["rehearsal"];
        sent += rehearsal["requests"].as_u64().unwrap();
        failed += rehearsal["failed"].as_u64().unwrap();
        assert_only_what_was_in_flight_is_lost(rehearsal);
    }
    eprintln!("back end that dies on SIGTERM: {rolls} rolls, {failed} of {sent} requests failed");
    stack.down().await;
}

#[tokio::test]
async fn the_fixture_application_rolls_without_losing_a_request() {
    let Some(_turn) = engine::turn().await else { return };
    let rolls = rolls(5);
    let chatkit = Chatkit::new(None, |_| {}).await;
    chatkit.stack.run(&["up", "-d", "--wait", "--wait-timeout", "900"]).await.succeeded();
    let mut sent = 0;
    for roll in 1..=rolls {
        // In turn the front end and the back end, which are containers of one task.
        let path = if roll % 2 == 0 { "/" } else { "/api/whoami" };
        // What its quarter of a vCPU can answer on a busy machine: requests that the back end has not accepted when it stops
        // are lost, on AWS too.
        let output = rehearse(&chatkit.stack, &["--rate", "20/s", "--path", path]).await;
        let report = report(&output);
        assert_eq!((output.code, &report["outcome"]), (Some(0), &json!("STABLE")), "roll {roll}: {output:?}");
        assert_eq!((&report["rehearsal"]["failed"], &report["rehearsal"]["skipped"]), (&json!(0), &json!(0)), "{roll}");
        sent += report["rehearsal"]["requests"].as_u64().unwrap();
    }
    eprintln!("fixture application: {rolls} rolls, 0 of {sent} requests failed");
    assert!(sent > 50 * rolls as u64, "{sent}");
    chatkit.stack.down().await;
}

/// ALB user guide, "Troubleshoot your Application Load Balancers": what was in flight at the target that closed is answered
/// with 502; nothing else is lost.
#[track_caller]
fn assert_only_what_was_in_flight_is_lost(rehearsal: &Value) {
    let findings = rehearsal["findings"].as_array().unwrap();
    let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
    let symptom = finding["symptom"].as_str().unwrap();
    assert!(symptom.starts_with("the back end exited ") && symptom.contains("after SIGTERM while"), "{symptom}");
    // Whose response had begun breaks off.
    assert!(symptom.contains("on AWS these are 502s"), "{symptom}");
    assert_eq!((&finding["container"], &finding["requests"]), (&json!("web"), &rehearsal["failed"]));
    let failures = rehearsal["failures"].as_array().unwrap();
    // About half a second of 100 requests a second: a busy machine has more in flight.
    assert!(!failures.is_empty());
    assert!(failures.iter().all(|failure| failure["phase"] == "stopping"), "{failures:#?}");
    let picture = std::fs::read_to_string(rehearsal["picture"].as_str().unwrap()).unwrap();
    assert!(picture.contains(symptom.split(';').next().unwrap()), "{picture}");
}

#[tokio::test]
async fn a_rehearsal_says_what_it_cannot_rehearse_and_what_a_deployment_did() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.service()["deployment_circuit_breaker"] = json!({ "enable": true, "rollback": true });
    let mut worker = scenario.service().clone();
    worker["load_balancers"] = json!([]);
    worker["desired_count"] = json!(0);
    scenario.file["services"]["worker"] = worker;
    let stack = scenario.stack();
    assert_fails(&rehearse(&stack, &["service"]).await, 1, &["not running"]);
    stack.up().await;
    what_is_wrong_is_said_before_anything_is_deployed(&stack).await;

    // WebSockets that a dying back end cuts, and one that closes them.
    let cut = rehearse(&stack, &["service", "--websocket", "/ws", "--env", "web.GRACEFUL=1"]).await;
    assert_eq!(cut.code, Some(1), "{cut:?}");
    assert!(report(&cut)["rehearsal"]["findings"].to_string().contains("WebSockets broke off"), "{cut:?}");
    let picture = stack.folder().join("roll.svg");
    let closed = ["service", "--websocket", "/ws", "--picture", "roll.svg", "--rate", "20/s"];
    let closed = rehearse(&stack, &closed).await.succeeded();
    assert_eq!(report(&closed)["rehearsal"]["reopened"], 4, "{closed:?}");
    assert!(std::fs::read_to_string(picture).unwrap().contains("none failed"));

    // A deployment that fails loses nothing either: the old tasks go on.
    let failed = stack.run(&["deploy", "service", "--rehearse", "--env", "web.CRASH=3"]).await;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("was rolled back") && failed.stdout.contains("none failed"), "{failed:?}");
    stack.down().await;
}

async fn what_is_wrong_is_said_before_anything_is_deployed(stack: &Stack) {
    let deployment = stack.view().await.services[0].deployment.clone();
    assert_fails(&rehearse(stack, &["worker"]).await, 2, &["service worker has no load balancer", "deploy worker"]);
    let elsewhere = rehearse(stack, &["service", "--path", "/slow?ms=x", "--rate", "0"]).await;
    assert_fails(&elsewhere, 2, &["must look like 200/s"]);
    assert_fails(&rehearse(stack, &["service", "--path", "orders"]).await, 2, &["must be a path"]);
    assert_fails(&rehearse(stack, &["service", "--websocket", "/"]).await, 2, &["/ is no WebSocket", "101"]);
    let nowhere = rehearse(stack, &["service", "--picture", "nowhere/roll.svg"]).await;
    assert_fails(&nowhere, 1, &["cannot write the timeline to", "nowhere/roll.svg"]);
    assert_fails(&stack.run(&["deploy", "service", "--rate", "9/s"]).await, 2, &["--rehearse"]);
    assert_eq!(stack.view().await.services[0].deployment, deployment, "nothing was deployed");
}
