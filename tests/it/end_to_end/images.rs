//! Images that are built here: whose code runs, when it is built, and what is said about it.

use serde_json::json;

use crate::support::engine;
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Stack};
use crate::support::waiting::eventually;

/// A service of one container that is built from the stack's folder. The name in its task definition is one that any
/// number of projects may use.
pub(super) fn built() -> Scenario {
    let mut web = container("web", 80);
    web["image"] = json!("same:latest");
    web.as_object_mut().unwrap().remove("command");
    let mut scenario = Scenario::of(vec![web]);
    scenario.service()["build"] = json!({ "web": { "context": "." } });
    scenario
}

/// What the image answers with, and what is done on the way to it.
pub(super) fn source(stack: &Stack, answer: &str, step: &str) {
    let dockerfile = format!(
        "FROM busybox:1.35\nRUN mkdir /w && echo fine >/w/health\n{step}\nCOPY answer /w/index.html\n\
         CMD [\"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/w\"]\n"
    );
    std::fs::write(stack.folder().join("Dockerfile"), dockerfile).unwrap();
    std::fs::write(stack.folder().join("answer"), answer).unwrap();
}

pub(super) async fn answer(stack: &Stack) -> String {
    stack.get(&format!("https://{DOMAIN}/index.html")).await.body
}

#[tokio::test]
async fn two_projects_with_one_image_name_run_their_own_code() {
    let Some(_turn) = engine::turn().await else { return };
    let (one, other) = (built().stack(), built().stack());
    source(&one, "project 1", "");
    source(&other, "project 2", "");
    one.up().await;
    other.up().await;
    assert_eq!((answer(&one).await.as_str(), answer(&other).await.as_str()), ("project 1", "project 2"));
    other.down().await;
    one.down().await;
}

#[tokio::test]
async fn what_has_changed_is_built_and_rolled_and_what_has_not_stays() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = built().stack();
    source(&stack, "first", "");
    let up = stack.up().await;
    assert!(up.stderr.contains("built"), "{up:?}");
    let tasks =
        async || stack.view().await.services[0].tasks.iter().map(|task| task.task_id.clone()).collect::<Vec<_>>();
    let before = tasks().await;

    let up = stack.up().await;
    assert!(up.stderr.contains("cached"), "{up:?}");
    assert_eq!(tasks().await, before, "nothing has changed");

    source(&stack, "second", "");
    let up = stack.up().await;
    assert!(up.stderr.contains("built"), "{up:?}");
    assert_eq!(answer(&stack).await, "second");

    source(&stack, "third", "");
    let up = stack.run(&["up", "-d", "--wait", "--no-build"]).await.succeeded();
    assert!(!up.stderr.contains("building"), "{up:?}");
    assert_eq!(answer(&stack).await, "second", "it was not to be built");
    stack.down().await;
    let removed = stack.run(&["down", "--rmi", "local"]).await.succeeded();
    assert!(
        removed.stderr.contains(&format!("removed image neargate/{}/service/web:latest", stack.project())),
        "{removed:?}"
    );
}

#[tokio::test]
async fn a_build_that_fails_is_tried_once_and_told_once() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = built().stack();
    source(&stack, "never", "RUN echo it broke because; exit 3");
    let up = stack.run(&["up", "-d", "--wait"]).await;
    assert_eq!(up.code, Some(1), "{up:?}");
    assert_eq!(up.stderr.matches("\n  it broke because").count(), 1, "{up:?}");
    assert_eq!(up.stderr.matches("cannot be built: Dockerfile, ").count(), 1, "{up:?}");
    assert_eq!(up.stderr.matches(" failed").count(), 1, "{up:?}");
    assert!(!up.stderr.contains("Removing intermediate") && !up.stderr.contains("TaskFailedToStart"), "{up:?}");
    let [_, cause, _] = stack.diagnosis("image of service/web").await;
    assert_eq!(cause, "the image does not build");

    source(&stack, "mended", "");
    stack.up().await;
    eventually("the mended one answers", async || answer(&stack).await == "mended").await;
    stack.down().await;
}
