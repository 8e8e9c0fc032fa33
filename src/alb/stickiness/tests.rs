//! The cases of `fixtures/alb/cookies/`: the effect of a client's cookies, and the cookies that the client gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::routing::WeightedGroup;
use neargate_http1::fields::FieldList;
use neargate_model::listener::LoadBalancerAttributes;
use neargate_model::target_group::{TargetGroup, TargetGroupAttributes};
use neargate_model::target_health::TargetState;

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: i64 = 784_111_777;
/// Seven days later.
const EXPIRES: &str = "Sun, 13 Nov 1994 08:49:37 GMT";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// `lb_cookie`, `app_cookie` (for a cookie called `session`), or nothing; for 300 seconds.
    stickiness: Option<String>,
    /// Seconds of group stickiness.
    group_stickiness: Option<u32>,
    /// The action has a second group. It has one anyway with group stickiness and without an `app_cookie`.
    #[serde(default)]
    weighted: bool,
    /// Why neargate differs here; then there is nothing to compare.
    not_yet: Option<String>,
    /// How many groups the client is already bound to (to target 1 of each) by application cookies. Group 0 is the
    /// hundredth of them.
    #[serde(default)]
    bonds_with_groups: u64,
    #[serde(default)]
    https: bool,
    /// Header fields of the request. `<AWSALB 2>` is a cookie for target 2 of group 0, sealed now; `<AWSALB 2 old>` one
    /// that has expired; `<AWSALB 2 elsewhere>` one of another group; `<AWSALBTG 1>` and `<AWSALBAPP 2>` likewise.
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
    /// `Set-Cookie` fields of the response to a request that went to target 0. `<expires>` is seven days from now, and
    /// `<AWSALB 0>` the sealed value; absent: not compared.
    set_cookies: Option<Vec<String>>,
    /// Regular expressions for the values of these cookies.
    #[serde(default)]
    values: BTreeMap<String, String>,
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
        health: neargate_model::target_health::TargetHealth::Healthy,
    };
    RoutedTargetGroup {
        name: "web".into(),
        arn: neargate_model::arn::Arn::target_group(&"web".into()),
        id,
        settings: Arc::new(TargetGroup {
            attributes: TargetGroupAttributes { stickiness, ..TargetGroupAttributes::default() },
            ..TargetGroup::new(80)
        }),
        in_use: true,
        targets: (0..4).map(state).collect(),
        // Target 3 is unhealthy or draining.
        eligible: [0, 1, 2].into(),
    }
}

/// Replaces `<AWSALB 2 old>` and the like with sealed values.
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
    if case.not_yet.is_some() {
        return;
    }
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
    let alone = case.stickiness.as_deref() == Some("app_cookie") && !case.weighted;
    let groups = (0..if alone { 1 } else { 2 }).map(|group| WeightedGroup { group, weight: 1 }).collect();
    let action = RoutedForward { groups, stickiness_seconds: case.group_stickiness };
    let mut request = fields(&case.request);
    if case.bonds_with_groups > 0 {
        let ticket = |group| Ticket { group, target: target(1), valid_until: NOW + 1 };
        let value =
            key().seal(Purpose::Application, &(0..case.bonds_with_groups).map(ticket).collect::<Vec<_>>(), [0; 12]);
        let shards = value.as_bytes().chunks(SHARD).zip(0..);
        let pairs = shards.map(|(part, shard)| format!("AWSALBAPP-{shard}={}", String::from_utf8_lossy(part)));
        let cookies = ["session=x".to_owned()].into_iter().chain(pairs).collect::<Vec<_>>().join("; ");
        request.push(b"Cookie", cookies.as_bytes());
    }
    let bound = bound_group(&action, &table, &key(), request.fields(), NOW);
    assert_eq!(bound.group, case.group, "{what}");
    let group = &table.target_groups[bound.group.unwrap_or(0)];
    let bond = Bond::read(&action, group, &key(), request.fields(), NOW);
    assert_eq!(bond.target, case.target, "{what}");
    assert_eq!((bond.non_sticky, bound.invalid), (case.non_sticky, case.invalid_group), "{what}");

    let session = Session::new(&action, group, target(0), bond, request.fields(), case.https);
    let response = fields(&case.response);
    let now = Timestamp::from_second(NOW).unwrap();
    let cookies =
        session.map_or_else(Vec::new, |session| session.set_cookies(&key(), now, || [0; 12], response.fields()));
    for (name, pattern) in &case.values {
        let prefix = format!("{name}=");
        let value = cookies.iter().find_map(|cookie| cookie.strip_prefix(&prefix)?.split(';').next());
        let value = value.unwrap_or_else(|| panic!("{what}: no {name}"));
        assert!(regex::Regex::new(pattern).unwrap().is_match(value), "{what}: {name} is {value}");
    }
    let Some(expected) = case.set_cookies else { return };
    let expected: Vec<_> = expected.iter().map(|line| sealed(line).replace("<expires>", EXPIRES)).collect();
    assert_eq!(shown(&cookies), shown(&expected), "{what}");
}

/// Shows tickets in place of sealed values, which otherwise differ only by their nonces.
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
    neargate_fixture::each("alb/cookies", check);
}
