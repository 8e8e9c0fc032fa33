//! `/etc/hosts` and `/etc/resolv.conf` of a task: as Fargate has them, in place of the engine's.
//!
//! Members share the files of one folder in the state folder, which the engine mounts. That takes an engine on this machine,
//! as the door does.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bollard::models::HostConfigLogConfig;

use crate::control::runtime::TaskSpec;
use crate::ecs::discovery::files;
use crate::ecs::firelens::configuration;
use crate::model::TaskId;
use crate::model::task_definition::ContainerDefinition;
use crate::runtime::docker::engine::options::DockerOptions;

const HOSTS: &str = "hosts";
const RESOLV_CONF: &str = "resolv.conf";
const ROUTER: &str = "fluent.conf";
/// The folder of the log router's socket.
const SOCKET: &str = "run";
/// The longest path of a socket that the kernel takes.
const LONGEST_SOCKET: usize = 107;

/// The folder of a task, beside the door's.
pub(super) fn folder(options: &DockerOptions, task: &TaskId) -> Option<PathBuf> {
    let folder = options.door.as_ref()?.with_file_name("etc").join(task.as_str());
    // A bind's parts are separated by colons.
    (!folder.to_string_lossy().contains(':')).then_some(folder)
}

/// Writes the files of a task with this address.
pub(super) fn write(folder: &Path, task: &TaskSpec, address: Ipv4Addr, region: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(HOSTS), files::hosts(address, region, &task.endpoints))?;
    std::fs::write(folder.join(RESOLV_CONF), files::resolv_conf(address, region))?;
    if let Some(configuration) = &task.router_configuration {
        std::fs::write(folder.join(ROUTER), configuration)?;
        let socket = folder.join(SOCKET);
        std::fs::create_dir_all(&socket)?;
        // The router may run as anybody.
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777))?;
    }
    Ok(())
}

/// The binds of a container.
pub(super) fn binds(folder: &Path, container: &ContainerDefinition) -> Vec<String> {
    let mode = if container.readonly_root_filesystem { "ro" } else { "rw" };
    let is_own = |path: &str| container.mount_points.iter().any(|mount| mount.container_path == path);
    let mut paths = vec![(HOSTS, "/etc/hosts", mode), (RESOLV_CONF, "/etc/resolv.conf", mode)];
    if let Some(router) = &container.log_router {
        paths.push((ROUTER, configuration::path(router.kind), "rw"));
        paths.push((SOCKET, configuration::SOCKET_FOLDER, "rw"));
    }
    paths
        .into_iter()
        .filter(|(_, path, _)| !is_own(path))
        // `z`: SELinux lets all containers of the task use it.
        .map(|(name, path, mode)| format!("{}:{path}:{mode},z", folder.join(name).display()))
        .collect()
}

/// The engine's log driver for a container whose output goes to the task's log router: the same as on Fargate. `None` if it
/// does not, or if the path of its socket is too long.
pub(super) fn log_driver(
    folder: &Path,
    task: &TaskSpec,
    container: &ContainerDefinition,
) -> Option<HostConfigLogConfig> {
    container.router_options.as_ref()?;
    let socket = folder.join(SOCKET).join(configuration::SOCKET_NAME);
    if socket.as_os_str().len() > LONGEST_SOCKET {
        tracing::warn!("no output reaches the log router: the path {} is too long", socket.display());
        return None;
    }
    let mut options = HashMap::from([
        ("fluentd-address".to_owned(), format!("unix://{}", socket.display())),
        ("tag".to_owned(), configuration::tag(&container.name, &task.id)),
        // A router that is away must not keep a container from starting.
        ("fluentd-async".to_owned(), "true".to_owned()),
        ("fluentd-sub-second-precision".to_owned(), "true".to_owned()),
    ]);
    if let Some(limit) = configuration::buffer_limit(container) {
        options.insert("fluentd-buffer-limit".to_owned(), limit.to_owned());
    }
    Some(HostConfigLogConfig { typ: Some("fluentd".to_owned()), config: Some(options) })
}
