//! The door's container: what the engine is asked to create for it.

use std::collections::HashMap;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType,
    NetworkingConfig,
};

use crate::ecs::metadata::address::ADDRESS;
use crate::ecs::service_connect::endpoints;
use crate::runtime::docker::engine::door;
use crate::runtime::docker::engine::labels::Names;
use crate::runtime::docker::engine::network::ProjectNetwork;

/// The socket's name in the folder that is mounted.
pub(super) const SOCKET_FILE: &str = "door.sock";
/// Nobody's, on every system that we know of.
const USER: &str = "65533:65533";

/// The metadata endpoint's, and those of Service Connect.
fn link_local_ips() -> Vec<String> {
    let endpoints = (0..endpoints::MOST).map(endpoints::address);
    std::iter::once(*ADDRESS.ip()).chain(endpoints).map(|address| address.to_string()).collect()
}

pub(super) fn body(names: &Names, image: &str, network: &ProjectNetwork, folder: &Path) -> ContainerCreateBody {
    let endpoint = EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: network.door_address().map(|address| address.to_string()),
            link_local_ips: Some(link_local_ips()),
            ..EndpointIpamConfig::default()
        }),
        ..EndpointSettings::default()
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(vec![door::PATH.to_owned()]),
        user: Some(USER.to_owned()),
        labels: Some(names.project_labels()),
        stop_signal: Some("SIGKILL".to_owned()),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.id.clone(), endpoint)])),
        }),
        host_config: Some(HostConfig {
            network_mode: Some(network.id.clone()),
            // When neargate is gone, so is its door.
            auto_remove: Some(true),
            mounts: Some(vec![Mount {
                typ: Some(MountType::BIND),
                source: Some(folder.to_string_lossy().into_owned()),
                target: Some(door::FOLDER.to_owned()),
                read_only: Some(true),
                ..Mount::default()
            }]),
            // The engine's default since 20.10; older ones would refuse port 80 to this user.
            sysctls: Some(HashMap::from([("net.ipv4.ip_unprivileged_port_start".to_owned(), "0".to_owned())])),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".to_owned()]),
            // SELinux keeps containers from sockets of users; this one has nothing else to reach.
            security_opt: Some(vec!["no-new-privileges".to_owned(), "label=disable".to_owned()]),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
