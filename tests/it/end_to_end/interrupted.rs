//! `kill -9` at the worst moments, and an engine that disappears: all remains are found by their labels and removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use neargate::model::task::TaskStatus;
use rustix::process::Signal;
use serde_json::json;

use super::{assert_fails, assert_nothing_is_left};
use crate::support::engine::{self, Listing, Relay, has_container_that_runs, owner_of};
use crate::support::scenario::{Scenario, container, with};
use crate::support::stack::{DOMAIN, Running, kill};
use crate::support::waiting::eventually;

/// Kills the process without a chance to clean up.
async fn kill_dead(process: Running) {
    process.signal(Signal::KILL);
    assert_eq!(process.end().await.code, None);
}

#[tokio::test]
async fn after_a_kill_during_the_start_down_leaves_nothing() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::web_and_api().stack();
    let before = Listing::of(stack.project()).await;
    // As soon as the first object exists, and again when there are more.
    for tasks in ["PROVISIONING", "PENDING"] {
        let up = stack.spawn(&["up"]);
        eventually("something of ours is in the engine", async || {
            up.stderr().contains(tasks) && Listing::of(stack.project()).await != before
        })
        .await;
        kill_dead(up).await;
        assert!(stack.state_folder().exists(), "it had no time to tidy up");
        stack.down().await;
        assert_nothing_is_left(&stack, &before).await;
    }
}

#[tokio::test]
async fn after_a_kill_during_a_build_down_leaves_nothing() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.task["containerDefinitions"][0]["image"] = json!("neargate-it/never-built:latest");
    scenario.service()["build"] = json!({ "web": { "context": "." } });
    let stack = scenario.stack();
    // Finished steps stay in the engine's build cache, which is no more ours than that of `docker build`.
    let step = "FROM busybox:1.35\nRUN echo it builds; head -c 1000 /dev/urandom >/layer; sleep 20\n";
    std::fs::write(stack.folder().join("Dockerfile"), step).unwrap();
    let before = Listing::of(stack.project()).await;
    let up = stack.spawn(&["up"]);
    eventually("it builds", async || has_container_that_runs("it builds").await).await;
    kill_dead(up).await;
    stack.down().await;
    // The engine itself notices that the client of the build is gone.
    eventually("the builder's container is gone", async || !has_container_that_runs("it builds").await).await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn after_a_kill_under_traffic_the_next_up_continues_and_down_leaves_nothing() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::web_and_api().stack();
    let before = Listing::of(stack.project()).await;
    // In the background, as most stacks are: its pid is in its labels.
    stack.up().await;
    let first = owner_of(stack.project()).await.unwrap();
    let answered = Arc::new(AtomicU32::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut connection = stack.open(443).await;
        let answered = Arc::clone(&answered);
        clients.spawn(async move {
            // Until the connection breaks.
            while connection.try_send(http::Request::get("/api/x"), "").await.is_ok() {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    eventually("traffic flows", async || answered.load(Ordering::Relaxed) > 100).await;
    kill(first, Signal::KILL);
    clients.join_all().await;
    assert!(stack.run(&["ps"]).await.succeeded().stderr.contains("not running"));

    stack.up().await;
    assert_eq!(stack.get(&format!("https://{DOMAIN}/api/x")).await.status, 200);
    let second = owner_of(stack.project()).await.unwrap();
    assert_ne!(first, second);
    kill(second, Signal::KILL);
    eventually("the process is gone", async || !stack.listens()).await;
    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn changes_by_commands_survive_a_crash_and_end_with_down() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::of(vec![container("web", 80)]).stack();
    let before = Listing::of(stack.project()).await;
    let stays = "desired_count stays at 2, as set by `scale`; the file says 1";
    let tasks = async || stack.view().await.services[0].desired_count;
    stack.up().await;
    stack.run(&["scale", "service=2"]).await.succeeded();

    // The process gets no warning: the next one has only the files on disk.
    kill(owner_of(stack.project()).await.unwrap(), Signal::KILL);
    eventually("the process is gone", async || !stack.listens()).await;
    let up = stack.up().await;
    assert!(up.stderr.contains(stays), "{up:?}");
    assert_eq!(tasks().await, 2);

    stack.run(&["down", "--keep"]).await.succeeded();
    let kept: Vec<_> =
        std::fs::read_dir(stack.state_folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, ["journal"]);
    let up = stack.up().await;
    assert!(up.stderr.contains(stays), "{up:?}");
    assert_eq!(tasks().await, 2);

    stack.down().await;
    assert!(!stack.state_folder().exists());
    let up = stack.up().await;
    assert!(!up.stderr.contains(stays), "{up:?}");
    assert_eq!(tasks().await, 1);
    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn after_a_kill_during_the_stop_a_second_down_leaves_nothing() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let mut deaf = with(container("web", 80), "DEAF", "1");
    deaf["stopTimeout"] = json!(60);
    let stack = Scenario::of(vec![deaf]).stack();
    let before = Listing::of(stack.project()).await;
    stack.up().await;
    let owner = owner_of(stack.project()).await.unwrap();
    let down = stack.spawn(&["down"]);
    stack.until("it is stopping", |view| view.shutting_down).await;
    kill(owner, Signal::KILL);
    // The waiting `down` notices, and removes by label what was left.
    down.end().await.succeeded();
    assert_nothing_is_left(&stack, &before).await;

    // If `down` itself is killed, the stack finishes stopping by itself, and another `down` is possible.
    stack.up().await;
    let down = stack.spawn(&["down"]);
    stack.until("it is stopping", |view| view.shutting_down).await;
    kill_dead(down).await;
    stack.run(&["down", "--force"]).await.succeeded();
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn a_stack_survives_the_loss_of_its_engine_and_recovers_when_it_is_back() {
    let Some(_turn) = engine::turn().await else { return };
    let Some(relay) = Relay::new().await else { return };
    let mut stack = Scenario::web_and_api().stack();
    stack.set("DOCKER_HOST", &format!("unix://{}", relay.path().display()));
    stack.up().await;
    relay.cut();
    let view = stack.until("the trouble is seen", |view| view.trouble.is_some()).await;
    assert!(!view.trouble.unwrap().contains('\n'), "one clear message");
    let [symptom, cause, fix] = stack.diagnosis("container engine").await;
    assert!(!symptom.is_empty() && !cause.is_empty() && fix.contains("start it again"), "{symptom} {cause} {fix}");
    assert_eq!(stack.get(&format!("https://{DOMAIN}/api/x")).await.status, 200, "targets that run are served");

    relay.mend();
    stack.until("it is well again", |view| view.trouble.is_none() && view.ready).await;
    // A container that exited in the meantime would have been replaced; one that exits now is replaced.
    let _ = stack.open(443).await.try_send(http::Request::get("/api/end?code=1"), "").await;
    stack
        .until("the task is replaced", |view| {
            view.ready && view.services[0].tasks.iter().any(|task| task.last_status == TaskStatus::Stopped)
        })
        .await;
    stack.down().await;
}

#[tokio::test]
async fn an_engine_that_is_gone_for_good_is_not_waited_for() {
    let Some(_turn) = engine::turn().await else { return };
    let Some(relay) = Relay::new().await else { return };
    let mut stack = Scenario::web_and_api().stack();
    stack.set("DOCKER_HOST", &format!("unix://{}", relay.path().display()));
    let before = Listing::of(stack.project()).await;
    stack.up().await;
    relay.cut();
    assert_fails(&stack.run(&["down"]).await, 4, &[&relay.path().display().to_string()]);
    assert!(!stack.listens() && !stack.state_folder().exists(), "the process is gone all the same");
    // Objects left in the engine are found when it is back.
    relay.mend();
    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn a_process_without_its_socket_or_its_folder_is_ended_by_down_and_never_robbed_by_up() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let stack = Scenario::web_and_api().stack();
    let before = Listing::of(stack.project()).await;
    stack.up().await;
    let owner = owner_of(stack.project()).await.unwrap();
    std::fs::remove_file(stack.state_folder().join("control.sock")).unwrap();
    let down = stack.down().await;
    assert!(down.stderr.contains(&format!("process {owner}")), "{down:?}");
    assert_nothing_is_left(&stack, &before).await;

    stack.up().await;
    let owner = owner_of(stack.project()).await.unwrap();
    std::fs::remove_dir_all(stack.state_folder()).unwrap();
    let mut other = Vec::new();
    for arguments in [&["up", "-d"][..], &["up"], &["run", "--", "true"]] {
        let output = stack.run(arguments).await;
        assert_ne!(output.code, Some(0), "{output:?}");
        other.push(output.stderr);
    }
    assert!(other.iter().all(|text| text.contains(&owner.to_string())), "each names the process: {other:?}");
    assert_eq!(owner_of(stack.project()).await, Some(owner), "it still has its containers");
    assert_eq!(stack.get(&format!("http://{DOMAIN}/")).await.status, 301, "and answers");
    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}

#[tokio::test]
async fn one_of_several_ups_at_once_starts_the_stack_and_the_others_apply_their_file() {
    let Some(_turn) = engine::turn_alone().await else { return };
    let Some(relay) = Relay::new().await else { return };
    let mut stack = Scenario::web_and_api().stack();
    stack.set("DOCKER_HOST", &format!("unix://{}", relay.path().display()));
    let before = Listing::of(stack.project()).await;
    // An engine that does not answer yet: the first process owns the project but has nothing to show.
    relay.hold();
    let ups: Vec<Running> = (0..3).map(|_| stack.spawn(&["up", "-d", "--wait"])).collect();
    eventually("one has the project", async || stack.state_folder().join("lock").exists()).await;
    relay.release();
    for up in ups {
        up.end().await.succeeded();
    }
    assert_eq!(stack.get(&format!("https://{DOMAIN}/api/x")).await.status, 200);
    stack.down().await;
    assert_nothing_is_left(&stack, &before).await;
}
