//! Reports of the engine: exits, memory, health, gaps.

use std::time::Duration;

use neargate::control::runtime::{ObservedState, Runtime as _, RuntimeError, RuntimeEvent};
use neargate::model::task::HealthStatus;
use neargate::model::task_definition::ContainerHealthCheck;

use super::world::{World, name, seen, task};
use crate::support::engine::Relay;
use crate::support::waiting::eventually;

#[tokio::test]
async fn an_exit_is_reported_with_its_code() {
    let Some(world) = World::new().await else { return };
    let mut observer = world.observe();
    observer.inventory().await;
    let task = task(vec![world.container("web", "exit 7")]);
    world.run(&task).await;
    let exit = observer.exit("web").await;
    assert_eq!((exit.exit_code, exit.out_of_memory), (7, false));
    world.runtime.close_task(&task.id).await.unwrap();
    observer.until("its removal", |log| seen(log, "web").iter().any(|found| found.state == ObservedState::Gone)).await;
}

#[tokio::test]
async fn an_out_of_memory_kill_is_distinguished_from_others() {
    let Some(world) = World::new().await else { return };
    let mut observer = world.observe();
    observer.inventory().await;
    let mut greedy = world.container("greedy", "exec tail /dev/zero");
    greedy.memory_mib = Some(16);
    let killed = world.container("killed", "kill -9 $$");
    world.run(&task(vec![greedy, killed])).await;
    let exit = observer.exit("greedy").await;
    assert_eq!((exit.exit_code, exit.out_of_memory), (137, true));
    // pid 1 cannot kill itself; it exits in its own way.
    assert!(!observer.exit("killed").await.out_of_memory);
}

#[tokio::test]
async fn a_task_is_held_within_its_memory_as_a_whole() {
    let Some(world) = World::new().await else { return };
    let mut observer = world.observe();
    observer.inventory().await;
    let mut small = task(vec![world.container("greedy", "exec tail /dev/zero")]);
    std::sync::Arc::make_mut(&mut small.definition).memory_mib = 32;
    world.run(&small).await;
    let exit = observer.exit("greedy").await;
    assert_eq!((exit.exit_code, exit.out_of_memory), (137, true));
}

/// Starting a container is the engine's work and is not throttled; the container's own work is.
#[tokio::test]
async fn a_task_is_held_within_its_cpu_as_a_whole() {
    let Some(world) = World::new().await else { return };
    let busy = "while :; do :; done";
    let mut small = task(vec![world.container("one", busy), world.container("two", busy)]);
    std::sync::Arc::make_mut(&mut small.definition).cpu = 256;
    world.run(&small).await;
    let group = format!("neargate/{}/{}", world.options().project.as_str(), small.id.short());
    let of_task = ["cpu/", ""].map(|root| std::path::PathBuf::from(format!("/sys/fs/cgroup/{root}{group}/cpu.stat")));
    let Some(statistics) = of_task.iter().find(|file| file.exists()) else {
        eprintln!(
            "skipped: this engine's control groups are not ours to write, so each container has a share of its own"
        );
        return;
    };
    eventually("a busy task that is throttled", async || {
        let text = std::fs::read_to_string(statistics).unwrap();
        let throttled = text.lines().find_map(|line| line.strip_prefix("nr_throttled "));
        throttled.is_some_and(|count| count != "0")
    })
    .await;
}

#[tokio::test]
async fn health_goes_from_unknown_to_healthy_to_unhealthy() {
    let Some(world) = World::new().await else { return };
    let mut observer = world.observe();
    observer.inventory().await;
    let mut web = world.container("web", "touch /tmp/ok; sleep 600");
    web.health_check = Some(ContainerHealthCheck {
        command: vec!["CMD-SHELL".to_owned(), "test -e /tmp/ok".to_owned()],
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        retries: 2,
        start_period: Duration::ZERO,
    });
    let task = task(vec![web]);
    world.run(&task).await;
    let is = |health| {
        move |log: &[RuntimeEvent]| {
            seen(log, "web").last().is_some_and(|last| last.state == ObservedState::Running && last.health == health)
        }
    };
    observer.until("UNKNOWN", is(HealthStatus::Unknown)).await;
    observer.until("HEALTHY", is(HealthStatus::Healthy)).await;
    world.in_container(&task, "web", &["rm", "/tmp/ok"]).await;
    observer.until("UNHEALTHY", is(HealthStatus::Unhealthy)).await;
    drop(observer);
    let mut later = world.observe();
    later.inventory().await;
    later.until("UNHEALTHY in the inventory", is(HealthStatus::Unhealthy)).await;
}

#[tokio::test]
async fn after_a_gap_the_inventory_reports_the_state() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![
        world.container("ends", "exit 3"),
        world.container("runs", "sleep 600"),
        world.container("vanishes", "sleep 600"),
    ]);
    world.run(&task).await;
    world.lines(&task, &name("ends")).await;
    let vanishing = world.runtime.container_id_of(&task.id, &name("vanishes")).await.unwrap().unwrap();
    world.remove(&vanishing).await;

    let mut observer = world.observe();
    observer.inventory().await;
    assert_eq!(observer.exit("ends").await.exit_code, 3);
    let state = |name: &str| seen(&observer.log, name).first().map(|found| found.state.clone());
    assert_eq!(state("runs"), Some(ObservedState::Running));
    assert_eq!(state("vanishes"), None);
}

#[tokio::test]
async fn a_lost_pause_container_is_noticed_live_and_after_a_gap() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![world.container("web", "sleep 600")]);
    world.run(&task).await;
    let lost = |log: &[RuntimeEvent]| {
        log.iter().any(|event| match event {
            RuntimeEvent::Inventory(_, all) => all.iter().any(|found| found.container.is_none()),
            RuntimeEvent::Changed(found) => found.container.is_none(),
            RuntimeEvent::Unreachable(..) | RuntimeEvent::Nodes(_) => false,
        })
    };
    let mut observer = world.observe();
    observer.inventory().await;
    assert!(!lost(&observer.log), "it is there");
    world.remove(&world.pause_name(&task)).await;
    observer.until("the loss", lost).await;

    let mut later = world.observe();
    later.inventory().await;
    assert!(lost(&later.log), "{:?}", later.log);
}

#[tokio::test]
async fn an_engine_that_disappears_is_reported_and_found_again() {
    let Some(world) = World::new().await else { return };
    let Some(relay) = Relay::new().await else { return };
    let through = super::relay::runtime(&relay, world.options()).await;
    let through_too = std::sync::Arc::new(through);
    let mut observer = super::world::Observer::new(std::sync::Arc::clone(&through_too));
    observer.inventory().await;
    relay.cut();
    observer.until("the loss", |log| log.iter().any(|event| matches!(event, RuntimeEvent::Unreachable(..)))).await;
    let task = task(vec![world.container("web", "true")]);
    let error = through_too.open_task(&task).await.unwrap_err();
    assert!(matches!(&error, RuntimeError::EngineUnreachable(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("docker.sock (relay): ") && text.contains("`docker info` should work"), "{text}");
    relay.mend();
    observer.until("an inventory afterwards", |log| matches!(log.last(), Some(RuntimeEvent::Inventory(..)))).await;
}

#[tokio::test]
async fn output_comes_in_lines_of_both_streams_from_the_start() {
    let Some(world) = World::new().await else { return };
    let script = "echo one; echo two >&2; head -c 40000 /dev/zero | tr '\\0' x; echo; printf end";
    let task = task(vec![world.container("web", script)]);
    world.run(&task).await;
    let lines = world.lines(&task, &name("web")).await;
    let out: Vec<&str> = lines.iter().filter(|line| !line.stderr).map(|line| line.text.as_str()).collect();
    let err: Vec<&str> = lines.iter().filter(|line| line.stderr).map(|line| line.text.as_str()).collect();
    assert_eq!(err, ["two"]);
    assert_eq!(out, ["one", "x".repeat(40000).as_str(), "end"]);
    assert!(lines.windows(2).all(|pair| pair[0].at <= pair[1].at || pair[0].stderr != pair[1].stderr));
}
