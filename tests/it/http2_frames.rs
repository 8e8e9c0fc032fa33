//! What HTTP/2 clients may not do, frame by frame: RFC 9113, sections 3 to 8, in order.
//!
//! A case is what a client sends after a valid beginning, and the required result: a stream error, a connection error,
//! or neither. "Any error" is used where the RFC leaves the code, or the choice, to the server.

#![expect(clippy::unwrap_used, reason = "unwrapping in a test is an assertion")]

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::alb::{Alb, Setup, fixed, within};
use crate::exchanges::frames::{PREFACE, frame};
use crate::http2;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const UNKNOWN: u8 = 0x16;

/// END_STREAM of DATA and HEADERS; ACK of SETTINGS and PING.
pub(crate) const END: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const WHOLE: u8 = END | END_HEADERS;
const PADDED: u8 = 8;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const ENHANCE_YOUR_CALM: u32 = 11;

/// `:method: GET`, `:scheme: https`, `:path: /` from the static table, and `:authority: e.com`.
pub(crate) const GET: &[u8] = &[0x82, 0x87, 0x84, 0x41, 5, b'e', b'.', b'c', b'o', b'm'];

/// A header field that does not go into HPACK's table.
fn field(name: &str, value: &str) -> Vec<u8> {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    [&[0, name.len() as u8][..], name, &[value.len() as u8], value].concat()
}

/// GET with these additional fields.
fn get_with(fields: &[(&str, &str)]) -> Vec<u8> {
    let fields: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    frame(HEADERS, WHOLE, 1, &[GET, &fields].concat())
}

pub(crate) fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, GET)
}

/// The required result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Stream 1 gets a response.
    Answered,
    /// Stream 1 is reset with this code.
    Reset(u32),
    /// The connection ends with this code.
    Goaway(u32),
    /// The connection ends, with any code: `h2` uses PROTOCOL_ERROR where the RFC has a specific code.
    Ends,
    /// The stream or the connection ends with an error, or the response is 400.
    AnyError,
}

/// The actual result.
#[derive(Debug, Default)]
struct Seen {
    status: Option<Vec<u8>>,
    /// The response is complete.
    answered: bool,
    reset: Option<u32>,
    goaway: Option<u32>,
    closed: bool,
}

/// A client that sends and receives frames.
pub(crate) struct Frames {
    stream: TlsStream<TcpStream>,
}

impl Frames {
    pub(crate) async fn open(alb: &Alb) -> Self {
        Self { stream: http2::tls(alb, &["h2"]).await }
    }

    /// The server may have left, which the reading half will detect.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = within("sending", self.stream.write_all(bytes)).await;
        let _ = within("sending", self.stream.flush()).await;
    }

    /// The next frame: kind, flags, stream, payload; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        within("a frame", async {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.stream.read_exact(&mut payload).await.ok()?;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            Some((head[3], head[4], stream, payload))
        })
        .await
    }

    /// Reads until the result for stream 1 and for the connection is clear. A PING is sent last, so its acknowledgement
    /// means that everything has been read.
    async fn settle(&mut self) -> Seen {
        self.send(&frame(PING, 0, 0, b"finished")).await;
        let (mut seen, mut read) = (Seen::default(), false);
        loop {
            if read && (seen.answered || seen.reset.is_some()) {
                return seen;
            }
            let Some((kind, flags, stream, payload)) = self.next().await else {
                return Seen { closed: true, ..seen };
            };
            let code = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
            match (kind, stream) {
                (HEADERS, 1) => (seen.status, seen.answered) = (Some(payload), flags & END > 0),
                (DATA, 1) => seen.answered |= flags & END > 0,
                (RST_STREAM, 1) => seen.reset = Some(code(0)),
                (GOAWAY, 0) => {
                    seen.goaway = Some(code(4));
                    return seen;
                }
                (PING, 0) if flags & END > 0 && payload == b"finished" => read = true,
                _ => {}
            }
        }
    }
}

async fn check(alb: &Alb, section: &str, bytes: &[u8], expected: Outcome) {
    if let Some(difference) = difference(alb, section, bytes, expected).await {
        panic!("{difference}");
    }
}

/// Reports all differences of a table at once.
async fn check_all(cases: &[(&str, Vec<u8>, Outcome)]) {
    let alb = alb().await;
    let mut differences = Vec::new();
    for (section, bytes, expected) in cases {
        differences.extend(difference(&alb, section, bytes, *expected).await);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn difference(alb: &Alb, section: &str, bytes: &[u8], expected: Outcome) -> Option<String> {
    let mut frames = Frames::open(alb).await;
    frames.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), bytes].concat()).await;
    let seen = frames.settle().await;
    // `:status: 400` and `:status: 200` of the static table.
    let status = seen.status.as_ref().map(|block| block[0]);
    let fits = match expected {
        Outcome::Answered => status == Some(0x88) && seen.goaway.is_none(),
        Outcome::Reset(code) => seen.reset == Some(code) || seen.goaway == Some(code),
        Outcome::Goaway(code) => seen.goaway == Some(code),
        Outcome::Ends => seen.goaway.is_some_and(|code| code > 0) || seen.closed,
        Outcome::AnyError => {
            status == Some(0x8c) || seen.reset.is_some() || seen.goaway.is_some_and(|code| code > 0) || seen.closed
        }
    };
    (!fits).then(|| format!("{section}: {expected:?} was expected, and this was seen: {seen:?}"))
}

async fn alb() -> Alb {
    let mut setup = Setup::answering(fixed(200, "ok"));
    setup.https();
    setup.workers = 1;
    setup.start().await
}

#[tokio::test]
async fn invalid_frames_end_the_connection() {
    use Outcome::{Answered, AnyError, Ends, Goaway};
    let long = vec![b'x'; 6];
    check_all(&[
        ("4.1 an unknown kind of frame is passed over", [frame(UNKNOWN, 0, 0, &long), get(1)].concat(), Answered),
        ("4.1 undefined flags are passed over", [frame(PING, 0xfe, 0, &[0; 8]), get(1)].concat(), Answered),
        ("4.2 PING of 6 bytes", frame(PING, 0, 0, &long), Ends),
        ("4.3 a header block that is none", frame(HEADERS, WHOLE, 1, &[0xff; 8]), Ends),
        (
            "4.3 another frame within a header block",
            [frame(HEADERS, END, 1, GET), frame(PING, 0, 0, &[0; 8])].concat(),
            Goaway(PROTOCOL_ERROR),
        ),
        (
            "4.3 another stream within a header block",
            [frame(HEADERS, END, 1, GET), get(3)].concat(),
            Goaway(PROTOCOL_ERROR),
        ),
        ("5.1 DATA before HEADERS", frame(DATA, END, 1, b"x"), Goaway(PROTOCOL_ERROR)),
        ("5.1 RST_STREAM before HEADERS", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), Goaway(PROTOCOL_ERROR)),
        ("5.1 WINDOW_UPDATE before HEADERS", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), Goaway(PROTOCOL_ERROR)),
        ("5.1.1 an even number", frame(HEADERS, WHOLE, 2, GET), Goaway(PROTOCOL_ERROR)),
        ("5.1 HEADERS of a stream that has ended", get(1).repeat(2), Ends),
        (
            "5.1 HEADERS of a stream that was reset",
            [frame(HEADERS, END_HEADERS, 1, GET), frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]), get(1)].concat(),
            Ends,
        ),
        ("5.1.1 a number that goes back", [get(5), get(3)].concat(), Goaway(PROTOCOL_ERROR)),
        ("6.1 DATA of no stream", [get(1), frame(DATA, END, 0, b"x")].concat(), Goaway(PROTOCOL_ERROR)),
        (
            "6.1 padding as long as the frame",
            [frame(HEADERS, END_HEADERS, 1, GET), frame(DATA, PADDED | END, 1, &[9, 0])].concat(),
            Goaway(PROTOCOL_ERROR),
        ),
        ("6.2 HEADERS of no stream", frame(HEADERS, WHOLE, 0, GET), Goaway(PROTOCOL_ERROR)),
        ("6.2 padding as long as the frame", frame(HEADERS, PADDED | WHOLE, 1, &[9, 0x82]), Goaway(PROTOCOL_ERROR)),
        ("6.3 PRIORITY of no stream", frame(PRIORITY, 0, 0, &[0; 5]), Goaway(PROTOCOL_ERROR)),
        ("6.3 PRIORITY of 4 bytes", [frame(PRIORITY, 0, 1, &[0; 4]), get(1)].concat(), AnyError),
        ("6.4 RST_STREAM of no stream", frame(RST_STREAM, 0, 0, &[0; 4]), Goaway(PROTOCOL_ERROR)),
        ("6.4 RST_STREAM of 3 bytes", [get(1), frame(RST_STREAM, 0, 1, &[0; 3])].concat(), Ends),
        ("6.5 an ACK of SETTINGS with content", frame(SETTINGS, END, 0, &[0; 6]), Ends),
        ("6.5 SETTINGS of a stream", frame(SETTINGS, 0, 1, &[]), Goaway(PROTOCOL_ERROR)),
        ("6.5 SETTINGS of 3 bytes", frame(SETTINGS, 0, 0, &[0; 3]), Ends),
        ("6.5.2 ENABLE_PUSH of 2", frame(SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 2]), Goaway(PROTOCOL_ERROR)),
        ("6.5.2 a window of 2^31", frame(SETTINGS, 0, 0, &[0, 4, 0x80, 0, 0, 0]), Ends),
        ("6.5.2 frames of 16383 bytes", frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0x3f, 0xff]), Goaway(PROTOCOL_ERROR)),
        ("6.5.2 an unknown setting", [frame(SETTINGS, 0, 0, &[0, 0x99, 0, 0, 0, 1]), get(1)].concat(), Answered),
        ("6.6 PUSH_PROMISE of a client", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), Goaway(PROTOCOL_ERROR)),
        ("6.7 PING of a stream", frame(PING, 0, 1, &[0; 8]), Goaway(PROTOCOL_ERROR)),
        ("6.8 GOAWAY of a stream", frame(GOAWAY, 0, 1, &[0; 8]), Goaway(PROTOCOL_ERROR)),
        ("6.9 WINDOW_UPDATE of nothing", frame(WINDOW_UPDATE, 0, 0, &[0; 4]), Goaway(PROTOCOL_ERROR)),
        ("6.9 WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), Ends),
        (
            "6.9.1 a window of more than 2^31-1",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            Goaway(FLOW_CONTROL_ERROR),
        ),
        ("6.10 CONTINUATION of nothing", frame(CONTINUATION, END_HEADERS, 1, GET), Goaway(PROTOCOL_ERROR)),
        (
            "6.10 CONTINUATION of a finished block",
            [get(1), frame(CONTINUATION, END_HEADERS, 1, GET)].concat(),
            Goaway(PROTOCOL_ERROR),
        ),
    ])
    .await;
}

#[tokio::test]
async fn malformed_requests_are_reset() {
    use Outcome::{Answered, AnyError, Reset};
    let without_path = [&GET[..2], &GET[3..]].concat();
    let body = |declared: &str| {
        let fields = [&[0x83][..], &GET[1..], &field("content-length", declared)].concat();
        [frame(HEADERS, END_HEADERS, 1, &fields), frame(DATA, END, 1, b"abc")].concat()
    };
    check_all(&[
        ("8.1 a request by the book", get(1), Answered),
        (
            "8.1 trailers",
            [frame(HEADERS, END_HEADERS, 1, GET), frame(HEADERS, WHOLE, 1, &field("a", " b "))].concat(),
            Answered,
        ),
        (
            "8.1 trailers with a path",
            frame(HEADERS, END_HEADERS, 1, GET).into_iter().chain(get(1)).collect(),
            Reset(PROTOCOL_ERROR),
        ),
        ("8.1 a second HEADERS without an end", frame(HEADERS, END_HEADERS, 1, GET).repeat(2), AnyError),
        ("8.2.1 an upper-case name", get_with(&[("X-Upper", "1")]), Reset(PROTOCOL_ERROR)),
        ("8.2.2 Connection", get_with(&[("connection", "keep-alive")]), Reset(PROTOCOL_ERROR)),
        ("8.2.2 Transfer-Encoding", get_with(&[("transfer-encoding", "chunked")]), Reset(PROTOCOL_ERROR)),
        ("8.2.2 TE other than trailers", get_with(&[("te", "gzip")]), Reset(PROTOCOL_ERROR)),
        ("8.2.2 TE: trailers", get_with(&[("te", "trailers")]), Answered),
        ("8.3 an unknown pseudo-header", get_with(&[(":odd", "1")]), Reset(PROTOCOL_ERROR)),
        ("8.3 a pseudo-header of responses", get_with(&[(":status", "200")]), Reset(PROTOCOL_ERROR)),
        ("8.3 a pseudo-header behind a field", get_with(&[("a", "1"), (":path", "/")]), Reset(PROTOCOL_ERROR)),
        ("8.3.1 no path", frame(HEADERS, WHOLE, 1, &without_path), Reset(PROTOCOL_ERROR)),
        ("8.3.1 no method", frame(HEADERS, WHOLE, 1, &GET[1..]), Reset(PROTOCOL_ERROR)),
        ("8.3.1 no scheme", frame(HEADERS, WHOLE, 1, &[&GET[..1], &GET[2..]].concat()), Reset(PROTOCOL_ERROR)),
        ("8.3.1 an empty path", get_with(&[(":path", "")]), Reset(PROTOCOL_ERROR)),
        ("8.3.1 two methods", frame(HEADERS, WHOLE, 1, &[&[0x82], GET].concat()), Reset(PROTOCOL_ERROR)),
        ("8.1.1 a body as long as declared", body("3"), Answered),
        ("8.1.1 a body longer than declared", body("1"), AnyError),
        ("8.1.1 a body shorter than declared", body("9"), AnyError),
    ])
    .await;
}

#[tokio::test]
async fn floods_end_the_connection() {
    let alb = alb().await;
    // CONTINUATION without end (CVE-2024-27316) and streams that are reset at once (CVE-2023-44487).
    let endless = [frame(HEADERS, END, 1, GET), frame(CONTINUATION, 0, 1, &field("a", "b")).repeat(20_000)].concat();
    check(&alb, "6.10 endless CONTINUATION", &endless, Outcome::AnyError).await;
    let resets: Vec<u8> = (0..2_000_u32)
        .flat_map(|index| [get(2 * index + 3), frame(RST_STREAM, 0, 2 * index + 3, &[0, 0, 0, 8])].concat())
        .collect();
    let mut frames = Frames::open(&alb).await;
    frames.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[]), &resets].concat()).await;
    let seen = frames.settle().await;
    assert!(seen.goaway.is_none_or(|code| code == ENHANCE_YOUR_CALM) && seen.status.is_none(), "{seen:?}");
    // The next client is served as usual.
    check(&alb, "after the flood", &get(1), Outcome::Answered).await;
}

/// Section 3.4: what does not begin with the preface is not HTTP/2, and the connection ends.
#[tokio::test]
async fn a_wrong_preface_ends_the_connection() {
    let alb = alb().await;
    let mut frames = Frames::open(&alb).await;
    frames.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n").await;
    while frames.next().await.is_some() {}
}
