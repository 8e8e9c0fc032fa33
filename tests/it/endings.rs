//! What a new table ends: requests whose target's delay is over, connections whose listener is gone.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use neargate::engine::figures::GroupCount;
use neargate::model::target_health::TargetHealth;
use tokio_tungstenite::accept_async;

use crate::alb::{Alb, ScriptedTarget, Setup, fixed, free_port, healthy, within};
use crate::{http2, records, websocket};

const GET: &str = "GET / HTTP/1.1\r\nHost: e.com\r\n\r\n";

/// Answers with these bytes and then waits for the end of the connection.
async fn silent_after(bytes: &'static str) -> ScriptedTarget {
    ScriptedTarget::new(move |mut incoming| async move {
        incoming.head().await;
        incoming.wire.send(bytes).await;
        incoming.wire.rest().await;
    })
    .await
}

/// Waits until the target has a request.
pub(crate) async fn asked(target: &ScriptedTarget) {
    within("the request at the target", async {
        while target.heads().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Deregisters the only target, and lets its delay run out.
pub(crate) async fn deregister(alb: &mut Alb, address: SocketAddr) {
    let mut draining = healthy(address);
    draining.health = TargetHealth::Draining;
    alb.targets.insert("web".into(), vec![draining]);
    alb.publish().await;
    alb.targets.insert("web".into(), Vec::new());
    alb.publish().await;
}

#[tokio::test]
async fn a_response_under_way_is_cut_when_the_deregistration_delay_is_over() {
    let target = silent_after("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    wire.through("half").await;
    deregister(&mut alb, target.address).await;
    assert_eq!(wire.rest().await, "");
    let transaction = alb.settled().await;
    assert_eq!((transaction.status, transaction.target_status), (200, Some(200)));
}

#[tokio::test]
async fn a_websocket_ends_with_the_deregistration_delay() {
    let target = ScriptedTarget::new(|incoming| async move {
        let mut socket = accept_async(incoming.wire.stream).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut socket = websocket::open(&alb).await;
    deregister(&mut alb, target.address).await;
    assert!(!matches!(within("the end", socket.next()).await, Some(Ok(_))));
    assert_eq!(alb.settled().await.status, 101);
}

#[tokio::test]
async fn a_stream_that_outlasts_the_deregistration_delay_is_502() {
    let target = silent_after("").await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    let mut alb = setup.start().await;
    let mut client = http2::http2(&alb).await;
    let running = tokio::spawn(async move { http2::send(&mut client, http2::get("/")).await });
    asked(&target).await;
    deregister(&mut alb, target.address).await;
    assert_eq!(within("the answer", running).await.unwrap().0.status().as_u16(), 502);
}

/// Adds a second listener and takes the first one away, whose connections are to end.
async fn remove_listener(alb: &mut Alb) {
    let listeners = &mut alb.topology.load_balancer.listeners;
    let mut second = listeners[0].clone();
    (second.port, second.bind_port) = (8080, free_port());
    *listeners = vec![second];
    alb.publish().await;
}

#[tokio::test]
async fn connections_at_rest_end_with_their_listener() {
    let mut alb = Setup::answering(fixed(200, "ok")).start().await;
    let (mut fresh, mut used) = (alb.connect().await, alb.connect().await);
    used.send(GET).await;
    used.response().await;
    remove_listener(&mut alb).await;
    assert_eq!(used.rest().await, "");
    assert_eq!(fresh.rest().await, "");
}

#[tokio::test]
async fn a_request_finishes_after_its_listener_has_gone_and_its_connection_ends() {
    let (go, gate) = tokio::sync::watch::channel(false);
    let target = ScriptedTarget::new(move |mut incoming| {
        let mut gate = gate.clone();
        async move {
            incoming.head().await;
            gate.wait_for(|go| *go).await.unwrap();
            incoming.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            incoming.wire.rest().await;
        }
    })
    .await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    // The second one is ahead of its time, and will have no listener.
    wire.send(&GET.repeat(2)).await;
    asked(&target).await;
    remove_listener(&mut alb).await;
    go.send_replace(true);
    let rest = wire.rest().await;
    assert!(rest.ends_with("\r\n\r\nok") && rest.matches("HTTP/1.1 ").count() == 1, "{rest}");
}

#[tokio::test]
async fn http2_connections_are_told_to_go_when_their_listener_has_gone() {
    let mut setup = Setup::answering(fixed(200, "ok"));
    setup.https();
    let mut alb = setup.start().await;
    let mut client = http2::http2(&alb).await;
    assert_eq!(http2::send(&mut client, http2::get("/")).await.1, b"ok");
    remove_listener(&mut alb).await;
    within("the goodbye", async {
        while client.ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Nobody lets the load balancer in, so that it would wait for as long as it may.
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
    let mut wire = crate::alb::Wire::new(http2::tls(&alb, &["http/1.1"]).await);
    wire.send(GET).await;
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
