//! Both ends of the load balancer's connections: raw bytes, and scripts.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::within;

/// One end of a connection, in text.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        within("sending", self.stream.write_all(text.as_bytes())).await.unwrap();
    }

    /// Reads up to and including an empty line.
    pub(crate) async fn head(&mut self) -> String {
        self.through("\r\n\r\n").await
    }

    /// Reads up to and including this text.
    pub(crate) async fn through(&mut self, end: &str) -> String {
        within("reading", async {
            loop {
                let found = self.unread.windows(end.len()).position(|window| window == end.as_bytes());
                if let Some(start) = found {
                    return String::from_utf8(self.unread.drain(..start + end.len()).collect()).unwrap();
                }
                assert!(self.fill().await, "closed before {end:?}: {:?}", String::from_utf8_lossy(&self.unread));
            }
        })
        .await
    }

    /// Reads this many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        within("reading", async {
            while self.unread.len() < count {
                assert!(self.fill().await, "closed after {} of {count} bytes", self.unread.len());
            }
            self.unread.drain(..count).collect()
        })
        .await
    }

    /// Reads a response with a Content-Length, head and body.
    pub(crate) async fn response(&mut self) -> String {
        let mut text = self.head().await;
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
        let body = self.bytes(length.parse().unwrap()).await;
        text.push_str(std::str::from_utf8(&body).unwrap());
        text
    }

    /// Reads up to the end of the connection, which may also be a reset.
    pub(crate) async fn rest(&mut self) -> String {
        within("the end of the connection", async {
            while self.fill().await {}
            String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
        })
        .await
    }

    /// Waits for something to read; false at the end.
    pub(crate) async fn fill_or_end(&mut self) -> bool {
        !self.unread.is_empty() || self.fill().await
    }

    async fn fill(&mut self) -> bool {
        let mut part = [0; 16 * 1024];
        let count = self.stream.read(&mut part).await.unwrap_or(0);
        self.unread.extend_from_slice(&part[..count]);
        count > 0
    }
}

/// A target whose connections follow a script.
pub(crate) struct ScriptedTarget {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// A connection from the load balancer.
pub(crate) struct Incoming {
    pub(crate) wire: Wire<TcpStream>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Incoming {
    /// The next request head, also kept for [`ScriptedTarget::heads`].
    pub(crate) async fn head(&mut self) -> String {
        let head = self.wire.head().await;
        self.heads.lock().unwrap().push(head.clone());
        head
    }
}

impl ScriptedTarget {
    pub(crate) async fn new<F, R>(script: F) -> Self
    where
        F: Fn(Incoming) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(script(Incoming { wire: Wire::new(stream), heads: Arc::clone(&kept) }));
            }
        });
        Self { address, heads }
    }

    /// Reads a request and stays silent until the client leaves.
    pub(crate) async fn silent() -> Self {
        Self::new(|mut incoming| async move {
            incoming.head().await;
            incoming.wire.rest().await;
        })
        .await
    }

    /// Answers every bodyless request with the same bytes, and keeps its connections open.
    pub(crate) async fn answering(response: &'static str) -> Self {
        Self::new(move |mut incoming| async move {
            loop {
                let mut first = [0; 1];
                // The end of the connection is the end of the script.
                if incoming.wire.unread.is_empty() && !matches!(incoming.wire.stream.peek(&mut first).await, Ok(1..)) {
                    return;
                }
                incoming.head().await;
                incoming.wire.send(response).await;
            }
        })
        .await
    }

    /// All request heads received so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}
