//! The sockets on which the proxy of Service Connect listens. They are opened with the first task that finds them, before its
//! containers start, so that a connection waits for the proxy and is never refused.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;

use tokio_util::sync::CancellationToken;

use super::calls::{Wanted, not_opened};
use crate::control::runtime::{RuntimeError, TaskSpec};
use crate::runtime::docker::runtime::DockerRuntime;

impl DockerRuntime {
    /// Opens those of the task that are not open.
    pub(crate) async fn open_endpoints(&self, task: &TaskSpec) -> Result<(), RuntimeError> {
        if task.endpoints.is_empty() {
            return Ok(());
        }
        let mut slot = self.open_door().await?;
        let Some(door) = slot.as_mut() else { unreachable!("it is open") };
        for endpoint in &task.endpoints {
            let address = SocketAddrV4::new(endpoint.address, endpoint.port);
            if !door.endpoints.contains_key(&address) {
                let socket = door.open(Wanted::Listener(address)).await.map_err(|error| not_opened(address, error))?;
                door.endpoints.insert(address, Some(socket));
            }
        }
        Ok(())
    }

    /// Hands out the socket of an endpoint, if it is open and nobody has it.
    pub(super) async fn opened_endpoint(
        &self,
        address: SocketAddrV4,
    ) -> Result<Option<(OwnedFd, CancellationToken)>, RuntimeError> {
        let mut slot = self.open_door().await?;
        let Some(door) = slot.as_mut() else { unreachable!("it is open") };
        let lost = door.lost();
        Ok(door.endpoints.get_mut(&address).and_then(Option::take).map(|socket| (socket, lost)))
    }
}
