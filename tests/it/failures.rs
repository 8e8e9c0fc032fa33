//! Targets that close, lie or keep silent; clients that go away. What the client gets for each cause is in
//! `fixtures/alb/errors/`; here is what else happens.

use std::time::{Duration, Instant};

use crate::alb::{ScriptedTarget, Setup, healthy, page, stable};

const GET: &str = "GET / HTTP/1.1\r\nHost: e.com\r\n\r\n";

fn answer(status: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status}\r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/html\r\n\
         Content-Length: {length}\r\nConnection: keep-alive\r\n\r\n{}",
        page(status)
    )
}

#[tokio::test]
async fn without_targets_it_is_503_and_the_connection_goes_on() {
    let mut alb = Setup::forwarding(&[]).start().await;
    let mut wire = alb.connect().await;
    for _ in 0..2 {
        wire.send(GET).await;
        assert_eq!(stable(&wire.response().await), answer("503 Service Temporarily Unavailable", 162));
    }
    let transaction = alb.settled().await;
    assert_eq!((transaction.status, transaction.target_status, transaction.target), (503, None, None));
}

#[tokio::test]
async fn a_target_behind_a_closed_security_group_is_504_after_the_connect_timeout_and_gets_no_packet() {
    let target = ScriptedTarget::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let mut setup = Setup::forwarding(&[]);
    let mut state = healthy(target.address);
    state.reachable = false;
    setup.group("web", vec![state]);
    setup.connect_timeout = Duration::from_millis(300);
    let mut alb = setup.start().await;
    let started = Instant::now();
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    assert_eq!(stable(&wire.response().await), answer("504 Gateway Time-out", 132));
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(target.connections(), 0);
    let reason = alb.settled().await.error.unwrap();
    assert_eq!(reason, "the connection to the target could not be established in time");
}

#[tokio::test]
async fn response_heads_of_more_than_32_k_are_502() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        let path = incoming.head().await;
        let size = if path.starts_with("GET /small") { 30_000 } else { 33_000 };
        incoming.wire.send(&format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(size))).await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    for (path, status) in [("small", "200"), ("large", "502")] {
        let answer = alb.exchange(&format!("GET /{path} HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(&answer[9..12], status);
    }
}

#[tokio::test]
async fn a_target_that_closes_a_kept_connection_is_dialled_again() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        // Ends here, without having said so.
    })
    .await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.workers = 1;
    let alb = setup.start().await;
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    assert!(wire.response().await.ends_with("ok"));
    // Its FIN arrives some time after its answer; in between a request would be lost, as it would be on AWS.
    let mut statuses = Vec::new();
    while statuses.last().map(String::as_str) != Some("200") {
        assert!(statuses.len() < 10, "{statuses:?}");
        wire.send(GET).await;
        statuses.push(wire.response().await[9..12].to_owned());
    }
}

#[tokio::test]
async fn a_response_cut_short_is_cut_for_the_client_too() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this").await;
    })
    .await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let answer = alb.exchange(GET).await;
    assert!(answer.ends_with("only this"), "{answer}");
    let transaction = alb.settled().await;
    assert_eq!((transaction.status, transaction.target_status), (200, Some(200)));
    assert!(transaction.error.is_some());
}

#[tokio::test]
async fn any_byte_puts_the_idle_timeout_off() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await;
        let mut tick = tokio::time::interval(Duration::from_millis(150));
        for _ in 0..10 {
            tick.tick().await;
            incoming.wire.send("x").await;
        }
    })
    .await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.attributes().idle_timeout = Duration::from_millis(900);
    let alb = setup.start().await;
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    assert!(wire.response().await.ends_with("xxxxxxxxxx"));
}

#[tokio::test]
async fn a_client_that_stops_within_its_request_is_408() {
    let target = ScriptedTarget::silent().await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.attributes().idle_timeout = Duration::from_millis(300);
    let alb = setup.start().await;
    for partial in ["GET / HT", "POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 10\r\n\r\nhalf"] {
        let answer = alb.exchange(partial).await;
        assert!(answer.starts_with("HTTP/1.1 408 Request Time-out\r\n"), "{partial:?}: {answer}");
        assert!(answer.contains("Connection: close\r\n"));
    }
    assert_eq!(alb.exchange("").await, "", "a connection that never spoke is closed without a word");
}

#[tokio::test]
async fn a_client_that_leaves_is_460_in_the_account_and_its_target_is_left_too() {
    let (gone, mut left) = tokio::sync::watch::channel(false);
    let target = ScriptedTarget::new(move |mut incoming| {
        let gone = gone.clone();
        async move {
            incoming.head().await;
            incoming.wire.rest().await;
            gone.send_replace(true);
        }
    })
    .await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    while target.heads().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(wire);
    assert_eq!(alb.settled().await.status, 460);
    crate::alb::within("leaving the target", left.wait_for(|left| *left)).await.unwrap();
}

#[tokio::test]
async fn a_request_with_length_and_chunks_reaches_the_target_with_one_meaning_and_ends_the_connection() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        let head = incoming.head().await;
        assert!(!head.contains("Content-Length") && head.contains("Transfer-Encoding: chunked"), "{head}");
        incoming.wire.through("0\r\n\r\n").await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let answer = alb
        .exchange(
            "POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\
             GET /smuggled HTTP/1.1\r\nHost: e.com\r\n\r\n",
        )
        .await;
    assert!(answer.contains("Connection: close\r\n") && answer.ends_with("ok"), "{answer}");
    assert_eq!(target.heads().len(), 1);
}
