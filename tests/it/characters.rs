//! Every byte in the path and query of a request, over HTTP/1.1 and HTTP/2: the target, the client and the access log
//! must see the same over both.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::alb::{Alb, Setup, within};
use crate::exchanges::frames::{PREFACE, field, frame, settings};
use crate::http2;

const HEADERS: u8 = 1;
/// END_STREAM and END_HEADERS.
const WHOLE: u8 = 5;

/// Path and query with this byte in each.
fn target(byte: u8) -> Vec<u8> {
    [b"/a", &[byte][..], b"b?c", &[byte], b"d"].concat()
}

/// Answers everything and reports the request lines.
async fn listening_target() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.unwrap() > 0 {}
            let line = head.split(|&byte| byte == b'\r').next().unwrap().to_vec();
            let _ = tell.send(line);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        }
    });
    (address, told)
}

/// The outcome of a request: the target's request line, if it got one, and the log entry.
type Outcome = (Option<Vec<u8>>, String);

async fn outcome(alb: &mut Alb, lines: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Outcome {
    let transaction = alb.settled().await;
    let class = transaction.classification.as_ref().map(|found| format!("{} {}", found.tier.name(), found.reason));
    let text = transaction.text.as_ref().map(|text| text.path_and_query().to_vec());
    let logged = format!("{} {:?} {class:?} {text:?}", transaction.status, transaction.target_status);
    (lines.try_recv().ok(), logged)
}

async fn over_http1(byte: u8, alb: &mut Alb, lines: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Outcome {
    let head = [b"GET ", &target(byte)[..], b" HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n"].concat();
    let mut wire = alb.connect().await;
    within("sending", wire.stream.write_all(&head)).await.unwrap();
    wire.rest().await;
    outcome(alb, lines).await
}

async fn over_http2(byte: u8, alb: &mut Alb, lines: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> Outcome {
    let mut block = Vec::new();
    let fields = [(":method", b"GET".to_vec()), (":scheme", b"https".to_vec()), (":authority", b"e.com".to_vec())];
    for (name, value) in fields.into_iter().chain([(":path", target(byte))]) {
        field(name.as_bytes(), &value, &mut block);
    }
    let mut stream = http2::tls(alb, &["h2"]).await;
    let bytes = [PREFACE, &settings(), &frame(HEADERS, WHOLE, 1, &block)].concat();
    within("sending", stream.write_all(&bytes)).await.unwrap();
    let outcome = outcome(alb, lines).await;
    // The log must agree with the response.
    let mut head = [0; 9];
    while head[3] != HEADERS {
        within("a frame", stream.read_exact(&mut head)).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        within("a frame", stream.read_exact(&mut vec![0; length])).await.unwrap();
    }
    outcome
}

#[tokio::test]
async fn every_byte_of_a_target_is_treated_the_same_over_both_protocols() {
    let (address, mut lines) = listening_target().await;
    let mut plain = Setup::forwarding(&[address]).start().await;
    let mut secure = Setup::forwarding(&[address]);
    secure.https();
    let mut secure = secure.start().await;
    let (mut differences, mut forwarded) = (Vec::new(), 0);
    for byte in 0..=255 {
        let one = over_http1(byte, &mut plain, &mut lines).await;
        let two = over_http2(byte, &mut secure, &mut lines).await;
        forwarded += usize::from(two.0.is_some());
        if byte == b'\n' {
            // It ends a line of HTTP/1.1, so it cannot be part of a target there.
            assert!(two.0.is_none() && two.1.starts_with("400"), "{two:?}");
        } else if one != two {
            differences.push(format!("{byte:#04x}: {one:?} over HTTP/1.1, {two:?} over HTTP/2"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(forwarded, 253, "all but NUL, CR and LF");
}
