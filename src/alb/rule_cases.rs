//! The cases of `fixtures/alb/rules` and `fixtures/alb/rule-order`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;

use super::explain::RuleVerdict;
use super::request::facts::RequestFacts;
use super::routing::RoutingTable;
use neargate_fixture as fixture;
use neargate_http1::fields::FieldList;
use neargate_model::Topology;
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};
use neargate_model::rule::{Action, Condition, FixedResponse, Patterns, QueryStringPair, Rewrite, Rule, Transforms};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionCase {
    name: String,
    source: String,
    condition: ConditionText,
    matches: Vec<RequestText>,
    rejects: Vec<RequestText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderCase {
    name: String,
    source: String,
    /// By priority; the conditions of a rule must all match.
    rules: BTreeMap<u32, Vec<ConditionText>>,
    /// A regular expression and its replacement, by priority.
    #[serde(default)]
    url_rewrites: BTreeMap<u32, (String, String)>,
    request: RequestText,
    /// Priority of the chosen rule; 0 is the default rule.
    chosen: u32,
    /// Path and query of the request afterwards, if the rule rewrites them.
    rewritten: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConditionText {
    PathPattern(Vec<String>),
    PathPatternRegex(Vec<String>),
    HostHeader(Vec<String>),
    HostHeaderRegex(Vec<String>),
    HttpHeader { name: String, values: Vec<String> },
    HttpHeaderRegex { name: String, values: Vec<String> },
    HttpRequestMethod(Vec<String>),
    QueryString(Vec<PairText>),
    SourceIp(Vec<String>),
}

#[derive(Deserialize)]
struct PairText {
    key: Option<String>,
    value: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RequestText {
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
    host: Option<String>,
    authority: Option<String>,
    headers: Vec<String>,
    client: Option<SocketAddr>,
    /// For the reader.
    comment: Option<String>,
}

impl ConditionText {
    fn condition(self) -> Condition {
        match self {
            Self::PathPattern(values) => Condition::PathPattern(Patterns::Wildcards(values)),
            Self::PathPatternRegex(values) => Condition::PathPattern(Patterns::Regexes(values)),
            Self::HostHeader(values) => Condition::HostHeader(Patterns::Wildcards(values)),
            Self::HostHeaderRegex(values) => Condition::HostHeader(Patterns::Regexes(values)),
            Self::HttpHeaderRegex { name, values } => Condition::HttpHeader { name, values: Patterns::Regexes(values) },
            Self::HttpHeader { name, values } => Condition::HttpHeader { name, values: Patterns::Wildcards(values) },
            Self::HttpRequestMethod(methods) => Condition::HttpRequestMethod(methods),
            Self::QueryString(pairs) => Condition::QueryString(
                pairs.into_iter().map(|pair| QueryStringPair { key: pair.key, value: pair.value }).collect(),
            ),
            Self::SourceIp(networks) => {
                Condition::SourceIp(networks.iter().map(|network| network.parse().unwrap()).collect())
            }
        }
    }
}

impl RequestText {
    fn with_facts<R>(&self, read: impl FnOnce(&RequestFacts<'_>) -> R) -> R {
        let mut fields = FieldList::default();
        if let Some(host) = &self.host {
            fields.push(b"Host", host.as_bytes());
        }
        for line in &self.headers {
            let (name, value) = line.split_once(": ").unwrap();
            fields.push(name.as_bytes(), value.as_bytes());
        }
        read(&RequestFacts {
            method: self.method.as_deref().unwrap_or("GET").as_bytes(),
            authority: self.authority.as_deref().map(str::as_bytes),
            path: self.path.as_deref().unwrap_or("/").as_bytes(),
            query: self.query.as_deref().map(str::as_bytes),
            fields: fields.fields(),
            client: self.client.unwrap_or(([192, 0, 2, 1], 50_000).into()),
        })
    }
}

fn answer(status_code: u16) -> Action {
    Action::FixedResponse(FixedResponse { status_code, content_type: None, message_body: String::new() })
}

fn table(rules: impl IntoIterator<Item = (u32, Vec<Condition>)>) -> RoutingTable {
    rewriting_table(rules, &BTreeMap::new())
}

fn rewriting_table(
    rules: impl IntoIterator<Item = (u32, Vec<Condition>)>,
    url_rewrites: &BTreeMap<u32, (String, String)>,
) -> RoutingTable {
    let rules = rules.into_iter().map(|(priority, conditions)| {
        let url = url_rewrites.get(&priority).cloned();
        let url = url.map(|(regex, replace)| Rewrite { regex, replace });
        Rule { priority, conditions, actions: answer(200).into(), transforms: Transforms { url, host_header: None } }
    });
    let listener = Listener { rules: rules.collect(), ..Listener::new(80, ListenerProtocol::Http, answer(404)) };
    let topology = Topology::new("rules", [LoadBalancer::new("rules", vec![listener])]);
    RoutingTable::compile(&topology, topology.main_load_balancer(), &BTreeMap::new(), 1)
}

/// The rule chosen, after checking that `explain` agrees.
fn chosen(table: &RoutingTable, request: &RequestText) -> u32 {
    request.with_facts(|facts| {
        let route = table.route(0, facts);
        let explained: Vec<_> =
            table.explain(0, facts).into_iter().filter(|rule| rule.verdict == RuleVerdict::Chosen).collect();
        assert_eq!(explained.len(), 1, "{request:?}");
        assert_eq!(explained[0].priority.unwrap_or(0), route.priority, "{request:?}");
        route.priority
    })
}

#[test]
fn conditions_match_what_the_fixtures_say() {
    fixture::each("alb/rules", |case: ConditionCase| {
        let table = table([(7, vec![case.condition.condition()])]);
        for request in &case.matches {
            assert_eq!(chosen(&table, request), 7, "{} ({}): {request:?}", case.name, case.source);
        }
        for request in &case.rejects {
            assert_eq!(chosen(&table, request), 0, "{} ({}): {request:?}", case.name, case.source);
        }
    });
}

#[test]
fn rules_are_tried_in_the_order_the_fixtures_say() {
    fixture::each("alb/rule-order", |case: OrderCase| {
        let what = format!("{} ({})", case.name, case.source);
        let conditions = |texts: Vec<ConditionText>| texts.into_iter().map(ConditionText::condition).collect();
        let rules = case.rules.into_iter().map(|(priority, texts)| (priority, conditions(texts)));
        let table = rewriting_table(rules, &case.url_rewrites);
        assert_eq!(chosen(&table, &case.request), case.chosen, "{what}");
        let rewritten = case.request.with_facts(|facts| {
            let uri = table.route(0, facts).transforms?.apply(facts).unwrap().uri?;
            Some(String::from_utf8(uri).unwrap())
        });
        assert_eq!(rewritten, case.rewritten, "{what}");
    });
}

#[test]
fn explain_shows_the_values_that_were_compared() {
    let condition = ConditionText::PathPattern(vec!["/api/*".into()]).condition();
    let trace = RequestText { path: Some("/api".into()), ..RequestText::default() }
        .with_facts(|facts| table([(1, vec![condition])]).explain(0, facts));
    assert_eq!(trace[0].verdict, RuleVerdict::NoMatch);
    assert_eq!(trace[0].conditions[0].expected, ["/api/*"]);
    assert_eq!(trace[0].conditions[0].actual.as_deref(), Some("/api"));
    assert_eq!((trace[1].priority, trace[1].action.as_str()), (None, "fixed-response 404"));
}

#[test]
fn a_rule_behind_the_chosen_one_is_shadowed() {
    let all = || ConditionText::PathPattern(vec!["/*".into()]).condition();
    let trace =
        RequestText::default().with_facts(|facts| table([(1, vec![all()]), (2, vec![all()])]).explain(0, facts));
    let verdicts: Vec<_> = trace.iter().map(|rule| rule.verdict).collect();
    assert_eq!(verdicts, [RuleVerdict::Chosen, RuleVerdict::Shadowed, RuleVerdict::Shadowed]);
}
