//! HTTP/2 frames as readable lines:
//!
//! ```text
//! HEADERS 1 END_STREAM
//!   :method: GET
//!   accept: */*
//! GOAWAY 1 NO_ERROR
//! ```
//!
//! A line without indentation is a frame: its kind, its stream (GOAWAY: the last stream), and flags, codes or numbers.
//! Indented lines are its fields or data. A header block is one frame, and writing it adds nothing to HPACK's table.

use httlib_hpack::Decoder;

/// The beginning of every HTTP/2 client connection.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

/// END_STREAM of DATA and HEADERS; ACK of SETTINGS and PING.
const END: u8 = 1;
const END_HEADERS: u8 = 4;

const KINDS: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];

const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

const SETTINGS_NAMES: [&str; 6] = [
    "HEADER_TABLE_SIZE",
    "ENABLE_PUSH",
    "MAX_CONCURRENT_STREAMS",
    "INITIAL_WINDOW_SIZE",
    "MAX_FRAME_SIZE",
    "MAX_HEADER_LIST_SIZE",
];

/// One frame as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An empty SETTINGS frame, with which both sides begin.
pub(crate) fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// All frames of a text, concatenated.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    encode_each(text).concat()
}

/// The frames of a text.
pub(crate) fn encode_each(text: &str) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut content = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
            content.push(&line[2..]);
        }
        let words: Vec<&str> = line.split(' ').collect();
        let (first, last) = streams(words.get(1).copied().unwrap_or_default());
        let flags = if words.contains(&"END_STREAM") || words.contains(&"ACK") { END } else { 0 };
        let code = || CODES.iter().position(|code| Some(code) == words.last()).unwrap() as u32;
        frames.extend((first..=last).step_by(2).map(|stream| match words[0] {
            "DATA" => frame(DATA, flags, stream, content.join("\n").as_bytes()),
            "HEADERS" => frame(HEADERS, flags | END_HEADERS, stream, &block(&content)),
            "RST_STREAM" => frame(RST_STREAM, 0, stream, &code().to_be_bytes()),
            "PING" => frame(PING, flags, 0, words.last().unwrap().as_bytes()),
            other => panic!("no fixture sends {other}"),
        }));
    }
    frames
}

/// `1..5` means streams 1, 3 and 5; anything but a number means the connection.
fn streams(word: &str) -> (u32, u32) {
    let (first, last) = word.split_once("..").unwrap_or((word, word));
    (first.parse().unwrap_or(0), last.parse().unwrap_or(0))
}

/// Fields, none of which goes into HPACK's table.
fn block(fields: &[&str]) -> Vec<u8> {
    let mut block = Vec::new();
    for field in fields {
        let colon = field.char_indices().skip(1).find(|(_, character)| *character == ':').unwrap().0;
        self::field(&field.as_bytes()[..colon], field[colon + 1..].trim_start().as_bytes(), &mut block);
    }
    block
}

/// A field that does not go into HPACK's table.
pub(crate) fn field(name: &[u8], value: &[u8], block: &mut Vec<u8>) {
    block.push(0);
    for text in [name, value] {
        length(text.len(), block);
        block.extend(text);
    }
}

/// RFC 7541, section 5.1, with a prefix of seven bits.
fn length(mut number: usize, out: &mut Vec<u8>) {
    if number < 127 {
        return out.push(number as u8);
    }
    out.push(127);
    number -= 127;
    while number >= 128 {
        out.push((number % 128) as u8 | 128);
        number /= 128;
    }
    out.push(number as u8);
}

/// What one side receives, frame by frame.
pub(crate) struct Reader {
    unread: Vec<u8>,
    decoder: Decoder<'static>,
    /// Whether SETTINGS, WINDOW_UPDATE and PING are shown as well.
    every_frame: bool,
    /// Whether a preface comes first, as from a client.
    preface: usize,
    /// PINGs still to be acknowledged.
    replies: Vec<u8>,
}

impl Reader {
    /// For a client, or for a target, which receives a preface first.
    pub(crate) fn new(of_target: bool, every_frame: bool) -> Self {
        let preface = if of_target { PREFACE.len() } else { 0 };
        Self { unread: Vec::new(), decoder: Decoder::default(), every_frame, preface, replies: Vec::new() }
    }

    /// The frames that these bytes complete.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> String {
        self.unread.extend_from_slice(bytes);
        if self.unread.len() < self.preface {
            return String::new();
        }
        self.unread.drain(..std::mem::take(&mut self.preface));
        let mut text = String::new();
        while self.unread.len() >= 9 {
            let number = |at: usize| u32::from_be_bytes(self.unread[at..at + 4].try_into().unwrap());
            let (size, stream) = ((number(0) >> 8) as usize, number(5));
            if self.unread.len() < 9 + size {
                break;
            }
            let (kind, flags) = (self.unread[3], self.unread[4]);
            let payload: Vec<u8> = self.unread.drain(..9 + size).skip(9).collect();
            let housekeeping = matches!(kind, SETTINGS | WINDOW_UPDATE | PING);
            if kind == PING && flags & END == 0 {
                self.replies.extend(frame(PING, END, 0, &payload));
            }
            if self.every_frame || !housekeeping {
                text.push_str(&self.show(kind, flags, stream, payload));
            }
        }
        text
    }

    /// The frames that it sends back by itself.
    pub(crate) fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }

    fn show(&mut self, kind: u8, flags: u8, stream: u32, mut payload: Vec<u8>) -> String {
        let number = |payload: &[u8], at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        let code = |payload: &[u8], at: usize| CODES[number(payload, at) as usize];
        let end = if flags & END > 0 { " END_STREAM" } else { "" };
        let name = KINDS.get(usize::from(kind)).copied().unwrap_or("UNKNOWN");
        let mut text = match kind {
            DATA | HEADERS => format!("{name} {stream}{end}\n"),
            RST_STREAM => format!("{name} {stream} {}\n", code(&payload, 0)),
            GOAWAY => format!("{name} {} {}\n", number(&payload, 0), code(&payload, 4)),
            WINDOW_UPDATE => format!("{name} {stream} {}\n", number(&payload, 0)),
            PING | SETTINGS if flags & END > 0 => {
                format!("{name} ACK {}", String::from_utf8_lossy(&payload)).trim_end().to_owned() + "\n"
            }
            PING => format!("{name} {}\n", String::from_utf8_lossy(&payload)),
            SETTINGS => {
                let settings = payload.chunks(6).map(|setting| {
                    let key = usize::from(u16::from_be_bytes([setting[0], setting[1]]));
                    format!(" {}={}", SETTINGS_NAMES.get(key - 1).unwrap_or(&"UNKNOWN"), number(setting, 2))
                });
                format!("{name}{}\n", settings.collect::<String>())
            }
            _ => format!("{name} {stream}\n"),
        };
        if kind == HEADERS {
            let mut fields = Vec::new();
            self.decoder.decode(&mut payload, &mut fields).unwrap();
            for (name, value, _) in fields {
                let (name, value) = (String::from_utf8_lossy(&name), String::from_utf8_lossy(&value));
                text.push_str(&format!("  {name}: {value}\n"));
            }
        } else if kind == DATA {
            String::from_utf8_lossy(&payload).lines().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        text
    }
}
