//! The minimum possible with the libraries that neargate uses: a floor for workloads a to f.
//!
//! One thread and one epoll; rustls; a kept connection to the target. It reads, decrypts, inserts a fixed block of
//! header lines after the request line, writes, reads the response, encrypts it unchanged, and writes: two reads and
//! two writes. It knows where a head ends and how long a body is, and nothing else: no rules, no classification, no
//! limits, no timeouts, no counters, no health checks. Writes block, because its peers always read. Over HTTP/2 it does
//! not even look at the request, and forwards the same one every time.
//!
//! It runs only on request (`--only bare,neargate,nginx`), because a load balancer cannot be compared with it: it shows
//! how much of a load balancer's time belongs to the kernel and the cryptography.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

/// The buffer size that all contenders use for large bodies.
const LARGE: usize = 256 * 1024;
/// The listener's token among the connections.
const LISTENER: usize = 0;
/// HTTP/2: the client's preface, the length of a frame header, our empty SETTINGS and our acknowledgement of the
/// client's.
const PREFACE: usize = 24;
const FRAME: usize = 9;
const SETTINGS: [u8; FRAME] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const SETTINGS_ACK: [u8; FRAME] = [0, 0, 0, 4, 1, 0, 0, 0, 0];
/// The only request sent for HTTP/2 clients.
const REQUEST: &[u8] = b"GET /small HTTP/1.1\r\nHost: bench.example\r\nAccept: */*\r\n\r\n";

struct Bare {
    epoll: OwnedFd,
    tls: Arc<ServerConfig>,
    /// Inserted after every request line.
    lines: Vec<u8>,
    /// Targets of `/` and of `/api/`.
    targets: [SocketAddr; 2],
    /// Idle connections to them.
    kept: [Vec<usize>; 2],
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

enum Connection {
    Client(Box<Client>),
    Target(Target),
}

struct Client {
    tcp: TcpStream,
    tls: ServerConnection,
    /// Received and not yet forwarded.
    received: Vec<u8>,
    /// The target that has the request, and how much of its body is still to come.
    target: Option<usize>,
    left: usize,
    close: bool,
    /// HTTP/2: the stream that waits for a response; `Some(0)` before the first.
    stream: Option<u32>,
}

struct Target {
    tcp: TcpStream,
    which: usize,
    client: usize,
    /// The rest of its response, once the head has arrived.
    left: Option<usize>,
}

/// Runs until it is killed. The file contains three ports; the certificate is next to it.
pub(crate) fn run(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let ports: Vec<u16> =
        std::fs::read_to_string(file)?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [port, targets @ ..] = <[u16; 3]>::try_from(ports).map_err(|_| "three ports: its own and its targets'")?;
    let folder = file.with_file_name("");
    let certificate = CertificateDer::from_pem_file(folder.join("certificate.pem"))?;
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem"))?;
    let mut tls = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tls.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    tls.send_tls13_tickets = 1;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(LISTENER as u64), EventFlags::IN)?;
    let mut bare = Bare {
        epoll,
        tls: Arc::new(tls),
        lines: format!(
            "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: {port}\r\n\
             X-Amzn-Trace-Id: Root=1-00000000-000000000000000000000000\r\n"
        )
        .into_bytes(),
        targets: targets.map(|port| SocketAddr::from(([127, 0, 0, 1], port))),
        kept: Default::default(),
        connections: vec![None],
        free: Vec::new(),
        buffer: vec![0; LARGE],
    };
    let mut events = Vec::with_capacity(256);
    loop {
        epoll::wait(&bare.epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let place = event.data.u64() as usize;
            if place == LISTENER {
                bare.accept(listener.accept()?.0)?;
            } else if bare.turn(place).is_err() {
                bare.leave(place);
            }
        }
    }
}

impl Bare {
    fn accept(&mut self, tcp: TcpStream) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        let mut tls = ServerConnection::new(Arc::clone(&self.tls)).map_err(io::Error::other)?;
        tls.set_buffer_limit(None);
        let client = Client { tcp, tls, received: Vec::new(), target: None, left: 0, close: false, stream: None };
        self.enter(Connection::Client(Box::new(client))).map(drop)
    }

    fn enter(&mut self, connection: Connection) -> io::Result<usize> {
        let place = self.free.pop().unwrap_or(self.connections.len());
        if place == self.connections.len() {
            self.connections.push(None);
        }
        let tcp = match &connection {
            Connection::Client(client) => &client.tcp,
            Connection::Target(target) => &target.tcp,
        };
        epoll::add(&self.epoll, tcp, EventData::new_u64(place as u64), EventFlags::IN)?;
        self.connections[place] = Some(connection);
        Ok(place)
    }

    fn leave(&mut self, place: usize) {
        self.connections[place] = None;
        self.free.push(place);
    }

    /// The connection is readable. An error ends it.
    fn turn(&mut self, place: usize) -> io::Result<()> {
        match self.connections[place].take() {
            Some(Connection::Client(mut client)) => {
                let read = client.read();
                let passed = read.and_then(|()| self.pass_on(&mut client, place));
                self.connections[place] = Some(Connection::Client(client));
                passed
            }
            Some(Connection::Target(mut target)) => {
                let answered = self.answer(&mut target);
                if let Ok(true) = answered {
                    self.kept[target.which].push(place);
                }
                self.connections[place] = Some(Connection::Target(target));
                answered.map(drop)
            }
            None => Ok(()),
        }
    }

    /// Forwards from the client to a target.
    fn pass_on(&mut self, client: &mut Client, place: usize) -> io::Result<()> {
        if client.tls.alpn_protocol() == Some(b"h2") {
            while client.next_stream()? {
                let target = self.target(0, place)?;
                self.tcp_of(target).write_all(REQUEST)?;
            }
            return Ok(());
        }
        if client.left > 0
            && let Some(target) = client.target
        {
            self.tcp_of(target).write_all(&client.received)?;
            client.left -= client.received.len();
            client.received.clear();
        }
        let Some(end) = memmem::find(&client.received, b"\r\n\r\n") else { return Ok(()) };
        let head = &client.received[..end + 4];
        let line = memchr::memchr(b'\n', head).unwrap_or(end) + 1;
        let which = usize::from(memmem::find(&head[..line], b" /api/").is_some());
        client.close = memmem::find(head, b"\r\nConnection: close").is_some();
        client.left = content_length(head) + end + 4 - client.received.len();
        let target = self.target(which, place)?;
        client.target = Some(target);
        let out = [&client.received[..line], &self.lines, &client.received[line..]].concat();
        self.tcp_of(target).write_all(&out)?;
        client.received.clear();
        Ok(())
    }

    /// A kept connection or a new one.
    fn target(&mut self, which: usize, client: usize) -> io::Result<usize> {
        if let Some(place) = self.kept[which].pop() {
            if let Some(Connection::Target(target)) = &mut self.connections[place] {
                (target.client, target.left) = (client, None);
            }
            return Ok(place);
        }
        let tcp = TcpStream::connect(self.targets[which])?;
        tcp.set_nodelay(true)?;
        self.enter(Connection::Target(Target { tcp, which, client, left: None }))
    }

    fn tcp_of(&self, target: usize) -> &TcpStream {
        match &self.connections[target] {
            Some(Connection::Target(target)) => &target.tcp,
            _ => unreachable!("a request is with a target"),
        }
    }

    /// Forwards from a target to its client. Returns whether the response is complete.
    fn answer(&mut self, target: &mut Target) -> io::Result<bool> {
        let count = target.tcp.read(&mut self.buffer)?;
        let Some(Connection::Client(client)) = &mut self.connections[target.client] else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut data = &self.buffer[..count];
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = match target.left {
            Some(left) => left,
            None => {
                let head = memmem::find(data, b"\r\n\r\n").ok_or(io::ErrorKind::InvalidData)? + 4;
                let length = content_length(&data[..head]);
                match client.stream {
                    Some(stream) => {
                        client.tls.writer().write_all(&h2_head(stream, length))?;
                        data = &data[head..];
                        length
                    }
                    None => head + length,
                }
            }
        };
        client.tls.writer().write_all(data)?;
        let left = left - data.len();
        target.left = Some(left);
        if left == 0 && client.close {
            client.tls.send_close_notify();
        }
        client.write()?;
        if left == 0 && client.close {
            let place = target.client;
            self.leave(place);
        }
        Ok(left == 0)
    }
}

impl Client {
    fn read(&mut self) -> io::Result<()> {
        if self.tls.read_tls(&mut self.tcp)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let was_handshaking = self.tls.is_handshaking();
        let state = self.tls.process_new_packets().map_err(io::Error::other)?;
        if was_handshaking && self.tls.is_handshaking() {
            // After the handshake, session tickets are sent together with the first response.
            self.write()?;
        }
        let (had, more) = (self.received.len(), state.plaintext_bytes_to_read());
        self.received.resize(had + more, 0);
        self.tls.reader().read_exact(&mut self.received[had..])
    }

    fn write(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp)?;
        }
        Ok(())
    }

    /// HTTP/2: removes complete frames, up to one that begins a stream.
    fn next_stream(&mut self) -> io::Result<bool> {
        if self.stream.is_none() {
            if self.received.len() < PREFACE {
                return Ok(false);
            }
            self.received.drain(..PREFACE);
            self.stream = Some(0);
            self.tls.writer().write_all(&SETTINGS)?;
        }
        while let Some(&[a, b, c, kind, flags, d, e, f, g]) = self.received.first_chunk::<FRAME>() {
            let length = FRAME + u32::from_be_bytes([0, a, b, c]) as usize;
            if self.received.len() < length {
                break;
            }
            self.received.drain(..length);
            match kind {
                1 => {
                    self.stream = Some(u32::from_be_bytes([d, e, f, g]));
                    return Ok(true);
                }
                4 if flags == 0 => self.tls.writer().write_all(&SETTINGS_ACK)?,
                _ => {}
            }
        }
        Ok(false)
    }
}

/// HEADERS with `:status 200` (HPACK's static table) and nothing else, and the head of the only DATA frame.
fn h2_head(stream: u32, length: usize) -> Vec<u8> {
    let frame = |length: usize, kind, flags| {
        let [_, a, b, c] = (length as u32).to_be_bytes();
        [&[a, b, c, kind, flags][..], &stream.to_be_bytes()].concat()
    };
    [frame(1, 1, 0x4), vec![0x88], frame(length, 0, 0x1)].concat()
}

fn content_length(head: &[u8]) -> usize {
    let Some(at) = memmem::find(head, b"Content-Length: ") else { return 0 };
    let digits = head[at + 16..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))
}
