//! The sockets of the tasks' DNS server, at the address of the VPC's: the second of the subnet (VPC user guide, "Amazon DNS
//! server": "the base of the VPC IPv4 network range plus two").
//!
//! Questions about other names go to the engine's own resolver, which every container of the network finds at one address:
//! it knows the containers of the network, and the servers that the engine uses.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::calls::{Wanted, not_opened};
use super::keeper::{Door, Names};
use crate::control::runtime::{RuntimeError, TaskResolver};
use crate::runtime::docker::engine::network::ProjectNetwork;
use crate::runtime::docker::runtime::DockerRuntime;

const PORT: u16 = 53;
/// Where the engine answers in each container of a network of its own.
const ENGINE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 11), PORT);

/// Opens the sockets.
pub(super) async fn open(door: &Door, network: &ProjectNetwork) -> Names {
    let Some(address) = network.door_address() else { return Names::Missing };
    let address = SocketAddrV4::new(address, PORT);
    let opened = async {
        let datagrams = door.open(Wanted::Receiver(address)).await?;
        let connections = door.open(Wanted::Listener(address)).await?;
        io::Result::Ok(Names::Open { datagrams, connections })
    };
    opened.await.unwrap_or_else(|error| {
        tracing::warn!("tasks ask the engine for names, which does not know those of service discovery: {error}");
        Names::Missing
    })
}

impl DockerRuntime {
    /// The address at which tasks in the network ask for names, if they ask us. Makes the door unless there is one.
    pub(crate) async fn name_server(&self) -> Option<Ipv4Addr> {
        let network = self.network().await.ok()?;
        if !self.has_door(&network) {
            return None;
        }
        let slot = match self.door_failed.load(Ordering::Relaxed) {
            true => self.door.lock().await,
            false => match self.open_door().await {
                Ok(slot) => slot,
                Err(error) => {
                    tracing::debug!("no name server: {error}");
                    self.door_failed.store(true, Ordering::Relaxed);
                    return None;
                }
            },
        };
        let has_names = slot.as_ref().is_some_and(|door| door.is_open() && !matches!(door.names, Names::Missing));
        network.door_address().filter(|_| has_names)
    }

    /// Hands out the sockets of the DNS server.
    pub(crate) async fn resolver(&self) -> Result<TaskResolver, RuntimeError> {
        let failed = |error: io::Error| not_opened(ENGINE, error);
        let mut slot = self.open_door().await?;
        let Some(door) = slot.as_mut() else { unreachable!("it is open") };
        let upstream = door.open(Wanted::Sender(ENGINE)).await.map_err(failed)?;
        let lost = door.lost();
        let Names::Open { datagrams, connections } = std::mem::replace(&mut door.names, Names::Taken) else {
            return Err(RuntimeError::Other("the sockets of the tasks' DNS server are not there".into()));
        };
        let datagram = |socket: OwnedFd| UdpSocket::from_std(socket.into());
        Ok(TaskResolver {
            datagrams: datagram(datagrams).map_err(failed)?,
            connections: TcpListener::from_std(connections.into()).map_err(failed)?,
            upstream: datagram(upstream).map_err(failed)?,
            lost,
        })
    }

    /// A connection to the engine's resolver.
    pub(crate) async fn connect_upstream(&self) -> Result<TcpStream, RuntimeError> {
        let (socket, _) = self.open_socket(Wanted::Connection(ENGINE)).await?;
        TcpStream::from_std(socket.into()).map_err(|error| not_opened(ENGINE, error))
    }
}
