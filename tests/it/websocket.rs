//! WebSocket upgrades, with a real client and server.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, client_async};

use crate::alb::{Alb, ScriptedTarget, Setup, within};

/// Sends every message back.
async fn echo() -> ScriptedTarget {
    ScriptedTarget::new(|incoming| async move {
        let mut socket = accept_async(incoming.wire.stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await
}

pub(crate) async fn open(alb: &Alb) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
    let stream = alb.connect().await.stream;
    let (socket, response) = within("the upgrade", client_async("ws://e.com/chat", stream)).await.unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(response.headers()["connection"], "upgrade");
    socket
}

#[tokio::test]
async fn messages_pass_in_both_directions_until_one_side_closes() {
    let target = echo().await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut socket = open(&alb).await;
    for size in [1, 1_000, 300_000] {
        let text = "x".repeat(size);
        within("sending", socket.send(Message::text(text.clone()))).await.unwrap();
        let back = within("the echo", socket.next()).await.unwrap().unwrap();
        assert!(back.into_text().unwrap() == text.as_str());
    }
    within("closing", socket.close(None)).await.unwrap();
    while within("the end", socket.next()).await.is_some() {}
    let transaction = alb.settled().await;
    assert!(transaction.upgraded && transaction.status == 101);
    assert!(transaction.sent_bytes > 300_000 && transaction.received_bytes > 300_000, "{transaction:?}");
}
