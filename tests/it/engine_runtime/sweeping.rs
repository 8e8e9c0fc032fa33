//! Nothing is left behind, and nothing that is not ours is touched.

use std::process::Command;

use neargate::control::runtime::{Owners, Runtime as _};
use neargate::runtime::docker::DockerRuntime;
use neargate::runtime::docker::Engine;
use neargate::runtime::docker::engine::owner::{Owner, Processes as _, RealProcesses};

use super::world::{World, name, task};

#[tokio::test]
async fn the_engine_is_as_it_was_before() {
    let Some(world) = World::new().await else { return };
    let project = world.options().project.to_string();
    world.runtime.sweep(Owners::Any).await.unwrap();
    let before = world.listing().await;

    world.runtime.prepare().await.unwrap();
    let mut task = task(vec![world.container("web", "sleep 600"), world.container("done", "true")]);
    std::sync::Arc::make_mut(&mut task.definition).volumes =
        vec![neargate::model::task_definition::Volume::of_task("v")];
    world.run(&task).await;
    assert_ne!(world.listing().await, before);

    // Another process, which has never prepared anything, cleans up.
    let other = DockerRuntime::new(world.engine.clone(), world.options());
    let words = other.sweep(Owners::Any).await.unwrap();
    let short = task.id.short();
    for word in [
        format!("container web of task {short} of web"),
        format!("volume neargate-{project}-{short}-v"),
        format!("network neargate-{project}"),
    ] {
        assert!(words.contains(&word), "{words:?}");
    }
    assert_eq!(world.listing().await, before);
    let mut rest = other.sweep(Owners::Any).await.unwrap();
    // The other tests recreate the pause image.
    rest.retain(|words| !words.starts_with("image "));
    assert_eq!(rest, Vec::<String>::new(), "there is nothing left to do");
}

#[tokio::test]
async fn objects_of_a_living_process_stay_and_those_of_a_dead_one_go() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![world.container("web", "sleep 600")]);
    world.run(&task).await;
    assert_eq!(world.runtime.sweep(Owners::Dead).await.unwrap(), Vec::<String>::new());

    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let start = RealProcesses.start_of(child.id()).unwrap();
    let dead = Owner::current().with_process(child.id(), &start);
    child.kill().unwrap();
    child.wait().unwrap();
    let crashed = DockerRuntime::owned_by(world.engine.clone(), world.options(), dead);
    let left = super::world::task(vec![world.container("web", "sleep 600")]);
    crashed.open_task(&left).await.unwrap();
    crashed.start_container(&left, &name("web")).await.unwrap();

    let words = world.runtime.sweep(Owners::Dead).await.unwrap();
    assert_eq!(words.len(), 2, "web and its pause container: {words:?}");
    assert!(words[0].contains(left.id.short()), "{words:?}");
    assert!(world.runtime.container_id_of(&task.id, &name("web")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_network_without_our_label_is_refused_and_left() {
    let Some(world) = World::new().await else { return };
    let mut options = world.options();
    options.project = neargate::model::ProjectName::new(format!("{}-x", options.project));
    let name = format!("neargate-{}", options.project);
    let request = bollard::models::NetworkCreateRequest { name: name.clone(), ..Default::default() };
    world.docker().create_network(request).await.unwrap();
    let runtime = DockerRuntime::new(world.engine.clone(), options);
    let refused = runtime.prepare().await;
    let swept = runtime.sweep(Owners::Any).await;
    world.docker().remove_network(&name).await.expect("it is still there");
    assert!(refused.unwrap_err().to_string().contains("docker network rm"));
    assert!(!swept.unwrap().contains(&format!("network {name}")));
}

#[tokio::test]
async fn projects_on_the_engine_can_be_listed() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![world.container("web", "sleep 600")]);
    world.run(&task).await;
    let projects = Engine::connect().await.unwrap().projects().await.unwrap();
    let ours = projects.into_iter().find(|found| found.project == world.options().project).unwrap();
    assert_eq!((ours.tasks, ours.running_containers, ours.owner_pid), (1, 1, Some(std::process::id())));
}
