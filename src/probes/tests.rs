//! Probes against scripted servers that speak raw bytes, and loops on a paused clock where no socket is needed.

mod http2;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::attempt::{self, Found};
use super::*;
use crate::engine::health::ProbeTick;
use crate::engine::routing::RoutedTargetGroup;
use crate::model::target_group::{HealthCheck, Matcher, ProtocolVersion, TargetGroupAttributes, TargetProtocol};
use crate::model::target_health::{InitialReason, ProbeOutcome, TargetState};

/// What AWS knows the target by; the tests dial another address, as with published ports.
const TARGET: Target = Target { address: IpAddr::V4(Ipv4Addr::new(10, 0, 7, 140)), port: 8080 };
const PASSED: ProbeOutcome = ProbeOutcome::Passed { code: 200 };

#[tokio::test]
async fn the_target_receives_the_exact_bytes_and_a_closed_connection_afterwards() {
    let (address, server) = serve(|mut stream| async move {
        let mut request = vec![0; 130];
        stream.read_exact(&mut request).await.expect("the request");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.expect("written");
        let mut more = Vec::new();
        stream.read_to_end(&mut more).await.expect("closed, not reset");
        (request, more)
    })
    .await;
    let found = probe(&probed(address)).await;
    assert_eq!(found.outcome, PASSED);
    assert!(found.detail.starts_with("answered 200 in "), "{}", found.detail);
    let (request, more) = server.await.expect("the server");
    let expected = "GET / HTTP/1.1\r\nHost: 10.0.7.140:8080\r\nConnection: close\r\n\
                    User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&request), expected);
    assert!(more.is_empty());
}

#[tokio::test]
async fn what_targets_answer_becomes_an_outcome_and_a_line_of_text() {
    let cases = [
        (
            "HTTP/1.1 500 Oops\r\nContent-Length: 17\r\n\r\n{\"detail\":\"boom\"}",
            mismatch(500),
            "answered 500 in # ms: {\"detail\":\"boom\"}",
        ),
        (
            "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nContent-Length: 0\r\n\r\n",
            mismatch(301),
            "answered 301 in # ms",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nnot found\r\n0\r\n\r\n",
            mismatch(404),
            "answered 404 in # ms: not found 0",
        ),
        (
            "HTTP/1.1 503 Later\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x08\x08",
            mismatch(503),
            "answered 503 in # ms",
        ),
        ("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", PASSED, "answered 200 in # ms"),
        ("HTTP/1.0 200 OK\n\nhello", PASSED, "answered 200 in # ms"),
        (
            "SSH-2.0-OpenSSH_9.2p1\r\n",
            ProbeOutcome::Failed,
            "answered something that is not HTTP: SSH-2.0-OpenSSH_9.2p1",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-",
            ProbeOutcome::Failed,
            "closed the connection within the answer's head, after 25 bytes",
        ),
        ("", ProbeOutcome::Failed, "closed the connection without an answer"),
    ];
    for (answer, outcome, detail) in cases {
        let (address, server) = serve(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.expect("written");
        })
        .await;
        let found = probe(&probed(address)).await;
        assert_eq!((found.outcome, without_figures(&found)), (outcome, detail.to_owned()), "{answer:?}");
        server.await.expect("the server");
    }
}

#[tokio::test]
async fn the_matcher_decides_which_codes_pass() {
    let (address, server) = serve(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await.expect("written");
    })
    .await;
    let mut probed = probed(address);
    change(&mut probed, |check| check.matcher = Matcher(vec![200..=299, 401..=401]));
    assert_eq!(probe(&probed).await.outcome, ProbeOutcome::Passed { code: 401 });
    server.await.expect("the server");
}

#[tokio::test]
async fn a_closed_port_is_refused_and_a_reset_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let refused = Found { outcome: ProbeOutcome::Failed, detail: "connection refused".into() };
    assert_eq!(probe(&probed(address)).await, refused);

    // Closing with unread bytes is a reset.
    let (address, server) = serve(|mut stream| async move {
        let mut one = [0];
        stream.read_exact(&mut one).await.expect("a byte");
    })
    .await;
    let found = probe(&probed(address)).await;
    assert_eq!(found.outcome, ProbeOutcome::Failed);
    assert!(found.detail.starts_with("connection reset") || found.detail.starts_with("closed"), "{}", found.detail);
    server.await.expect("the server");
}

#[tokio::test]
async fn silence_and_half_a_head_time_out() {
    for answer in ["", "HTTP/1.1 200 OK\r\n"] {
        let (address, server) = serve(move |mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.expect("written");
            let _ = stream.read(&mut [0]).await;
        })
        .await;
        let mut probed = probed(address);
        change(&mut probed, |check| check.timeout = Duration::from_millis(40));
        let expected = Found { outcome: ProbeOutcome::TimedOut, detail: "no answer within 40 ms".into() };
        assert_eq!(probe(&probed).await, expected);
        server.await.expect("the server");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_hold_up_the_judgement() {
    let (address, server) = serve(|mut stream| async move {
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst").await.expect("written");
        let _ = stream.read(&mut [0]).await;
    })
    .await;
    assert_eq!(probe(&probed(address)).await.outcome, PASSED);
    server.await.expect("the server");
}

#[tokio::test]
async fn https_probes_accept_any_certificate() {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["elsewhere.example".to_owned()]).expect("one");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a configuration");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (address, server) = serve(move |stream| async move {
        let mut stream = acceptor.accept(stream).await.expect("a handshake");
        assert_eq!(stream.get_ref().1.server_name(), None);
        stream.read_exact(&mut [0; 64]).await.expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("written");
    })
    .await;
    let mut probed = probed(address);
    change(&mut probed, |check| check.protocol = TargetProtocol::Https);
    assert_eq!(probe(&probed).await.outcome, PASSED);
    server.await.expect("the server");
}

#[tokio::test]
async fn plain_answers_to_https_probes_are_failures_that_name_tls() {
    let (address, server) = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 512]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let mut probed = probed(address);
    change(&mut probed, |check| check.protocol = TargetProtocol::Https);
    let found = probe(&probed).await;
    assert_eq!(found.outcome, ProbeOutcome::Failed);
    assert!(found.detail.starts_with("TLS handshake failed: "), "{}", found.detail);
    server.await.expect("the server");
}

#[tokio::test]
async fn a_health_check_port_of_its_own_is_dialled_at_the_same_address() {
    let (address, server) = serve(|mut stream| async move {
        let head = read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("written");
        head
    })
    .await;
    let mut probed = probed(SocketAddr::new(address.ip(), 1));
    probed.target = Target { address: address.ip(), port: 1 };
    change(&mut probed, |check| check.port = Some(address.port()));
    assert_eq!(probe(&probed).await.outcome, PASSED);
    let head = server.await.expect("the server");
    assert!(head.contains(&format!("Host: 127.0.0.1:{}\r\n", address.port())), "{head}");

    probed.target = TARGET;
    let found = probe(&probed).await;
    assert_eq!(found.outcome, ProbeOutcome::Failed);
    assert!(found.detail.contains("is not published to this machine"), "{}", found.detail);
}

#[tokio::test(start_paused = true)]
async fn what_a_security_group_drops_takes_the_whole_timeout_and_sends_nothing() {
    let mut probed = probed("127.0.0.1:9".parse().expect("an address"));
    probed.reachable = false;
    let started = Instant::now();
    let found = probe(&probed).await;
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let detail = "dropped by a security group: no answer within 5 s".into();
    assert_eq!(found, Found { outcome: ProbeOutcome::TimedOut, detail });
}

#[tokio::test(start_paused = true)]
async fn loops_follow_the_table() {
    let mut world = World::start([("in-use", true), ("idle", false)]);
    assert_eq!(world.next().await, ("in-use".into(), ProbeTick::Early, Duration::from_secs(5)));
    assert_eq!(world.next().await, ("in-use".into(), ProbeTick::Scaled, Duration::from_secs(11)));

    world.publish([("in-use", true), ("idle", true)]);
    assert_eq!(world.next().await, ("idle".into(), ProbeTick::Early, Duration::from_secs(16)));
    assert_eq!(world.next().await, ("in-use".into(), ProbeTick::Scaled, Duration::from_secs(17)));

    world.publish([("in-use", false), ("idle", true)]);
    for expected in [22, 28, 34] {
        let (group, _, at) = world.next().await;
        assert_eq!((group.as_str(), at), ("idle", Duration::from_secs(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_time_scale_holds_for_the_next_probe() {
    let mut world = World::start([("web", true)]);
    world.next().await;
    assert_eq!(world.next().await, ("web".into(), ProbeTick::Scaled, Duration::from_secs(11)));
    let unhurried = table([("web", true)], TargetHealth::Healthy);
    let unhurried = Arc::into_inner(unhurried).map(|table| RoutingTable { time_scale: TimeScale::REAL, ..table });
    world.tables.send(Arc::new(unhurried.expect("nobody else has it"))).expect("somebody listens");
    assert_eq!(world.next().await, ("web".into(), ProbeTick::Whole, Duration::from_secs(35)));
}

#[tokio::test(start_paused = true)]
async fn targets_that_drain_are_not_probed() {
    let mut world = World::start([("web", true)]);
    world.next().await;
    world.publish_with([("web", true)], TargetHealth::Draining);
    let silence = tokio::time::timeout(Duration::from_secs(600), world.observations.recv()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test(start_paused = true)]
async fn everything_ends_with_the_table() {
    let World { tables, mut observations, task, .. } = World::start([("web", true)]);
    drop(tables);
    task.await.expect("no panic");
    assert!(observations.recv().await.is_none(), "no loop is left that could send");
}

/// The loops on a paused clock, with targets that no security group lets anyone reach: no sockets are involved, and
/// every probe takes its whole timeout of 5 s.
struct World {
    tables: watch::Sender<Arc<RoutingTable>>,
    observations: mpsc::Receiver<Observation>,
    task: tokio::task::JoinHandle<()>,
    started: Instant,
}

impl World {
    fn start<const N: usize>(groups: [(&str, bool); N]) -> Self {
        let (tables, receiver) = watch::channel(table(groups, TargetHealth::Healthy));
        let (sender, observations) = mpsc::channel(1);
        let task = tokio::spawn(run(receiver, sender, client_configs(), Sink::bounded(1).0));
        Self { tables, observations, task, started: Instant::now() }
    }

    fn publish<const N: usize>(&self, groups: [(&str, bool); N]) {
        self.publish_with(groups, TargetHealth::Healthy);
    }

    fn publish_with<const N: usize>(&self, groups: [(&str, bool); N], health: TargetHealth) {
        self.tables.send(table(groups, health)).expect("somebody listens");
    }

    /// Group, place in the schedule, and when it ended.
    async fn next(&mut self) -> (String, ProbeTick, Duration) {
        match self.observations.recv().await {
            Some(Observation::Probed { target_group, tick, .. }) => {
                (target_group.to_string(), tick, self.started.elapsed())
            }
            other => panic!("{other:?}"),
        }
    }
}

fn table<const N: usize>(groups: [(&str, bool); N], health: TargetHealth) -> Arc<RoutingTable> {
    let probed = probed("127.0.0.1:9".parse().expect("an address"));
    let group = |(name, in_use): (&str, bool)| RoutedTargetGroup {
        name: TargetGroupName::new(name),
        arn: String::new(),
        id: 0,
        settings: probed.settings.clone(),
        in_use,
        targets: vec![TargetState { target: TARGET, dial: probed.dial, reachable: false, health: health.clone() }],
        eligible: Vec::new(),
    };
    Arc::new(RoutingTable { target_groups: groups.into_iter().map(group).collect(), ..RoutingTable::empty() })
}

fn client_configs() -> PerPolicy<Arc<rustls::ClientConfig>> {
    crate::certs::targets::client_configs().expect("configurations")
}

async fn probe(probed: &Probed) -> Found {
    attempt::probe(probed, &TargetTls::new(client_configs())).await
}

fn probed(dial: SocketAddr) -> Probed {
    let health_check = HealthCheck {
        protocol: TargetProtocol::Http,
        port: None,
        path: "/".into(),
        interval: Duration::from_secs(30),
        timeout: Duration::from_secs(5),
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        matcher: Matcher(vec![200..=200]),
    };
    let settings = TargetGroup {
        protocol: TargetProtocol::Http,
        protocol_version: ProtocolVersion::Http1,
        port: TARGET.port,
        health_check,
        attributes: TargetGroupAttributes::default(),
        static_targets: Vec::new(),
    };
    Probed {
        target_group: TargetGroupName::new("web"),
        settings: Arc::new(settings),
        target_policy: TargetPolicy::Tls13,
        time_scale: TimeScale::DEFAULT,
        target: TARGET,
        dial,
        reachable: true,
        health: TargetHealth::Initial(InitialReason::RegistrationInProgress),
    }
}

fn change(probed: &mut Probed, change: impl FnOnce(&mut HealthCheck)) {
    change(&mut Arc::make_mut(&mut probed.settings).health_check);
}

fn mismatch(code: u16) -> ProbeOutcome {
    ProbeOutcome::CodeMismatch { code }
}

/// `answered 500 in 3 ms` with `#` for the 3.
fn without_figures(found: &Found) -> String {
    match found.detail.split_once(" in ").and_then(|(head, tail)| Some((head, tail.split_once(" ms")?.1))) {
        Some((head, tail)) if head.starts_with("answered ") => format!("{head} in # ms{tail}"),
        _ => found.detail.clone(),
    }
}

/// Serves one connection with a script.
async fn serve<F, T>(script: impl FnOnce(TcpStream) -> F + Send + 'static) -> (SocketAddr, tokio::task::JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        script(stream).await
    });
    (address, server)
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut head).await.expect("readable") > 0, "the head is incomplete");
    }
    String::from_utf8(head).expect("ASCII")
}
