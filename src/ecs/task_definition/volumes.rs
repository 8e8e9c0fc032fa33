//! Volumes of the task and their mounts.

use neargate_model::registration::{EfsVolume, Registration, Volume};

use super::place::Place;
use super::refusal::Refusal;
use super::violation::Violation;

/// Judges the volumes, and the mounts of all containers.
pub(super) fn judge(task: &Registration, found: &mut Vec<Refusal>) {
    let volumes = &task.volumes;
    for (index, volume) in volumes.iter().enumerate() {
        let at = Place::default().field("volumes").index(index);
        kind(volume, &at, found);
        if let Some(efs) = &volume.efs_volume_configuration {
            self::efs(efs, &at.field("efsVolumeConfiguration"), found);
        }
        if let Some(name) = &volume.name
            && volumes[..index].iter().any(|other| other.name.as_ref() == Some(name))
        {
            found.push(Refusal::new(at.field("name"), Violation::VolumeTwice(name.clone())));
        }
    }
    let mut at_launch = volumes.iter().enumerate().filter(|(_, volume)| volume.configured_at_launch);
    if let (Some((first, _)), Some((second, _))) = (at_launch.next(), at_launch.next()) {
        let place = |index| Place::default().field("volumes").index(index).field("configuredAtLaunch");
        found.push(Refusal::beside(place(second), place(first), Violation::SecondVolumeAtLaunch));
    }
    for (index, container) in task.container_definitions.iter().enumerate() {
        for (number, mount) in container.mount_points.iter().enumerate() {
            let at = Place::container(index).field("mountPoints").index(number);
            let (Some(volume), Some(path)) = (&mount.source_volume, &mount.container_path) else { continue };
            if volumes.iter().all(|known| known.name.as_ref() != Some(volume)) {
                found.push(Refusal::new(at.field("sourceVolume"), Violation::UnknownVolume(volume.clone())));
            }
            if !path.starts_with('/') {
                found.push(Refusal::new(at.field("containerPath"), Violation::MountPath(path.clone())));
            }
        }
    }
}

/// A volume is of one kind, and of one that Fargate has.
fn kind(volume: &Volume, at: &Place, found: &mut Vec<Refusal>) {
    let refused = [
        (at.field("host").field("sourcePath"), "sourcePath", volume.host.source_path.is_some()),
        (
            at.field("dockerVolumeConfiguration"),
            "dockerVolumeConfiguration",
            volume.docker_volume_configuration.is_some(),
        ),
        (
            at.field("fsxWindowsFileServerVolumeConfiguration"),
            "fsxWindowsFileServerVolumeConfiguration",
            volume.fsx_windows_file_server_volume_configuration.is_some(),
        ),
    ];
    for (place, field, _) in refused.into_iter().filter(|(.., given)| *given) {
        found.push(Refusal::new(place, Violation::NotSupported(field)));
    }
    let kinds = [
        ("efsVolumeConfiguration", volume.efs_volume_configuration.is_some()),
        ("s3filesVolumeConfiguration", volume.s3files_volume_configuration.is_some()),
        ("configuredAtLaunch", volume.configured_at_launch),
        ("host", volume.host.source_path.is_some()),
    ];
    let given: Vec<&str> = kinds.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    if given.len() > 1 {
        found.push(Refusal::new(at.field("name"), Violation::VolumeKinds(given)));
    }
}

/// What goes together with an access point and with IAM (ECS API, EFSAuthorizationConfig).
fn efs(efs: &EfsVolume, at: &Place, found: &mut Vec<Refusal>) {
    let authorization = &efs.authorization_config;
    let at_authorization = at.field("authorizationConfig");
    let encrypted = efs.transit_encryption.as_deref() == Some("ENABLED");
    let point = authorization.access_point_id.as_ref().map(|_| at_authorization.field("accessPointId"));
    let iam = (authorization.iam.as_deref() == Some("ENABLED")).then(|| at_authorization.field("iam"));
    if let Some(place) = point.clone().or(iam).filter(|_| !encrypted) {
        found.push(Refusal::new(place, Violation::EfsWithoutEncryption));
    }
    if let Some(point) = point
        && efs.root_directory.as_ref().is_some_and(|root| root != "/")
    {
        found.push(Refusal::beside(at.field("rootDirectory"), point, Violation::EfsRootDirectory));
    }
}
