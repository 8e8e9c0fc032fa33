//! What a container finds at its paths: volumes of the task, of file systems and of other containers, and file systems in
//! memory.

use std::collections::HashMap;

use bollard::models::{Mount, MountType};

use crate::control::runtime::TaskSpec;
use crate::model::ContainerName;
use crate::model::task_definition::{ContainerDefinition, MountPoint, TaskDefinition, Tmpfs};
use crate::runtime::docker::engine::labels::Names;

/// The volumes of a container. Its own mounts win over those of other containers at the same path.
pub(super) fn mounts(names: &Names, task: &TaskSpec, container: &ContainerDefinition) -> Vec<Mount> {
    let mut points = container.mount_points.clone();
    let mut visited = vec![&container.name];
    for from in &container.volumes_from {
        borrow(&task.definition, &from.container, from.read_only, &mut points, &mut visited);
    }
    let volume = |point: &MountPoint| {
        let volume = task.definition.volumes.iter().find(|volume| volume.name == point.source_volume)?;
        Some(Mount {
            typ: Some(MountType::VOLUME),
            source: Some(names.volume(&task.id, volume)),
            target: Some(point.container_path.clone()),
            read_only: Some(point.read_only),
            ..Mount::default()
        })
    };
    points.iter().filter_map(volume).collect()
}

/// The mounts of another container, and those that it has from others. Containers that name each other end here.
fn borrow<'d>(
    definition: &'d TaskDefinition,
    from: &'d ContainerName,
    read_only: bool,
    points: &mut Vec<MountPoint>,
    visited: &mut Vec<&'d ContainerName>,
) {
    let Some(container) = definition.container(from).filter(|_| !visited.contains(&from)) else { return };
    visited.push(from);
    for point in &container.mount_points {
        if points.iter().all(|known| known.container_path != point.container_path) {
            points.push(MountPoint { read_only: point.read_only || read_only, ..point.clone() });
        }
    }
    for further in &container.volumes_from {
        borrow(definition, &further.container, further.read_only || read_only, points, visited);
    }
}

/// File systems in memory, each with its size and options as mount(8) takes them.
pub(super) fn tmpfs(container: &ContainerDefinition) -> HashMap<String, String> {
    let options = |tmpfs: &Tmpfs| {
        let size = format!("size={}m", tmpfs.size_mib);
        tmpfs.mount_options.iter().cloned().chain([size]).collect::<Vec<_>>().join(",")
    };
    container.tmpfs.iter().map(|tmpfs| (tmpfs.container_path.clone(), options(tmpfs))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::model::task::Origin;
    use crate::model::task_definition::{Volume, VolumeFrom, VolumeKind};
    use crate::model::{ProjectName, TaskId};
    use crate::runtime::docker::engine::owner::Owner;

    fn point(volume: &str, path: &str, read_only: bool) -> MountPoint {
        MountPoint { source_volume: volume.to_owned(), container_path: path.to_owned(), read_only }
    }

    fn from(container: &str, read_only: bool) -> VolumeFrom {
        VolumeFrom { container: container.into(), read_only }
    }

    /// Volume, path and whether it is read-only, of the first container.
    fn mounted(containers: Vec<ContainerDefinition>) -> Vec<(String, String, bool)> {
        let efs = VolumeKind::Efs { file_system: "fs-1".to_owned(), folder: "shop/data".to_owned() };
        let volumes = vec![Volume::of_task("a"), Volume::of_task("b"), Volume { name: "shared".to_owned(), kind: efs }];
        let definition = TaskDefinition { volumes, ..TaskDefinition::new("f", containers) };
        let task = TaskSpec {
            id: TaskId::new("0123456789abcdef0123456789abcdef"),
            origin: Origin::Standalone { started_by: None },
            definition: Arc::new(definition),
            revision: 1,
            node: None,
            endpoints: Vec::new(),
            router_configuration: None,
            images: BTreeMap::new(),
            secrets: BTreeMap::new(),
        };
        let names = Names::new(ProjectName::new("p"), &Owner::current());
        let mounts = mounts(&names, &task, &task.definition.containers[0]);
        let text = |mount: Mount| Some((mount.source?, mount.target?, mount.read_only?));
        mounts.into_iter().filter_map(text).collect()
    }

    fn container(name: &str, points: Vec<MountPoint>, borrowed: Vec<VolumeFrom>) -> ContainerDefinition {
        ContainerDefinition { mount_points: points, volumes_from: borrowed, ..ContainerDefinition::new(name, "i") }
    }

    #[test]
    fn mounts_of_other_containers_come_along() {
        let web = container("web", vec![point("a", "/a", false)], vec![from("side", true)]);
        let side =
            container("side", vec![point("b", "/a", false), point("b", "/b", false)], vec![from("third", false)]);
        let third = container("third", vec![point("a", "/c", false)], vec![from("web", false)]);
        let expected = [
            ("neargate-p-01234567-a", "/a", false),
            ("neargate-p-01234567-b", "/b", true),
            ("neargate-p-01234567-a", "/c", true),
        ];
        let expected = expected.map(|(volume, path, read_only)| (volume.to_owned(), path.to_owned(), read_only));
        assert_eq!(mounted(vec![web, side, third]), expected);
    }

    #[test]
    fn a_folder_of_a_file_system_is_the_same_for_every_task() {
        let web = container("web", vec![point("shared", "/data", true)], Vec::new());
        let expected = ("neargate-p-fs-1-shop-data".to_owned(), "/data".to_owned(), true);
        assert_eq!(mounted(vec![web]), [expected]);
    }
}
