//! The load: a closed loop over a fixed number of connections, a fixed rate, or idle connections.
//!
//! Everything runs on the harness's own thread, pinned to the core that the contenders do not use. Every run ends by
//! itself; an unexpected response ends it with an error.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The certificate's name.
pub(crate) const HOST: &str = "bench.example";

/// Longest wait for any one response.
const PATIENCE: Duration = Duration::from_secs(10);

/// How requests use connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Over HTTP/1.1 connections that stay open.
    Http1,
    /// Over HTTP/2, one at a time on each connection.
    Http2,
    /// Each on its own connection.
    NewConnection,
}

/// The request.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) kind: Kind,
    /// Paths, used in turn.
    pub(crate) paths: &'static [&'static str],
    /// Size of the request body in bytes; 0 means a GET.
    pub(crate) upload: usize,
    pub(crate) connections: usize,
}

/// Results of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    /// In seconds, sorted.
    pub(crate) latencies: Vec<f32>,
}

impl Seen {
    fn new(mut latencies: Vec<f32>) -> Self {
        latencies.sort_unstable_by(f32::total_cmp);
        Self { requests: latencies.len() as u64, latencies }
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * percent / 100.0).round() as usize;
        self.latencies.get(index).map_or(f64::NAN, |&seconds| f64::from(seconds) * 1e3)
    }
}

/// The TLS configuration of every client: TLS 1.3 with one cipher and one group, so that all contenders do the same
/// cryptography.
#[derive(Clone)]
pub(crate) struct Tls {
    plain: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Tls {
    pub(crate) fn trusting(certificate: &std::path::Path) -> Result<Self, Box<dyn std::error::Error>> {
        use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
        let mut provider = default_provider();
        provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
        provider.kx_groups = vec![kx_group::X25519];
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::disabled();
        let plain = Arc::new(config.clone());
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { plain, http2: Arc::new(config) })
    }

    async fn connect(config: &Arc<ClientConfig>, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await
    }
}

/// Makes requests for `warm_up` and then for `measured`; calls `mark` at the beginning and at the end of the latter.
pub(crate) async fn run(
    tls: &Tls,
    address: SocketAddr,
    job: &Job,
    resume: bool,
    warm_up: Duration,
    measured: Duration,
    mut mark: impl FnMut(),
) -> io::Result<Seen> {
    let clock =
        Rc::new(RunClock { latencies: RefCell::default(), measuring: Cell::new(false), over: Cell::new(false) });
    let mut clients = JoinSet::new();
    for index in 0..job.connections {
        let (tls, job, clock) = (tls.clone(), job.clone(), Rc::clone(&clock));
        clients.spawn_local(async move {
            match job.kind {
                Kind::Http1 => http1_loop(&tls, address, &job, &clock, index).await,
                Kind::Http2 => http2_loop(&tls, address, &job, &clock, index).await,
                Kind::NewConnection => connect_loop(&tls, address, &job, &clock, index, resume).await,
            }
        });
    }
    tokio::time::sleep(warm_up).await;
    mark();
    clock.measuring.set(true);
    tokio::time::sleep(measured).await;
    clock.measuring.set(false);
    mark();
    clock.over.set(true);
    while let Some(ended) = clients.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(Seen::new(clock.latencies.take()))
}

struct RunClock {
    latencies: RefCell<Vec<f32>>,
    measuring: Cell<bool>,
    over: Cell<bool>,
}

impl RunClock {
    fn note(&self, begun: Instant) {
        if self.measuring.get() {
            self.latencies.borrow_mut().push(begun.elapsed().as_secs_f32());
        }
    }
}

async fn http1_loop(tls: &Tls, address: SocketAddr, job: &Job, clock: &RunClock, first: usize) -> io::Result<()> {
    let requests: Vec<Vec<u8>> = job.paths.iter().map(|path| http1_request(path, job.upload, true)).collect();
    let mut client = Http1::new(Tls::connect(&tls.plain, address).await?);
    for turn in first.. {
        if clock.over.get() {
            break;
        }
        let begun = Instant::now();
        client.exchange(&requests[turn % requests.len()]).await?;
        clock.note(begun);
    }
    Ok(())
}

async fn connect_loop(
    tls: &Tls,
    address: SocketAddr,
    job: &Job,
    clock: &RunClock,
    first: usize,
    resume: bool,
) -> io::Result<()> {
    // Every client has its own session tickets: others would use them up.
    let mut config = ClientConfig::clone(&tls.plain);
    if resume {
        // Every client has its own session tickets: others would use them up.
        config.resumption = Resumption::in_memory_sessions(8);
    }
    let config = &Arc::new(config);
    let requests: Vec<Vec<u8>> = job.paths.iter().map(|path| http1_request(path, job.upload, false)).collect();
    for turn in first.. {
        if clock.over.get() {
            break;
        }
        let begun = Instant::now();
        let stream = Tls::connect(config, address).await?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        if resumed != resume && clock.measuring.get() {
            return Err(io::Error::other(if resume { "not resumed" } else { "resumed" }));
        }
        Http1::new(stream).exchange(&requests[turn % requests.len()]).await?;
        clock.note(begun);
    }
    Ok(())
}

async fn http2_loop(tls: &Tls, address: SocketAddr, job: &Job, clock: &RunClock, first: usize) -> io::Result<()> {
    let mut client = None;
    for turn in first.. {
        if clock.over.get() {
            break;
        }
        let begun = Instant::now();
        let path = job.paths[turn % job.paths.len()];
        let mut sender = match client.take() {
            Some(sender) => sender,
            None => http2_connect(tls, address).await?,
        };
        // A server may close a connection gracefully after a number of requests; that is not a failure.
        if let Ok(ready) = sender.clone().ready().await {
            sender = ready;
            match http2_exchange(&mut sender, path, job.upload).await {
                Ok(_) => {
                    clock.note(begun);
                    client = Some(sender);
                }
                Err(error) if error.is_go_away() => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
    Ok(())
}

async fn http2_connect(tls: &Tls, address: SocketAddr) -> io::Result<h2::client::SendRequest<Bytes>> {
    let stream = Tls::connect(&tls.http2, address).await?;
    let builder =
        h2::client::Builder::new().initial_window_size(4 << 20).initial_connection_window_size(8 << 20).clone();
    let (sender, connection) = builder.handshake(stream).await.map_err(io::Error::other)?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

/// Returns the body.
async fn http2_exchange(
    sender: &mut h2::client::SendRequest<Bytes>,
    path: &str,
    upload: usize,
) -> Result<Vec<u8>, h2::Error> {
    let mut request = http::Request::builder().uri(format!("https://{HOST}{path}"));
    for (name, value) in HEADERS {
        request = request.header(*name, *value);
    }
    let request = request.body(()).map_err(|_| h2::Error::from(h2::Reason::INTERNAL_ERROR))?;
    debug_assert_eq!(upload, 0, "uploads are measured over HTTP/1.1");
    let (response, _) = sender.send_request(request, true)?;
    let response = response.await?;
    if response.status() != 200 {
        return Err(h2::Reason::INTERNAL_ERROR.into());
    }
    let mut body = response.into_body();
    let mut whole = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

/// Headers as a browser's script might send.
const HEADERS: &[(&str, &str)] = &[
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    ),
    ("accept", "application/json, text/plain, */*"),
    ("accept-language", "en-GB,en;q=0.9"),
    ("accept-encoding", "gzip, deflate, br"),
];

fn http1_request(path: &str, upload: usize, keep_alive: bool) -> Vec<u8> {
    let method = if upload > 0 { "POST" } else { "GET" };
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n");
    for (name, value) in HEADERS {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if upload > 0 {
        text.push_str(&format!("Content-Length: {upload}\r\n"));
    }
    if !keep_alive {
        text.push_str("Connection: close\r\n");
    }
    text.push_str("\r\n");
    let mut request = text.into_bytes();
    request.resize(request.len() + upload, b'x');
    request
}

/// One HTTP/1.1 connection.
pub(crate) struct Http1<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    fn new(stream: S) -> Self {
        Self { stream, buffer: vec![0; 2048] }
    }

    /// Sends a request and reads its response, which must be a 200 with a length. Returns the bytes that arrived with
    /// the head.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        let answered = async {
            self.stream.write_all(request).await?;
            self.stream.flush().await?;
            self.response().await
        };
        tokio::time::timeout(PATIENCE, answered).await?
    }

    async fn response(&mut self) -> io::Result<Vec<u8>> {
        let mut filled = 0;
        let head = loop {
            match self.stream.read(&mut self.buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => filled += count,
            }
            if let Some(end) = memchr::memmem::find(&self.buffer[..filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        if !text.starts_with("http/1.1 200 ") {
            return Err(io::Error::other(format!("an unexpected response: {text}")));
        }
        let length =
            text.split("\r\ncontent-length:").nth(1).and_then(|rest| rest.split('\r').next()?.trim().parse().ok());
        let length: usize = length.ok_or_else(|| io::Error::other("a response without a length"))?;
        let first = self.buffer[head..filled].to_vec();
        let mut left = length.saturating_sub(first.len());
        if left > 0 && self.buffer.len() < 64 * 1024 {
            self.buffer.resize(64 * 1024, 0);
        }
        while left > 0 {
            match self.stream.read(&mut self.buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => left = left.saturating_sub(count),
            }
        }
        Ok(first)
    }
}

/// Makes one request at a time, every `every`, over a few connections that stay open; over plain TCP without a TLS
/// configuration.
pub(crate) async fn at_rate(
    tls: Option<&Tls>,
    address: SocketAddr,
    path: &str,
    every: Duration,
    count: usize,
) -> io::Result<Seen> {
    match tls {
        Some(tls) => {
            let mut clients = Vec::new();
            for _ in 0..RATE_CONNECTIONS {
                clients.push(Http1::new(Tls::connect(&tls.plain, address).await?));
            }
            paced(clients, path, every, count).await
        }
        None => {
            let mut clients = Vec::new();
            for _ in 0..RATE_CONNECTIONS {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                clients.push(Http1::new(stream));
            }
            paced(clients, path, every, count).await
        }
    }
}

const RATE_CONNECTIONS: usize = 8;

async fn paced<S: AsyncRead + AsyncWrite + Unpin>(
    mut clients: Vec<Http1<S>>,
    path: &str,
    every: Duration,
    count: usize,
) -> io::Result<Seen> {
    let request = http1_request(path, 0, true);
    for client in &mut clients {
        client.exchange(&request).await?;
    }
    let mut pace = tokio::time::interval(every);
    let mut latencies = Vec::with_capacity(count);
    for turn in 0..count {
        pace.tick().await;
        let begun = Instant::now();
        let client = turn % clients.len();
        clients[client].exchange(&request).await?;
        latencies.push(begun.elapsed().as_secs_f32());
    }
    Ok(Seen::new(latencies))
}

/// Connections that have made one request each and are now idle.
pub(crate) async fn rest(tls: &Tls, address: SocketAddr, count: usize) -> io::Result<Vec<Http1<TlsStream<TcpStream>>>> {
    let request = http1_request("/small", 0, true);
    let mut resting = Vec::with_capacity(count);
    for _ in 0..count {
        let mut client = Http1::new(Tls::connect(&tls.plain, address).await?);
        client.exchange(&request).await?;
        client.buffer = Vec::new();
        resting.push(client);
    }
    Ok(resting)
}

/// Makes one request on a new connection and returns the part of the body that arrived with the head.
pub(crate) async fn once(tls: &Tls, address: SocketAddr, path: &str, kind: Kind) -> io::Result<String> {
    let body = match kind {
        Kind::Http2 => {
            let mut sender = http2_connect(tls, address).await?.ready().await.map_err(io::Error::other)?;
            http2_exchange(&mut sender, path, 0).await.map_err(io::Error::other)?
        }
        Kind::Http1 | Kind::NewConnection => {
            let mut client = Http1::new(Tls::connect(&tls.plain, address).await?);
            client.exchange(&http1_request(path, 0, kind == Kind::Http1)).await?
        }
    };
    Ok(String::from_utf8_lossy(&body).into_owned())
}
