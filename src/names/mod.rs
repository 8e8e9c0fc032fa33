//! The DNS server that tasks ask for names: answers those of service discovery (`ecs::discovery` decides) from the last
//! snapshot, and asks the engine's own resolver for all others.
//!
//! The runtime provides the sockets, which are in the tasks' network, at the address of a VPC's DNS server. *Invariant:*
//! questions about other names and their answers pass through unread.

mod upstream;
mod wire;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::control::runtime::{Runtime, TaskResolver};
use crate::control::serving::{self, Patience, Serving};
use crate::control::snapshot::Snapshot;
use crate::ecs::discovery::zone::{self, Answer};
use upstream::Upstream;
use wire::LONGEST;

/// Questions that wait for an answer of another server at the same time, and connections; more wait.
const AT_ONCE: usize = 256;
/// How long a connection may take for a question.
const PATIENCE: Duration = Duration::from_secs(10);

/// The running server.
#[derive(Debug)]
pub struct NameServer(Serving);

impl NameServer {
    /// Starts serving as soon as there is a task.
    pub fn start(runtime: Arc<dyn Runtime>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self(Serving::start(|stop| serve(runtime, snapshots, stop)))
    }

    /// Stops asking the runtime for sockets, so that what it has made for them can be removed.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn serve(runtime: Arc<dyn Runtime>, mut snapshots: watch::Receiver<Arc<Snapshot>>, stop: CancellationToken) {
    let any_task = snapshots.wait_for(|snapshot| !snapshot.world.tasks.is_empty());
    // Cancel-safe: nothing is lost that a later look would not find.
    let found = tokio::select! {
        found = any_task => found.is_ok(),
        () = stop.cancelled() => false,
    };
    if !found {
        return;
    }
    let mut patience = Patience::default();
    while !stop.is_cancelled() {
        // Not within `select!`: a container that is being made must be known to whoever removes it.
        match runtime.resolver().await {
            Ok(TaskResolver { datagrams, connections, upstream, lost }) => {
                patience.reset();
                let server = Arc::new(Server {
                    runtime: Arc::clone(&runtime),
                    snapshots: snapshots.clone(),
                    datagrams,
                    upstream: Upstream::new(upstream),
                    limit: Arc::new(Semaphore::new(AT_ONCE)),
                });
                tokio::select! {
                    () = receive(&server) => {}
                    () = accept(&connections, &server) => {}
                    () = server.upstream.receive() => {}
                    () = lost.cancelled() => {}
                    () = stop.cancelled() => return,
                }
            }
            // The metadata endpoint needs the same, and says why it is missing.
            Err(error) => tracing::debug!("no DNS server for tasks: {error}"),
        }
        patience.wait(&stop).await;
    }
}

struct Server {
    runtime: Arc<dyn Runtime>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    datagrams: UdpSocket,
    upstream: Upstream,
    limit: Arc<Semaphore>,
}

/// Answers datagrams for ever.
async fn receive(server: &Arc<Server>) {
    let mut buffer = vec![0; LONGEST];
    loop {
        let (size, peer) = match server.datagrams.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) if is_of_one_client(&error) => continue,
            Err(_) => return,
        };
        let question = &buffer[..size];
        if let Some(answer) = server.own_answer(question, true) {
            let _ = server.datagrams.send_to(&answer, peer).await;
            continue;
        }
        // Clients ask again; those that come now would wait as well.
        let Ok(permit) = Arc::clone(&server.limit).try_acquire_owned() else { continue };
        let (question, server) = (question.to_vec(), Arc::clone(server));
        tokio::spawn(async move {
            let _permit = permit;
            if let Some(answer) = server.upstream.ask(&question).await.or_else(|| wire::failure(&question)) {
                let _ = server.datagrams.send_to(&answer, peer).await;
            }
        });
    }
}

/// A client that is gone by the time it is answered.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// Accepts connections for ever.
async fn accept(connections: &TcpListener, server: &Arc<Server>) {
    loop {
        let Ok(permit) = Arc::clone(&server.limit).acquire_owned().await else { return };
        let Ok((stream, _)) = connections.accept().await else {
            serving::pause().await;
            continue;
        };
        let server = Arc::clone(server);
        tokio::spawn(async move {
            let _permit = permit;
            // A client that hangs up is not waited for.
            let _ = converse(stream, &server).await;
        });
    }
}

/// Answers the questions on a connection, one after the other.
async fn converse(mut stream: TcpStream, server: &Server) -> io::Result<()> {
    loop {
        let question = timely(read_message(&mut stream)).await?;
        let answer = match server.own_answer(&question, false) {
            Some(answer) => answer,
            None => match timely(server.ask_on_a_connection(&question)).await {
                Ok(answer) => answer,
                Err(error) => wire::failure(&question).ok_or(error)?,
            },
        };
        write_message(&mut stream, &answer).await?;
    }
}

async fn timely<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn read_message(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await
}

impl Server {
    /// The answer to a question about a name of ours.
    fn own_answer(&self, question: &[u8], in_a_datagram: bool) -> Option<Vec<u8>> {
        let asked = wire::question(question)?;
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let answer = zone::answer(&asked.name, asked.kind, &snapshot.topology, &snapshot.world, random());
        if answer == Answer::Elsewhere {
            return None;
        }
        wire::reply(question, &answer, in_a_datagram)
    }

    async fn ask_on_a_connection(&self, question: &[u8]) -> io::Result<Vec<u8>> {
        let mut upstream = self.runtime.connect_upstream().await.map_err(io::Error::other)?;
        write_message(&mut upstream, question).await?;
        read_message(&mut upstream).await
    }
}

/// Any number; it only spreads clients over tasks.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0_u8)
}
