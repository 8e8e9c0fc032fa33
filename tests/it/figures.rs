//! CloudWatch's metrics: `fixtures/alb/figures/`, with actions on the wire and the resulting counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use neargate::alb::metrics::prometheus::{Measured, to_prometheus};
use neargate::model::rule::{Action, Condition, Patterns, Redirect, Rewrite, Rule, Transforms};
use neargate::model::target_group::{Algorithm, ProtocolVersion, Stickiness, TargetProtocol};
use neargate::model::target_health::{InitialReason, TargetHealth, TargetState, UnhealthyReason};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::alb::{
    Alb, DEADLINE, ScriptedTarget, Setup, Wire, fixed, forward, healthy, load_balancer, redirect_to_https, refusing,
};
use crate::http2;
use crate::support::expected::{cases, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default)]
    https: bool,
    #[serde(default)]
    ipv6: bool,
    #[serde(default)]
    drop_invalid_header_fields: bool,
    #[serde(default)]
    idle_timeout_ms: Option<u64>,
    #[serde(default)]
    dns_minimum_healthy_targets: Option<u32>,
    steps: Vec<Step>,
    /// By CloudWatch's names.
    counts: BTreeMap<String, Count>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    /// A request with its response.
    Get {
        get: String,
        #[serde(default)]
        header: Option<String>,
        /// `kept`: the cookies of the response before.
        #[serde(default)]
        cookie: Option<String>,
    },
    /// A request on a connection of its own.
    Alone { alone: String },
    /// Bytes on a connection of their own.
    Raw { raw: String },
    /// The client leaves before the response.
    Leave { leave: String },
    /// A client without TLS on an HTTPS listener.
    Unencrypted { unencrypted: String },
    /// Bytes that may begin a handshake but are not one.
    Broken { broken: String },
    /// A gRPC call.
    Grpc { grpc: String },
    /// Requests until a target of the group is anomalous.
    UntilAnomalous { until_anomalous: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    OfLoadBalancer(f64),
    OfGroups(BTreeMap<String, f64>),
    /// `bytes`
    Word(String),
}

fn rule(priority: u32, path: &str, action: Action) -> Rule {
    let conditions = vec![Condition::PathPattern(Patterns::Wildcards(vec![path.into()]))];
    Rule { priority, conditions, actions: action.into(), transforms: Transforms::default() }
}

/// Answers `/status/NNN` with that code, `/silent` never, and anything else with 200.
async fn answering_by_path() -> ScriptedTarget {
    ScriptedTarget::new(|mut incoming| async move {
        while incoming.wire.fill_or_end().await {
            let head = incoming.head().await;
            let path = head.split(' ').nth(1).unwrap();
            if path == "/silent" {
                incoming.wire.rest().await;
                return;
            }
            let status = path.strip_prefix("/status/").unwrap_or("200");
            let length = if matches!(status, "204" | "304") { "" } else { "Content-Length: 0\r\n" };
            incoming.wire.send(&format!("HTTP/1.1 {status} Some\r\n{length}\r\n")).await;
        }
    })
    .await
}

fn with_health(target: &ScriptedTarget, health: TargetHealth) -> TargetState {
    TargetState { health, ..healthy(target.address) }
}

/// The load balancer that the cases' file describes.
async fn start(case: &Case) -> Alb {
    let mut targets = Vec::new();
    for _ in 0..4 {
        targets.push(answering_by_path().await);
    }
    let closing = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
    })
    .await;
    let plain = ScriptedTarget::new(|mut incoming| async move {
        incoming.wire.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        incoming.wire.rest().await;
    })
    .await;
    let failing = ScriptedTarget::answering("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await;
    let mut setup = Setup::forwarding(&[targets[0].address, targets[1].address]);
    setup.group("empty", Vec::new());
    setup.group("refusing", vec![healthy(refusing())]);
    setup.group("closing", vec![healthy(closing.address)]);
    setup.group("plain", vec![healthy(plain.address)]);
    setup.group("grpc", vec![healthy(refusing())]);
    let sick = TargetHealth::Unhealthy(UnhealthyReason::Timeout);
    setup.group("sick", targets[..2].iter().map(|target| with_health(target, sick.clone())).collect());
    setup.group("sticky", targets[..2].iter().map(|target| healthy(target.address)).collect());
    let initial = TargetHealth::Initial(InitialReason::InitialHealthChecking);
    let states = [TargetHealth::Healthy, sick, TargetHealth::Draining, initial];
    let mixed = targets.iter().zip(states).map(|(target, health)| with_health(target, health));
    setup.group("mixed", mixed.collect());
    for name in ["odd", "mitigated"] {
        let addresses = [targets[0].address, targets[1].address, failing.address];
        setup.group(name, addresses.into_iter().map(healthy).collect());
    }
    for (name, group) in &mut setup.topology.target_groups {
        if let Some(count) = case.dns_minimum_healthy_targets {
            group.attributes.dns_failover.count = Some(count);
        }
        match name.as_str() {
            "plain" => group.protocol = TargetProtocol::Https,
            "grpc" => group.protocol_version = ProtocolVersion::Grpc,
            "mitigated" => {
                group.attributes.algorithm = Algorithm::WeightedRandom;
                group.attributes.anomaly_mitigation = true;
            }
            "sticky" => group.attributes.stickiness = Some(Stickiness::LbCookie { duration: Duration::from_secs(60) }),
            _ => {}
        }
    }
    let long = Redirect { path: format!("/{}", "x".repeat(9000)), ..Redirect::with_defaults(301) };
    let mut rules: Vec<_> = [
        ("/redirect", redirect_to_https()),
        ("/fixed/200", fixed(200, "ok")),
        ("/fixed/404", fixed(404, "no")),
        ("/fixed/503", fixed(503, "not now")),
        ("/long", Action::Redirect(long)),
    ]
    .into_iter()
    .zip(1..)
    .map(|((path, action), priority)| rule(priority, path, action))
    .collect();
    for group in ["empty", "refusing", "closing", "plain", "sick", "sticky", "mixed", "grpc", "odd", "mitigated"] {
        rules.push(rule(rules.len() as u32 + 1, &format!("/{group}"), forward(&[group])));
    }
    let no_url = Rewrite { regex: "^/rewritten".into(), replace: "no slash".into() };
    let transforms = Transforms { host_header: None, url: Some(no_url) };
    rules.push(Rule { transforms, ..rule(rules.len() as u32 + 1, "/rewritten", forward(&["web"])) });
    setup.rules(rules);
    setup.attributes().drop_invalid_header_fields = case.drop_invalid_header_fields;
    if let Some(milliseconds) = case.idle_timeout_ms {
        setup.attributes().idle_timeout = Duration::from_millis(milliseconds);
    }
    if case.ipv6 {
        load_balancer(&mut setup.topology).bind_address = std::net::Ipv6Addr::LOCALHOST.into();
    }
    if case.https {
        setup.https();
    }
    setup.anomaly_period = Duration::from_millis(200);
    setup.workers = 1;
    setup.start().await
}

/// A client, with counts of the bytes that it sent and received.
struct Client<S> {
    wire: Wire<S>,
    cookies: String,
    is_over: bool,
}

impl Client<tokio::net::TcpStream> {
    async fn new(alb: &Alb) -> Self {
        Self { wire: alb.connect().await, cookies: String::new(), is_over: false }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn get(&mut self, path: &str, field: &str) -> usize {
        let request = format!("GET {path} HTTP/1.1\r\nHost: app.example.com\r\n{field}\r\n");
        self.wire.send(&request).await;
        let response = self.wire.response().await;
        let cookies = response.lines().filter_map(|line| line.strip_prefix("Set-Cookie: ")?.split(';').next());
        self.cookies = cookies.collect::<Vec<_>>().join("; ");
        self.is_over = response.contains("\r\nConnection: close\r\n");
        request.len() + response.len()
    }
}

/// All samples, by CloudWatch's name and the dimension `TargetGroup`, if there is one.
fn samples(alb: &Alb) -> BTreeMap<(String, Option<String>), f64> {
    let plane = alb.plane.as_ref().unwrap();
    let mut figures = plane.meters().read();
    figures.anomalies = plane.anomalies()();
    let text = to_prometheus(&[Measured { figures: &figures, table: &alb.routing_table() }]);
    let mut names = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, of)) =
            line.strip_prefix("# HELP ").and_then(|line| line.split_once(" CloudWatch metric AWS/ApplicationELB "))
        {
            names.insert(name.to_owned(), of.trim_end_matches('.').to_owned());
        }
        let Some((name, rest)) = line.split_once('{') else { continue };
        let (labels, value) = rest.split_once("} ").unwrap();
        // For a histogram, the number of values.
        let Some(cloudwatch) = names.get(name).or_else(|| names.get(name.strip_suffix("_count")?)) else { continue };
        let group = labels.split_once("targetgroup/").map(|(_, rest)| rest.split('/').next().unwrap().to_owned());
        samples.insert((cloudwatch.clone(), group), value.parse().unwrap());
    }
    samples
}

fn of_group(alb: &Alb, metric: &str, group: &str) -> f64 {
    samples(alb).get(&(metric.to_owned(), Some(group.to_owned()))).copied().unwrap_or_default()
}

/// Performs all steps; returns the bytes that the client sent and received.
async fn act(case: &Case, alb: &mut Alb) -> (usize, Option<Client<tokio::net::TcpStream>>) {
    let mut bytes = 0;
    let mut kept: Option<Client<tokio::net::TcpStream>> = None;
    for step in &case.steps {
        match step {
            Step::Get { get, header, cookie } => {
                if kept.is_none() {
                    kept = Some(Client::new(alb).await);
                }
                let client = kept.as_mut().unwrap();
                let mut fields = header.as_ref().map(|field| format!("{field}\r\n")).unwrap_or_default();
                if cookie.as_deref() == Some("kept") {
                    fields = format!("Cookie: {}\r\n", client.cookies);
                }
                bytes += client.get(get, &fields).await;
                // Some errors end the connection.
                if client.is_over {
                    kept = None;
                }
            }
            Step::Alone { alone } => {
                let request = format!("GET {alone} HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n");
                bytes += request.len() + alb.exchange(&request).await.len();
            }
            Step::Raw { raw } => bytes += raw.len() + alb.exchange(raw).await.len(),
            Step::Unencrypted { unencrypted } => {
                alb.exchange(&format!("GET {unencrypted} HTTP/1.1\r\nHost: e.com\r\n\r\n")).await;
            }
            Step::Broken { broken } => {
                alb.exchange(broken).await;
                alb.connected().await;
                continue;
            }
            Step::Leave { leave } => {
                let mut wire = alb.connect().await;
                wire.send(&format!("GET {leave} HTTP/1.1\r\nHost: e.com\r\n\r\n")).await;
                while of_group(alb, "RequestCount", "web") == 0.0 {
                    tokio::task::yield_now().await;
                }
                drop(wire);
            }
            Step::Grpc { grpc } => {
                let mut request = http2::get(grpc);
                *request.method_mut() = http::Method::POST;
                request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
                request.headers_mut().insert("te", "trailers".parse().unwrap());
                http2::send(&mut http2::http2(alb).await, request).await;
            }
            Step::UntilAnomalous { until_anomalous } => {
                let mut client = Client::new(alb).await;
                let group = until_anomalous.trim_matches('/');
                let searching = async {
                    while of_group(alb, "AnomalousHostCount", group) == 0.0 {
                        client.get(until_anomalous, "").await;
                        alb.settled().await;
                    }
                };
                tokio::time::timeout(DEADLINE, searching).await.expect("a target that fails is anomalous");
                continue;
            }
        }
        alb.settled().await;
    }
    (bytes, kept)
}

#[tokio::test]
async fn figures_are_counted_as_documented() {
    let (mut wrong, mut shown, mut told) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for case in read::<Vec<Case>>(
        &cases("alb/figures", "yaml").into_iter().find(|file| file.ends_with("metrics.yaml")).unwrap(),
    ) {
        let mut alb = start(&case).await;
        let (bytes, _open) = act(&case, &mut alb).await;
        told.extend(case.counts.keys().cloned());
        let expected: Vec<_> = case
            .counts
            .iter()
            .flat_map(|(metric, count)| match count {
                Count::OfLoadBalancer(value) => vec![((metric.clone(), None), *value)],
                Count::OfGroups(groups) => {
                    groups.iter().map(|(group, value)| ((metric.clone(), Some(group.clone())), *value)).collect()
                }
                Count::Word(word) => {
                    assert_eq!(word, "bytes");
                    vec![((metric.clone(), None), bytes as f64)]
                }
            })
            .collect();
        // A client sees the end of its connection a moment before it is counted as closed.
        let fits = |alb: &Alb| {
            let samples = samples(alb);
            expected.iter().all(|(dimensions, value)| samples.get(dimensions).copied().unwrap_or_default() == *value)
        };
        let settled = async {
            while !fits(&alb) {
                tokio::task::yield_now().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), settled).await;
        let samples = samples(&alb);
        for (dimensions, value) in expected {
            let counted = samples.get(&dimensions).copied();
            if counted.unwrap_or_default() != value {
                wrong.push(format!("{}: {dimensions:?} is {counted:?}, not {value}", case.name));
            }
        }
        shown.extend(samples.into_keys().map(|(metric, _)| metric));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(shown, told, "metrics without a case, or cases without a metric");
}
