//! Excessive HTTP/2: more streams than allowed, and frames so small that storing them costs more than their content.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use neargate::model::target_group::{ProtocolVersion, TargetProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::alb::{ScriptedTarget, Setup, healthy, within};
use crate::exchanges::frames::{PREFACE, frame};
use crate::http2_frames::{DATA, END, END_HEADERS, Frames, GET, GOAWAY, HEADERS, PING, SETTINGS, get};

/// More frames than `h2` would store, on as many streams as their windows require.
const STREAMS: u32 = 6;
const FRAMES: usize = 50_000;

/// The HEADERS of each stream.
fn heads(flags: u8, block: &[u8]) -> Vec<u8> {
    (0..STREAMS).flat_map(|index| frame(HEADERS, flags, 2 * index + 1, block)).collect()
}

/// One byte on each stream, this many times.
fn dribble(times: usize) -> Vec<u8> {
    (0..STREAMS).flat_map(|index| frame(DATA, 0, 2 * index + 1, b"x")).collect::<Vec<_>>().repeat(times)
}

#[tokio::test]
async fn a_refused_stream_has_a_log_line_with_its_request() {
    let target = ScriptedTarget::silent().await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    setup.workers = 1;
    let mut alb = setup.start().await;
    let mut client = Frames::open(&alb).await;
    let allowed: Vec<u8> = (0..128).flat_map(|index| get(2 * index + 1)).collect();
    let post = [&[0x83, 0x87, 0x44, 6], &b"/a?b=c"[..], &GET[3..]].concat();
    let beyond = frame(HEADERS, END | END_HEADERS, 257, &post);
    client.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &allowed, &beyond].concat()).await;
    let refused = alb.settled().await;
    let text = refused.text.unwrap();
    assert_eq!((text.method(), text.host(), text.path_and_query()), (&b"POST"[..], &b"e.com"[..], &b"/a?b=c"[..]));
    assert_eq!((refused.status, refused.target, text.version), (400, None, "HTTP/2.0"));
    assert!(refused.received_bytes > 20 && refused.error.unwrap().contains("more streams"));
    let figures = alb.plane.as_ref().unwrap().meters().read();
    assert_eq!(figures.get(neargate::alb::metrics::figures::Count::Elb4xx), 1);
}

/// Data Dribble (CVE-2019-9511), from a client.
#[tokio::test]
async fn unread_small_frames_to_a_target_do_not_break_the_connection() {
    let target = ScriptedTarget::silent().await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    setup.workers = 1;
    let alb = setup.start().await;
    let mut frames = Frames::open(&alb).await;
    let post = [&[0x83][..], &GET[1..]].concat();
    frames.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &heads(END_HEADERS, &post)].concat()).await;
    for _ in 0..FRAMES / 500 {
        frames.send(&dribble(500)).await;
    }
    frames.send(&frame(PING, 0, 0, b"finished")).await;
    loop {
        let (kind, flags, ..) = frames.next().await.expect("the connection goes on");
        assert_ne!(kind, GOAWAY, "more frames were kept than there is room for");
        if kind == PING && flags & END > 0 {
            return;
        }
    }
}

/// The same from a target: other requests on the shared connection continue.
#[tokio::test]
async fn unread_small_frames_to_a_client_do_not_break_the_connection_to_its_target() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut setup = Setup::answering(crate::alb::forward(&["web"]));
    setup.group("web", vec![healthy(listener.local_addr().unwrap())]);
    setup.speaking(TargetProtocol::Http, ProtocolVersion::Http2);
    setup.https();
    setup.workers = 1;
    let alb = setup.start().await;
    let mut client = Frames::open(&alb).await;
    // The client accepts no data.
    let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    client.send(&[PREFACE, &closed, &heads(END | END_HEADERS, GET)].concat()).await;

    let (mut target, _) = within("the connection to the target", listener.accept()).await.unwrap();
    let mut preface = [0; PREFACE.len()];
    within("the preface", target.read_exact(&mut preface)).await.unwrap();
    let mut asked = 0;
    while asked < STREAMS {
        asked += u32::from(next(&mut target).await.0 == HEADERS);
    }
    target.write_all(&[frame(SETTINGS, 0, 0, &[]), heads(END_HEADERS, &[0x88])].concat()).await.unwrap();
    for _ in 0..FRAMES / 500 {
        within("sending", target.write_all(&dribble(500))).await.unwrap();
    }
    target.write_all(&frame(PING, 0, 0, b"finished")).await.unwrap();
    loop {
        let (kind, payload) = next(&mut target).await;
        assert_ne!(kind, GOAWAY, "more frames were kept than there is room for");
        if kind == PING && payload == b"finished" {
            return;
        }
    }
}

/// The next frame that a target receives: kind and payload.
async fn next(target: &mut tokio::net::TcpStream) -> (u8, Vec<u8>) {
    within("a frame for the target", async {
        let mut head = [0; 9];
        target.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        target.read_exact(&mut payload).await.unwrap();
        (head[3], payload)
    })
    .await
}
