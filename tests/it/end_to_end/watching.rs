//! `up --watch`: the effect of files that change while a stack runs.

use neargate::model::task::DesiredStatus;
use rustix::process::Signal;
use serde_json::json;

use super::assert_fails;
use super::images::{answer, built, source};
use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Stack};
use crate::support::waiting::eventually;

async fn page(stack: &Stack, path: &str) -> (u16, String) {
    let reply = stack.get(&format!("https://{DOMAIN}/{path}")).await;
    (reply.status, reply.body)
}

/// The desired tasks.
async fn tasks(stack: &Stack) -> Vec<String> {
    let view = stack.view().await;
    let tasks = view.services.iter().flat_map(|service| &service.tasks);
    tasks.filter(|task| task.desired_status == DesiredStatus::Running).map(|task| task.task_id.clone()).collect()
}

#[tokio::test]
async fn a_change_in_the_build_context_is_built_and_rolled() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = built().stack();
    source(&stack, "first", "");
    std::fs::write(stack.folder().join(".dockerignore"), "ignored\n").unwrap();
    let refused = stack.run(&["up", "-d", "--watch"]).await;
    assert_fails(&refused, 2, &["--watch", "--detach"]);

    let up = stack.spawn(&["up", "--watch"]);
    stack.until("it is up", |view| view.ready).await;
    assert_eq!(answer(&stack).await, "first");
    std::fs::write(stack.folder().join("ignored"), "nobody minds").unwrap();
    std::fs::write(stack.folder().join("answer"), "second").unwrap();
    eventually("the second answer", async || answer(&stack).await == "second").await;

    source(&stack, "third", "RUN exit 3");
    eventually("the failure is told", async || up.stderr().contains("cannot be built")).await;
    assert_eq!(answer(&stack).await, "second", "what ran goes on");
    source(&stack, "fourth", "");
    eventually("the fourth answer", async || answer(&stack).await == "fourth").await;

    up.signal(Signal::INT);
    let ended = up.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(!ended.stderr.contains("rebuild ignored"), "{ended:?}");
}

#[tokio::test]
async fn folders_are_copied_into_running_and_future_containers() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = built();
    scenario.service()["develop"] = json!({ "web": { "watch": [
        { "path": "site", "action": "sync", "target": "/w/site", "ignore": ["*.tmp"] },
        { "path": "motd", "action": "sync+restart", "target": "/motd" },
        { "path": "answer", "action": "rebuild" },
    ] } });
    let stack = scenario.stack();
    source(&stack, "first", "RUN mkdir /w/site && echo before >/motd");
    // The container reads the file at its start.
    let dockerfile = std::fs::read_to_string(stack.folder().join("Dockerfile")).unwrap();
    let start = "CMD [\"sh\", \"-c\", \"cp /motd /w/motd; exec httpd -f -p 80 -h /w\"]\n";
    let kept: String =
        dockerfile.lines().filter(|line| !line.starts_with("CMD")).map(|line| format!("{line}\n")).collect();
    std::fs::write(stack.folder().join("Dockerfile"), kept + start).unwrap();
    std::fs::create_dir(stack.folder().join("site")).unwrap();
    std::fs::write(stack.folder().join("motd"), "before\n").unwrap();
    stack.up().await;
    let before = tasks(&stack).await;

    // A stack that is already running is watched as well, and keeps running afterwards.
    let up = stack.spawn(&["up", "--watch"]);
    eventually("it watches", async || up.stderr().contains("is up")).await;
    std::fs::create_dir(stack.folder().join("site/deep")).unwrap();
    std::fs::write(stack.folder().join("site/deep/page"), "copied").unwrap();
    std::fs::write(stack.folder().join("site/x.tmp"), "left out").unwrap();
    eventually("the page is there", async || page(&stack, "site/deep/page").await == (200, "copied".to_owned())).await;
    assert_eq!(page(&stack, "site/x.tmp").await.0, 404);
    assert_eq!(tasks(&stack).await, before, "no task was replaced");

    std::fs::write(stack.folder().join("motd"), "after\n").unwrap();
    eventually("it was restarted", async || page(&stack, "motd").await == (200, "after\n".to_owned())).await;
    assert_eq!(page(&stack, "site/deep/page").await.1, "copied", "with all that was copied into it");
    assert_eq!(tasks(&stack).await, before, "as it was");

    stack.run(&["restart", "service"]).await.succeeded();
    eventually("another task", async || {
        let now = tasks(&stack).await;
        now.len() == 1 && now != before
    })
    .await;
    eventually("it has got the page", async || page(&stack, "site/deep/page").await.0 == 200).await;
    std::fs::remove_file(stack.folder().join("site/deep/page")).unwrap();
    eventually("the page is gone", async || page(&stack, "site/deep/page").await.0 == 404).await;

    up.signal(Signal::INT);
    assert_eq!(up.end().await.code, Some(130));
    assert_eq!(answer(&stack).await, "first");
    stack.down().await;
}

#[tokio::test]
async fn a_changed_file_is_applied_and_a_mistake_in_it_changes_nothing() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    let stack = scenario.stack();
    let up = stack.spawn(&["up", "--watch"]);
    stack.until("it is up", |view| view.ready).await;
    let before = tasks(&stack).await;

    // As an editor does: a new file replaces this one.
    std::fs::write(stack.folder().join("new"), "services: [").unwrap();
    std::fs::rename(stack.folder().join("new"), stack.folder().join("neargate.yaml")).unwrap();
    let stays = "not applied; the stack keeps running unchanged";
    eventually("the mistake is told", async || up.stderr().contains(stays)).await;
    assert!(up.stderr().contains("neargate.yaml:1:"), "{}", up.stderr());
    assert_eq!((page(&stack, "health").await.0, tasks(&stack).await), (200, before.clone()));

    scenario.service()["desired_count"] = json!(2);
    scenario.write(stack.folder());
    stack.until("two tasks", |view| view.ready && view.services[0].running_count == 2).await;
    assert!(up.stderr().contains("desired_count"), "what has changed is told: {}", up.stderr());

    // A file that did not exist, and one that the file names.
    let over = json!({ "services": { "service": { "desired_count": 1 } } });
    std::fs::write(stack.folder().join("neargate.override.yaml"), over.to_string()).unwrap();
    stack.until("the override counts", |view| view.ready && view.services[0].running_count == 1).await;
    let all = tasks(&stack).await;
    scenario.task["containerDefinitions"][0]["environment"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "NEW", "value": "1" }));
    scenario.write(stack.folder());
    eventually("a new task", async || {
        let now = tasks(&stack).await;
        now.len() == 1 && now.iter().all(|task| !all.contains(task))
    })
    .await;

    up.signal(Signal::INT);
    let ended = up.end().await;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stderr.matches(stays).count(), 1, "{ended:?}");
}

#[tokio::test]
async fn files_are_there_from_the_start_and_a_command_loads_changes() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = built();
    let take_in = json!({ "command": "sh -c 'cp /conf/motd /w/motd; echo $$WHO took it in $$(pwd); [ ! -e /conf/bad ]'",
        "environment": { "WHO": "somebody" }, "working_dir": "/w", "user": "root" });
    scenario.service()["develop"] = json!({ "web": { "watch": [
        { "path": "site", "action": "sync", "target": "/w/site", "include": "**/*.html", "initial_sync": true },
        { "path": "conf", "action": "sync+exec", "target": "/conf/", "exec": take_in },
    ] } });
    let stack = scenario.stack();
    source(&stack, "first", "");
    let write = |path: &str, text: &str| {
        let path = stack.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("conf/motd", "before");
    stack.up().await;
    let before = tasks(&stack).await;
    write("site/deep/page.html", "as it is");
    write("site/deep/page.txt", "not wanted");

    let up = stack.spawn(&["up", "--watch"]);
    let there = "site/deep/page.html";
    eventually("what was there", async || page(&stack, there).await == (200, "as it is".to_owned())).await;
    assert_eq!(page(&stack, "site/deep/page.txt").await.0, 404);
    assert_eq!(page(&stack, "motd").await.0, 404, "without `initial_sync` only what changes counts");
    write("site/deep/page.txt", "still not wanted");
    write("site/more/page.html", "one more");
    eventually("a new folder", async || page(&stack, "site/more/page.html").await.0 == 200).await;
    assert_eq!(page(&stack, "site/deep/page.txt").await.0, 404);

    write("conf/motd", "after");
    eventually("it was taken in", async || page(&stack, "motd").await == (200, "after".to_owned())).await;
    eventually("it says so", async || up.stderr().contains("web | somebody took it in /w")).await;
    write("conf/bad", "");
    eventually("a failure is told", async || up.stderr().contains("ended with 1")).await;
    assert_eq!(tasks(&stack).await, before, "no task was replaced");
    up.signal(Signal::INT);
    assert_eq!(up.end().await.code, Some(130));
    stack.down().await;
}
