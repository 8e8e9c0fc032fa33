//! Volumes of the task and where they are mounted.

use super::REGISTER;
use super::file::{ContainerFile, VolumeFile};
use crate::config::diagnostics::Diagnostic;
use crate::config::read::Reader;
use crate::config::suggest::help_for;
use crate::model::task_definition::MountPoint;

/// Names of the volumes. Those that live elsewhere on AWS become empty ones, which the fidelity report says.
pub(super) fn lower(files: &[VolumeFile], reader: &mut Reader) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for file in files {
        let refused = [
            (file.host.as_ref().and_then(|host| host.source_path.as_ref()).map(|path| path.span), "sourcePath"),
            (file.docker_volume_configuration.as_ref().map(|docker| docker.span), "dockerVolumeConfiguration"),
            (file.fsx_volume_configuration.as_ref().map(|fsx| fsx.span), "fsxWindowsFileServerVolumeConfiguration"),
        ];
        for (span, what) in refused.into_iter().filter_map(|(span, what)| Some((span?, what))) {
            reader.report(
                Diagnostic::error(format!("Fargate has no volumes with `{what}`"), span, "")
                    .aws(&format!("Fargate compatible task definitions do not support {what}"), REGISTER)
                    .help("leave only `name`: that is an empty volume that lives as long as the task"),
            );
        }
        let Some(name) = &file.name else { continue };
        if names.contains(&name.value) {
            reader.report(Diagnostic::error(format!("two volumes are named `{}`", name.value), name.span, ""));
        }
        names.push(name.value.clone());
    }
    names
}

/// Mounts of one container.
pub(super) fn mounts(file: &ContainerFile, volumes: &[String], reader: &mut Reader) -> Vec<MountPoint> {
    let mut mounts = Vec::new();
    for mount in file.mount_points.iter().flatten() {
        let (Some(volume), Some(path)) = (&mount.source_volume, &mount.container_path) else { continue };
        if !volumes.contains(&volume.value) {
            let names = volumes.iter().map(String::as_str);
            reader.report(
                Diagnostic::error(format!("the task has no volume `{}`", volume.value), volume.span, "")
                    .aws(&format!("Unknown volume '{}'.", volume.value), REGISTER)
                    .maybe_help(help_for(volume, "its volumes are", names))
                    .help(format!("add {{\"name\": \"{}\"}} to `volumes`", volume.value)),
            );
        }
        if !path.starts_with('/') {
            reader.report(Diagnostic::error("a mount path that is not absolute", path.span, "begin it with `/`"));
        }
        mounts.push(MountPoint {
            source_volume: volume.value.clone(),
            container_path: path.value.clone(),
            read_only: mount.read_only.unwrap_or(false),
        });
    }
    mounts
}
