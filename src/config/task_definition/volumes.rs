//! Volumes of the task and their mounts.

use super::context::REGISTER;
use super::file::{ContainerFile, EfsVolumeFile, SwitchWord, VolumeFile};
use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::{all_of, help_for};
use neargate_model::task_definition::MountPoint;

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
        one_kind(file, reader);
        if let Some(efs) = &file.efs_volume_configuration {
            self::efs(efs, reader);
        }
        let Some(name) = &file.name else { continue };
        if names.contains(&name.value) {
            reader.report(Diagnostic::error(format!("two volumes are named `{}`", name.value), name.span, ""));
        }
        names.push(name.value.clone());
    }
    let mut at_launch =
        files.iter().filter_map(|file| file.configured_at_launch.as_ref()).filter(|at_launch| at_launch.value);
    if let (Some(first), Some(second)) = (at_launch.next(), at_launch.next()) {
        reader.report(
            Diagnostic::error("a second volume that is configured at launch", second.span, "")
                .also(first.span, "the other")
                .note("a task definition has at most one (ECS API reference, Volume)"),
        );
    }
    names
}

/// A volume is of one kind.
fn one_kind(file: &VolumeFile, reader: &mut Reader) {
    let kinds = [
        (file.efs_volume_configuration.is_some(), "efsVolumeConfiguration"),
        (file.s3files_volume_configuration.is_some(), "s3filesVolumeConfiguration"),
        (file.configured_at_launch.as_ref().is_some_and(|at_launch| at_launch.value), "configuredAtLaunch"),
        (file.host.as_ref().is_some_and(|host| host.source_path.is_some()), "host"),
    ];
    let given: Vec<&str> = kinds.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect();
    if given.len() > 1 {
        let at = file.name.as_ref().map_or(file.span, |name| name.span);
        reader.report(
            Diagnostic::error("a volume of two kinds", at, "")
                .note(format!("it has {}; a volume has one of them (ECS API reference, Volume)", all_of(given))),
        );
    }
}

/// What goes together with an access point and with IAM (ECS API reference, EFSAuthorizationConfig).
fn efs(file: &EfsVolumeFile, reader: &mut Reader) {
    let Some(authorization) = &file.authorization_config else { return };
    let encrypted = file.transit_encryption.as_ref().is_some_and(|word| word.value == SwitchWord::Enabled);
    let point = authorization.access_point_id.as_ref().map(|id| id.span);
    let iam = authorization.iam.as_ref().filter(|word| word.value == SwitchWord::Enabled).map(|word| word.span);
    if let Some(span) = point.or(iam).filter(|_| !encrypted) {
        reader.report(
            Diagnostic::error("an access point or IAM without encryption in transit", span, "")
                .note("transit encryption must be turned on then (ECS API reference, EFSAuthorizationConfig)")
                .help("add \"transitEncryption\": \"ENABLED\" next to `fileSystemId`"),
        );
    }
    if let (Some(point), Some(root)) = (point, file.root_directory.as_ref().filter(|root| root.value != "/")) {
        reader.report(
            Diagnostic::error("a root directory next to an access point", root.span, "")
                .also(point, "the access point has its own")
                .note(
                    "the root directory must either be omitted or set to `/` (ECS API reference, EFSVolumeConfiguration)",
                )
                .help("leave `rootDirectory` out"),
        );
    }
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
            reader.report(Diagnostic::error("a mount path that is not absolute", path.span, "start it with `/`"));
        }
        mounts.push(MountPoint {
            source_volume: volume.value.clone(),
            container_path: path.value.clone(),
            read_only: mount.read_only.unwrap_or(false),
        });
    }
    mounts
}
