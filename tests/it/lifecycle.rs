//! Changing tables, long-lived connections, draining.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use std::time::Duration;

use neargate::control::observation::Observation;
use neargate::model::target_health::TargetHealth;
use tokio::sync::watch;

use crate::alb::{ScriptedTarget, Setup, fixed, free_port, healthy, load_balancer, within};

const GET: &str = "GET / HTTP/1.1\r\nHost: e.com\r\n\r\n";

/// Responds when told to.
async fn patient_target() -> (ScriptedTarget, watch::Sender<bool>) {
    let (go, gate) = watch::channel(false);
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
    (target, go)
}

async fn reached(target: &ScriptedTarget) {
    within("the request at the target", async {
        while target.heads().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_table_holds_for_the_next_request_of_an_open_connection() {
    let mut alb = Setup::answering(fixed(200, "old")).start().await;
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    assert!(wire.response().await.ends_with("old"));
    load_balancer(&mut alb.topology).listeners[0].default_actions = fixed(200, "new").into();
    alb.publish().await;
    wire.send(GET).await;
    assert!(wire.response().await.ends_with("new"));
}

#[tokio::test]
async fn listeners_come_and_go_with_the_table() {
    let mut alb = Setup::answering(fixed(200, "80")).start().await;
    let mut second = load_balancer(&mut alb.topology).listeners[0].clone();
    (second.port, second.bind_port) = (8080, free_port());
    second.default_actions = fixed(200, "8080").into();
    let first = alb.address;
    load_balancer(&mut alb.topology).listeners.push(second.clone());
    alb.publish().await;
    alb.address.set_port(second.bind_port);
    assert!(alb.exchange("GET / HTTP/1.0\r\n\r\n").await.ends_with("8080"));

    load_balancer(&mut alb.topology).listeners.remove(0);
    alb.publish().await;
    within("refusing", async { while tokio::net::TcpStream::connect(first).await.is_ok() {} }).await;
    assert!(alb.exchange("GET / HTTP/1.0\r\n\r\n").await.ends_with("8080"));
}

#[tokio::test]
async fn a_listener_can_take_over_the_port_of_a_removed_one_at_once() {
    let mut alb = Setup::answering(fixed(200, "old")).start().await;
    let listener = &mut load_balancer(&mut alb.topology).listeners[0];
    listener.port = 8080;
    listener.default_actions = fixed(200, "new").into();
    alb.publish().await;
    assert!(alb.exchange("GET / HTTP/1.0\r\n\r\n").await.ends_with("new"));
}

#[tokio::test]
async fn a_port_in_use_is_reported_and_bound_as_soon_as_it_is_free() {
    let mut alb = Setup::answering(fixed(200, "ok")).start().await;
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut second = load_balancer(&mut alb.topology).listeners[0].clone();
    (second.port, second.bind_port) = (443, holder.local_addr().unwrap().port());
    load_balancer(&mut alb.topology).listeners.push(second);
    alb.publish_without_waiting();
    let failed = alb.observed("the failure", |seen| matches!(seen, Observation::ListenerFailed { .. })).await;
    let Observation::ListenerFailed { port, message, .. } = failed else { unreachable!() };
    assert_eq!(port, 443);
    assert!(message.contains("is in use by") && message.contains("--listen 443="), "{message}");
    drop(holder);
    alb.observed("binding", |seen| matches!(seen, Observation::ListenersBound { .. })).await;
}

#[tokio::test]
async fn a_draining_target_finishes_its_request_takes_no_new_one_and_is_reported_drained() {
    let (leaving, go) = patient_target().await;
    let staying = ScriptedTarget::answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nstay").await;
    let mut alb = Setup::forwarding(&[leaving.address]).start().await;
    let mut first = alb.connect().await;
    first.send(GET).await;
    reached(&leaving).await;

    let mut draining = healthy(leaving.address);
    draining.health = TargetHealth::Draining;
    alb.targets.insert("web".into(), vec![draining, healthy(staying.address)]);
    alb.publish().await;
    let mut second = alb.connect().await;
    for _ in 0..3 {
        second.send(GET).await;
        assert!(second.response().await.ends_with("stay"));
    }
    assert!(alb.observations.try_recv().is_err(), "a request is still in flight");

    go.send_replace(true);
    assert!(first.response().await.ends_with("ok"));
    alb.observed(
        "draining",
        |seen| matches!(seen, Observation::Drained { target, .. } if target.port == leaving.address.port()),
    )
    .await;
}

#[tokio::test]
async fn an_idle_target_is_drained_at_once() {
    let target = ScriptedTarget::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    alb.targets.get_mut("web").unwrap()[0].health = TargetHealth::Draining;
    alb.publish_without_waiting();
    alb.observed("draining", |seen| matches!(seen, Observation::Drained { .. })).await;
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn draining_the_data_plane_lets_requests_finish_and_closes_idle_connections() {
    let (target, go) = patient_target().await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut at_rest = alb.connect().await;
    at_rest.send("TRACE / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    at_rest.response().await;
    let mut busy = alb.connect().await;
    busy.send(GET).await;
    reached(&target).await;

    let draining = tokio::spawn(alb.plane.take().unwrap().drain(Duration::from_secs(30)));
    assert_eq!(at_rest.rest().await, "");
    within("refusing new connections", async { while tokio::net::TcpStream::connect(alb.address).await.is_ok() {} })
        .await;
    go.send_replace(true);
    assert!(busy.rest().await.ends_with("ok"));
    within("the end", draining).await.unwrap();
}

#[tokio::test]
async fn draining_closes_the_rest_at_its_deadline() {
    let (target, _go) = patient_target().await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut busy = alb.connect().await;
    busy.send(GET).await;
    reached(&target).await;
    within("the end", alb.plane.take().unwrap().drain(Duration::from_millis(200))).await;
    assert_eq!(busy.rest().await, "");
}
