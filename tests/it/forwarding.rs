//! Targets taking turns, large bodies, connections that a target or a client closes at the wrong moment, and rewritten
//! requests. What both sides see to the byte is in `fixtures/alb/exchanges/`.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use std::net::SocketAddr;
use std::time::Duration;

use neargate::alb::actions::transform::TransformStatus;
use neargate::alb::metrics::figures::GroupCount;
use neargate::model::rule::{Condition, Patterns, Rewrite, Rule, Transforms};
use tokio::io::AsyncWriteExt;

use crate::alb::{
    Alb, ScriptedTarget, Setup, Wire, fixed, forward, free_port, healthy, load_balancer, redirect_to_https, within,
};
use crate::{http2, records};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn rules_send_paths_to_their_groups_and_weights_share_requests_out() {
    let api = ScriptedTarget::answering(OK).await;
    let canary = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[]);
    setup.group("api", vec![healthy(api.address)]);
    setup.group("canary", vec![healthy(canary.address)]);
    setup.rules(vec![Rule {
        priority: 1,
        conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/api/*".into()]))],
        actions: forward(&["api", "canary"]).into(),
        transforms: Transforms::default(),
    }]);
    let mut alb = setup.start().await;
    let mut wire = alb.connect().await;
    for _ in 0..100 {
        wire.send("GET /api/x HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
        wire.response().await;
        assert_eq!(alb.settled().await.rule, Some(1));
    }
    let share = canary.heads().len();
    assert!((20..=80).contains(&share), "{share} of 100 at equal weights");
    // A group without targets keeps its share: there is no failover.
    wire.send("GET /api HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(wire.response().await.starts_with("HTTP/1.1 503 "));
    assert_eq!(alb.settled().await.rule, Some(0));
}

#[tokio::test]
async fn targets_are_used_in_turn() {
    let one = ScriptedTarget::answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1").await;
    let two = ScriptedTarget::answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2").await;
    let alb = Setup::forwarding(&[one.address, two.address]).start().await;
    let mut wire = alb.connect().await;
    let mut seen = String::new();
    for _ in 0..6 {
        wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
        seen.push_str(&wire.response().await[wire_body_start()..]);
    }
    assert!(seen == "121212" || seen == "212121", "{seen}");
}

fn wire_body_start() -> usize {
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n".len()
}

#[tokio::test]
async fn large_bodies_pass_unchanged_both_ways() {
    const SIZE: usize = 3_000_000;
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        let body = incoming.wire.bytes(SIZE).await;
        incoming.wire.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")).await;
        within("sending", incoming.wire.stream.write_all(&body)).await.unwrap();
    })
    .await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let body: Vec<u8> = (0..SIZE).map(|index| (index % 251) as u8).collect();
    let mut wire = alb.connect().await;
    wire.send(&format!("PUT / HTTP/1.1\r\nHost: e.com\r\nContent-Length: {SIZE}\r\n\r\n")).await;
    within("sending", wire.stream.write_all(&body)).await.unwrap();
    wire.head().await;
    assert!(wire.bytes(SIZE).await == body);
    let transaction = alb.settled().await;
    assert!(transaction.received_bytes > SIZE as u64 && transaction.sent_bytes > SIZE as u64);
}

#[tokio::test]
async fn a_client_that_does_not_read_slows_its_target_instead_of_filling_memory() {
    let (progress, mut sent) = tokio::sync::watch::channel(0_usize);
    let target = ScriptedTarget::new(move |mut incoming| {
        let progress = progress.clone();
        async move {
            incoming.head().await;
            incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
            let part = vec![b'x'; 64 * 1024];
            while incoming.wire.stream.write_all(&part).await.is_ok() {
                progress.send_modify(|sent| *sent += part.len());
            }
        }
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    wire.head().await;
    // Socket buffers on both sides fill up; then everything stops, far from the end.
    while tokio::time::timeout(Duration::from_millis(300), sent.changed()).await.is_ok() {}
    let stalled_at = *sent.borrow();
    assert!(stalled_at < 50_000_000, "{stalled_at} bytes were taken from the target");
    wire.bytes(stalled_at + 100_000).await;
}

#[tokio::test]
async fn a_target_that_closes_an_idle_connection_gets_a_new_one() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        // The connection ends here, without notice.
    })
    .await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.workers = 1;
    let alb = setup.start().await;
    let mut wire = alb.connect().await;
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(wire.response().await.ends_with("ok"));
    // Its FIN arrives some time after its response; a request in between would be lost, as on AWS.
    let mut statuses = Vec::new();
    while statuses.last().map(String::as_str) != Some("200") {
        assert!(statuses.len() < 10, "{statuses:?}");
        wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
        statuses.push(wire.response().await[9..12].to_owned());
    }
}

#[tokio::test]
async fn a_rewritten_request_reaches_the_target_and_the_log_keeps_both() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::answering(fixed(404, ""));
    setup.group("web", vec![healthy(target.address)]);
    let rewrite = |regex: &str, replace: &str| Some(Rewrite { regex: regex.into(), replace: replace.into() });
    setup.rules(vec![Rule {
        priority: 1,
        conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/dp/*".into()]))],
        actions: forward(&["web"]).into(),
        transforms: Transforms {
            host_header: rewrite("^mywebsite-(.+).com$", "internal.dev.$1.myweb.com"),
            url: rewrite("^/dp/([A-Za-z0-9]+)/?$", "/product.php?id=$1"),
        },
    }]);
    let mut alb = setup.start().await;
    alb.exchange("GET /dp/B09G3HRMW HTTP/1.1\r\nHost: mywebsite-example.com\r\nConnection: close\r\n\r\n").await;
    let head = &target.heads()[0];
    assert!(head.starts_with("GET /product.php?id=B09G3HRMW HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nHost: internal.dev.example.myweb.com\r\n"), "{head}");
    let transaction = alb.settled().await;
    assert_eq!(transaction.transform_status, Some(TransformStatus::Success));
    let text = transaction.text.unwrap();
    assert_eq!(text.path_and_query(), b"/dp/B09G3HRMW");
    assert_eq!(text.transformed.uri.as_deref(), Some(&b"/product.php?id=B09G3HRMW"[..]));
}

#[tokio::test]
async fn a_redirect_names_the_port_that_a_remapped_listener_is_bound_to() {
    let mut setup = Setup::answering(redirect_to_https());
    let mut https = load_balancer(&mut setup.topology).listeners[0].clone();
    https.port = 443;
    https.bind_port = free_port();
    https.default_actions = fixed(200, "here").into();
    let bind_port = https.bind_port;
    load_balancer(&mut setup.topology).listeners.push(https);
    let alb = setup.start().await;
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.contains(&format!("Location: https://app.example.com:{bind_port}/\r\n")), "{answer}");
}

/// No security group allows the load balancer, so its attempt would last as long as the timeout.
async fn never_connecting() -> Alb {
    let mut setup = Setup::forwarding(&[SocketAddr::from(([127, 0, 0, 1], 9))]);
    setup.https();
    setup.connect_timeout = Duration::from_secs(600);
    setup.targets.get_mut("web").unwrap()[0].reachable = false;
    setup.start().await
}

#[tokio::test]
async fn a_client_that_leaves_while_its_target_is_being_connected_is_noticed_at_once() {
    let mut alb = never_connecting().await;
    let mut wire = Wire::new(http2::tls(&alb, &["http/1.1"]).await);
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    drop(wire);
    let transaction = alb.settled().await;
    assert_eq!((transaction.status, transaction.steps.dispatched), (460, None));

    let mut client = http2::http2(&alb).await;
    let request = tokio::spawn(async move {
        let _ = client.send_request(http2::get("/")).await;
    });
    within("the second request", async {
        while records::figures(&alb).groups[0].counts[GroupCount::Requests as usize] < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    request.abort();
    assert_eq!(alb.settled().await.status, 460);
}
