//! Production's symptoms, reproduced: the status that clients get, the state, reason and description of the target, and
//! the cause and fix that `doctor` reports.

use neargate::admin::view::words::Word;
use neargate::model::target_health::{TargetHealthReason, TargetHealthState};
use neargate::model::task::{ContainerStatus, StopCode, TaskStatus};
use serde_json::json;

use crate::support::engine;
use crate::support::http::{exchange, page};
use crate::support::scenario::{Scenario, container, with};
use crate::support::stack::{Stack, targets};
use crate::support::waiting::eventually;

/// So long that no task is replaced for its health during a test.
const GRACE_PERIOD_SECONDS: u32 = 600;

/// `web`, which is healthy, next to this `api`, whose task is not replaced whatever its health.
fn with_api(api: serde_json::Value) -> Scenario {
    let mut scenario = Scenario::of(vec![container("web", 80), api]);
    scenario.service()["health_check_grace_period_seconds"] = json!(GRACE_PERIOD_SECONDS);
    scenario
}

/// Starts a stack that will not become healthy.
async fn up(scenario: &Scenario) -> Stack {
    let stack = scenario.stack();
    stack.run(&["up", "-d"]).await.succeeded();
    stack
}

/// Waits until the target of `api` is unhealthy; returns its reason, its description, and doctor's report.
async fn unhealthy_api(stack: &Stack) -> (TargetHealthReason, String, [String; 3]) {
    let view = stack
        .until("api is unhealthy", |view| {
            targets(view, "tg-api").iter().any(|target| target.state == TargetHealthState::Unhealthy)
        })
        .await;
    let target = &targets(&view, "tg-api")[0];
    let (reason, description) =
        (target.reason.as_ref().and_then(Word::known).unwrap(), target.description.clone().unwrap());
    (reason, description, stack.diagnosis("tg-api").await)
}

/// The complete response of the load balancer itself.
fn own_response(status: &str) -> String {
    let body = page(status.split_once(' ').map_or(status, |_| status));
    format!(
        "HTTP/1.1 {status}\r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
         Connection: keep-alive\r\n\r\n{body}",
        body.len()
    )
}

const ASK_API: &str = "GET /api/x HTTP/1.1\r\nHost: app.domain.com\r\n\r\n";

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[tokio::test]
async fn a_back_end_that_crashes_at_start_gives_503_and_doctor_shows_its_last_output() {
    let Some(_turn) = engine::turn().await else { return };
    let scenario = with_api(with(container("api", 8000), "CRASH", "3"));
    let stack = scenario.stack();
    let up = stack.run(&["up", "-d", "--wait"]).await;
    assert_eq!(up.code, Some(1), "{up:?}");
    let told = ["service service is not coming up", "container api crashed with exit code 3", "no database: giving up"];
    assert_says(&up.stderr, &told);
    for once in told {
        assert_eq!(up.stderr.matches(once).count(), 1, "{once:?} is said once: {up:?}");
    }

    let view = stack.view().await;
    let stopped = view.services[0].tasks.iter().rev().find(|task| task.last_status == TaskStatus::Stopped).unwrap();
    assert_eq!(stopped.stop_code, Some(StopCode::EssentialContainerExited.into()));
    assert_eq!(stopped.stopped_reason.as_deref(), Some("Essential container in task exited"));
    let crashed = stopped.containers.iter().find(|container| container.name == "api").unwrap();
    assert_eq!((crashed.exit_code, crashed.last_status.known()), (Some(3), Some(ContainerStatus::Stopped)));

    // Between one task and the next no target is registered. Exactly then the load balancer answers by itself.
    let mut response = String::new();
    eventually("503", async || {
        response = exchange(stack.stream(443).await, ASK_API).await;
        response.starts_with("HTTP/1.1 503")
    })
    .await;
    assert_eq!(response, own_response("503 Service Temporarily Unavailable"));

    let [symptom, cause, fix] = stack.diagnosis("task ").await;
    assert_says(
        &symptom,
        &["EssentialContainerExited: Essential container in task exited", "of this deployment have failed"],
    );
    assert_eq!(cause, "container api crashed with exit code 3");
    assert_says(&fix, &["last output"]);
    let report = stack.run(&["doctor"]).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    assert_says(&report.stdout, &["no database: giving up"]);
}

#[tokio::test]
async fn a_failed_deployment_beside_a_healthy_task_is_one_cause_for_up_and_for_doctor() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let stack = scenario.stack();
    stack.up().await;
    stack.run(&["doctor"]).await.succeeded();

    scenario.task["containerDefinitions"][0] = with(container("web", 80), "CRASH", "1");
    scenario.write(stack.folder());
    let up = stack.run(&["up", "-d", "--wait"]).await;
    assert_eq!(up.code, Some(1), "{up:?}");
    let told = ["service service is not coming up", "container web crashed with exit code 1", "no database: giving up"];
    assert_says(&up.stderr, &told);
    // Clients do not notice.
    assert_eq!(stack.get("https://app.domain.com/").await.status, 200);
    let report = stack.run(&["doctor"]).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    assert_says(&report.stdout, &["responses from the previous deployment", told[1], told[2]]);

    // Once fixed, it is no longer reported.
    scenario.task["containerDefinitions"][0] = container("web", 80);
    scenario.write(stack.folder());
    let up = stack.up().await;
    assert!(!up.stderr.contains("crashed"), "{up:?}");
    stack.run(&["doctor"]).await.succeeded();
}

#[tokio::test]
async fn a_health_path_that_answers_500_is_a_response_code_mismatch_and_requests_still_get_through() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = up(&with_api(with(container("api", 8000), "HEALTH", "500"))).await;
    let (reason, description, [symptom, cause, fix]) = unhealthy_api(&stack).await;
    assert_eq!(reason, TargetHealthReason::ResponseCodeMismatch);
    assert_eq!(description, "Health checks failed with these codes: [500]");
    assert_says(&symptom, &["unhealthy Target.ResponseCodeMismatch: Health checks failed with these codes: [500]"]);
    assert_says(&cause, &["api answers /health with 500"]);
    assert_says(&fix, &["`matcher`", "`path`", "neargate logs api"]);
    // With no healthy target the load balancer fails open.
    let reply = stack.get("https://app.domain.com/api/x").await;
    assert_eq!((reply.status, reply.json()["name"].as_str()), (200, Some("api")));
}

#[tokio::test]
async fn a_port_that_the_security_group_does_not_open_times_out_and_never_refuses() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = with_api(container("api", 8000));
    let rules = scenario.file["security_groups"]["fargate-sg"]["ingress"].as_array_mut().unwrap();
    rules.retain(|rule| rule["port"] != 8000);
    let stack = up(&scenario).await;
    // Before any health check has failed.
    assert_says(&stack.diagnosis("tg-api").await.join("; "), &["Target.Timeout", "port 8000", "fargate-sg"]);
    let (reason, description, [symptom, cause, fix]) = unhealthy_api(&stack).await;
    assert_eq!((reason, description.as_str()), (TargetHealthReason::Timeout, "Request timed out"));
    assert_says(&symptom, &["unhealthy Target.Timeout: Request timed out"]);
    assert_says(&cause, &["8000", "fargate-sg"]);
    assert_says(&fix, &["port: 8000, security_group: alb-sg"]);
    // The other port of the same task is open.
    assert_eq!(stack.get("https://app.domain.com/").await.status, 200);

    let asked = std::time::Instant::now();
    let response = exchange(stack.stream(443).await, ASK_API).await;
    assert_eq!(response, own_response("504 Gateway Time-out"));
    assert!(asked.elapsed().as_secs_f64() >= 9.5, "a connection attempt takes 10 s: {:?}", asked.elapsed());
}

#[tokio::test]
async fn a_target_that_never_answers_gives_504_when_the_idle_timeout_is_over() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = with_api(with(container("api", 8000), "HANG", "1"));
    scenario.file["load_balancer"]["idle_timeout"] = json!(3);
    let stack = up(&scenario).await;
    let (reason, description, [symptom, cause, fix]) = unhealthy_api(&stack).await;
    assert_eq!((reason, description.as_str()), (TargetHealthReason::Timeout, "Request timed out"));
    assert_says(&symptom, &["Target.Timeout", "/health"]);
    assert_says(&cause, &["api does not answer /health within 2 s"]);
    assert_says(&fix, &["make the health path faster", "timeout"]);

    let asked = std::time::Instant::now();
    let response = exchange(stack.stream(443).await, ASK_API).await;
    assert_eq!(response, own_response("504 Gateway Time-out"));
    let took = asked.elapsed().as_secs_f64();
    assert!((2.5..8.0).contains(&took), "the idle timeout is 3 s: {took}");
}

#[tokio::test]
async fn a_target_that_listens_nowhere_fails_its_checks_and_gives_502() {
    let Some(_turn) = engine::turn().await else { return };
    let mut api = container("api", 8000);
    api["command"] = json!(["sleep", "600"]);
    let stack = up(&with_api(api)).await;
    let (reason, description, [symptom, cause, fix]) = unhealthy_api(&stack).await;
    assert_eq!((reason, description.as_str()), (TargetHealthReason::FailedHealthChecks, "Health checks failed"));
    assert_says(&symptom, &["Target.FailedHealthChecks"]);
    assert_says(&cause, &["nothing answers on port 8000", "api"]);
    assert_says(&fix, &["0.0.0.0:8000"]);
    let response = exchange(stack.stream(443).await, ASK_API).await;
    assert_eq!(response, own_response("502 Bad Gateway"));
}

#[tokio::test]
async fn a_task_that_stays_unhealthy_is_replaced_with_the_reason_that_ecs_gives() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = up(&Scenario::of(vec![container("web", 80), with(container("api", 8000), "HEALTH", "500")])).await;
    let view = stack
        .until("a task that was stopped", |view| view.services[0].tasks.iter().any(|task| task.stop_code.is_some()))
        .await;
    let stopped = view.services[0].tasks.iter().find(|task| task.stop_code.is_some()).unwrap();
    assert_eq!(stopped.stop_code, Some(StopCode::ServiceSchedulerInitiated.into()));
    let group = view.target_groups.iter().find(|group| group.name == "tg-api").unwrap();
    let reason = format!("Task failed ELB health checks in (target-group {})", group.arn);
    assert_eq!(stopped.stopped_reason.as_deref(), Some(reason.as_str()));
}

#[tokio::test]
async fn a_command_that_the_image_lacks_is_named_with_its_fix() {
    let Some(_turn) = engine::turn().await else { return };
    let mut api = container("api", 8000);
    api["command"] = json!(["no-such-program"]);
    let stack = with_api(api).stack();
    let up = stack.run(&["up", "-d", "--wait"]).await;
    assert_eq!(up.code, Some(1), "{up:?}");
    assert_says(&up.stderr, &["no-such-program", "executable file not found"]);
    let [symptom, cause, fix] = stack.diagnosis("task ").await;
    assert_says(
        &symptom,
        &["TaskFailedToStart: Task failed to start; container api: CannotStartContainerError", "no-such-program"],
    );
    assert_eq!(cause, "the image has no such command");
    assert_says(&fix, &["entryPoint", "command"]);
}

#[tokio::test]
async fn a_stack_that_is_not_healthy_in_time_ends_up_with_3_and_says_which_target_and_why() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = with_api(with(container("api", 8000), "HEALTH", "500")).stack();
    let up = stack.run(&["up", "-d", "--wait", "--wait-timeout", "8"]).await;
    assert_eq!(up.code, Some(3), "{up:?}");
    assert_says(&up.stderr, &["not healthy within 8 s", "tg-api", "Health checks failed with these codes: [500]"]);
    // As it says, the stack goes on.
    assert_eq!(stack.get("https://app.domain.com/").await.status, 200);
    stack.down().await;
}
