//! What the commands promise: exit codes, machine-readable output, what they change and what they leave alone.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use neargate::admin::view::shape::ClusterView;
use neargate::model::target_health::TargetHealthState;
use neargate::model::task::TaskStatus;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{assert_fails, assert_nothing_is_left};
use crate::support::engine::{self, Listing};
use crate::support::http::Connection;
use crate::support::scenario::{Scenario, container, with};
use crate::support::stack::{DOMAIN, Output, Stack, targets};
use crate::support::waiting::eventually;

/// The IDs of the running tasks.
fn running(view: &ClusterView) -> Vec<String> {
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    tasks.filter(|task| task.last_status == TaskStatus::Running).map(|task| task.task_id.clone()).collect()
}

// --- Looking at a stack, and into it -------------------------------------------------------------------------

/// One stack for all tests that only read.
#[tokio::test]
async fn commands_inspect_a_running_stack() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = Scenario::web_and_api().stack();
    let before = stack.run(&["ps", "--format", "json"]).await.succeeded().json();
    assert_eq!((&before["atRest"], &before["services"]), (&json!(true), &json!([])), "ps of nothing is an empty view");
    let refused = stack.run(&["exec", "web", "--", "true"]).await;
    assert_fails(&refused, 1, &["not running", "neargate up"]);

    let up = stack.up().await;
    assert_eq!(up.stdout, "", "progress is for people");
    exec_passes_the_exit_code_and_the_output_on(&stack).await;
    logs_can_be_filtered_limited_and_followed(&stack).await;
    explain_names_the_rule_and_the_targets(&stack).await;
    run_uses_the_running_stack(&stack).await;
    restart_replaces_the_tasks(&stack).await;
}

async fn exec_passes_the_exit_code_and_the_output_on(stack: &Stack) {
    let output = stack.run(&["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]).await;
    assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (Some(7), "out\n", "err\n"));
    let output = stack.run(&["exec", "web", "--", "printenv", "NAME"]).await.succeeded();
    assert_eq!(output.stdout, "web\n");
    let output = stack.run(&["exec", "web", "--", "no-such-program"]).await;
    // As from a shell: 127, or 126 with older engines.
    assert!(matches!(output.code, Some(126 | 127)), "{output:?}");
    let output = stack.run(&["exec", "wbe", "--", "true"]).await;
    assert_fails(&output, 1, &["wbe", "web"]);
}

async fn logs_can_be_filtered_limited_and_followed(stack: &Stack) {
    let texts = |output: &Output| -> Vec<String> {
        let lines = output.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    };
    for line in ["one", "two", "three"] {
        stack.get(&format!("https://{DOMAIN}/api/print?line={line}")).await;
    }
    eventually("the lines are kept", async || stack.run(&["logs"]).await.stdout.contains("three")).await;

    let all = stack.run(&["logs"]).await.succeeded().stdout;
    assert!(all.contains("web listens on 80") && all.contains("api listens on 8000"), "{all}");
    let api = stack.run(&["logs", "api", "--format", "json"]).await.succeeded();
    assert_eq!(texts(&api), ["api listens on 8000", "one", "two", "three"]);
    let first: Value = serde_json::from_str(api.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((&first["container"], &first["stream"]), (&json!("api"), &json!("stdout")));
    let tail = stack.run(&["logs", "api", "--tail", "2", "--format", "json"]).await.succeeded();
    assert_eq!(texts(&tail), ["two", "three"]);
    let since = stack.run(&["logs", "--since", "1h", "--format", "json"]).await.succeeded();
    assert_eq!(texts(&since).len(), 5);
    let none = stack.run(&["logs", "--since", "2100-01-01T00:00:00Z", "--format", "json"]).await.succeeded();
    assert_eq!(texts(&none), [""; 0]);
    let unknown = stack.run(&["logs", "apu"]).await;
    assert_fails(&unknown, 1, &["no container `apu`; the containers are: api, web"]);

    let followed = stack.spawn(&["logs", "-f", "api", "--tail", "1"]);
    eventually("the last line", async || followed.stdout().contains("three")).await;
    stack.get(&format!("https://{DOMAIN}/api/print?line=four")).await;
    eventually("a new line", async || followed.stdout().contains("four")).await;
    assert!(!followed.stdout().contains("two"), "{}", followed.stdout());
    followed.signal(Signal::INT);
    assert_eq!(followed.end().await.code, Some(130));
}

async fn explain_names_the_rule_and_the_targets(stack: &Stack) {
    let url = format!("https://{DOMAIN}/api/x");
    let explained = stack.run(&["explain", &url, "--format", "json"]).await.succeeded().json();
    let rules: Vec<(&str, &str)> = explained["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (rule["priority"].as_str().unwrap(), rule["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(rules, [("1", "chosen"), ("default", "not reached")]);
    let group = &explained["targetGroups"][0];
    assert_eq!((&group["name"], &group["targets"][0]["state"]), (&json!("tg-api"), &json!("healthy")));
    assert_eq!(explained["running"], json!(true));

    let plain = format!("http://{DOMAIN}/a?b=c");
    let explained = stack.run(&["explain", &plain, "--format", "json"]).await.succeeded().json();
    let location = format!("https://{DOMAIN}:{}/a?b=c", stack.local_port(443));
    assert_eq!(explained["location"], json!(location), "what explain says");
    let mut connection = stack.open(80).await;
    assert_eq!(connection.get("/a?b=c").await.header("location"), location, "is what happens");
}

async fn run_uses_the_running_stack(stack: &Stack) {
    let before = running(&stack.view().await);
    let output = stack.run(&["run", "--", "sh", "-c", "echo $NEARGATE_URL; exit 5"]).await;
    assert_eq!(output.code, Some(5), "{output:?}");
    assert_eq!(output.stdout, format!("https://{DOMAIN}:{}\n", stack.local_port(443)));
    assert_eq!(running(&stack.view().await), before, "it goes on afterwards");
}

async fn restart_replaces_the_tasks(stack: &Stack) {
    let before = running(&stack.view().await);
    let refused = stack.run(&["restart", "no-such-service"]).await;
    assert_fails(&refused, 2, &["no-such-service"]);
    stack.run(&["restart", "service"]).await.succeeded();
    let view = stack
        .until("another task, and it alone", |view| {
            let now = running(view);
            view.ready && now.len() == 1 && now != before
        })
        .await;
    assert!(targets(&view, "tg-web").iter().any(|target| target.state == TargetHealthState::Healthy));
    assert_eq!(stack.get(&format!("https://{DOMAIN}/")).await.status, 200);
}

// --- Starting, changing, ending ------------------------------------------------------------------------------

#[tokio::test]
async fn a_second_up_applies_a_changed_file_without_dropping_connections_needlessly() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::web_and_api();
    let stack = scenario.stack();
    stack.up().await;
    let task = running(&stack.view().await);
    let mut connection = stack.open(443).await;
    assert_eq!(connection.get("/api/x").await.status, 200);
    assert_eq!(connection.get("/status").await.json()["name"], json!("web"));
    let request = format!("wss://{DOMAIN}/api/ws");
    let (mut socket, _) = tokio_tungstenite::client_async(request, stack.stream(443).await).await.unwrap();
    socket.send(Message::text("before")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("before"));
    let slow = stack.open(443).await;
    let slow = tokio::spawn(async move {
        let mut slow: Connection = slow;
        slow.get("/api/slow?ms=4000").await
    });

    let fixed =
        json!({ "fixed_response": { "status_code": 200, "content_type": "text/plain", "message_body": "fine" } });
    let rule = json!({ "priority": 5, "conditions": [{ "path_pattern": ["/status"] }], "action": fixed });
    scenario.rules().push(rule);
    scenario.service()["desired_count"] = json!(2);
    scenario.write(stack.folder());
    let applied = stack.up().await;
    assert!(applied.stderr.contains("to the running stack"), "{applied:?}");

    assert_eq!(connection.get("/status").await.body, "fine", "the same connection sees the new rule");
    assert_eq!(connection.get("/api/x").await.status, 200);
    assert!(!connection.is_closed());
    socket.send(Message::text("after")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("after"));
    assert_eq!(slow.await.unwrap().status, 200, "a request in flight is answered");

    let view = stack.view().await;
    let tasks = running(&view);
    assert!(tasks.len() == 2 && tasks.contains(&task[0]), "the first task stays: {task:?}, {tasks:?}");
    for task in &view.services[0].tasks {
        let own = stack.run(&["exec", "--task", &task.task_id, "web", "--", "hostname", "-i"]).await.succeeded();
        assert_eq!(own.stdout.trim(), task.private_ipv4_address.as_deref().unwrap());
    }
    let addresses: Vec<&str> = targets(&view, "tg-web").iter().map(|target| target.id.as_str()).collect();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1], "each task has an address of its own: {addresses:?}");

    std::fs::write(stack.folder().join("neargate.yaml"), "name: broken\nload_balancr: {}\n").unwrap();
    let refused = stack.run(&["up", "-d", "--wait"]).await;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("load_balancr"), "{refused:?}");
    assert_eq!(connection.get("/api/x").await.status, 200, "the stack goes on as it was");
    stack.down().await;
}

#[tokio::test]
async fn two_projects_run_side_by_side_and_end_separately() {
    let Some(_turn) = engine::turn().await else { return };
    let one = Scenario::of(vec![with(container("web", 80), "WHICH", "one")]).stack();
    let other = Scenario::of(vec![with(container("web", 80), "WHICH", "other")]).stack();
    tokio::join!(one.up(), other.up());
    for (stack, which) in [(&one, "one\n"), (&other, "other\n")] {
        assert_eq!(stack.run(&["exec", "web", "--", "printenv", "WHICH"]).await.stdout, which);
        assert_eq!(stack.get(&format!("https://{DOMAIN}/")).await.status, 200);
    }
    let address = |view: &ClusterView| targets(view, "tg-web")[0].id.clone();
    assert_ne!(address(&one.view().await), address(&other.view().await));

    one.down().await;
    assert!(!one.listens());
    assert_eq!(other.get(&format!("https://{DOMAIN}/")).await.status, 200);
    other.down().await;
}

#[tokio::test]
async fn ctrl_c_lets_requests_end_and_leaves_nothing() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::web_and_api().stack();
    let before = Listing::of(stack.project()).await;
    let up = stack.spawn(&["up"]);
    stack.until("it is up", |view| view.ready).await;
    eventually("the welcome", async || up.stderr().contains("is up")).await;
    let mut connection = stack.open(443).await;
    let in_flight = tokio::spawn(async move { connection.get("/slow?ms=2500").await });
    let logs = stack.spawn(&["logs", "-f"]);
    eventually("it is in flight", async || stack.run(&["logs"]).await.stdout.contains("taking 2500 ms")).await;

    up.signal(Signal::INT);
    let reply = in_flight.await.unwrap();
    assert_eq!(reply.status, 200, "it was in flight when Ctrl-C came");
    let ended = up.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_nothing_is_left(&stack, &before).await;
    let logs = logs.end().await.succeeded();
    assert!(logs.stdout.contains("taking 2500 ms"), "what was followed ends with the stack: {logs:?}");
}

#[tokio::test]
async fn an_up_during_a_down_waits_and_starts_the_stack_again() {
    let Some(_turn) = engine::turn().await else { return };
    let mut deaf = with(container("web", 80), "DEAF", "1");
    deaf["stopTimeout"] = json!(4);
    let stack = Scenario::of(vec![deaf]).stack();
    stack.up().await;
    let before = running(&stack.view().await);
    let down = stack.spawn(&["down"]);
    eventually("it is being taken down", async || down.stderr().contains("STOPPING")).await;
    let up = stack.up().await;
    assert!(up.stderr.contains("being taken down"), "{up:?}");
    down.end().await.succeeded();
    let now = running(&stack.view().await);
    assert!(now.len() == 1 && now != before, "{before:?}, {now:?}");
}

#[tokio::test]
async fn a_second_ctrl_c_stops_at_once_and_leaves_nothing() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let mut deaf = with(container("web", 80), "DEAF", "1");
    deaf["stopTimeout"] = json!(100);
    let stack = Scenario::of(vec![deaf]).stack();
    let before = Listing::of(stack.project()).await;
    let up = stack.spawn(&["up"]);
    stack.until("it is up", |view| view.ready).await;
    up.signal(Signal::INT);
    stack.until("it is stopping", |view| view.shutting_down).await;
    up.signal(Signal::INT);
    let asked = Instant::now();
    let ended = up.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(asked.elapsed() < Duration::from_secs(30), "took {:?}", asked.elapsed());
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn run_starts_the_stack_for_one_command_that_trusts_and_reaches_it() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::web_and_api().stack();
    let before = Listing::of(stack.project()).await;
    let variables = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];
    let script = format!("for name in {}; do eval test -s \\$$name || exit 1; done; exit 9", variables.join(" "));
    let output = stack.run(&["run", "--", "sh", "-c", &script]).await;
    assert_eq!(output.code, Some(9), "each names a file: {output:?}");
    assert_nothing_is_left(&stack, &before).await;

    // Two clients that take their trust from the environment and resolve names without the system's resolver.
    let curl = format!("curl -sS --resolve {DOMAIN}:${{NEARGATE_URL##*:}}:127.0.0.1 $NEARGATE_URL/api/x");
    let python = format!(
        "import os, socket, ssl; port = int(os.environ['NEARGATE_URL'].rsplit(':', 1)[1]); \
         tls = ssl.create_default_context().wrap_socket(socket.create_connection(('127.0.0.1', port)), \
         server_hostname='{DOMAIN}'); \
         tls.sendall(b'GET /api/x HTTP/1.1\\r\\nHost: {DOMAIN}\\r\\nConnection: close\\r\\n\\r\\n'); \
         print(tls.makefile().read())"
    );
    let script = format!(
        "set -e; if command -v curl >/dev/null; then {curl}; else echo '\"name\": \"api\"'; fi; \
         if command -v python3 >/dev/null; then python3 -c \"{python}\"; else echo '\"name\": \"api\"'; fi"
    );
    let output = stack.run(&["run", "--", "sh", "-c", &script]).await.succeeded();
    assert_eq!(output.stdout.matches(r#""name": "api""#).count(), 2, "{output:?}");

    assert_nothing_is_left(&stack, &before).await;
}
