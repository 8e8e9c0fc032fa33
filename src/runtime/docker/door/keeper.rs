//! Keeps the connection to the door's program, for any number of requests, and notices its end.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::calls::{Conversation, Wanted};

/// How long the calls of one socket may take.
const CALLS_LIMIT: Duration = Duration::from_secs(5);

/// A door whose program runs, or ran when last heard of.
#[derive(Debug)]
pub(crate) struct Door {
    requests: mpsc::Sender<Request>,
    lost: CancellationToken,
    /// The sockets on which names are asked for, until somebody answers there.
    pub(super) names: Names,
    /// The addresses of Service Connect on which something listens, and the sockets that nobody has taken.
    pub(super) endpoints: BTreeMap<SocketAddrV4, Option<OwnedFd>>,
}

/// The sockets of the tasks' DNS server. They are opened with the door, so that a question waits for its answer and is never
/// refused.
#[derive(Debug)]
pub(super) enum Names {
    /// Nobody has taken them.
    Open {
        /// Receives questions.
        datagrams: OwnedFd,
        /// Accepts connections for those that need one.
        connections: OwnedFd,
    },
    /// Somebody answers, or did.
    Taken,
    /// They could not be opened.
    Missing,
}

struct Request {
    wanted: Wanted,
    reply: oneshot::Sender<io::Result<OwnedFd>>,
}

impl Door {
    /// Keeps this connection until it ends or nothing can ask any more.
    pub(super) fn keep(conversation: Conversation) -> Self {
        let (requests, received) = mpsc::channel(8);
        let lost = CancellationToken::new();
        tokio::spawn(keep(conversation, received, lost.clone().drop_guard()));
        Self { requests, lost, names: Names::Missing, endpoints: BTreeMap::new() }
    }

    /// Whether its program runs.
    pub(super) fn is_open(&self) -> bool {
        !self.lost.is_cancelled()
    }

    /// Cancelled when its program has ended.
    pub(super) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// A socket where the program runs.
    pub(super) async fn open(&self, wanted: Wanted) -> io::Result<OwnedFd> {
        let ended = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (reply, socket) = oneshot::channel();
        self.requests.send(Request { wanted, reply }).await.map_err(|_| ended())?;
        socket.await.map_err(|_| ended())?
    }
}

/// Answers requests until the door's program ends or nothing can ask any more.
async fn keep(mut conversation: Conversation, mut requests: mpsc::Receiver<Request>, _lost: DropGuard) {
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            () = conversation.ended() => return,
        };
        let Some(Request { wanted, reply }) = request else { return };
        let opening = tokio::time::timeout(CALLS_LIMIT, conversation.open(wanted)).await;
        // After a call without an answer the next answer could be that one's.
        let Ok(result) = opening else { return };
        let _ = reply.send(result);
    }
}
