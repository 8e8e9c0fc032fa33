//! A client whose script is in HTTP/1.1 and which speaks HTTP/2: requests become HEADERS and DATA, and responses are
//! compared with those that HTTP/1.1 would have received, apart from what only one version has (`Connection`, chunks,
//! the order of fields, the end of the connection).

use std::collections::BTreeMap;
use std::time::Duration;

use httlib_hpack::Decoder;

use super::frames::frame;
use super::party::{Party, pattern, wire, with_page};
use crate::alb::DEADLINE;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Parts of HTTP/1.1 that HTTP/2 does not have, or has in another form.
const OF_HTTP1: [&str; 4] = ["connection", "keep-alive", "transfer-encoding", "upgrade"];

pub(super) struct Translated {
    party: Party,
    decoder: Decoder<'static>,
    /// A header block that continues in the next frame.
    block: Vec<u8>,
    /// Text so far, not yet a complete head.
    unsaid: Vec<u8>,
    /// The newest stream, and how much of its body is still to be sent.
    stream: u32,
    left: usize,
    /// The stream whose response is being compared, and how much of its body is still expected.
    heard: u32,
    due: usize,
    /// The length is known only at the end.
    chunked: bool,
    answers: BTreeMap<u32, Answer>,
    ends: bool,
}

/// Everything received on one stream.
#[derive(Default)]
struct Answer {
    head: Option<String>,
    body: Vec<u8>,
    reset: bool,
}

impl Translated {
    /// Completes the handshake and sends the preface.
    pub(super) fn new(party: Party) -> Self {
        Self {
            party,
            decoder: Decoder::default(),
            block: Vec::new(),
            unsaid: Vec::new(),
            stream: u32::MAX,
            left: 0,
            heard: u32::MAX,
            due: 0,
            chunked: false,
            answers: BTreeMap::new(),
            ends: false,
        }
    }

    pub(super) async fn say(&mut self, text: &str) -> Result<(), String> {
        self.say_bytes(wire(text).as_bytes()).await
    }

    pub(super) async fn drip(&mut self, text: &str, pause: Duration) -> Result<(), String> {
        let mut tick = tokio::time::interval(pause);
        for byte in wire(text).bytes() {
            tick.tick().await;
            self.say_bytes(&[byte]).await?;
        }
        Ok(())
    }

    async fn say_bytes(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (now, later) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= now.len();
                let end = if self.left == 0 { END_STREAM } else { 0 };
                self.party.write(&frame(DATA, end, self.stream, now)).await;
                bytes = later;
                continue;
            }
            self.unsaid.extend_from_slice(bytes);
            let Some(end) = memchr::memmem::find(&self.unsaid, b"\r\n\r\n") else { return Ok(()) };
            let rest = self.unsaid.split_off(end + 4);
            let head = String::from_utf8_lossy(&std::mem::take(&mut self.unsaid)).into_owned();
            let begun = self.begin(head.trim_end_matches("\r\n")).await;
            begun.ok_or_else(|| format!("HTTP/2 has no words for this request: {head}"))?;
            return Box::pin(self.say_bytes(&rest)).await;
        }
        Ok(())
    }

    /// Sends a request line and its fields, on a new stream.
    async fn begin(&mut self, head: &str) -> Option<()> {
        self.stream = self.stream.wrapping_add(2);
        let mut lines = head.split("\r\n");
        let (method, rest) = lines.next()?.split_once(' ')?;
        let (target, _) = rest.rsplit_once(' ').filter(|(_, version)| *version == "HTTP/1.1")?;
        let fields: Option<Vec<_>> = lines.map(|line| line.split_once(':')).collect();
        let fields: Vec<(String, &str)> =
            fields?.into_iter().map(|(name, value)| (name.to_lowercase(), value.trim())).collect();
        if fields.iter().any(|(name, _)| name == "transfer-encoding" || name == "expect") {
            return None;
        }
        let host = fields.iter().find(|(name, _)| name == "host").map(|(_, host)| *host);
        let (authority, path) = match target.split_once("://") {
            Some((_, url)) => url.find('/').map_or((Some(url), "/"), |at| (Some(&url[..at]), &url[at..])),
            None => (host, target),
        };
        let pseudo =
            [(":method", Some(method)), (":scheme", Some("https")), (":authority", authority), (":path", Some(path))];
        let mut block = Vec::new();
        for (name, value) in pseudo {
            value.into_iter().for_each(|value| super::frames::field(name.as_bytes(), value.as_bytes(), &mut block));
        }
        let of_url = authority != host;
        for (name, value) in &fields {
            let stays = !OF_HTTP1.contains(&name.as_str()) && (name != "host" || of_url);
            if stays {
                super::frames::field(name.as_bytes(), value.as_bytes(), &mut block);
            }
        }
        let length = fields.iter().find(|(name, _)| name == "content-length");
        self.left = length.map_or(0, |(_, length)| length.parse().unwrap_or(0));
        let end = if self.left == 0 { END_STREAM } else { 0 };
        self.party.write(&frame(HEADERS, END_HEADERS | end, self.stream, &block)).await;
        Some(())
    }

    /// Expects this HTTP/1.1 response, or part of one.
    pub(super) async fn hear(&mut self, text: &str) -> Result<(), String> {
        let text = wire(&with_page(text));
        let mut rest = text.as_str();
        while !rest.is_empty() {
            if self.due > 0 {
                let (now, later) = rest.split_at(self.due.min(rest.len()));
                self.hear_body(now).await?;
                self.due -= now.len();
                rest = later;
                continue;
            }
            if self.chunked {
                let (size, later) = rest.split_once("\r\n").unwrap();
                let size = usize::from_str_radix(size, 16).unwrap();
                self.hear_body(&later[..size]).await?;
                self.chunked = size > 0;
                rest = &later[size + 2..];
                continue;
            }
            let Some((head, later)) = rest.split_once("\r\n\r\n") else {
                return Err(format!("no response of HTTP/1.1: {rest}"));
            };
            self.heard = self.heard.wrapping_add(2);
            let stream = self.heard;
            self.until(|answer| answer.head.is_some() || answer.reset, stream).await?;
            let is = self.answers[&stream].head.clone().unwrap_or_else(|| "RST_STREAM".to_owned());
            let should = canonical_head(head);
            if !pattern(&format!("{should}\n")).is_match(format!("{is}\n").as_bytes()) {
                return Err(format!("-- over HTTP/2 should be\n{should}\n-- is\n{is}\n"));
            }
            let length = should.lines().find_map(|line| line.strip_prefix("content-length: "));
            // A response to HEAD, and a 304, has a length but no body.
            let length = length.map_or(0, |length| length.parse().unwrap());
            self.due = if later.is_empty() || later.starts_with("HTTP/1.1 ") { 0 } else { length };
            self.chunked = head.to_lowercase().contains("\r\ntransfer-encoding: chunked");
            rest = later;
        }
        Ok(())
    }

    async fn hear_body(&mut self, text: &str) -> Result<(), String> {
        let stream = self.heard;
        self.until(|answer| answer.body.len() >= text.len() || answer.reset, stream).await?;
        let answer = self.answers.get_mut(&stream).unwrap();
        let body: Vec<u8> = answer.body.drain(..text.len().min(answer.body.len())).collect();
        if body == text.as_bytes() {
            return Ok(());
        }
        Err(format!(
            "-- over HTTP/2 the body should go on with\n{text}\n-- it does with\n{}",
            String::from_utf8_lossy(&body)
        ))
    }

    /// The end of an HTTP/1.1 connection corresponds to the end of the stream: with an error if its response is
    /// incomplete.
    pub(super) async fn hear_the_end(&mut self) -> Result<(), String> {
        if self.due > 0 || self.chunked {
            let stream = self.heard;
            self.until(|answer| answer.reset, stream).await?;
            (self.due, self.chunked) = (0, false);
        }
        Ok(())
    }

    async fn until(&mut self, is_there: impl Fn(&Answer) -> bool, stream: u32) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            self.take_frames();
            if is_there(self.answers.entry(stream).or_default()) {
                return Ok(());
            }
            let listened = tokio::time::timeout_at(deadline, self.party.listen()).await;
            if self.ends || !listened.unwrap_or(false) {
                self.take_frames();
                let fits = is_there(self.answers.entry(stream).or_default());
                return if fits { Ok(()) } else { Err(format!("stream {stream} is not answered")) };
            }
        }
    }

    fn take_frames(&mut self) {
        let heard = &mut self.party.heard;
        while heard.len() >= 9 {
            let number = |at: usize| u32::from_be_bytes(heard[at..at + 4].try_into().unwrap());
            let (size, stream) = ((number(0) >> 8) as usize, number(5));
            if heard.len() < 9 + size {
                return;
            }
            let (kind, flags) = (heard[3], heard[4]);
            let mut payload: Vec<u8> = heard.drain(..9 + size).skip(9).collect();
            let answer = self.answers.entry(stream).or_default();
            match kind {
                HEADERS | CONTINUATION if flags & END_HEADERS == 0 => self.block.append(&mut payload),
                HEADERS | CONTINUATION => {
                    self.block.append(&mut payload);
                    let mut fields = Vec::new();
                    self.decoder.decode(&mut std::mem::take(&mut self.block), &mut fields).unwrap();
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let lines = fields.iter().map(|(name, value, _)| format!("{}: {}", text(name), text(value)));
                    answer.head = Some(canonical(lines.collect()));
                }
                DATA => answer.body.append(&mut payload),
                // After a complete response it means that the rest of the request is not wanted.
                RST_STREAM => answer.reset = payload != [0; 4],
                GOAWAY => self.ends = true,
                _ => {}
            }
        }
    }

    /// Checks that nothing was received but what was expected.
    pub(super) async fn silence(&mut self) -> Result<(), String> {
        self.party.catch_up().await;
        self.take_frames();
        let heard = self.heard;
        for (stream, answer) in &self.answers {
            let is_news = *stream > 0 && answer.head.is_some() && (heard == u32::MAX || *stream > heard);
            if is_news || !answer.body.is_empty() {
                return Err(format!("nothing more should come on stream {stream} than was listened to"));
            }
        }
        Ok(())
    }

    pub(super) fn party(&mut self) -> &mut Party {
        &mut self.party
    }
}

fn canonical(mut lines: Vec<String>) -> String {
    lines.sort();
    lines.join("\n")
}

/// Status line and fields as HTTP/2 has them, in an order without meaning.
fn canonical_head(head: &str) -> String {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let fields = lines.filter_map(|line| {
        let (name, value) = line.split_once(':').unwrap();
        let name = name.to_lowercase();
        (!OF_HTTP1.contains(&name.as_str())).then(|| format!("{name}: {}", value.trim()))
    });
    canonical(std::iter::once(format!(":status: {status}")).chain(fields).collect())
}
