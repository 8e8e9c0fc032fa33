//! One end of a connection: sends its script, and compares what it receives with what it should.

use std::time::Duration;

use regex::bytes::{NoExpand, Regex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frames::{self, Reader};
use crate::alb::{DEADLINE, page, within};
use crate::support::http::Stream;

/// Placeholders for text that differs each time.
const PLACEHOLDERS: [(&str, &str); 3] = [
    ("<date>", "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"),
    ("<trace>", "1-[0-9a-f]{8}-[0-9a-f]{24}"),
    ("<any>", "[^\r\n;]+"),
];

/// A client, or a connection of the target.
pub(super) struct Party {
    /// `None` when it has left.
    stream: Option<Stream>,
    /// The same socket, to reset it.
    socket: socket2::Socket,
    /// Whether it speaks HTTP/2.
    frames: Option<Reader>,
    pub(super) heard: Vec<u8>,
    /// Ignores everything that it receives.
    indifferent: bool,
    over: bool,
    /// How many streams it has opened without being given their numbers.
    streams: usize,
}

impl Party {
    /// A second handle for its socket.
    pub(super) fn socket(tcp: &TcpStream) -> socket2::Socket {
        socket2::SockRef::from(tcp).try_clone().unwrap()
    }

    /// Speaks HTTP/1, or any bytes in its script.
    pub(super) fn plain(stream: Stream, socket: socket2::Socket) -> Self {
        Self {
            stream: Some(stream),
            socket,
            frames: None,
            heard: Vec::new(),
            indifferent: false,
            over: false,
            streams: 0,
        }
    }

    /// Speaks HTTP/2, and has sent the beginning.
    pub(super) async fn framed(stream: Stream, socket: socket2::Socket, reader: Reader, opening: &[u8]) -> Self {
        let mut party = Self { frames: Some(reader), ..Self::plain(stream, socket) };
        party.write(opening).await;
        party
    }

    /// Accepts TLS from the other side, with a self-signed certificate for another name.
    pub(super) async fn accept_tls(&mut self) {
        let acceptor = crate::target_protocols::acceptor(&["http/1.1"]);
        let stream = self.stream.take().unwrap();
        let stream = within("the handshake", acceptor.accept(stream)).await.unwrap();
        assert_eq!(stream.get_ref().1.server_name(), None, "targets are registered by address");
        self.stream = Some(Box::pin(stream));
    }

    /// The text as sent over the wire.
    pub(super) async fn say(&mut self, text: &str) {
        let bytes = match self.frames {
            Some(_) => frames::encode(&repeated(text)),
            None => wire(text).into_bytes(),
        };
        self.write(&bytes).await;
    }

    /// Sends byte by byte, or frame by frame, with this pause in between.
    pub(super) async fn drip(&mut self, text: &str, pause: Duration) {
        let mut tick = tokio::time::interval(pause);
        let pieces = match self.frames {
            Some(_) => frames::encode_each(text),
            None => wire(text).bytes().map(|byte| vec![byte]).collect(),
        };
        for piece in pieces {
            tick.tick().await;
            self.write(&piece).await;
        }
    }

    /// The other side may have left, which the reading half will detect.
    pub(super) async fn write(&mut self, bytes: &[u8]) {
        let stream = self.stream.as_mut().expect("who has left says nothing");
        let writing = async {
            let _ = stream.write_all(bytes).await;
            let _ = stream.flush().await;
        };
        tokio::time::timeout(DEADLINE, writing).await.expect("it should be read");
    }

    /// Expects this text, and keeps anything after it for later.
    pub(super) async fn hear(&mut self, text: &str) -> Result<(), String> {
        let text =
            if self.frames.is_some() { repeated(text).trim_end().to_owned() + "\n" } else { wire(&with_page(text)) };
        let pattern = pattern(&text);
        self.hear_pattern(&text, &pattern).await
    }

    /// Expects a request as it arrives from an HTTP/2 client: over TLS, and with names in lower case.
    pub(super) async fn hear_of_http2(&mut self, text: &str) -> Result<(), String> {
        let text = wire(text).replace("X-Forwarded-Proto: http\r", "X-Forwarded-Proto: https\r");
        let text = text.replace("X-Forwarded-Port: 80\r", "X-Forwarded-Port: 443\r");
        let pattern = Regex::new(&format!("(?i){}", pattern(&text).as_str())).unwrap();
        self.hear_pattern(&text, &pattern).await
    }

    async fn hear_pattern(&mut self, text: &str, pattern: &Regex) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            if let Some(found) = pattern.find(&self.heard) {
                let end = found.end();
                self.heard.drain(..end);
                return Ok(());
            }
            let heard = stable(&self.heard);
            let too_much = heard.len() >= text.len();
            if too_much || !tokio::time::timeout_at(deadline, self.listen()).await.unwrap_or(false) {
                let heard = String::from_utf8_lossy(&heard).into_owned();
                return Err(format!("-- should be\n{text}\n-- is\n{heard}\n"));
            }
        }
    }

    /// Reads an HTTP/1 head, whatever it contains.
    pub(super) async fn hear_head(&mut self) -> Result<(), String> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.heard, b"\r\n\r\n") {
                self.heard.drain(..end + 4);
                return Ok(());
            }
            if !tokio::time::timeout(DEADLINE, self.listen()).await.unwrap_or(false) {
                return Err(format!("no head in {}", String::from_utf8_lossy(&self.heard)));
            }
        }
    }

    /// Expects nothing more until the connection ends.
    pub(super) async fn hear_the_end(&mut self) -> Result<(), String> {
        while !self.over {
            if tokio::time::timeout(DEADLINE, self.listen()).await.is_err() {
                return Err("-- the connection should end".to_owned());
            }
        }
        self.silence()
    }

    /// Checks that it received nothing unexpected.
    pub(super) fn silence(&self) -> Result<(), String> {
        let heard = String::from_utf8_lossy(&self.heard);
        if heard.is_empty() || self.indifferent {
            Ok(())
        } else {
            Err(format!("-- nothing more should come than\n{heard}"))
        }
    }

    /// Reads what has already arrived, without waiting for more.
    pub(super) async fn catch_up(&mut self) {
        while self.stream.is_some() && !self.over {
            tokio::select! {
                biased;
                _ = self.listen() => {}
                () = tokio::task::yield_now() => return,
            }
        }
    }

    /// Reads once; `false` at the end, which may also be a reset.
    pub(super) async fn listen(&mut self) -> bool {
        let Some(stream) = self.stream.as_mut().filter(|_| !self.over) else { return false };
        let mut part = [0; 16 * 1024];
        let count = stream.read(&mut part).await.unwrap_or(0);
        self.over = count == 0;
        let replies = match &mut self.frames {
            Some(reader) => {
                self.heard.extend(reader.read(&part[..count]).bytes());
                reader.take_replies()
            }
            None => {
                self.heard.extend_from_slice(&part[..count]);
                Vec::new()
            }
        };
        if !replies.is_empty() {
            self.write(&replies).await;
        }
        !self.over
    }

    /// Makes this many HTTP/2 requests, a hundred at a time, and discards their responses.
    pub(super) async fn ask(&mut self, times: usize) -> Result<(), String> {
        let mut asked = 0;
        while asked < times {
            let batch = (times - asked).min(100);
            let mut requests = String::new();
            for _ in 0..batch {
                let fields = "  :method: GET\n  :scheme: https\n  :authority: e.com\n  :path: /\n";
                requests.push_str(&format!("HEADERS {} END_STREAM\n{fields}", 2 * self.streams + 1));
                self.streams += 1;
            }
            self.say(&requests).await;
            asked += batch;
            while String::from_utf8_lossy(&self.heard).matches(" END_STREAM\n").count() < batch {
                if !tokio::time::timeout(DEADLINE, self.listen()).await.unwrap_or(false) {
                    return Err(format!("there are not {asked} answers"));
                }
            }
            // Anything but a response still has to be checked.
            let mut of_answer = false;
            let heard = String::from_utf8(std::mem::take(&mut self.heard)).unwrap();
            for line in heard.split_inclusive('\n') {
                of_answer = if line.starts_with("  ") { of_answer } else { line.starts_with("HEADERS ") };
                if !of_answer {
                    self.heard.extend(line.bytes());
                }
            }
        }
        Ok(())
    }

    /// From now on everything that it receives is ignored.
    pub(super) fn ignore(&mut self) {
        self.indifferent = true;
    }

    /// Shuts down its sending side and keeps reading.
    pub(super) async fn end(&mut self) {
        let _ = self.stream.as_mut().unwrap().shutdown().await;
    }

    /// Closes the connection, after reading what has arrived.
    pub(super) fn leave(&mut self) {
        self.stream = None;
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Ends the connection with a reset.
    pub(super) fn reset(&mut self) {
        self.socket.set_linger(Some(Duration::ZERO)).unwrap();
        self.stream = None;
        // The descriptor that is closed last causes the reset.
        self.socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    }
}

/// `<x*3>` is xxx.
fn repeated(text: &str) -> String {
    let marks = regex::Regex::new(r"<([^<>*]+)\*(\d+)>").unwrap();
    marks.replace_all(text, |found: &regex::Captures<'_>| found[1].repeat(found[2].parse().unwrap())).into_owned()
}

/// The text as sent over the wire.
pub(super) fn wire(text: &str) -> String {
    repeated(text).replace('\n', "\r\n")
}

/// The padding that browsers get after an error page.
const PADDING: &str = "<!-- a padding to disable MSIE and Chrome friendly error page -->\n";

/// `<page>` is nginx's page for the status of the response, `<padding>` the padding that some browsers get.
pub(super) fn with_page(text: &str) -> String {
    let mut title = "";
    let mut whole = String::new();
    for line in text.split_inclusive('\n') {
        title = line.strip_prefix("HTTP/1.1 ").map_or(title, str::trim_end);
        match line {
            "<page>\n" => whole.push_str(&page(title).replace("\r\n", "\n")),
            "<padding>\n" => whole.push_str(&PADDING.repeat(6)),
            _ => whole.push_str(line),
        }
    }
    whole
}

pub(super) fn pattern(text: &str) -> Regex {
    let mut pattern = regex::escape(text);
    for (placeholder, found) in PLACEHOLDERS {
        pattern = pattern.replace(&regex::escape(placeholder), found);
    }
    Regex::new(&format!("(?s-u)^{pattern}")).unwrap()
}

/// With placeholders for text that differs each time, for comparison by eye.
fn stable(heard: &[u8]) -> Vec<u8> {
    let mut heard = heard.to_vec();
    for (placeholder, found) in &PLACEHOLDERS[..2] {
        let pattern = Regex::new(&format!("(?-u){found}")).unwrap();
        heard = pattern.replace_all(&heard, NoExpand(placeholder.as_bytes())).into_owned();
    }
    heard
}
