//! Checks of HTTP/2 and gRPC target groups.

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};

use super::*;

type Script = fn(SendResponse<Bytes>);

/// One request is answered as the script says; returned is what it looked like.
async fn answering(script: Script) -> (SocketAddr, tokio::task::JoinHandle<String>) {
    serve(move |stream| async move {
        let mut connection = h2::server::handshake(stream).await.expect("a handshake");
        let (request, respond) = connection.accept().await.expect("a request").expect("a request");
        let seen = tokio::spawn(describe(request));
        script(respond);
        // Until the connection is closed.
        while connection.accept().await.is_some() {}
        seen.await.expect("the request")
    })
    .await
}

async fn describe(request: Request<h2::RecvStream>) -> String {
    let (head, mut body) = request.into_parts();
    let mut text = format!("{} {}\n", head.method, head.uri);
    for (name, value) in &head.headers {
        text += &format!("{name}: {}\n", value.to_str().expect("text"));
    }
    while let Some(Ok(data)) = body.data().await {
        text += &format!("{data:?}\n");
    }
    text
}

fn speaking(address: SocketAddr, version: ProtocolVersion) -> Probed {
    let mut probed = probed(address);
    let settings = Arc::make_mut(&mut probed.settings);
    settings.protocol_version = version;
    if version == ProtocolVersion::Grpc {
        settings.health_check.path = "/AWS.ALB/healthcheck".into();
        settings.health_check.matcher = Matcher(vec![12..=12]);
    }
    probed
}

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    pairs.iter().map(field).collect()
}

fn answer(status: u16, head: &[(&'static str, &'static str)]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    *response.headers_mut() = fields(head);
    response
}

#[tokio::test]
async fn an_http_2_group_is_asked_with_get_and_judged_by_the_status() {
    let (address, server) = answering(|mut respond| {
        let mut stream = respond.send_response(answer(200, &[]), false).expect("sent");
        stream.send_data(Bytes::from_static(b"ok"), true).expect("sent");
    })
    .await;
    assert_eq!(probe(&speaking(address, ProtocolVersion::Http2)).await.outcome, PASSED);
    assert_eq!(
        server.await.expect("the server"),
        "GET http://10.0.7.140:8080/\nuser-agent: ELB-HealthChecker/2.0\naccept-encoding: gzip, compressed\n"
    );

    let (address, server) = answering(|mut respond| {
        let mut stream = respond.send_response(answer(503, &[]), false).expect("sent");
        stream.send_data(Bytes::from_static(b"not yet"), true).expect("sent");
    })
    .await;
    let found = probe(&speaking(address, ProtocolVersion::Http2)).await;
    assert_eq!(found.outcome, mismatch(503));
    assert_eq!(without_figures(&found), "answered 503 in # ms: not yet");
    server.await.expect("the server");
}

#[tokio::test]
async fn a_grpc_group_is_called_and_judged_by_its_status() {
    let cases: [(Script, ProbeOutcome, &str); 5] = [
        // What every server says of a method that it does not have.
        (
            |mut respond| {
                let head = [("content-type", "application/grpc"), ("grpc-status", "12"), ("grpc-message", "no such")];
                respond.send_response(answer(200, &head), true).expect("sent");
            },
            ProbeOutcome::Passed { code: 12 },
            "answered 12 in # ms",
        ),
        (
            |mut respond| {
                let head = answer(200, &[("content-type", "application/grpc")]);
                let mut stream = respond.send_response(head, false).expect("sent");
                stream.send_data(Bytes::from_static(&[0; 5]), false).expect("sent");
                stream.send_trailers(fields(&[("grpc-status", "12")])).expect("sent");
            },
            ProbeOutcome::Passed { code: 12 },
            "answered 12 in # ms",
        ),
        (
            |mut respond| {
                let mut stream = respond.send_response(answer(200, &[]), false).expect("sent");
                let trailers = fields(&[("grpc-status", "14"), ("grpc-message", "the database is away")]);
                stream.send_trailers(trailers).expect("sent");
            },
            ProbeOutcome::CodeMismatch { code: 14 },
            "answered 14 in # ms: the database is away",
        ),
        (
            |mut respond| {
                respond.send_response(answer(404, &[]), true).expect("sent");
            },
            ProbeOutcome::NoGrpcStatus,
            "answered HTTP 404 without grpc-status",
        ),
        (
            |mut respond| respond.send_reset(h2::Reason::REFUSED_STREAM),
            ProbeOutcome::Failed,
            "HTTP/2 failed: stream error received: refused stream before processing any application logic",
        ),
    ];
    for (script, outcome, detail) in cases {
        let (address, server) = answering(script).await;
        let found = probe(&speaking(address, ProtocolVersion::Grpc)).await;
        assert_eq!((found.outcome, &*without_figures(&found)), (outcome, detail));
        assert_eq!(
            server.await.expect("the server"),
            "POST http://10.0.7.140:8080/AWS.ALB/healthcheck\nuser-agent: ELB-HealthChecker/2.0\n\
             content-type: application/grpc\nte: trailers\nb\"\\0\\0\\0\\0\\0\"\n"
        );
    }
}

#[tokio::test]
async fn a_server_of_http_1_1_fails_the_check_of_an_http_2_group() {
    let (address, server) = serve(|mut stream| async move {
        stream.read_exact(&mut [0; 24]).await.expect("the preface");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await.expect("written");
    })
    .await;
    let found = probe(&speaking(address, ProtocolVersion::Http2)).await;
    assert_eq!(found.outcome, ProbeOutcome::Failed);
    assert!(found.detail.starts_with("HTTP/2 failed: "), "{}", found.detail);
    server.await.expect("the server");
}
