//! The cases of `fixtures/alb/cookies/`: what a client's cookies lead to, and what it is told to remember.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::engine::facts::FieldList;
use crate::engine::routing::WeightedGroup;
use crate::model::listener::LoadBalancerAttributes;
use crate::model::target_group::{
    HealthCheck, Matcher, ProtocolVersion, TargetGroup, TargetGroupAttributes, TargetProtocol,
};
use crate::model::target_health::TargetState;

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: i64 = 784_111_777;
/// Seven days later.
const EXPIRES: &str = "Sun, 13 Nov 1994 08:49:37 GMT";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// `lb_cookie`, `app_cookie` (of a cookie called `session`), or nothing; for 300 seconds.
    stickiness: Option<String>,
    /// Seconds of group stickiness.
    group_stickiness: Option<u32>,
    #[serde(default)]
    https: bool,
    /// Header fields of the request. `<AWSALB 2>` is a sealed cookie for target 2 of group 0, made now;
    /// `<AWSALB 2 old>` one whose time has run out; `<AWSALB 2 elsewhere>` one of another group; `<AWSALBTG 1>` and
    /// `<AWSALBAPP 2>` likewise.
    #[serde(default)]
    request: Vec<String>,
    /// Header fields of the target's response.
    #[serde(default)]
    response: Vec<String>,
    /// The group the client is bound to.
    group: Option<usize>,
    /// The target the client is bound to; absent: one is chosen.
    target: Option<usize>,
    /// Whether that counts as a request that was not sticky.
    #[serde(default)]
    non_sticky: bool,
    /// Whether `AWSALBTG` could not be decoded.
    #[serde(default)]
    invalid_group: bool,
    /// `Set-Cookie` fields of the response to a request that went to target 0, `<expires>` being seven days from now and
    /// `<AWSALB 0>` the sealed value, or not given.
    set_cookies: Option<Vec<String>>,
}

fn key() -> CookieKey {
    CookieKey::new([7; 32])
}

fn target(index: u8) -> Target {
    Target { address: [10, 0, 0, index].into(), port: 80 }
}

fn group(id: u64, stickiness: Option<Stickiness>) -> RoutedTargetGroup {
    let state = |index| TargetState {
        target: target(index),
        dial: ([10, 0, 0, index], 80).into(),
        reachable: true,
        health: crate::model::target_health::TargetHealth::Healthy,
    };
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
    RoutedTargetGroup {
        name: "web".into(),
        arn: String::new(),
        id,
        settings: Arc::new(TargetGroup {
            protocol: TargetProtocol::Http,
            protocol_version: ProtocolVersion::Http1,
            port: 80,
            health_check,
            attributes: TargetGroupAttributes { stickiness, ..TargetGroupAttributes::default() },
            static_targets: Vec::new(),
        }),
        in_use: true,
        targets: (0..4).map(state).collect(),
        // Target 3 is unhealthy or draining.
        eligible: vec![0, 1, 2],
    }
}

/// Replaces `<AWSALB 2 old>` and its like by sealed values.
fn sealed(text: &str) -> String {
    let placeholder = regex::Regex::new("<(AWSALB|AWSALBTG|AWSALBAPP) ([0-9])( old| elsewhere)?>").unwrap();
    let replaced = placeholder.replace_all(text, |found: &regex::Captures<'_>| {
        let index: u8 = found[2].parse().unwrap();
        let condition = found.get(3).map_or("", |text| text.as_str());
        let (purpose, group) = match &found[1] {
            "AWSALB" => (Purpose::Target, 100),
            "AWSALBTG" => (Purpose::Group, 100 + u64::from(index)),
            _ => (Purpose::Application, 100),
        };
        let ticket = Ticket {
            group: if condition == " elsewhere" { 999 } else { group },
            target: target(index),
            valid_until: if condition == " old" { NOW } else { NOW + 300 },
        };
        key().seal(purpose, &[ticket], [0; 12])
    });
    replaced.into_owned()
}

fn fields(lines: &[String]) -> FieldList {
    let mut list = FieldList::default();
    for line in lines {
        let line = sealed(line);
        let (name, value) = line.split_once(": ").unwrap();
        list.push(name.as_bytes(), value.as_bytes());
    }
    list
}

fn check(case: Case) {
    let what = format!("{} ({})", case.name, case.source);
    let duration = Duration::from_secs(300);
    let stickiness = match case.stickiness.as_deref() {
        Some("lb_cookie") => Some(Stickiness::LbCookie { duration }),
        Some("app_cookie") => Some(Stickiness::AppCookie { cookie_name: "session".into(), duration }),
        _ => None,
    };
    let table = RoutingTable {
        attributes: LoadBalancerAttributes::default(),
        target_groups: vec![group(100, stickiness.clone()), group(101, stickiness)],
        ..RoutingTable::empty()
    };
    let groups = [0, 1].map(|group| WeightedGroup { group, weight: 1 }).to_vec();
    let action = RoutedForward { groups, stickiness_seconds: case.group_stickiness };
    let request = fields(&case.request);
    let bound = bound_group(&action, &table, &key(), request.fields(), NOW);
    assert_eq!(bound.group, case.group, "{what}");
    let bond = Bond::read(&table.target_groups[0], &key(), request.fields(), NOW);
    assert_eq!(bond.target, case.target, "{what}");
    assert_eq!((bond.non_sticky, bound.invalid), (case.non_sticky, case.invalid_group), "{what}");

    let Some(expected) = case.set_cookies else { return };
    let session = Session::new(&action, &table.target_groups[0], target(0), bond, request.fields(), case.https);
    let response = fields(&case.response);
    let now = Timestamp::from_second(NOW).unwrap();
    let cookies =
        session.map_or_else(Vec::new, |session| session.set_cookies(&key(), now, || [0; 12], response.fields()));
    let expected: Vec<_> = expected.iter().map(|line| sealed(line).replace("<expires>", EXPIRES)).collect();
    assert_eq!(shown(&cookies), shown(&expected), "{what}");
}

/// With the tickets in place of the sealed values, which differ in their targets' names only as the nonces say.
fn shown(cookies: &[String]) -> Vec<String> {
    let open = |name: &str, value: &str| {
        let purpose = match name.trim_end_matches("CORS") {
            "AWSALB" => Purpose::Target,
            "AWSALBTG" => Purpose::Group,
            _ => Purpose::Application,
        };
        let tickets = key().open(purpose, value.as_bytes());
        let text = |ticket: Ticket| match purpose {
            Purpose::Group => format!("{} until {}", ticket.group, ticket.valid_until),
            _ => format!("{} {} until {}", ticket.group, ticket.target, ticket.valid_until),
        };
        tickets.map_or(value.to_owned(), |tickets| tickets.into_iter().map(text).collect::<Vec<_>>().join(", "))
    };
    let line = |cookie: &String| {
        let (name, rest) = cookie.split_once('=').unwrap();
        let (value, attributes) = rest.split_once("; Expires").unwrap();
        format!("{name}={}; Expires{attributes}", open(name, value))
    };
    cookies.iter().map(line).collect()
}

#[test]
fn cookies_are_read_and_set_as_in_the_fixtures() {
    crate::engine::fixture::each("alb/cookies", check);
}

#[test]
fn a_long_application_cookie_goes_on_in_the_next_shard_and_is_put_together_again() {
    let others = (0..120).map(|group| Ticket { group, target: target(1), valid_until: NOW + 1 }).collect();
    let session = Session {
        group: 100,
        target: target(0),
        group_duration: None,
        stickiness: Some(Stickiness::AppCookie { cookie_name: "session".into(), duration: Duration::from_secs(1) }),
        bond: Bond { asked: true, others, ..Bond::default() },
        https: false,
        modern_cors: false,
    };
    let now = Timestamp::from_second(NOW).unwrap();
    let cookies = session.set_cookies(&key(), now, || [0; 12], Fields::default());
    assert_eq!(cookies.len(), 4);
    assert!(cookies.iter().all(|cookie| cookie.len() < 4096));
    let pairs: Vec<_> = cookies.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
    let back: FieldList = [("Cookie", pairs.join("; ").as_str())].into_iter().collect();
    let tickets = key().open(Purpose::Application, &shards(back.fields()).unwrap()).unwrap();
    assert_eq!(tickets.len(), 121);
}

#[test]
fn chromium_is_told_from_its_elders_and_others() {
    for (agent, modern) in [
        ("Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", true),
        ("Mozilla/5.0 Chromium/80.0", true),
        ("Mozilla/5.0 Chrome/79.0", false),
        ("Mozilla/5.0 Firefox/130", false),
    ] {
        assert_eq!(is_chromium_80(agent.as_bytes()), modern, "{agent}");
    }
}
