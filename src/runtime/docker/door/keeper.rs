//! Keeps the connection to the door's program, for any number of requests, and notices its end.

use std::io;
use std::net::{SocketAddrV4, TcpListener};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::calls::Conversation;

/// How long the calls of one socket may take.
const CALLS_LIMIT: Duration = Duration::from_secs(5);

/// A door whose program runs, or ran when last heard of.
#[derive(Debug)]
pub(crate) struct Door {
    requests: mpsc::Sender<Request>,
    lost: CancellationToken,
}

/// A request for a socket that listens on that address.
struct Request {
    address: SocketAddrV4,
    reply: oneshot::Sender<io::Result<TcpListener>>,
}

impl Door {
    /// Keeps this connection until it ends or nothing can ask any more.
    pub(super) fn keep(conversation: Conversation) -> Self {
        let (requests, received) = mpsc::channel(8);
        let lost = CancellationToken::new();
        tokio::spawn(keep(conversation, received, lost.clone().drop_guard()));
        Self { requests, lost }
    }

    /// Whether its program runs.
    pub(super) fn is_open(&self) -> bool {
        !self.lost.is_cancelled()
    }

    /// Cancelled when its program has ended.
    pub(super) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// A socket that listens where the program runs.
    pub(super) async fn listen(&self, address: SocketAddrV4) -> io::Result<TcpListener> {
        let ended = || io::Error::from(io::ErrorKind::BrokenPipe);
        let (reply, listener) = oneshot::channel();
        self.requests.send(Request { address, reply }).await.map_err(|_| ended())?;
        listener.await.map_err(|_| ended())?
    }
}

/// Answers requests until the door's program ends or nothing can ask any more.
async fn keep(mut conversation: Conversation, mut requests: mpsc::Receiver<Request>, _lost: DropGuard) {
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            () = conversation.ended() => return,
        };
        let Some(Request { address, reply }) = request else { return };
        let listening = tokio::time::timeout(CALLS_LIMIT, conversation.listen(address)).await;
        // After a call without an answer the next answer could be that one's.
        let Ok(result) = listening else { return };
        let _ = reply.send(result);
    }
}
