//! The cases of `fixtures/alb/probe/`: what a health check sends, byte for byte, and how it judges the response.

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::*;
use neargate_fixture as fixture;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    #[serde(default)]
    protocol_version: Version,
    target: Option<SocketAddr>,
    // Of the health check.
    protocol: Option<String>,
    path: Option<String>,
    port: Option<String>,
    timeout: Option<f64>,
    matcher: Option<Vec<String>>,
    /// A security group is in the way.
    #[serde(default)]
    dropped: bool,
    /// Nothing listens.
    #[serde(default)]
    refused: bool,
    /// The target of an HTTPS check speaks no TLS.
    #[serde(default)]
    without_tls: bool,
    request: Option<String>,
    bytes: Option<usize>,
    answer: Option<Answer>,
    /// The target leaves the connection open after its answer.
    #[serde(default)]
    waits: bool,
    found: String,
    says: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Version {
    #[default]
    Http1,
    Http2,
    Grpc,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Answer {
    Bytes(String),
    Stream(StreamAnswer),
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StreamAnswer {
    status: u16,
    fields: Vec<String>,
    data: Option<String>,
    trailers: Vec<String>,
    reset: bool,
}

#[test]
fn health_checks_are_those_of_a_load_balancer() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    fixture::each("alb/probe", |case: Case| runtime.block_on(check(case)));
}

async fn check(case: Case) {
    let what = format!("{} ({})", case.name, case.source);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = case.clone();
    // A check that is dropped or cannot be dialled never comes: then the server is ended with the case.
    let server = (!case.refused).then(|| tokio::spawn(async move { serve_case(listener, served).await }));
    let found = probe(&probed_as(&case, address)).await;

    let filled = |text: &str| text.replace("<port>", &address.port().to_string());
    assert_eq!(show(found.outcome), case.found, "{what}: {}", found.detail);
    if let Some(says) = &case.says {
        assert_eq!(without_figures(&found), filled(says), "{what}");
    }
    let Some(server) = server else { return };
    if case.answer.is_none() {
        assert!(!server.is_finished(), "{what}: something was sent");
        server.abort();
        return;
    }
    let request = server.await.expect("the server");
    if let Some(expected) = &case.request {
        assert_eq!(request, filled(expected), "{what}");
    }
    if let Some(bytes) = case.bytes {
        assert_eq!(request.replace('\n', "\r\n").len(), bytes, "{what}");
    }
}

/// A target as its group and the case describe it; the test dials another address, as with published ports.
fn probed_as(case: &Case, dial: SocketAddr) -> Probed {
    let mut probed = probed(dial);
    probed.target = case.target.map_or(TARGET, |target| Target { address: target.ip(), port: target.port() });
    probed.reachable = !case.dropped;
    let settings = Arc::make_mut(&mut probed.settings);
    settings.protocol_version = match case.protocol_version {
        Version::Http1 => ProtocolVersion::Http1,
        Version::Http2 => ProtocolVersion::Http2,
        Version::Grpc => ProtocolVersion::Grpc,
    };
    let check = &mut settings.health_check;
    if settings.protocol_version == ProtocolVersion::Grpc {
        check.path = "/AWS.ALB/healthcheck".into();
        check.matcher = Matcher(vec![12..=12]);
    }
    if case.protocol.as_deref() == Some("HTTPS") {
        check.protocol = TargetProtocol::Https;
    }
    if let Some(path) = &case.path {
        check.path.clone_from(path);
    }
    if case.port.is_some() {
        check.port = Some(dial.port());
    }
    if let Some(seconds) = case.timeout {
        check.timeout = Duration::from_secs_f64(seconds);
    }
    if let Some(ranges) = &case.matcher {
        let number = |text: &str| text.parse::<u16>().expect("a code");
        let ranges = ranges.iter().map(|range| range.split_once('-').expect("a range"));
        check.matcher = Matcher(ranges.map(|(from, to)| number(from)..=number(to)).collect());
    }
    probed
}

fn show(outcome: ProbeOutcome) -> String {
    match outcome {
        ProbeOutcome::Passed { code } => format!("passed {code}"),
        ProbeOutcome::CodeMismatch { code } => format!("code {code}"),
        ProbeOutcome::TimedOut => "timed out".into(),
        ProbeOutcome::Failed => "failed".into(),
        ProbeOutcome::NoGrpcStatus => "no gRPC status".into(),
    }
}

/// Answers one request as the case says; returned is what it looked like.
async fn serve_case(listener: TcpListener, case: Case) -> String {
    let (stream, _) = listener.accept().await.expect("a connection");
    let secure = case.protocol.as_deref() == Some("HTTPS") && !case.without_tls;
    let answer = case.answer.expect("an answer");
    if !secure {
        return speak(stream, answer, case.waits).await;
    }
    let stream = acceptor().accept(stream).await.expect("a handshake");
    let (_, session) = stream.get_ref();
    assert_eq!(session.server_name(), None, "{}: targets are registered by address", case.name);
    let h2 = !matches!(case.protocol_version, Version::Http1);
    assert_eq!(session.alpn_protocol(), h2.then_some(&b"h2"[..]), "{}", case.name);
    speak(stream, answer, case.waits).await
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, answer: Answer, waits: bool) -> String {
    match answer {
        Answer::Bytes(answer) => speak_bytes(stream, &answer, waits).await,
        Answer::Stream(answer) => speak_http2(stream, answer).await,
    }
}

async fn speak_bytes(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, waits: bool) -> String {
    let mut request = Vec::new();
    // What is not HTTP/1 (a preface, a TLS greeting) has no empty line at its end, and is answered as soon as it comes.
    while !request.ends_with(b"\r\n\r\n") && (request.is_empty() || request.starts_with(b"GET")) {
        assert!(stream.read_buf(&mut request).await.expect("readable") > 0, "the head is incomplete");
    }
    let answer = answer.replace('\n', "\r\n").replace("\\l", "\n");
    // One that has heard enough closes while it is being answered.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.flush().await;
    if !waits {
        let _ = stream.shutdown().await;
    }
    if request.starts_with(b"GET") {
        // Nothing more comes than the end of the connection, which is no reset; with TLS it may come unannounced.
        let end = stream.read_to_end(&mut request).await.map_err(|error| error.kind());
        assert!(matches!(end, Ok(_) | Err(std::io::ErrorKind::UnexpectedEof)), "{end:?}");
    }
    String::from_utf8_lossy(&request).replace("\r\n", "\n")
}

async fn speak_http2(stream: impl AsyncRead + AsyncWrite + Unpin, answer: StreamAnswer) -> String {
    let mut connection = h2::server::handshake(stream).await.expect("a handshake");
    let (request, respond) = connection.accept().await.expect("a request").expect("a request");
    let seen = tokio::spawn(describe(request));
    respond_with(respond, answer);
    // Until the connection is closed.
    while connection.accept().await.is_some() {}
    seen.await.expect("the request")
}

fn respond_with(mut respond: SendResponse<Bytes>, answer: StreamAnswer) {
    if answer.reset {
        return respond.send_reset(h2::Reason::REFUSED_STREAM);
    }
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(answer.status).expect("a status");
    *response.headers_mut() = fields(&answer.fields);
    let ends = answer.data.is_none() && answer.trailers.is_empty();
    let mut stream = respond.send_response(response, ends).expect("sent");
    if let Some(data) = answer.data {
        stream.send_data(Bytes::from(data), answer.trailers.is_empty()).expect("sent");
    }
    if !answer.trailers.is_empty() {
        stream.send_trailers(fields(&answer.trailers)).expect("sent");
    }
}

fn fields(lines: &[String]) -> HeaderMap {
    let field = |line: &String| {
        let (name, value) = line.split_once(": ").expect("a field");
        (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
    };
    lines.iter().map(field).collect()
}

async fn describe(request: Request<h2::RecvStream>) -> String {
    let (head, mut body) = request.into_parts();
    let mut text = format!(":method: {}\n", head.method);
    text += &format!(":scheme: {}\n", head.uri.scheme_str().expect("a scheme"));
    text += &format!(":authority: {}\n", head.uri.authority().expect("an authority"));
    text += &format!(":path: {}\n", head.uri.path_and_query().expect("a path"));
    for (name, value) in &head.headers {
        text += &format!("{name}: {}\n", value.to_str().expect("text"));
    }
    while let Some(Ok(data)) = body.data().await {
        let bytes: Vec<_> = data.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("data: {}\n", bytes.join(" "));
    }
    text
}

/// Shows an untrusted certificate.
fn acceptor() -> TlsAcceptor {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["elsewhere.example".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
