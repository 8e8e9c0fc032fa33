//! gRPC calls from a tonic client to a tonic server. Messages are plain bytes, so that no code has to be generated.

use std::future::Ready;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BufMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::uri::PathAndQuery;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use neargate::alb::routing::RoutingTable;
use neargate::control::observation::Observation;
use neargate::control::sink::Sink;
use neargate::model::target_group::{Matcher, ProtocolVersion, TargetProtocol};
use neargate::model::target_health::{InitialReason, ProbeOutcome, TargetHealth};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::client::TlsStream;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::alb::{Alb, Setup, refusing, within};

/// A message is its bytes.
#[derive(Clone, Copy, Default)]
struct Plain;

impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, input: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut message = vec![0; input.remaining()];
        input.copy_to_slice(&mut message);
        Ok(Some(message))
    }
}

/// The methods of `test.Service`, which all read and send streams; a stream with one message is a unary call.
struct Method(String);

type Messages = Pin<Box<dyn Stream<Item = Result<Vec<u8>, Status>> + Send>>;

impl Service<Request<Streaming<Vec<u8>>>> for Method {
    type Response = Response<Messages>;
    type Error = Status;
    type Future = Ready<Result<Response<Messages>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<Vec<u8>>>) -> Self::Future {
        let from = request.metadata().get("x-own").cloned();
        let asked = request.into_inner();
        let answers: Messages = match self.0.as_str() {
            "/test.Service/Shout" => Box::pin(asked.map_ok(|message| message.to_ascii_uppercase())),
            "/test.Service/BreakOff" => Box::pin(asked.take(1).chain(stream::once(async {
                let mut status = Status::with_details(Code::DataLoss, "the rest is gone: 50 %", vec![1, 2, 3].into());
                status.metadata_mut().insert("x-why", "rust".parse().unwrap());
                Err(status)
            }))),
            "/test.Service/Silence" => Box::pin(stream::pending()),
            "/test.Service/Refuse" => return std::future::ready(Err(Status::permission_denied("not you"))),
            _ => return std::future::ready(Err(Status::unimplemented("no such method"))),
        };
        let mut response = Response::new(answers);
        if let Some(from) = from {
            response.metadata_mut().insert("x-from", from);
        }
        std::future::ready(Ok(response))
    }
}

/// A server: it accepts one connection after the other, with many calls on each.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let method = Method(request.uri().path().to_owned());
                Ok::<_, std::convert::Infallible>(tonic::server::Grpc::new(Plain).streaming(method, request).await)
            });
            tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

async fn in_front_of(target: SocketAddr) -> Alb {
    let mut setup = Setup::forwarding(&[target]);
    setup.https();
    setup.speaking(TargetProtocol::Http, ProtocolVersion::Grpc);
    setup.start().await
}

/// A connector that returns an existing connection.
struct Connected(Option<TokioIo<TlsStream<TcpStream>>>);

impl Service<http::Uri> for Connected {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = std::io::Error;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        std::future::ready(self.0.take().ok_or_else(|| std::io::ErrorKind::NotConnected.into()))
    }
}

async fn client(alb: &Alb) -> tonic::client::Grpc<Channel> {
    let stream = TokioIo::new(crate::http2::tls(alb, &["h2"]).await);
    let endpoint = Endpoint::from_static("https://app.example.com");
    let mut client = tonic::client::Grpc::new(endpoint.connect_with_connector(Connected(Some(stream))).await.unwrap());
    client.ready().await.unwrap();
    client
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}

async fn unary(client: &mut tonic::client::Grpc<Channel>, method: &'static str) -> Result<Response<Vec<u8>>, Status> {
    let mut request = Request::new(b"hello".to_vec());
    request.metadata_mut().insert("x-own", "me".parse().unwrap());
    client.ready().await.unwrap();
    within("the answer", client.unary(request, path(method), Plain)).await
}

#[tokio::test]
async fn calls_get_responses_and_complete_errors() {
    let alb = in_front_of(server().await).await;
    let mut client = client(&alb).await;
    let answer = unary(&mut client, "/test.Service/Shout").await.unwrap();
    assert_eq!(
        (&answer.get_ref()[..], answer.metadata().get("x-from").unwrap().to_str().unwrap()),
        (&b"HELLO"[..], "me")
    );
    let refused = unary(&mut client, "/test.Service/Refuse").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::PermissionDenied, "not you"));
    let broken = unary(&mut client, "/test.Service/BreakOff").await.unwrap_err();
    assert_eq!((broken.code(), broken.message()), (Code::DataLoss, "the rest is gone: 50 %"));
    assert_eq!((broken.details(), broken.metadata().get("x-why").unwrap().to_str().unwrap()), (&[1, 2, 3][..], "rust"));
}

#[tokio::test]
async fn both_sides_of_a_call_take_turns() {
    let alb = in_front_of(server().await).await;
    let mut client = client(&alb).await;
    let (say, said) = mpsc::channel::<Vec<u8>>(1);
    let said = stream::unfold(said, async |mut said| said.recv().await.map(|message| (message, said)));
    let answering = client.streaming(Request::new(said), path("/test.Service/Shout"), Plain);
    let mut answers = within("the head", answering).await.unwrap().into_inner();
    for (ask, answer) in [("one", "ONE"), ("two", "TWO"), ("", "")] {
        say.send(ask.into()).await.unwrap();
        assert_eq!(within("an answer", answers.message()).await.unwrap().unwrap(), answer.as_bytes());
    }
    let long = vec![b'x'; 1_000_000];
    say.send(long.clone()).await.unwrap();
    assert_eq!(within("an answer", answers.message()).await.unwrap().unwrap(), long.to_ascii_uppercase());
    drop(say);
    assert_eq!(within("the end", answers.message()).await.unwrap(), None);
}

#[tokio::test]
async fn a_caller_gets_a_grpc_error_when_no_target_answers() {
    let alb = in_front_of(refusing()).await;
    let refused = unary(&mut client(&alb).await, "/test.Service/Shout").await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "unavailable"));

    let mut setup = Setup::forwarding(&[server().await]);
    setup.https();
    setup.speaking(TargetProtocol::Http, ProtocolVersion::Grpc);
    setup.attributes().idle_timeout = Duration::from_millis(300);
    let alb = setup.start().await;
    let silent = unary(&mut client(&alb).await, "/test.Service/Silence").await.unwrap_err();
    assert_eq!(silent.code(), Code::Unknown, "the head has been sent, so the stream is reset: {silent}");
}

#[tokio::test]
async fn a_server_that_knows_nothing_of_health_checks_is_healthy_by_default() {
    let mut alb = in_front_of(server().await).await;
    let settings = alb.topology.target_groups.get_mut("web").unwrap();
    settings.health_check.path = "/AWS.ALB/healthcheck".into();
    settings.health_check.matcher = Matcher(vec![12..=12]);
    alb.targets.get_mut("web").unwrap()[0].health = TargetHealth::Initial(InitialReason::InitialHealthChecking);
    let table = RoutingTable::compile(&alb.topology, alb.topology.main_load_balancer(), &alb.targets, 1);
    let (_table, tables) = watch::channel(Arc::new(table));
    let (observe, mut observations) = mpsc::channel(8);
    let tls = neargate::certs::targets::client_configs().unwrap();
    let probing = tokio::spawn(neargate::probes::run(tables, observe, tls, Sink::bounded(1).0));
    let found = within("a health check", observations.recv()).await.unwrap();
    let Observation::Probed { outcome, detail, .. } = found else { panic!("{found:?}") };
    assert_eq!(outcome, ProbeOutcome::Passed { code: 12 }, "{detail}");
    probing.abort();
}
