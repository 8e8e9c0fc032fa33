//! Verbs for a running stack: scaling, stopping a task, events, output beside `up`, and shell completion.

use neargate::model::task::{DesiredStatus, StopCode, TaskStatus};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::assert_fails;
use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Stack};
use crate::support::waiting::eventually;

/// The IDs of the desired tasks.
async fn tasks(stack: &Stack) -> Vec<String> {
    let view = stack.view().await;
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    tasks.filter(|task| task.desired_status == DesiredStatus::Running).map(|task| task.task_id.clone()).collect()
}

/// One stack for all of them.
#[tokio::test]
async fn tasks_are_scaled_stopped_and_started_with_events() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = Scenario::of(vec![container("web", 80)]).stack();
    assert_fails(&stack.run(&["scale", "service=2"]).await, 1, &["not running"]);
    stack.up().await;
    let events = stack.spawn(&["events", "-f", "--format", "json"]);

    a_task_that_is_stopped_is_replaced(&stack).await;
    a_service_runs_as_many_tasks_as_requested(&stack).await;
    what_up_changes_is_said(&stack).await;
    the_verbs_of_compose_are_accepted(&stack).await;
    completions_offer_existing_names(&stack).await;
    explain_accepts_what_people_type(&stack).await;
    open_prints_a_command_that_reaches_the_page(&stack).await;

    eventually("the events", async || events.stdout().contains("has reached a steady state")).await;
    stack.down().await;
    let told = events.end().await.succeeded().stdout;
    let messages: Vec<String> = told
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().to_owned())
        .collect();
    // Tasks that start together are one event.
    let starts = messages.iter().filter(|message| message.contains("has started "));
    let started: usize = starts.map(|message| message.matches("(task ").count()).sum();
    // The first, the replacement, two more for `scale`, two after the stop.
    assert!(started >= 5, "{messages:?}");
    assert!(messages.iter().any(|message| message.contains(" running tasks: (task ")), "{messages:?}");
}

async fn a_task_that_is_stopped_is_replaced(stack: &Stack) {
    let before = tasks(stack).await;
    let refused = stack.run(&["stop", "zzzz"]).await;
    assert_fails(&refused, 2, &["zzzz", "services: service", &format!("tasks: {}", &before[0][..8])]);
    stack.run(&["stop", &before[0][..8]]).await.succeeded();
    let view = stack
        .until("another task in its place", |view| {
            let service = &view.services[0];
            view.ready
                && service.tasks.iter().any(|task| task.task_id == before[0] && task.last_status == TaskStatus::Stopped)
        })
        .await;
    let stopped = view.services[0].tasks.iter().find(|task| task.task_id == before[0]).unwrap();
    assert_eq!(stopped.stop_code, Some(StopCode::UserInitiated.into()));
    assert_eq!(stopped.stopped_reason.as_deref(), Some("Task stopped by user"));
    // It was intended: not a failure.
    stack.run(&["doctor"]).await.succeeded();
}

async fn a_service_runs_as_many_tasks_as_requested(stack: &Stack) {
    assert_fails(&stack.run(&["scale", "srvice=3"]).await, 2, &["srvice", "service"]);
    stack.run(&["scale", "service=3"]).await.succeeded();
    stack.until("three tasks", |view| view.ready && view.services[0].running_count == 3).await;
    stack.run(&["stop", "service"]).await.succeeded();
    stack
        .until("no task", |view| view.services[0].tasks.iter().all(|task| task.last_status == TaskStatus::Stopped))
        .await;
    stack.run(&["start"]).await.succeeded();
    stack.until("the file's one task", |view| view.ready && view.services[0].running_count == 1).await;
    stack.run(&["scale", "service=2"]).await.succeeded();
    stack.until("two tasks", |view| view.ready && view.services[0].running_count == 2).await;
}

async fn what_up_changes_is_said(stack: &Stack) {
    let up = stack.up().await;
    assert!(up.stderr.contains("desired_count stays at 2, as set by `scale`; the file says 1"), "{up:?}");
    assert_eq!(stack.view().await.services[0].running_count, 2);
    let up = stack.run(&["up", "--detach", "--wait", "--reset"]).await.succeeded();
    assert!(up.stderr.contains("service service: desired_count: 2 → 1"), "{up:?}");
    let up = stack.up().await;
    assert!(up.stderr.contains("nothing changed in neargate.yaml"), "{up:?}");
    assert!(up.stderr.contains("is up"), "{up:?}");
    assert!(up.stderr.contains("routes") && up.stderr.contains("everything"), "{up:?}");
}

async fn the_verbs_of_compose_are_accepted(stack: &Stack) {
    for (alias, verb) in [("status", "ps"), ("ls", "ps")] {
        let (one, other) =
            (stack.run(&[alias, "--format", "json"]).await, stack.run(&[verb, "--format", "json"]).await);
        assert_eq!(one.succeeded().json()["project"], other.succeeded().json()["project"]);
    }
    stack.run(&["validate"]).await.succeeded();
    let version = stack.run(&["version"]).await.succeeded();
    assert!(version.stdout.starts_with("neargate "), "{version:?}");
}

async fn completions_offer_existing_names(stack: &Stack) {
    let id = tasks(stack).await[0][..8].to_owned();
    for (line, offered) in [
        (&["neargate", "scale", "ser"][..], "service="),
        (&["neargate", "restart", ""], "service"),
        (&["neargate", "logs", "w"], "web"),
        (&["neargate", "exec", "--task", ""], &id),
        (&["neargate", "stop", &id[..2]], &id),
    ] {
        let mut words = vec!["--"];
        words.extend(line);
        let index = (line.len() - 1).to_string();
        let output = stack.spawn_with(&[("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &index)], &words).end().await;
        assert!(output.stdout.contains(offered), "{line:?}: {output:?}");
    }
}

async fn explain_accepts_what_people_type(stack: &Stack) {
    for typed in [DOMAIN, "/api/x"] {
        let explained = stack.run(&["explain", typed, "--format", "json"]).await.succeeded().json();
        assert!(explained["url"].as_str().unwrap().starts_with(&format!("https://{DOMAIN}")), "{explained}");
        assert_eq!(explained["certificate"], Value::Null);
    }
    let other = stack.run(&["explain", "https://other.com/"]).await.succeeded();
    assert!(other.stdout.contains("no certificate of this listener names other.com"), "{other:?}");
}

async fn open_prints_a_command_that_reaches_the_page(stack: &Stack) {
    let printed = stack.spawn_with(&[("BROWSER", "my-chromium")], &["open", "--print", "x"]).end().await.succeeded();
    let port = stack.local_port(443);
    assert!(printed.stdout.starts_with("my-chromium "), "{printed:?}");
    assert!(printed.stdout.contains(&format!("https://{DOMAIN}:{port}/x")), "{printed:?}");
    assert!(printed.stdout.contains(&format!("MAP {DOMAIN} 127.0.0.1")), "{printed:?}");
    let keys = std::fs::read_to_string(stack.state_folder().join("leaf-keys")).unwrap();
    let keys: Vec<&str> = keys.lines().collect();
    let trusted = format!("--ignore-certificate-errors-spki-list={}", keys.join(","));
    assert!(!keys.is_empty() && printed.stdout.contains(&trusted), "{printed:?}");
}

#[tokio::test]
async fn up_in_the_foreground_shows_what_containers_write_but_no_health_checks() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = Scenario::web_and_api().stack();
    let up = stack.spawn(&["up", "--no-attach=api"]);
    stack.until("it is up", |view| view.ready).await;
    eventually("the output of web", async || up.stdout().contains("web listens on 80")).await;
    stack.get(&format!("https://{DOMAIN}/print?line=hello")).await;
    eventually("a line that comes later", async || up.stdout().contains("hello")).await;
    let shown = up.stdout();
    assert!(!shown.contains("api listens") && !shown.contains("/health"), "{shown}");
    // Events of the start are not repeated after it.
    let after = up.stderr().split("is up").nth(1).unwrap_or_default().to_owned();
    assert!(!after.contains("has started "), "{after}");
    up.signal(Signal::INT);
    assert_eq!(up.end().await.code, Some(130));
}

#[tokio::test]
async fn logs_of_an_unknown_container_are_refused_at_once_and_health_checks_can_be_left_out() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let print = "import http.server as h; s = h.HTTPServer(('', 80), h.SimpleHTTPRequestHandler); s.serve_forever()";
    scenario.task["containerDefinitions"][0]["command"] = json!(["python3", "-u", "-c", print]);
    scenario.file["target_groups"]["tg-web"]["health_check"]["path"] = json!("/etc/hostname");
    let stack = scenario.stack();
    stack.up().await;
    let refused = stack.run(&["logs", "-f", "other.yaml"]).await;
    assert_fails(&refused, 1, &["no container `other.yaml`; the containers are: web", "neargate -f other.yaml logs"]);
    stack.get(&format!("https://{DOMAIN}/etc/passwd")).await;
    eventually("its line", async || stack.run(&["logs"]).await.stdout.contains("/etc/passwd")).await;
    let all = stack.run(&["logs"]).await.succeeded().stdout;
    let some = stack.run(&["logs", "--no-health"]).await.succeeded().stdout;
    assert!(all.contains("/etc/hostname") && !some.contains("/etc/hostname"), "{some}");
    assert!(some.contains("/etc/passwd"), "{some}");
}
