//! How containers end: exit codes, and the signals that end them (ECS developer guide, "Stopped task error messages").

use std::time::Duration;

use neargate::control::runtime::Runtime as _;

use super::world::{World, name, task};

/// PID 1 of a namespace gets no signal that it does not handle, so the programs that end by one run below an init process.
#[tokio::test]
async fn an_exit_code_tells_how_a_program_ended() {
    let Some(world) = World::new().await else { return };
    let cases = [
        ("done", "exit 0", 0),
        ("failed", "exit 1", 1),
        ("not-executable", "exec /etc/passwd", 126),
        ("not-found", "exec no-such-program", 127),
        ("aborted", "kill -ABRT $$", 134),
        ("killed", "kill -KILL $$", 137),
        ("crashed", "kill -SEGV $$", 139),
        ("terminated", "kill -TERM $$", 143),
    ];
    let containers = cases.iter().map(|(name, script, code)| {
        let mut container = world.container(name, script);
        container.init_process_enabled = *code > 127;
        container
    });
    let task = task(containers.collect());
    let mut observer = world.observe();
    observer.inventory().await;
    world.run(&task).await;
    for (container, script, code) in cases {
        let exit = observer.exit(container).await;
        assert_eq!((exit.exit_code, exit.out_of_memory), (code, false), "{script}");
    }
}

/// A shell that is PID 1 ignores SIGTERM, and its program never sees it; `initProcessEnabled` passes it on (ECS API,
/// LinuxParameters).
#[tokio::test]
async fn a_shell_as_pid_1_is_killed_and_below_an_init_process_it_is_terminated() {
    let Some(world) = World::new().await else { return };
    let alone = world.container("alone", "sleep 600; true");
    let mut below = world.container("below", "sleep 600; true");
    below.init_process_enabled = true;
    let task = task(vec![alone, below]);
    let mut observer = world.observe();
    observer.inventory().await;
    world.run(&task).await;
    for container in ["alone", "below"] {
        world.runtime.stop_container(&task.id, &name(container), Duration::from_secs(2)).await.unwrap();
    }
    assert_eq!(observer.exit("alone").await.exit_code, 137);
    assert_eq!(observer.exit("below").await.exit_code, 143);
}

/// Only the end of PID 1 ends a container: a child that the kernel kills for its memory may go unnoticed.
#[tokio::test]
async fn a_child_that_is_killed_for_its_memory_does_not_end_the_container() {
    let Some(world) = World::new().await else { return };
    let mut web = world.container("web", "tail /dev/zero; echo child ended with $?; exit 0");
    web.memory_mib = Some(16);
    let task = task(vec![web]);
    let mut observer = world.observe();
    observer.inventory().await;
    world.run(&task).await;
    let lines: Vec<String> = world.lines(&task, &name("web")).await.into_iter().map(|line| line.text).collect();
    assert!(lines.contains(&"child ended with 137".to_owned()), "{lines:?}");
    let exit = observer.exit("web").await;
    assert_eq!((exit.exit_code, exit.out_of_memory), (0, false), "the container ended by itself");
}
