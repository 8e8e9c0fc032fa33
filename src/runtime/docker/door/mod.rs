//! The door: a way into the network of the tasks for sockets of ours, without root.
//!
//! ```text
//!  network neargate-<project>
//!  ├─ neargate-<project>-door     169.254.170.2, 172.31.x.2: runs the program of `engine::door`
//!  │        │ Unix socket in the state folder
//!  │     neargate: asks for listening sockets, and accepts on them what tasks connect to
//!  └─ tasks, with addresses in 169.254.0.0/16 of their own
//! ```
//!
//! The sockets are not in the tasks' own namespaces, where an application that binds 0.0.0.0:80 would find the port in
//! use. Instead the engine gives link-local addresses to the door and to each task (`LinkLocalIPs`), whose routes are on
//! the project's bridge. Nothing needs a capability, and one door serves all tasks.
//!
//! The door ends when its connection does: after kill -9 of neargate, the engine removes it. If it is removed by others,
//! its connection ends, and the next [`listen`](DockerRuntime::listen) makes another.

mod calls;
mod container;
mod endpoints;
pub(super) mod keeper;
mod names;

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

use crate::control::runtime::{RuntimeError, TaskListener};

use super::engine::connect::EngineKind;
use super::engine::error::{self, Phrase};
use super::engine::network::ProjectNetwork;
use super::engine::pause::Arch;
use super::runtime::DockerRuntime;
use calls::{Conversation, Wanted, not_opened};
use keeper::Door;

/// How long the door's program may take to connect: the engine has said by then that it runs.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The number of attempts after the engine reported a concurrent change.
const ATTEMPTS: usize = 4;

impl DockerRuntime {
    /// Listens in the network of the tasks. Makes the door unless there is one.
    pub(crate) async fn listen(&self, address: SocketAddrV4) -> Result<TaskListener, RuntimeError> {
        let (socket, lost) = match self.opened_endpoint(address).await? {
            Some(opened) => opened,
            None => self.open_socket(Wanted::Listener(address)).await?,
        };
        let listener = TcpListener::from_std(socket.into()).map_err(|error| not_opened(address, error))?;
        Ok(TaskListener { listener, lost })
    }

    /// A socket in the network of the tasks, and what tells that it is lost.
    async fn open_socket(&self, wanted: Wanted) -> Result<(OwnedFd, CancellationToken), RuntimeError> {
        let slot = self.open_door().await?;
        let Some(door) = slot.as_ref() else { unreachable!("it is open") };
        let (Wanted::Listener(address)
        | Wanted::Receiver(address)
        | Wanted::Sender(address)
        | Wanted::Connection(address)) = wanted;
        let socket = door.open(wanted).await.map_err(|error| not_opened(address, error))?;
        Ok((socket, door.lost()))
    }

    /// The door, which is made unless there is one. Never `None`.
    async fn open_door(&self) -> Result<MutexGuard<'_, Option<Door>>, RuntimeError> {
        let mut slot = self.door.lock().await;
        if !slot.as_ref().is_some_and(Door::is_open) {
            *slot = None;
            *slot = Some(self.make_door().await?);
        }
        Ok(slot)
    }

    /// Ends the door's program, and with it the sockets' connection to the tasks.
    pub(crate) async fn shut_door(&self) {
        *self.door.lock().await = None;
    }

    /// Whether tasks in the network reach a door.
    pub(crate) fn has_door(&self, network: &ProjectNetwork) -> bool {
        network.has_door && self.options.door.is_some()
    }

    async fn make_door(&self) -> Result<Door, RuntimeError> {
        let Some(folder) = &self.options.door else {
            return Err(RuntimeError::Other("there is no folder for the socket of the tasks' network".into()));
        };
        let socket = bind(folder).map_err(|error| {
            RuntimeError::Other(format!("creating a socket in {}: {error}", folder.display()).into()).caused_by(error)
        })?;
        self.ensure_pause_image().await?;
        let arch = self.engine.arch()?;
        let mut last = RuntimeError::Other("the door could not be started".into());
        for _ in 0..ATTEMPTS {
            let network = self.network().await?;
            if !network.has_door {
                return Err(RuntimeError::Other(self.why_no_door().into()));
            }
            let body = container::body(&self.names, &arch.image(), &network, folder);
            let error = match self.create_and_start(&self.names.door(), body, None).await {
                Ok(_) => {
                    let mut door = self.converse(&socket, arch, folder).await?;
                    door.names = names::open(&door, &network).await;
                    return Ok(door);
                }
                Err(error) => error,
            };
            let text = error::message(&error.cause);
            last = error.classify();
            if Phrase::NetworkGone.is_in(&text) {
                self.forget(&network).await;
            } else if Phrase::NoSuchImage.is_in(&text) {
                self.ensure_pause_image().await?;
            } else if !Phrase::AddressTaken.is_in(&text) {
                break;
            }
        }
        Err(last)
    }

    async fn forget(&self, network: &Arc<ProjectNetwork>) {
        let mut known = self.network.lock().await;
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, network)) {
            *known = None;
        }
    }

    async fn converse(&self, socket: &UnixListener, arch: Arch, folder: &Path) -> Result<Door, RuntimeError> {
        let begun = async {
            let (stream, _) = socket.accept().await?;
            Conversation::begin(stream, arch).await
        };
        let begun =
            tokio::time::timeout(CONNECT_LIMIT, begun).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let conversation = begun.map_err(|error| {
            let text = format!(
                "a container that shares {} with this process could not reach it there: {error}. The metadata endpoint of \
                 tasks needs an engine that runs on this machine's own kernel",
                folder.display()
            );
            RuntimeError::Other(text.into()).caused_by(error)
        })?;
        Ok(Door::keep(conversation))
    }

    /// Why this engine has no door, and what to do about it.
    fn why_no_door(&self) -> String {
        let engine = self.engine.info();
        let why = match engine.name {
            EngineKind::Podman => "Podman gives containers no link-local addresses",
            EngineKind::Docker if !self.engine.is_local() => "the engine is on another machine",
            EngineKind::Docker => {
                "the engine runs in a virtual machine, or has chosen the network's addresses by itself"
            }
        };
        format!(
            "tasks have no metadata endpoint (169.254.170.2) and no credentials of their role: {why} ({}). Both need Docker \
             Engine on this machine's own Linux",
            engine.endpoint
        )
    }
}

/// The socket that the program connects to. The folder is within the state folder, which only this user can enter, so
/// that in the container, where the path begins here, the program may have any user.
fn bind(folder: &Path) -> io::Result<UnixListener> {
    match std::fs::DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let path = folder.join(container::SOCKET_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixListener::bind(&path)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
    Ok(socket)
}
