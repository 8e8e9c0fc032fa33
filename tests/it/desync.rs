//! Desync mitigation on the wire: what is blocked, what is forwarded once, and what is not noticed at all.

use neargate::engine::desync::Tier;
use neargate::model::listener::DesyncMode;

use crate::alb::{Alb, ScriptedTarget, Setup, page, stable, within};
use crate::http2::{get, http2, send};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn start(mode: DesyncMode, target: &ScriptedTarget) -> Alb {
    let mut setup = Setup::forwarding(&[target.address]);
    setup.attributes().desync_mitigation_mode = mode;
    setup.workers = 1;
    setup.start().await
}

/// A target that reads so many bytes of a body after every head.
async fn reading(body: usize) -> ScriptedTarget {
    ScriptedTarget::new(move |mut incoming| async move {
        incoming.head().await;
        incoming.wire.bytes(body).await;
        incoming.wire.send(OK).await;
        incoming.wire.rest().await;
    })
    .await
}

#[tokio::test]
async fn a_severe_request_gets_400_and_the_connection_is_closed() {
    let target = ScriptedTarget::answering(OK).await;
    let mut alb = start(DesyncMode::Defensive, &target).await;
    let mut wire = alb.connect().await;
    wire.send("POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 3\r\nTransfer_Encoding: chunked\r\n\r\nabc").await;
    let body = page("400 Bad Request");
    assert_eq!(
        stable(&wire.rest().await),
        format!(
            "HTTP/1.1 400 Bad Request\r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/html\r\n\
             Content-Length: 122\r\nConnection: close\r\n\r\n{body}"
        )
    );
    let classification = alb.settled().await.classification.unwrap();
    assert_eq!((classification.tier, &*classification.reason), (Tier::Severe, "SuspiciousTeClPresent"));
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_severe_request_is_answered_by_the_classifier_before_the_parser() {
    let target = ScriptedTarget::answering(OK).await;
    // An unknown coding is 501 where only the parser minds it.
    for (mode, status) in [(DesyncMode::Defensive, "400"), (DesyncMode::Monitor, "501")] {
        let alb = start(mode, &target).await;
        let answer = alb.exchange("POST / HTTP/1.1\r\nHost: e.com\r\nTransfer-Encoding: xchunked\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn an_ambiguous_request_is_forwarded_and_both_connections_are_closed() {
    let target = reading(3).await;
    let mut alb = start(DesyncMode::Defensive, &target).await;
    for number in 1..=2 {
        let mut wire = alb.connect().await;
        wire.send("GET /a HTTP/1.1\r\nHost: e.com\r\nContent-Length: 3\r\n\r\nabc").await;
        let answer = wire.rest().await;
        assert!(answer.contains("Connection: close\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
        assert_eq!(target.connections(), number, "the target's connection is not used again");
        let classification = alb.settled().await.classification.unwrap();
        assert_eq!(
            (classification.tier, &*classification.reason),
            (Tier::Ambiguous, "UndefinedContentLengthSemantics")
        );
    }
    assert!(target.heads()[0].contains("\r\nContent-Length: 3\r\n"));
}

#[tokio::test]
async fn monitoring_forwards_ambiguous_requests_and_keeps_connections_open() {
    let target = ScriptedTarget::answering(OK).await;
    let mut alb = start(DesyncMode::Monitor, &target).await;
    let mut wire = alb.connect().await;
    for _ in 0..2 {
        wire.send("GET / HTTP/1.1\r\nHost: e.com\r\nTransfer_Encoding: identity\r\n\r\n").await;
        assert!(wire.response().await.contains("Connection: keep-alive\r\n"));
        assert_eq!(&*alb.settled().await.classification.unwrap().reason, "SuspiciousHeader");
    }
    assert_eq!(target.connections(), 1);
}

#[tokio::test]
async fn the_strictest_mode_blocks_what_is_merely_acceptable() {
    let target = ScriptedTarget::answering(OK).await;
    let alb = start(DesyncMode::Strictest, &target).await;
    let answer = alb.exchange("GET /a b HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn acceptable_requests_reach_the_target_as_they_are() {
    let target = ScriptedTarget::answering(OK).await;
    let mut alb = start(DesyncMode::Defensive, &target).await;
    let mut wire = alb.connect().await;
    wire.send("GET /a b HTTP/1.1\r\nHost: e.com\r\nodd(name: 1\r\n\r\n").await;
    assert!(wire.response().await.contains("Connection: keep-alive\r\n"));
    let head = &target.heads()[0];
    assert!(head.starts_with("GET /a b HTTP/1.1\r\n") && head.contains("\r\nodd(name: 1\r\n"), "{head}");
    assert_eq!(alb.settled().await.classification.unwrap().tier, Tier::Acceptable);
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    wire.response().await;
    assert_eq!(alb.settled().await.classification, None);
}

#[tokio::test]
async fn with_chunks_and_a_length_the_target_gets_chunks_alone() {
    let target = reading("3\r\nabc\r\n0\r\n\r\n".len()).await;
    let alb = start(DesyncMode::Defensive, &target).await;
    alb.exchange(
        "POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nHost: e.com\r\n\r\n",
    )
    .await;
    assert_eq!(target.connections(), 1);
    let head = &target.heads()[0];
    assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n") && !head.contains("Content-Length"), "{head}");
}

#[tokio::test]
async fn a_folded_line_reaches_the_target_as_a_header_of_its_own() {
    let target = ScriptedTarget::answering(OK).await;
    let alb = start(DesyncMode::Defensive, &target).await;
    alb.exchange("GET / HTTP/1.1\r\nHost: e.com\r\nX-Folded: a\r\n b\r\nX-Last: c\r\n\r\n").await;
    assert!(target.heads()[0].contains("\r\nX-Folded: a\r\nb: \r\nX-Last: c\r\n"), "{}", target.heads()[0]);
}

#[tokio::test]
async fn over_http2_too_ambiguous_requests_are_forwarded_once_and_severe_ones_blocked() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    setup.workers = 1;
    let mut alb = setup.start().await;
    // With POST the client sends a length of 0.
    for (method, status, tier, reason) in [
        (http::Method::GET, 200, Tier::Ambiguous, "SuspiciousHeader"),
        (http::Method::POST, 400, Tier::Severe, "SuspiciousTeClPresent"),
    ] {
        let mut client = http2(&alb).await;
        let mut request = get("/");
        *request.method_mut() = method;
        request.headers_mut().insert("transfer_encoding", "chunked".parse().unwrap());
        let (response, _) = send(&mut client, request).await;
        assert_eq!(response.status().as_u16(), status);
        let classification = alb.settled().await.classification.unwrap();
        assert_eq!((classification.tier, &*classification.reason), (tier, reason));
        within("the goodbye", async {
            while client.ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    // What was connected for the ambiguous request serves no other.
    send(&mut http2(&alb).await, get("/")).await;
    assert_eq!(target.connections(), 2);
}
