//! What the load balancer answers itself, to the byte.

use neargate::model::listener::DesyncMode;
use neargate::proxy::transaction::HttpVersion;

use crate::alb::{ScriptedTarget, Setup, fixed, page, redirect_to_https, stable};

#[tokio::test]
async fn a_redirect_is_answered_to_the_byte_and_keeps_the_connection() {
    let alb = Setup::answering(redirect_to_https()).start().await;
    let mut wire = alb.connect().await;
    for _ in 0..2 {
        wire.send("GET /a/b?c=d HTTP/1.1\r\nHost: Example.com\r\n\r\n").await;
        assert_eq!(
            stable(&wire.response().await),
            "HTTP/1.1 301 Moved Permanently\r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/html\r\n\
             Content-Length: 134\r\nConnection: keep-alive\r\nLocation: https://example.com:443/a/b?c=d\r\n\r\n"
                .to_owned()
                + &page("301 Moved Permanently")
        );
    }
}

#[tokio::test]
async fn a_redirect_names_the_port_that_a_remapped_listener_is_bound_to() {
    let mut setup = Setup::answering(redirect_to_https());
    let mut https = setup.topology.load_balancer.listeners[0].clone();
    https.port = 443;
    https.bind_port = crate::alb::free_port();
    https.default_action = fixed(200, "here");
    let bind_port = https.bind_port;
    setup.topology.load_balancer.listeners.push(https);
    let alb = setup.start().await;
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains(&format!("Location: https://app.example.com:{bind_port}/\r\n")), "{answer}");
}

#[tokio::test]
async fn a_fixed_response_is_answered_to_the_byte() {
    let alb = Setup::answering(fixed(418, "short and stout")).start().await;
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    assert_eq!(
        stable(&answer),
        "HTTP/1.1 418 \r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Length: 15\r\nConnection: close\r\n\r\nshort and stout"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_is_400_and_ends_the_connection() {
    let mut alb = Setup::answering(fixed(200, "")).start().await;
    let refused = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: e.com\r\nContent-Length: five\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "CONNECT e.com:443 HTTP/1.1\r\nHost: e.com\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\n\r\n",
    ];
    for request in refused {
        let expected = "HTTP/1.1 400 Bad Request\r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Type: text/html\r\n\
             Content-Length: 122\r\nConnection: close\r\n\r\n"
            .to_owned()
            + &page("400 Bad Request");
        assert_eq!(stable(&alb.exchange(request).await), expected, "{request:?}");
        assert_eq!(alb.settled().await.status, 400);
    }
}

#[tokio::test]
async fn heads_beyond_the_limits_are_400() {
    let alb = Setup::answering(fixed(200, "")).start().await;
    let field = |length: usize| format!("X: {}\r\n", "x".repeat(length - 3));
    let request = |fields: &str| format!("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n{fields}\r\n");
    let status = async |request: &str| alb.exchange(request).await.split(' ').nth(1).unwrap_or("none").to_owned();
    assert_eq!(status(&request(&field(16_383))).await, "200");
    assert_eq!(status(&request(&field(16_384))).await, "400");
    assert_eq!(status(&request(&field(8_000).repeat(8))).await, "200");
    assert_eq!(status(&request(&field(8_200).repeat(8))).await, "400");
}

#[tokio::test]
async fn http_1_0_closes_unless_it_asks_not_to() {
    let alb = Setup::answering(fixed(200, "ok")).start().await;
    let answer = alb.exchange("GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Connection: close\r\n"), "{answer}");
    let mut wire = alb.connect().await;
    for _ in 0..2 {
        wire.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").await;
        assert!(wire.response().await.contains("Connection: keep-alive\r\n"));
    }
}

/// ALB user guide, "Listeners": the load balancer takes HTTP/0.9 too. A response of it is a body and the end.
#[tokio::test]
async fn http_0_9_gets_bodies_without_heads() {
    let target =
        ScriptedTarget::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("GET /a?b\r\n").await;
    assert_eq!(wire.rest().await, "ok");
    let default_host = target.heads()[0].clone();
    assert!(default_host.starts_with("GET /a?b HTTP/1.1\r\n") && default_host.contains("\r\nHost: "), "{default_host}");
    let transaction = alb.settled().await;
    assert_eq!((transaction.status, transaction.text.unwrap().version), (200, HttpVersion::Http09.as_str()));
    assert_eq!(&*transaction.classification.unwrap().reason, "NonCompliantVersion");

    let mut setup = Setup::answering(fixed(200, "text"));
    setup.attributes().desync_mitigation_mode = DesyncMode::Monitor;
    assert_eq!(setup.start().await.exchange("GET /\r\n").await, "text");
    let mut setup = Setup::answering(fixed(200, "text"));
    setup.attributes().desync_mitigation_mode = DesyncMode::Strictest;
    assert_eq!(setup.start().await.exchange("GET /\r\n").await, page("400 Bad Request"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let alb = Setup::answering(redirect_to_https()).start().await;
    let mut wire = alb.connect().await;
    wire.send(
        "GET /1 HTTP/1.1\r\nHost: e.com\r\n\r\nPOST /2 HTTP/1.1\r\nHost: e.com\r\nContent-Length: 3\r\n\r\nabc\
         \r\nGET /3 HTTP/1.1\r\nHost: e.com\r\n\r\n",
    )
    .await;
    for path in ["1", "2", "3"] {
        let answer = wire.response().await;
        assert!(answer.contains(&format!("Location: https://e.com:443/{path}\r\n")), "{answer}");
    }
}

#[tokio::test]
async fn head_requests_get_no_body() {
    let alb = Setup::answering(fixed(200, "text")).start().await;
    let answer = alb.exchange("HEAD / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains("Content-Length: 4\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}
