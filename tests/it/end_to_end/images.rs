//! Images that are built here: whose code runs, when it is built, and what is reported.

use serde_json::json;

use super::assert_fails;
use crate::support::engine::{self, Listing, has_image, remove_image};
use crate::support::registry::{Answer, Registry};
use crate::support::scenario::{Scenario, container};
use crate::support::stack::{DOMAIN, Stack};
use crate::support::waiting::eventually;

/// A service with one container that is built from the stack's folder. Any number of projects may use the name in its
/// task definition.
pub(super) fn built() -> Scenario {
    let mut web = container("web", 80);
    web["image"] = json!("same:latest");
    web.as_object_mut().unwrap().remove("command");
    let mut scenario = Scenario::of(vec![web]);
    scenario.service()["build"] = json!({ "web": { "context": "." } });
    scenario
}

/// The image's response, and the steps of its build.
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
async fn changed_images_are_built_and_rolled_and_others_stay() {
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
    let up = stack.run(&["up", "-d"]).await.succeeded();
    assert!(up.stderr.contains("built") && up.stderr.contains("service service is stable on scenario:1"), "{up:?}");
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
async fn an_image_that_does_not_run_is_rolled_back_to_the_one_before() {
    let Some(_turn) = engine::turn().await else { return };
    let mut scenario = built();
    scenario.service()["deployment_circuit_breaker"] = json!({ "enable": true, "rollback": true });
    // No task of the old image is left when the new one fails.
    scenario.service()["deployment_minimum_healthy_percent"] = json!(0);
    scenario.service()["deployment_maximum_percent"] = json!(100);
    let stack = scenario.stack();
    source(&stack, "first", "");
    stack.up().await;

    std::fs::write(stack.folder().join("Dockerfile"), "FROM busybox:1.35\nCMD [\"false\"]\n").unwrap();
    let up = stack.run(&["up", "-d"]).await;
    assert_eq!(up.code, Some(1), "{up:?}");
    assert!(up.stderr.contains("with another image failed and was rolled back"), "{up:?}");
    assert_eq!(answer(&stack).await, "first");

    source(&stack, "mended", "");
    stack.run(&["up", "-d"]).await.succeeded();
    assert_eq!(answer(&stack).await, "mended");
    stack.down().await;
}

#[tokio::test]
async fn a_failing_build_is_tried_once_and_reported_once() {
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

/// Only images have been created, and all of them are named here.
async fn assert_only_images_are_there(stack: &Stack) {
    let there = Listing::of(stack.project()).await;
    let ours: Vec<&str> = there.besides_images().into_iter().filter(|line| line.contains(stack.project())).collect();
    assert_eq!(ours, Vec::<&str>::new());
    assert!(!stack.state_folder().exists() && !stack.listens());
}

#[tokio::test]
async fn build_makes_the_images_before_anything_runs() {
    let Some(_turn) = engine::turn().await else { return };
    let stack = built().stack();
    let image = format!("neargate/{}/service/web:latest", stack.project());
    source(&stack, "first", "");
    let no_service = ["no service `srvice`; the services are: service"];
    assert_fails(&stack.run(&["build", "srvice"]).await, 2, &no_service);
    assert_fails(&stack.run(&["pull", "srvice"]).await, 2, &no_service);
    assert!(!has_image(&image).await, "nothing was built");

    let built = stack.run(&["build"]).await.succeeded();
    assert!(built.stderr.ends_with("✔ service/web built\n"), "{built:?}");
    assert!(has_image(&image).await);
    for (arguments, said) in [
        (&["build", "service"][..], "✔ service/web cached\n"),
        (&["build", "--no-cache"], "✔ service/web built\n"),
        (&["pull"], "nothing to pull: every container has a `build` (`neargate build` builds them)\n"),
    ] {
        let output = stack.run(arguments).await.succeeded();
        assert!(output.stderr.ends_with(said), "{arguments:?}: {output:?}");
    }
    assert_only_images_are_there(&stack).await;

    // The built image is the one that runs.
    let up = stack.run(&["up", "-d", "--wait", "--no-build"]).await.succeeded();
    assert!(up.stderr.contains("there already"), "{up:?}");
    assert_eq!(answer(&stack).await, "first");
    stack.down().await;

    source(&stack, "never", "RUN echo it broke because; exit 3");
    let output = stack.run(&["build"]).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert_eq!(output.stderr.matches("✘ service/web: image build failed: Dockerfile, ").count(), 1, "{output:?}");
    assert!(output.stderr.contains("it broke because"), "{output:?}");

    stack.run(&["down", "--rmi", "local"]).await.succeeded();
    assert!(!has_image(&image).await);
    assert_only_images_are_there(&stack).await;
}

#[tokio::test]
async fn pull_fetches_the_images_that_are_not_built() {
    let Some(_turn) = engine::turn().await else { return };
    let registry = Registry::start(Answer::Image).await;
    let mut scenario = Scenario::of(vec![container("web", 80)]);
    scenario.task["containerDefinitions"][0]["image"] = json!(registry.image("web"));
    let stack = scenario.stack();
    let image = registry.image("web");
    let pulled = stack.run(&["pull"]).await.succeeded();
    assert!(pulled.stderr.ends_with(&format!("✔ {image} pulled\n")), "{pulled:?}");
    let again = stack.run(&["pull", "service"]).await.succeeded();
    assert!(again.stderr.ends_with(&format!("✔ {image} there already\n")), "{again:?}");
    let nothing = stack.run(&["build"]).await.succeeded();
    assert_eq!(nothing.stderr, "nothing to build: no container has a `build` (`neargate pull` pulls images)\n");
    assert_only_images_are_there(&stack).await;
    remove_image(&image).await;
    drop(registry);

    let gone = stack.run(&["pull"]).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains(&format!("✘ {image}: CannotPullContainerError: ")), "{gone:?}");
}
