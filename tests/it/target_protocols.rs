//! Targets with TLS, and targets that speak HTTP/2 or gRPC.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use neargate::alb::logs::line::{LogLine, Names};
use neargate::alb::metrics::figures::GroupCount;
use neargate::model::target_group::{ProtocolVersion, TargetProtocol};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::alb::{Alb, ScriptedTarget, Setup, Wire, healthy, refusing, stable, within};
use crate::http2;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: e.com\r\n\r\n";

/// A certificate for a name that no client requests.
pub(crate) fn acceptor(protocols: &[&str]) -> TlsAcceptor {
    let certificate = rcgen::generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// An HTTP/2 target whose requests follow a script. Counts its connections.
struct Http2Target {
    address: SocketAddr,
    connections: watch::Receiver<usize>,
}

impl Http2Target {
    async fn new<F, R>(acceptor: Option<TlsAcceptor>, script: F) -> Self
    where
        F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> R + Clone + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (counter, connections) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                counter.send_modify(|count| *count += 1);
                let (script, acceptor) = (script.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, script).await,
                        Some(acceptor) => {
                            let stream = acceptor.accept(stream).await.unwrap();
                            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                            assert_eq!(stream.get_ref().1.server_name(), None);
                            serve(stream, script).await;
                        }
                    }
                });
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        *self.connections.borrow()
    }
}

async fn serve<F, R>(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, script: F)
where
    F: Fn(Request<RecvStream>, SendResponse<Bytes>) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let told_to_leave = request.uri().path() == "/leave";
        tokio::spawn(script(request, respond));
        if told_to_leave {
            connection.graceful_shutdown();
        }
    }
}

/// An HTTPS listener in front of one target.
async fn in_front_of(target: SocketAddr, protocol: TargetProtocol, version: ProtocolVersion) -> Alb {
    let mut setup = Setup::forwarding(&[target]);
    setup.https();
    setup.speaking(protocol, version);
    setup.workers = 1;
    setup.start().await
}

async fn client(alb: &Alb) -> SendRequest<Bytes> {
    let handshake = h2::client::Builder::new().data_frame_budget(1 << 30).handshake(http2::tls(alb, &["h2"]).await);
    let (requests, connection) = handshake.await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    requests
}

fn request(method: &str, path: &str) -> Request<()> {
    let uri = format!("https://app.example.com{path}");
    Request::builder().method(method).uri(uri).body(()).unwrap()
}

fn call(path: &str) -> Request<()> {
    let mut request = request("POST", path);
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    request
}

fn one_field(name: &'static str, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
}

async fn read(mut body: RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = within("the body", body.data()).await {
        let data = data?;
        all.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    Ok((all, within("the trailers", body.trailers()).await?))
}

/// Sends a request without a body; returns head, body and trailers of the response.
async fn ask(requests: &SendRequest<Bytes>, request: Request<()>) -> (http::response::Parts, Vec<u8>) {
    let (response, _) = requests.clone().ready().await.unwrap().send_request(request, true).unwrap();
    let (head, body) = within("the response", response).await.unwrap().into_parts();
    let (body, _) = read(body).await.unwrap();
    (head, body)
}

/// Responds 200 with the path as the body.
async fn echo_path(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let path = Bytes::from(request.uri().path().to_owned());
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream.send_data(path, true).unwrap();
}

fn names(head: &http::response::Parts) -> Vec<String> {
    head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

fn of_web(alb: &Alb, count: GroupCount) -> u64 {
    alb.plane.as_ref().unwrap().meters().read().groups[0].counts[count as usize]
}

#[tokio::test]
async fn a_failed_handshake_is_502_and_an_endless_one_is_504() {
    for (answer, status) in [("HTTP/1.1 400 Bad Request\r\n\r\n", 502), ("", 504)] {
        let target = ScriptedTarget::new(move |mut incoming| async move {
            incoming.wire.send(answer).await;
            incoming.wire.rest().await;
        })
        .await;
        let mut setup = Setup::forwarding(&[target.address]);
        setup.speaking(TargetProtocol::Https, ProtocolVersion::Http1);
        setup.connect_timeout = Duration::from_millis(300);
        let mut alb = setup.start().await;
        let mut wire = alb.connect().await;
        wire.send(GET).await;
        assert!(wire.response().await.starts_with(&format!("HTTP/1.1 {status} ")));
        assert_eq!(alb.settled().await.target_status, None);
        assert_eq!(of_web(&alb, GroupCount::TargetTlsNegotiationErrors), 1);
        assert_eq!(of_web(&alb, GroupCount::TargetConnectionErrors), 0);
    }
}

#[tokio::test]
async fn an_http_2_target_gets_the_request_and_the_client_gets_its_trailers() {
    let (seen, mut heads) = watch::channel(String::new());
    for tls in [false, true] {
        let seen = seen.clone();
        let script = move |request: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
            let seen = seen.clone();
            async move {
                let (head, body) = request.into_parts();
                let (body, trailers) = read(body).await.unwrap();
                let fields = head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
                let fields = fields.collect::<Vec<_>>().join("\n");
                let text = String::from_utf8(body).unwrap();
                let sum = &trailers.as_ref().unwrap()["x-sum"];
                seen.send_replace(format!("{} {}\n{fields}\n\n{text}\n\n{sum:?}", head.method, head.uri));
                let response = Response::builder().status(201).header("x-up", "1").body(()).unwrap();
                let mut stream = respond.send_response(response, false).unwrap();
                stream.send_data(Bytes::from_static(b"done"), false).unwrap();
                stream.send_trailers(one_field("x-end", "yes")).unwrap();
            }
        };
        let target = Http2Target::new(tls.then(|| acceptor(&["h2"])), script).await;
        let protocol = if tls { TargetProtocol::Https } else { TargetProtocol::Http };
        let mut alb = in_front_of(target.address, protocol, ProtocolVersion::Http2).await;
        let mut request = request("PUT", "/a?b=c");
        request.headers_mut().insert("x-own", "1".parse().unwrap());
        request.headers_mut().insert("te", "trailers".parse().unwrap());
        let (response, mut sending) = client(&alb).await.ready().await.unwrap().send_request(request, false).unwrap();
        sending.send_data(Bytes::from_static(b"some"), false).unwrap();
        sending.send_data(Bytes::from_static(b"thing"), false).unwrap();
        sending.send_trailers(one_field("x-sum", "9")).unwrap();
        let (head, body) = within("the response", response).await.unwrap().into_parts();
        assert_eq!((head.status.as_u16(), &head.headers["x-up"]), (201, &http::HeaderValue::from_static("1")));
        let (body, trailers) = read(body).await.unwrap();
        assert_eq!((&body[..], &trailers.unwrap()["x-end"]), (&b"done"[..], &http::HeaderValue::from_static("yes")));
        let scheme = if tls { "https" } else { "http" };
        assert_eq!(
            stable(&heads.borrow_and_update()),
            format!(
                "PUT {scheme}://app.example.com/a?b=c\nx-forwarded-for: 127.0.0.1\nx-forwarded-proto: https\n\
                 x-forwarded-port: 443\nx-amzn-trace-id: Root=<trace>\nx-own: 1\nte: trailers\n\nsomething\n\n\"9\""
            )
        );
        let account = alb.settled().await;
        assert_eq!((account.status, account.target_status), (201, Some(201)));
        assert!(log_line(&account).starts_with("h2 "));
    }
}

fn log_line(account: &impl LogLine) -> String {
    let mut line = Vec::new();
    account.write(Names { id: "id", dns_name: "name" }, &mut line);
    String::from_utf8(line).unwrap()
}

#[tokio::test]
async fn http_1_1_clients_get_464_from_an_http_2_group() {
    let target = Http2Target::new(None, echo_path).await;
    let mut alb = in_front_of(target.address, TargetProtocol::Http, ProtocolVersion::Http2).await;
    let mut wire = Wire::new(http2::tls(&alb, &["http/1.1"]).await);
    for _ in 0..2 {
        wire.send(GET).await;
        assert_eq!(
            stable(&wire.response().await),
            "HTTP/1.1 464 \r\nServer: awselb/2.0\r\nDate: <date>\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
        );
    }
    let account = alb.settled().await;
    assert_eq!((account.status, account.target, account.rule), (464, None, Some(0)));
    assert_eq!(target.connections(), 0);
    assert_eq!(of_web(&alb, GroupCount::Requests), 0);
}

#[tokio::test]
async fn requests_share_a_connection_until_the_target_sends_goaway() {
    let target = Http2Target::new(None, echo_path).await;
    let alb = in_front_of(target.address, TargetProtocol::Http, ProtocolVersion::Http2).await;
    let requests = client(&alb).await;
    let many = async |label: &str| {
        let paths = (0..50).map(|number| format!("/{label}/{number}")).collect::<Vec<_>>();
        let asking = paths.iter().map(|path| ask(&requests, request("GET", path)));
        let answers = futures_util::future::join_all(asking).await;
        assert!(answers.iter().zip(&paths).all(|((_, body), path)| body == path.as_bytes()));
    };
    many("first").await;
    assert_eq!(target.connections(), 1, "those that came while it was made waited for it");
    assert_eq!(ask(&requests, request("GET", "/leave")).await.1, b"/leave");
    many("second").await;
    assert_eq!(target.connections(), 2);
}

#[tokio::test]
async fn a_target_can_send_only_as_much_as_its_client_reads() {
    const SIZE: usize = 3_000_000;
    const PIECE: usize = 10_000;
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let script = move |_: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
        let counted = Arc::clone(&counted);
        async move {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            for number in 1..=SIZE / PIECE {
                stream.reserve_capacity(PIECE);
                while stream.capacity() < PIECE {
                    std::future::poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap();
                }
                stream.send_data(Bytes::from(vec![b'x'; PIECE]), number == SIZE / PIECE).unwrap();
                counted.fetch_add(PIECE, Ordering::SeqCst);
            }
        }
    };
    let target = Http2Target::new(None, script).await;
    let alb = in_front_of(target.address, TargetProtocol::Http, ProtocolVersion::Http2).await;
    let requests = client(&alb).await;
    let (response, _) = requests.clone().ready().await.unwrap().send_request(request("GET", "/"), true).unwrap();
    let mut body = within("the response", response).await.unwrap().into_body();
    let mut received = 0;
    while let Some(data) = within("data", body.data()).await {
        let length = data.unwrap().len();
        // One window towards the client, one towards the target, and the data in transit between them.
        assert!(sent.load(Ordering::SeqCst) - received <= 4 * 65_536, "the target is far ahead");
        received += length;
        body.flow_control().release_capacity(length).unwrap();
    }
    assert_eq!(received, SIZE);
}

#[tokio::test]
async fn an_http_1_1_target_in_an_http_2_group_gives_502() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.wire.through("\r\n\r\nSM\r\n\r\n").await;
        incoming.wire.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    })
    .await;
    let alb = in_front_of(target.address, TargetProtocol::Http, ProtocolVersion::Http2).await;
    assert_eq!(ask(&client(&alb).await, request("GET", "/")).await.0.status, 502);
}

#[tokio::test]
async fn errors_of_the_load_balancer_reach_grpc_callers_as_trailers_only() {
    let mut alb = in_front_of(refusing(), TargetProtocol::Http, ProtocolVersion::Grpc).await;
    let requests = client(&alb).await;
    let (response, _) =
        requests.clone().ready().await.unwrap().send_request(call("/some.Service/Method"), true).unwrap();
    let (mut head, body) = within("the response", response).await.unwrap().into_parts();
    assert!(body.is_end_stream(), "one frame, as in the capture");
    assert!(head.headers.insert("date", "<date>".parse().unwrap()).is_some());
    assert_eq!(
        (head.status.as_u16(), names(&head)),
        (
            502,
            [
                "server: awselb/2.0",
                "date: <date>",
                "content-type: application/grpc",
                "content-length: 0",
                "grpc-status: 14",
                "grpc-message: unavailable",
            ]
            .map(str::to_owned)
            .to_vec()
        )
    );
    assert!(log_line(&alb.settled().await).starts_with("grpcs "));
    assert_eq!(of_web(&alb, GroupCount::GrpcRequests), 1);
    assert_eq!(of_web(&alb, GroupCount::TargetConnectionErrors), 1);
    let (head, _) = ask(&requests, request("GET", "/")).await;
    assert_eq!((head.status.as_u16(), head.headers.contains_key("grpc-status")), (464, false));
}

#[tokio::test]
async fn a_group_may_change_its_protocol() {
    let target = Http2Target::new(None, echo_path).await;
    let old = ScriptedTarget::answering(OK).await;
    let mut alb = in_front_of(old.address, TargetProtocol::Http, ProtocolVersion::Http1).await;
    let requests = client(&alb).await;
    assert_eq!(ask(&requests, request("GET", "/1")).await.1, b"ok");
    alb.topology.target_groups.get_mut("web").unwrap().protocol_version = ProtocolVersion::Http2;
    alb.targets.insert("web".into(), vec![healthy(target.address)]);
    alb.publish().await;
    assert_eq!(ask(&requests, request("GET", "/2")).await.1, b"/2");
}

#[tokio::test]
async fn small_unread_messages_do_not_break_the_connection_of_others() {
    const MESSAGES: usize = 12_000;
    let script = |request: Request<RecvStream>, mut respond: SendResponse<Bytes>| async move {
        if request.uri().path() != "/many" {
            return echo_path(request, respond).await;
        }
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        for number in 1..=MESSAGES {
            stream.send_data(Bytes::from_static(b"0123456789"), number == MESSAGES).unwrap();
        }
    };
    let target = Http2Target::new(None, script).await;
    let alb = in_front_of(target.address, TargetProtocol::Http, ProtocolVersion::Http2).await;
    let mut unread = Vec::new();
    for _ in 0..6 {
        let requests = client(&alb).await;
        let (response, _) =
            requests.clone().ready().await.unwrap().send_request(request("GET", "/many"), true).unwrap();
        unread.push((requests, within("the response", response).await.unwrap().into_body()));
    }
    let requests = client(&alb).await;
    for _ in 0..20 {
        assert_eq!(ask(&requests, request("GET", "/other")).await.1, b"/other");
    }
    for (_requests, body) in unread {
        assert_eq!(read(body).await.unwrap().0.len(), MESSAGES * 10);
    }
    assert_eq!(target.connections(), 1);
}
