//! What counts as an outstanding request, on the wire: the cases of `fixtures/alb/outstanding/`.

use std::sync::Arc;

use neargate::model::target_group::Algorithm;
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::alb::{Alb, Incoming, ScriptedTarget, Setup, within};
use crate::http2;
use crate::support::expected::{cases, read};

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: e.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const TARGETS: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    client: Client,
    then: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
enum Client {
    #[serde(rename = "HTTP/1.1")]
    Http1,
    #[serde(rename = "HTTP/2")]
    Http2,
    WebSocket,
}

#[tokio::test]
async fn requests_count_as_outstanding_as_documented() {
    for file in cases("alb/outstanding", "yaml") {
        for case in read::<Vec<Case>>(&file) {
            check(case).await;
        }
    }
}

async fn check(case: Case) {
    let mut targets = Vec::new();
    for _ in 0..TARGETS {
        let gate = Arc::new(Semaphore::new(0));
        let held = Arc::clone(&gate);
        let target = ScriptedTarget::new(move |incoming| hold(incoming, Arc::clone(&held))).await;
        targets.push((target, gate));
    }
    let mut setup = Setup::forwarding(&targets.iter().map(|(target, _)| target.address).collect::<Vec<_>>());
    let group = setup.topology.target_groups.get_mut("web").unwrap();
    group.attributes.algorithm = Algorithm::LeastOutstandingRequests;
    if case.client == Client::Http2 {
        setup.https();
    }
    let mut alb = setup.start().await;
    let counts = || targets.iter().map(|(target, _)| target.heads().len()).collect::<Vec<_>>();
    // Dropped with the case, and its requests with it.
    let mut clients = JoinSet::new();
    let one_connection = if case.client == Client::Http2 { Some(http2::http2(&alb).await) } else { None };
    for (index, step) in case.then.iter().enumerate() {
        let what = format!("{}, step {} ({})", case.name, index + 1, case.source);
        if let Some(target) = step.strip_prefix("end ") {
            targets[target.parse::<usize>().unwrap()].1.add_permits(1);
            alb.settled().await;
            continue;
        }
        let before = counts();
        match &one_connection {
            Some(connection) => {
                let mut connection = connection.clone();
                clients.spawn(async move { drop(connection.send_request(http2::get("/")).await) });
            }
            None => ask(&alb, case.client, &mut clients).await,
        }
        let chosen = within("the request at a target", async {
            loop {
                let chosen = counts().iter().zip(&before).position(|(now, before)| now > before);
                match chosen {
                    Some(chosen) => return chosen,
                    None => tokio::task::yield_now().await,
                }
            }
        })
        .await;
        assert_eq!(chosen.to_string(), *step, "{what}");
    }
}

/// A request on its own connection, which ends with it.
async fn ask(alb: &Alb, client: Client, clients: &mut JoinSet<()>) {
    let mut wire = alb.connect().await;
    let request = if client == Client::WebSocket { UPGRADE } else { "GET / HTTP/1.1\r\nHost: e.com\r\n\r\n" };
    wire.send(request).await;
    clients.spawn(async move {
        // However long the case takes, this ends with it.
        let mut end = [0; 1024];
        while matches!(tokio::io::AsyncReadExt::read(&mut wire.stream, &mut end).await, Ok(1..)) {}
    });
}

/// A request gets its response when the gate opens; a WebSocket opens at once and closes then.
async fn hold(mut incoming: Incoming, gate: Arc<Semaphore>) {
    let upgrades = incoming.head().await.contains("websocket");
    if upgrades {
        incoming
            .wire
            .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .await;
    }
    gate.acquire().await.unwrap().forget();
    if !upgrades {
        incoming.wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    }
}
