//! Upgrades, with a real WebSocket client and server.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use std::time::Duration;

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
async fn messages_go_both_ways_until_one_side_closes() {
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

#[tokio::test]
async fn a_silent_websocket_is_cut_after_the_idle_timeout() {
    let target = echo().await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.attributes().idle_timeout = Duration::from_millis(300);
    let alb = setup.start().await;
    let mut socket = open(&alb).await;
    assert!(!matches!(within("the end", socket.next()).await, Some(Ok(_))));
}

#[tokio::test]
async fn what_is_sent_together_with_the_upgrade_is_not_lost() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        let head = incoming.head().await;
        assert!(head.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"), "{head}");
        incoming
            .wire
            .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello")
            .await;
        assert_eq!(incoming.wire.through("bye").await, "early, bye");
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly, ").await;
    assert_eq!(
        wire.through("hello").await,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello"
    );
    wire.send("bye").await;
    assert_eq!(wire.rest().await, "");
}

#[tokio::test]
async fn a_target_that_declines_answers_as_usual() {
    let target = ScriptedTarget::answering("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    for _ in 0..2 {
        wire.send("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        assert!(wire.response().await.starts_with("HTTP/1.1 403 No\r\n"));
    }
}
