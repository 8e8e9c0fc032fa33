//! What targets and clients see of each other over HTTP/1.

use neargate::model::rule::{Condition, Patterns, Rule};
use tokio::io::AsyncWriteExt;

use crate::alb::{ScriptedTarget, Setup, forward, healthy, stable, within};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn the_target_gets_exactly_these_bytes() {
    let target = ScriptedTarget::answering(OK).await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    alb.exchange(
        "GET /Path?q=1 HTTP/1.1\r\nHost: Example.COM:80\r\nUser-Agent: test\r\naCCept: */*\r\n\
         Connection: close\r\nx_odd+name: kept\r\nX-Forwarded-Proto: https\r\n\r\n",
    )
    .await;
    assert_eq!(
        stable(&target.heads()[0]),
        "GET /Path?q=1 HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n\
         Host: example.com\r\nX-Amzn-Trace-Id: Root=<trace>\r\nUser-Agent: test\r\naCCept: */*\r\nx_odd+name: kept\r\n\r\n"
    );
}

#[tokio::test]
async fn the_client_gets_the_targets_head_in_the_order_of_a_load_balancer() {
    let target = ScriptedTarget::answering(
        "HTTP/1.1 201 Made It\r\nServer: mine\r\nX-One: 1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         content-type: text/plain\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nset-cookie: a=1\r\n\
         Set-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let answer = alb.exchange("GET / HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    assert_eq!(
        answer,
        "HTTP/1.1 201 Made It\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n\
         Content-Length: 2\r\nConnection: close\r\nServer: mine\r\nX-One: 1\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nok"
    );
}

#[tokio::test]
async fn requests_of_several_clients_share_one_kept_connection() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.workers = 1;
    let alb = setup.start().await;
    let mut first = alb.connect().await;
    let mut second = alb.connect().await;
    for _ in 0..2 {
        for wire in [&mut first, &mut second] {
            wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
            assert!(wire.response().await.ends_with("\r\n\r\nok"));
        }
    }
    assert_eq!(target.connections(), 1);
}

#[tokio::test]
async fn a_target_that_says_close_is_dialled_again() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
    })
    .await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.workers = 1;
    let alb = setup.start().await;
    let mut wire = alb.connect().await;
    for number in 1..=3 {
        wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
        let answer = wire.response().await;
        // What the target says of its own connection is not the client's business.
        assert!(answer.contains("Connection: keep-alive\r\n"), "{answer}");
        assert_eq!(target.connections(), number);
    }
}

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
        action: forward(&["api", "canary"]),
        transforms: neargate::model::rule::Transforms::default(),
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
    // A group without targets keeps its share: nothing fails over.
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
async fn a_chunked_upload_is_chunked_again_and_trailers_stay_behind() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        let head = incoming.head().await;
        assert!(head.contains("\r\nTransfer-Encoding: chunked\r\n"), "{head}");
        let body = incoming.wire.through("0\r\n\r\n").await;
        incoming.wire.send(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("POST / HTTP/1.1\r\nHost: e.com\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    wire.send("5;ext=1\r\nhello\r\n0006\r\n world\r\n0\r\nX-Trailer: gone\r\n\r\n").await;
    let answer = wire.response().await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_chunked_download_is_passed_on_as_it_comes() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await;
        // The second part comes only after the first has been seen.
        incoming.wire.through("go").await;
        incoming.wire.send("3\r\ntwo\r\n0\r\n\r\n").await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 2\r\n\r\n").await;
    assert_eq!(
        wire.through("one\r\n").await,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n3\r\none\r\n"
    );
    wire.send("go").await;
    assert_eq!(wire.through("0\r\n\r\n").await, "3\r\ntwo\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_is_chunked_for_1_1_and_plain_for_1_0() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 200 OK\r\n\r\nuntil the end").await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(wire.head().await.contains("Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n"));
    assert_eq!(wire.through("0\r\n\r\n").await, "d\r\nuntil the end\r\n0\r\n\r\n");
    let answer = alb.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
}

#[tokio::test]
async fn expect_100_continue_is_answered_here_and_hidden_from_the_target() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        let head = incoming.head().await;
        assert!(!head.contains("Expect"), "{head}");
        incoming.wire.through("body").await;
        // A needless 100 of the target's stays behind.
        incoming.wire.send(&format!("HTTP/1.1 100 Continue\r\n\r\n{OK}")).await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("POST / HTTP/1.1\r\nHost: e.com\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!(wire.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    wire.send("body").await;
    assert!(wire.response().await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn heads_without_bodies_do_not_confuse_what_follows() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        for response in [
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
            OK,
        ] {
            incoming.head().await;
            incoming.wire.send(response).await;
        }
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("HEAD / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert_eq!(wire.head().await, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: keep-alive\r\n\r\n");
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert_eq!(wire.head().await, "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(wire.head().await.starts_with("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n"));
    wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(wire.response().await.ends_with("\r\n\r\nok"));
    assert_eq!(target.connections(), 1);
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
async fn a_client_that_does_not_read_holds_up_its_target_instead_of_filling_memory() {
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
    // Socket buffers on both sides fill up; then everything stands still, far from the end.
    while tokio::time::timeout(std::time::Duration::from_millis(300), sent.changed()).await.is_ok() {}
    let stalled_at = *sent.borrow();
    assert!(stalled_at < 50_000_000, "{stalled_at} bytes were taken from the target");
    wire.bytes(stalled_at + 100_000).await;
}

#[tokio::test]
async fn an_early_answer_to_a_large_upload_reaches_the_client() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
        incoming.wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
        incoming.wire.bytes(100_000).await;
    })
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send("POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 100000\r\n\r\n").await;
    let answer = wire.response().await;
    assert!(answer.starts_with("HTTP/1.1 413 Too Large\r\n"), "{answer}");
    // The rest of the upload is thrown away, and the connection goes on.
    within("sending", wire.stream.write_all(&[b'x'; 100_000])).await.unwrap();
    wire.send("TRACE / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
    assert!(wire.response().await.starts_with("HTTP/1.1 405"));
}

/// AWS says nothing of either; nginx, from which ALB descends, passes on neither.
#[tokio::test]
async fn interim_responses_and_trailers_of_a_target_stay_behind() {
    let target = ScriptedTarget::answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 9\r\n\r\n",
    )
    .await;
    let alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    for _ in 0..2 {
        wire.send("GET / HTTP/1.1\r\nHost: e.com\r\n\r\n").await;
        let head = wire.head().await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"), "{head}");
        assert_eq!(wire.through("0\r\n\r\n").await, "2\r\nok\r\n0\r\n\r\n");
    }
}
