//! What the fields of a task definition come to in a container: volumes, processes, memory.

use std::sync::Arc;

use neargate::control::runtime::{Runtime as _, TaskSpec};
use neargate::model::task_definition::{
    ContainerDefinition, MountPoint, TaskDefinition, Tmpfs, Volume, VolumeFrom, VolumeKind,
};

use super::world::{World, name, task};

fn mount(path: &str) -> MountPoint {
    MountPoint { source_volume: "v".to_owned(), container_path: path.to_owned(), read_only: false }
}

fn with(containers: Vec<ContainerDefinition>, change: impl FnOnce(&mut TaskDefinition)) -> TaskSpec {
    let mut task = task(containers);
    change(Arc::make_mut(&mut task.definition));
    task
}

async fn said(world: &World, task: &TaskSpec, container: &str) -> Vec<String> {
    world.lines(task, &name(container)).await.into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn mounts_of_another_container_come_along() {
    let Some(world) = World::new().await else { return };
    let mut web = world.container("web", "echo shared >/v/file; sleep 600");
    web.mount_points = vec![mount("/v")];
    let mut side = world.container("side", "until cat /v/file; do :; done; touch /v/x || echo read-only");
    side.volumes_from = vec![VolumeFrom { container: name("web"), read_only: true }];
    let task = with(vec![web, side], |definition| definition.volumes = vec![Volume::of_task("v")]);
    world.run(&task).await;
    let lines = said(&world, &task, "side").await;
    assert!(lines.contains(&"shared".to_owned()) && lines.contains(&"read-only".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn containers_see_each_others_processes_only_if_the_task_says_so() {
    let Some(world) = World::new().await else { return };
    for (shares, expected) in [(true, "seen"), (false, "unseen")] {
        let busy = world.container("busy", "exec sleep 4321");
        let watcher = world.container("watcher", "ps -o args | grep -q '^sleep 4321' && echo seen || echo unseen");
        let task = with(vec![busy, watcher], |definition| definition.shares_processes = shares);
        world.run(&task).await;
        assert_eq!(said(&world, &task, "watcher").await, [expected]);
        world.runtime.close_task(&task.id).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_system_in_memory_has_its_size_and_options() {
    let Some(world) = World::new().await else { return };
    let mut web = world.container("web", "grep ' /run/cache ' /proc/mounts");
    web.readonly_root_filesystem = true;
    web.tmpfs =
        vec![Tmpfs { container_path: "/run/cache".to_owned(), size_mib: 16, mount_options: vec!["noexec".to_owned()] }];
    let lines = world.output(web).await;
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let is_right = line.starts_with("tmpfs ") && line.contains("noexec") && line.contains("size=16384k");
    assert!(is_right, "{line}");
}

#[tokio::test]
async fn a_folder_of_a_file_system_outlives_tasks_and_what_is_swept() {
    let Some(world) = World::new().await else { return };
    let run = async |script: &str| {
        let mut web = world.container("web", script);
        web.mount_points = vec![mount("/data")];
        let efs = VolumeKind::Efs { file_system: "fs-0123".to_owned(), folder: "shop".to_owned() };
        let task = with(vec![web], |definition| {
            definition.volumes = vec![Volume { name: "v".to_owned(), kind: efs }];
        });
        world.run(&task).await;
        let lines = said(&world, &task, "web").await;
        world.runtime.close_task(&task.id).await.unwrap();
        lines
    };
    assert_eq!(run("echo kept >/data/file").await, [""; 0]);
    world.runtime.sweep(neargate::control::runtime::Owners::Any).await.unwrap();
    world.runtime.prepare().await.unwrap();
    let kept = run("cat /data/file").await;
    let volume = format!("neargate-{}-fs-0123-shop", world.options().project);
    let none = None::<bollard::query_parameters::RemoveVolumeOptions>;
    world.docker().remove_volume(&volume, none).await.expect("the volume has this name");
    assert_eq!(kept, ["kept"]);
}
