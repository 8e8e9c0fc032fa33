//! The cases of `fixtures/replay/`, and a property: what our own load balancer would log agrees with its rules.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use neargate_alb::logs::access::{AccessEntry, Kind, RequestWords, Timings};
use neargate_alb::logs::line::Names;
use neargate_fixture as fixture;
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes};
use neargate_model::rule::{
    Action, Actions, Condition, FixedResponse, Forward, Patterns, Redirect, Rule, Transforms, WeightedTargetGroup,
};
use neargate_model::target_group::TargetGroup;
use neargate_model::topology::TimeScale;
use neargate_model::{Topology, arn};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::line::Unreadable;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    line: String,
    /// `agrees`, `possible: 3, 0`, `contradicts: 2 -> 1 (rule)`, `not routed`, `no listener`, or why it is unreadable.
    verdict: String,
}

/// Rules that the cases refer to.
fn topology() -> Topology {
    let forward = |group: &str| {
        Action::Forward(Forward {
            target_groups: vec![WeightedTargetGroup { target_group: group.into(), weight: 1 }],
            stickiness_seconds: None,
        })
    };
    let paths = |patterns: &[&str]| {
        Condition::PathPattern(Patterns::Wildcards(patterns.iter().map(|text| (*text).to_owned()).collect()))
    };
    let header = |name: &str, value: &str| Condition::HttpHeader {
        name: name.to_owned(),
        values: Patterns::Wildcards(vec![value.to_owned()]),
    };
    let rule = |priority, conditions, action: Action| Rule {
        priority,
        conditions,
        actions: Actions::from(action),
        transforms: Transforms::default(),
    };
    let gone =
        Action::FixedResponse(FixedResponse { status_code: 410, content_type: None, message_body: String::new() });
    let mut moved = Redirect::with_defaults(301);
    moved.path = "/new".to_owned();
    let secure = Listener {
        port: 443,
        bind_port: 443,
        protocol: ListenerProtocol::Http,
        default_actions: Actions::from(forward("web")),
        rules: vec![
            rule(1, vec![paths(&["/api/*"]), header("X-Canary", "1")], forward("beta")),
            rule(2, vec![paths(&["/api/*"])], forward("api")),
            rule(3, vec![paths(&["/old"])], Action::Redirect(moved)),
            rule(4, vec![paths(&["/gone"])], gone),
            rule(5, vec![header("User-Agent", "*bot*")], forward("api")),
            rule(6, vec![Condition::SourceIp(vec!["10.0.0.0/8".parse().unwrap()])], forward("api")),
        ],
        headers: Default::default(),
    };
    let balancer = LoadBalancer {
        name: "app".into(),
        internal: false,
        domains: Vec::new(),
        security_groups: Vec::new(),
        listeners: vec![secure],
        attributes: LoadBalancerAttributes::default(),
        bind_address: [127, 0, 0, 1].into(),
    };
    let groups = ["web", "api", "beta"].map(|name| (name.into(), TargetGroup::new(80)));
    Topology {
        name: "test".into(),
        domains: Vec::new(),
        security_groups: BTreeMap::new(),
        target_groups: BTreeMap::from(groups),
        load_balancers: BTreeMap::from([(balancer.name.clone(), balancer)]),
        cluster: "test".into(),
        services: BTreeMap::new(),
        scalable_targets: BTreeMap::new(),
        task_roles: BTreeMap::new(),
        secrets: BTreeMap::new(),
        environment_files: BTreeMap::new(),
        local_ports: BTreeMap::new(),
        aws_endpoint: None,
        identities: Default::default(),
        aliases: BTreeMap::new(),
        quotas: Default::default(),
        time_scale: TimeScale::REAL,
    }
}

fn table(topology: &Topology) -> RoutingTable {
    RoutingTable::compile(topology, topology.main_load_balancer(), &BTreeMap::new(), 0)
}

fn told(verdict: Result<Verdict, Unreadable>) -> String {
    match verdict {
        Ok(Verdict::Agrees) => "agrees".to_owned(),
        Ok(Verdict::Possible(rules)) => {
            format!("possible: {}", rules.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
        }
        Ok(Verdict::Contradicts(Contradiction { recorded, own, what, .. })) => {
            let what = match what {
                Difference::Rule => "rule",
                Difference::TargetGroup => "target group",
                Difference::Location => "location",
                Difference::Action => "action",
            };
            format!("contradicts: {recorded} -> {own} ({what})")
        }
        Ok(Verdict::NotRouted) => "not routed".to_owned(),
        Ok(Verdict::NoListener) => "no listener".to_owned(),
        Err(why) => why.to_string(),
    }
}

#[test]
fn lines_are_judged_as_the_fixtures_say() {
    let topology = topology();
    let table = table(&topology);
    let mut replay = Replay::new(&table);
    fixture::each("replay", |case: Case| {
        let verdict = Line::parse(case.line.as_bytes()).map(|line| replay.judge(&line));
        assert_eq!(told(verdict), case.verdict, "{}", case.name);
    });
}

proptest! {
    /// Whatever a client sends: our own log of our own routing never contradicts our rules.
    #[test]
    fn our_own_log_agrees_with_our_rules(
        path in "(/(api|old|gone|x|%61pi|\\.\\.)){0,3}/?[ -~é]{0,4}",
        query in "[ -~]{0,6}",
        host in "[a-zA-Z.é]{1,8}",
        agent in "[ -~é]{0,8}(bot)?",
        canary: bool,
        client in "(10|11)\\.[0-9]\\.0\\.1",
    ) {
        prop_assume!(!path.contains('?') && !path.contains('#') && path.starts_with('/'));
        let topology = topology();
        let table = table(&topology);
        let client: SocketAddr = format!("{client}:5000").parse().unwrap();
        let mut fields = FieldList::default();
        if !agent.is_empty() {
            fields.push(b"User-Agent", agent.as_bytes());
        }
        if canary {
            fields.push(b"X-Canary", b"1");
        }
        let facts = RequestFacts {
            method: b"GET",
            authority: Some(host.as_bytes()),
            path: path.as_bytes(),
            query: (!query.is_empty()).then_some(query.as_bytes()),
            fields: fields.fields(),
            client,
        };
        let route = table.route(0, &facts);
        let group = if let RoutedAction::Forward(forward) = route.action {
            Some(table.target_groups[forward.groups[0].group].arn.to_string())
        } else {
            None
        };
        let (action, status, location) = match route.action {
            RoutedAction::Forward(_) => ("forward", 200, None),
            RoutedAction::FixedResponse(fixed) => ("fixed-response", fixed.status_code, None),
            RoutedAction::Redirect(redirect) => {
                let parts = RedirectFacts {
                    protocol: "http",
                    host: facts.host(),
                    port: 443,
                    path: facts.path,
                    query: facts.query.unwrap_or_default(),
                };
                ("redirect", 301, redirect.location(&parts, |_, port| port).ok())
            }
        };
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        let entry = AccessEntry {
            kind: Kind::Http,
            time: Timestamp::UNIX_EPOCH,
            client,
            target: None,
            timings: Timings::default(),
            status,
            target_status: None,
            received_bytes: 0,
            sent_bytes: 0,
            request: Some(RequestWords {
                method: b"GET",
                host: host.as_bytes(),
                target: target.as_bytes(),
                version: "HTTP/1.1",
                user_agent: agent.as_bytes(),
                trace_id: b"",
            }),
            listener_port: 443,
            tls: None,
            target_group_arn: group.as_deref(),
            rule: Some(route.priority),
            created: Timestamp::UNIX_EPOCH,
            action: Some(action),
            redirect_url: location.as_deref(),
            error_reason: None,
            classification: None,
            transform: None,
            connection: 1,
        };
        let id = arn::load_balancer_id(&table.load_balancer);
        let mut line = Vec::new();
        entry.write(Names { id: &id, dns_name: "app.example.net" }, &mut line);
        let read = Line::parse(&line).map_err(|why| TestCaseError::fail(format!("{why}: {}", String::from_utf8_lossy(&line))))?;
        let verdict = Replay::new(&table).judge(&read);
        let is_right = match &verdict {
            Verdict::Agrees => true,
            Verdict::Possible(rules) => rules.contains(&route.priority),
            _ => false,
        };
        prop_assert!(is_right, "{verdict:?}: {}", String::from_utf8_lossy(&line));
    }

    #[test]
    fn no_line_is_too_strange(line: Vec<u8>, text in "[a-z\" \\\\x0-9:/?.-]{0,200}") {
        let _ = Line::parse(&line);
        let _ = Line::parse(text.as_bytes());
    }
}
