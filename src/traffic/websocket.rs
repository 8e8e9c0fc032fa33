//! WebSockets that stay open (RFC 6455): pinged every second, opened again when the other side closes them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::aim::Aim;
use super::line::{self, Stream};
use crate::rehearsal::recording::{Outcome, Sample, Way};

/// So often a ping keeps the connection from being idle.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Before one that could not be opened is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// No honest head is longer.
const LONGEST_HEAD: u64 = 64 * 1024;

const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// A client's frames are masked (RFC 6455, 5.3); which key it is does not matter here.
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// Keeps one WebSocket open until it is told to stop. Each that ends is a sample.
pub(super) async fn keep_open(
    aim: Aim,
    began: Instant,
    samples: mpsc::UnboundedSender<Sample>,
    mut stopped: watch::Receiver<bool>,
) {
    while !*stopped.borrow() {
        let (root, sent) = (line::new_root(), began.elapsed());
        let outcome = match open(&aim, &root).await {
            Ok(Opened::Socket(stream)) => hold(stream, &mut stopped).await,
            Ok(Opened::Refused(status)) => Outcome::Answered(status),
            Err(outcome) => outcome,
        };
        let was_open = matches!(outcome, Outcome::Closed | Outcome::Cut(_) | Outcome::Answered(101));
        let _ = samples.send(Sample { root, way: Way::WebSocket, sent, settled: began.elapsed(), outcome });
        if !was_open {
            let _ = tokio::time::timeout(PAUSE, stopped.wait_for(|stopped| *stopped)).await;
        }
    }
}

enum Opened {
    Socket(BufReader<Box<dyn Stream>>),
    /// The answer was another one than 101.
    Refused(u16),
}

/// Opens one, to see whether the path has any.
pub(super) async fn status(aim: &Aim) -> Result<u16, String> {
    match open(aim, &line::new_root()).await {
        Ok(Opened::Socket(_)) => Ok(101),
        Ok(Opened::Refused(status)) => Ok(status),
        Err(Outcome::NoConnection(why) | Outcome::Cut(why)) => Err(why),
        Err(_) => Err("no answer".to_owned()),
    }
}

async fn open(aim: &Aim, root: &str) -> Result<Opened, Outcome> {
    let stream = line::connect(aim, b"http/1.1").await.map_err(|error| Outcome::NoConnection(error.to_string()))?;
    let cut = |error: std::io::Error| Outcome::Cut(error.to_string());
    let mut stream = BufReader::new(stream);
    let key = STANDARD.encode(&root.as_bytes()[..16]);
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\nX-Amzn-Trace-Id: Root={root}\r\n\r\n",
        aim.path, aim.host
    );
    stream.write_all(request.as_bytes()).await.map_err(cut)?;
    stream.flush().await.map_err(cut)?;
    let mut head = String::new();
    let mut limited = (&mut stream).take(LONGEST_HEAD);
    let mut status = None;
    loop {
        head.clear();
        if limited.read_line(&mut head).await.map_err(cut)? == 0 {
            return Err(Outcome::Cut("the connection ended".to_owned()));
        }
        if status.is_none() {
            status = head.split(' ').nth(1).and_then(|code| code.trim().parse().ok());
        }
        if head.trim_end().is_empty() {
            break;
        }
    }
    match status {
        Some(101) => Ok(Opened::Socket(stream)),
        Some(other) => Ok(Opened::Refused(other)),
        None => Err(Outcome::Cut("the answer is no HTTP".to_owned())),
    }
}

/// Holds it open until one side ends it.
async fn hold(stream: BufReader<Box<dyn Stream>>, stopped: &mut watch::Receiver<bool>) -> Outcome {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (pongs_in, mut pongs) = mpsc::channel::<Vec<u8>>(8);
    let reading = async {
        loop {
            let mut head = [0; 2];
            reader.read_exact(&mut head).await?;
            let mut length = u64::from(head[1] & 0x7f);
            if length == 126 {
                length = reader.read_u16().await?.into();
            } else if length == 127 {
                length = reader.read_u64().await?;
            }
            if head[0] == PING && length < 126 {
                let mut content = vec![0; length as usize];
                reader.read_exact(&mut content).await?;
                // One that is not answered because others wait is no harm.
                let _ = pongs_in.try_send(content);
                continue;
            }
            let skipped = tokio::io::copy(&mut (&mut reader).take(length), &mut tokio::io::sink()).await?;
            if skipped < length {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if head[0] == CLOSE {
                return Ok::<(), std::io::Error>(());
            }
        }
    };
    let writing = async {
        let mut ticks = tokio::time::interval(PING_EVERY);
        loop {
            let (wanted, is_last) = tokio::select! {
                _ = ticks.tick() => (frame(PING, b""), false),
                Some(content) = pongs.recv() => (frame(PONG, &content), false),
                // 1000: a normal closure.
                _ = stopped.wait_for(|stopped| *stopped) => (frame(CLOSE, &1000_u16.to_be_bytes()), true),
            };
            writer.write_all(&wanted).await?;
            writer.flush().await?;
            if is_last {
                return Ok::<(), std::io::Error>(());
            }
        }
    };
    let cut = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Outcome::Cut("the connection ended".to_owned()),
        _ => Outcome::Cut(error.to_string()),
    };
    tokio::select! {
        read = reading => read.map_or_else(cut, |()| Outcome::Closed),
        written = writing => written.map_or_else(cut, |()| Outcome::Answered(101)),
    }
}

fn frame(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, 0x80 | content.len() as u8];
    frame.extend(MASK);
    frame.extend(content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
