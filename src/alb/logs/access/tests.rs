//! Documented and observed lines, and the property that no client input can make a line ambiguous.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::logs::parse;
use neargate_fixture as fixture;

const NAMES: Names<'_> =
    Names { id: "app/my-loadbalancer/50dc6c495c0c9188", dns_name: "my-1.us-east-2.elb.amazonaws.com" };
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    kind: String,
    listener_port: u16,
    status: u16,
    target_status: Option<u16>,
    target: Option<String>,
    /// Milliseconds of each step.
    #[serde(default)]
    times: Vec<u64>,
    #[serde(default)]
    bytes: (u64, u64),
    request: Option<(String, String, String, String)>,
    user_agent: Option<String>,
    trace_id: Option<String>,
    tls: Option<(Option<String>, Option<String>)>,
    rule: Option<u32>,
    action: Option<String>,
    redirect_url: Option<String>,
    transform: Option<(Option<String>, Option<String>, String)>,
    /// Whether a target group was chosen.
    #[serde(default)]
    group: bool,
    line: String,
}

fn kind(name: &str) -> Kind {
    [Kind::Http, Kind::Https, Kind::Http2, Kind::Grpc, Kind::WebSocket, Kind::WebSocketTls]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .unwrap()
}

#[test]
fn lines_are_as_documented_and_as_seen() {
    fixture::each("alb/logs/access", |case: Case| {
        let time = |index: usize| case.times.get(index).copied().map(Duration::from_millis);
        let request = case.request.as_ref().map(|(method, host, target, version)| RequestWords {
            method: method.as_bytes(),
            host: host.as_bytes(),
            target: target.as_bytes(),
            version,
            user_agent: case.user_agent.as_deref().unwrap_or_default().as_bytes(),
            trace_id: case.trace_id.as_deref().unwrap_or_default().as_bytes(),
        });
        let actions = ["forward", "redirect", "fixed-response"];
        let entry = AccessEntry {
            kind: kind(&case.kind),
            time: "2018-07-02T22:23:00.186641Z".parse().unwrap(),
            client: "192.168.131.39:2817".parse().unwrap(),
            target: case.target.map(|target| target.parse().unwrap()),
            timings: Timings { request: time(0), target: time(1).unwrap_or_default(), response: time(2) },
            status: case.status,
            target_status: case.target_status,
            received_bytes: case.bytes.0,
            sent_bytes: case.bytes.1,
            request,
            listener_port: case.listener_port,
            tls: case.tls.as_ref().map(|(domain_name, certificate)| TlsWords {
                cipher: "ECDHE-RSA-AES128-GCM-SHA256",
                protocol: "TLSv1.2",
                domain_name: domain_name.as_deref(),
                certificate: certificate.as_deref(),
            }),
            target_group_arn: case.group.then_some(GROUP),
            rule: case.rule,
            created: "2018-07-02T22:22:48.364999Z".parse().unwrap(),
            action: case.action.map(|action| actions.into_iter().find(|known| **known == action).unwrap()),
            redirect_url: case.redirect_url.as_deref().map(str::as_bytes),
            error_reason: None,
            classification: None,
            transform: case.transform.as_ref().map(|(host, uri, status)| TransformWords {
                host: host.as_deref().map(str::as_bytes),
                uri: uri.as_deref().map(str::as_bytes),
                status,
            }),
            connection: 0x1234_abcd_5678_ef90,
        };
        let mut line = Vec::new();
        entry.write(NAMES, &mut line);
        let expected = case.line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(String::from_utf8(line.clone()).unwrap(), expected, "{}", case.name);
        assert_eq!(parse::fields(&line).len(), 33, "{}", case.name);
    });
}

/// The differences from a request for `/` that a target answered; a dash means none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldCase {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default = "http")]
    kind: String,
    #[serde(default = "client")]
    client: String,
    #[serde(default = "target")]
    target: String,
    /// Milliseconds of each step.
    #[serde(default = "no_time")]
    times: Vec<u64>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default = "ok_of_target")]
    target_status: String,
    #[serde(default = "root")]
    request: (String, String, String, String),
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    user_agent_length: usize,
    tls: Option<(Option<String>, Option<String>)>,
    #[serde(default = "first")]
    rule: String,
    #[serde(default = "forward")]
    action: String,
    redirect_url: Option<String>,
    error_reason: Option<String>,
    /// Class and reason.
    desync: Option<(String, String)>,
    transform: Option<(Option<String>, Option<String>, String)>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    /// Lengths of fields, including quotation marks.
    #[serde(default)]
    lengths: BTreeMap<String, usize>,
}

fn http() -> String {
    "http".into()
}

fn client() -> String {
    "192.168.131.39:2817".into()
}

fn target() -> String {
    "10.0.0.1:80".into()
}

fn no_time() -> Vec<u64> {
    vec![0; 3]
}

fn ok() -> u16 {
    200
}

fn ok_of_target() -> String {
    "200".into()
}

fn root() -> (String, String, String, String) {
    ("GET".into(), "www.example.com".into(), "/".into(), "HTTP/1.1".into())
}

fn first() -> String {
    "1".into()
}

fn forward() -> String {
    "forward".into()
}

/// The fields' names in the guide, in order.
const FIELDS: [&str; 33] = [
    "type",
    "time",
    "elb",
    "client:port",
    "target:port",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request_line",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target:port_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
    "transformed_host",
    "transformed_uri",
    "request_transform_status",
];

#[test]
fn fields_are_as_documented() {
    fixture::each("alb/logs/access-fields", |case: FieldCase| {
        let time = |index: usize| case.times.get(index).copied().map(Duration::from_millis);
        let given = |text: &str| (text != "-").then(|| text.to_owned());
        let (method, host, target, version) = &case.request;
        let agent = if case.user_agent_length > 0 { "a".repeat(case.user_agent_length) } else { case.user_agent };
        let entry = AccessEntry {
            kind: kind(&case.kind),
            time: "2018-07-02T22:23:00.186641Z".parse().unwrap(),
            client: case.client.parse().unwrap(),
            target: given(&case.target).map(|target| target.parse().unwrap()),
            timings: Timings { request: time(0), target: time(1).unwrap_or_default(), response: time(2) },
            status: case.status,
            target_status: given(&case.target_status).map(|status| status.parse().unwrap()),
            received_bytes: 34,
            sent_bytes: 366,
            request: Some(RequestWords {
                method: method.as_bytes(),
                host: host.as_bytes(),
                target: target.as_bytes(),
                version,
                user_agent: agent.as_bytes(),
                trace_id: b"Root=1-58337262-36d228ad5d99923122bbe354",
            }),
            listener_port: 80,
            tls: case.tls.as_ref().map(|(domain_name, certificate)| TlsWords {
                cipher: "ECDHE-RSA-AES128-GCM-SHA256",
                protocol: "TLSv1.2",
                domain_name: domain_name.as_deref(),
                certificate: certificate.as_deref(),
            }),
            target_group_arn: Some(GROUP),
            rule: given(&case.rule).map(|rule| rule.parse().unwrap()),
            created: "2018-07-02T22:22:48.364999Z".parse().unwrap(),
            action: given(&case.action).map(|action| {
                ["forward", "redirect", "fixed-response"].into_iter().find(|known| **known == action).unwrap()
            }),
            redirect_url: case.redirect_url.as_deref().map(str::as_bytes),
            error_reason: case.error_reason.as_deref(),
            classification: case.desync.as_ref().map(|(class, reason)| (class.as_str(), reason.as_str())),
            transform: case.transform.as_ref().map(|(host, uri, status)| TransformWords {
                host: host.as_deref().map(str::as_bytes),
                uri: uri.as_deref().map(str::as_bytes),
                status,
            }),
            connection: 0x1234_abcd_5678_ef90,
        };
        let mut line = Vec::new();
        entry.write(NAMES, &mut line);
        let written = parse::raw_fields(&line);
        assert_eq!(written.len(), FIELDS.len(), "{}", case.name);
        let field = |name: &str| {
            let position = FIELDS.iter().position(|known| *known == name);
            String::from_utf8(written[position.unwrap_or_else(|| panic!("no field is called {name}"))].to_vec())
                .unwrap()
        };
        assert!(!case.fields.is_empty() || !case.lengths.is_empty(), "{} looks at nothing", case.name);
        for (name, expected) in &case.fields {
            assert_eq!(field(name), *expected, "{}: {name}", case.name);
        }
        for (name, expected) in &case.lengths {
            assert_eq!(field(name).len(), *expected, "{}: {name}", case.name);
        }
    });
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 1..40)
}

proptest! {
    /// Whatever bytes a client sends, the line has 33 fields, each with the right content.
    #[test]
    fn lines_parse_back_to_what_happened(
        (method, target, agent, trace) in (text(), text(), text(), text()),
        host in "[a-z]{1,10}(\\.[a-z]{1,5})?",
        redirect in proptest::option::of(text()),
        (status, target_status) in (100_u16..600, proptest::option::of(100_u16..600)),
        (received, sent) in any::<(u64, u64)>(),
        micros in proptest::option::of((0_u64..100_000_000, 0_u64..100_000_000, 0_u64..100_000_000)),
        rule in proptest::option::of(0_u32..=50_000),
        connection in any::<u128>(),
    ) {
        let timings = micros.map_or(Timings::default(), |(a, b, c)| Timings {
            request: Some(Duration::from_micros(a)),
            target: Duration::from_micros(b),
            response: Some(Duration::from_micros(c)),
        });
        let entry = AccessEntry {
            kind: Kind::Https,
            time: "2018-07-02T22:23:00.186641Z".parse().unwrap(),
            client: "[2001:db8::1]:2817".parse().unwrap(),
            target: Some("10.0.0.1:80".parse().unwrap()),
            timings,
            status,
            target_status,
            received_bytes: received,
            sent_bytes: sent,
            request: Some(RequestWords {
                method: &method, host: host.as_bytes(), target: &target, version: "HTTP/1.1", user_agent: &agent, trace_id: &trace,
            }),
            listener_port: 443,
            tls: None,
            target_group_arn: Some(GROUP),
            rule,
            created: "2018-07-02T22:22:48.364999Z".parse().unwrap(),
            action: Some("forward"),
            redirect_url: redirect.as_deref(),
            error_reason: None,
            classification: Some(("Ambiguous", "SpaceInUri")),
            transform: Some(TransformWords { host: None, uri: Some(&target), status: "TransformSuccess" }),
            connection,
        };
        let mut line = Vec::new();
        entry.write(NAMES, &mut line);
        prop_assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));

        let fields = parse::fields(&line);
        prop_assert_eq!(fields.len(), 33);
        let field = |number: usize| String::from_utf8_lossy(&fields[number - 1]).into_owned();
        prop_assert_eq!(field(4), "[2001:db8::1]:2817");
        let milliseconds = |number: usize| field(number).parse::<f64>().unwrap();
        match micros {
            None => prop_assert!((6..=8).all(|number| field(number) == "-1")),
            Some((a, b, c)) => for (number, micros) in [(6, a), (7, b), (8, c)] {
                prop_assert!((milliseconds(number) * 1000.0).round() as u64 == micros / 1000);
            },
        }
        prop_assert_eq!(field(9), format!("{status:03}"));
        prop_assert_eq!(field(10), target_status.map_or("-".to_owned(), |status| status.to_string()));
        prop_assert_eq!((field(11), field(12)), (received.to_string(), sent.to_string()));
        let mut request_line = method;
        request_line.extend_from_slice(format!(" https://{host}:443").as_bytes());
        request_line.extend_from_slice(&target);
        request_line.extend_from_slice(b" HTTP/1.1");
        prop_assert_eq!(&fields[12], &request_line);
        prop_assert_eq!((&fields[13], &fields[17]), (&agent, &trace));
        prop_assert_eq!(field(21), rule.map_or("-".to_owned(), |rule| rule.to_string()));
        prop_assert_eq!(&fields[23], &redirect.unwrap_or(b"-".to_vec()));
        prop_assert_eq!(field(30), format!("TID_{connection:032x}"));
    }
}
