//! Asks another server, for any number of clients at once over one socket: each question gets an id of ours on the way, by
//! which its answer is told from others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use super::wire::LONGEST;

/// How long an answer may take. The engine asks each of its servers for two seconds.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Upstream {
    socket: UdpSocket,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    last_id: u16,
    by_id: HashMap<u16, oneshot::Sender<Vec<u8>>>,
}

impl Upstream {
    /// Asks through this socket, which is connected to the server.
    pub(super) fn new(socket: UdpSocket) -> Self {
        Self { socket, waiting: Mutex::default() }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's answer; `None` if it gave none. Needs [`receive`](Self::receive) beside it.
    pub(super) async fn ask(&self, question: &[u8]) -> Option<Vec<u8>> {
        let own_id = *question.first_chunk::<2>()?;
        let (reply, answer) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting();
            // There are fewer that wait than ids.
            let free = |id: &u16| !waiting.by_id.contains_key(id);
            let id = (1..=u16::MAX).map(|step| waiting.last_id.wrapping_add(step)).find(free)?;
            waiting.last_id = id;
            waiting.by_id.insert(id, reply);
            id
        };
        let sent = self.socket.send(&with_id(question, id.to_be_bytes())).await;
        let answer = match sent {
            Ok(_) => tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        self.waiting().by_id.remove(&id);
        answer.map(|answer| with_id(&answer, own_id))
    }

    /// Hands answers to those that wait for them, until the socket fails for good.
    pub(super) async fn receive(&self) {
        let mut buffer = vec![0; LONGEST];
        let mut failures = 0;
        while failures < 100 {
            // A refusal is the answer to one question, which ends when its time is over.
            let Ok(size) = self.socket.recv(&mut buffer).await else {
                failures += 1;
                continue;
            };
            failures = 0;
            let Some(id) = buffer[..size].first_chunk::<2>() else { continue };
            if let Some(reply) = self.waiting().by_id.remove(&u16::from_be_bytes(*id)) {
                let _ = reply.send(buffer[..size].to_vec());
            }
        }
    }
}

fn with_id(message: &[u8], id: [u8; 2]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[..2].copy_from_slice(&id);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_find_those_who_asked_whatever_their_order() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(server.local_addr().unwrap()).await.unwrap();
        let upstream = Upstream::new(socket);
        let answering = async {
            let mut buffer = [0; 16];
            let mut questions = Vec::new();
            for _ in 0..2 {
                let (size, peer) = server.recv_from(&mut buffer).await.unwrap();
                questions.push((buffer[..size].to_vec(), peer));
            }
            for (question, peer) in questions.iter().rev() {
                server.send_to(&[question, &b"!"[..]].concat(), peer).await.unwrap();
            }
        };
        // Two clients may choose the same id.
        let asking = async { tokio::join!(upstream.ask(b"\x00\x07one"), upstream.ask(b"\x00\x07two"), answering) };
        let (one, two, ()) = tokio::select! {
            answers = asking => answers,
            () = upstream.receive() => unreachable!("it does not end"),
        };
        assert_eq!(one.unwrap(), b"\x00\x07one!");
        assert_eq!(two.unwrap(), b"\x00\x07two!");
        assert!(upstream.waiting().by_id.is_empty());
    }
}
