//! The cases of `fixtures/lint/decided/`, and a comparison with the load balancer on random rules and many requests.

use std::collections::BTreeMap;

use neargate_alb::routing::RoutingTable;
use neargate_fixture as fixture;
use neargate_model::Topology;
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};
use neargate_model::rule::{Action, Actions, FixedResponse, Patterns, QueryStringPair, Transforms};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// Conditions by what they look at: `host`, `path`, `method`, `source-ip`, `query` (`key=value`), `header NAME`; and
    /// `host regex` and the like.
    rules: Vec<BTreeMap<String, Vec<String>>>,
    /// `yes: REQUEST`, `never`, `covered by 1, 2`, or why it is not decided; by the number of the rule, from 1.
    decided: BTreeMap<usize, String>,
}

fn condition(what: &str, values: &[String]) -> Condition {
    let values = values.to_vec();
    let patterns = || {
        let regexes = what.ends_with(" regex");
        if regexes { Patterns::Regexes(values.clone()) } else { Patterns::Wildcards(values.clone()) }
    };
    match what.trim_end_matches(" regex") {
        "host" => Condition::HostHeader(patterns()),
        "path" => Condition::PathPattern(patterns()),
        "method" => Condition::HttpRequestMethod(values),
        "source-ip" => Condition::SourceIp(values.iter().map(|net| net.parse().unwrap()).collect()),
        "query" => Condition::QueryString(values.iter().map(|pair| pair_of(pair)).collect()),
        header => {
            let name = header.strip_prefix("header ").unwrap_or_else(|| panic!("a condition: {what}")).to_owned();
            Condition::HttpHeader { name, values: patterns() }
        }
    }
}

fn pair_of(text: &str) -> QueryStringPair {
    match text.split_once('=') {
        Some((key, value)) => QueryStringPair { key: Some(key.to_owned()), value: value.to_owned() },
        None => QueryStringPair { key: None, value: text.to_owned() },
    }
}

fn rule(index: usize, conditions: Vec<Condition>) -> Rule {
    let action =
        Action::FixedResponse(FixedResponse { status_code: 200, content_type: None, message_body: String::new() });
    Rule { priority: index as u32 + 1, conditions, actions: Actions::from(action), transforms: Transforms::default() }
}

fn table(rules: &[Rule]) -> RoutingTable {
    let listener =
        Listener { rules: rules.to_vec(), ..Listener::new(80, ListenerProtocol::Http, rules[0].actions.clone()) };
    let topology = Topology::new("test", [LoadBalancer::new("test", vec![listener])]);
    RoutingTable::compile(&topology, topology.main_load_balancer(), &BTreeMap::new(), 0)
}

fn shown(witness: &Witness) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut parts: Vec<String> = Vec::new();
    parts.extend(witness.method.clone());
    parts.extend(witness.host.as_ref().map(|host| format!("//{host}")));
    parts.extend(witness.path.as_deref().map(text));
    parts.extend(witness.parameters.iter().map(|parameter| format!("?{}", text(parameter))));
    parts.extend(witness.headers.iter().map(|(name, value)| format!("{name}: {}", text(value))));
    parts.extend(witness.source.map(|source| format!("from {source}")));
    parts.join(" ")
}

fn check(case: Case) {
    let conditions =
        |rule: &BTreeMap<String, Vec<String>>| rule.iter().map(|(what, values)| condition(what, values)).collect();
    let rules: Vec<Rule> = case.rules.iter().enumerate().map(|(at, one)| rule(at, conditions(one))).collect();
    let told = |decided: Result<Decided, Undecided>| match decided {
        Ok(Decided::Yes(witness)) => format!("yes: {}", shown(&witness)),
        Ok(Decided::Never) => "never".to_owned(),
        Ok(Decided::Covered(by)) => {
            let numbers: Vec<String> = by.iter().map(|rule| (rule + 1).to_string()).collect();
            format!("covered by {}", numbers.join(", "))
        }
        Err(undecided) => undecided.to_string(),
    };
    let decisions = Decisions::new(&rules);
    for (number, expected) in &case.decided {
        let decided = decisions.as_ref().map_err(|undecided| *undecided).and_then(|all| all.of_rule(number - 1));
        if let Ok(Decided::Yes(witness)) = &decided {
            let route = witness.route(&table(&rules), 0).priority;
            assert_eq!(route as usize, *number, "{}: {} goes elsewhere", case.name, shown(witness));
        }
        assert_eq!(&told(decided), expected, "{}, rule {number} ({})", case.name, case.source);
    }
}

#[test]
fn rules_decide_what_the_fixtures_say() {
    fixture::each("lint/decided", check);
}

fn any_condition() -> impl Strategy<Value = Condition> {
    let some = |pattern: &'static str| prop::collection::vec(pattern, 1..3);
    prop_oneof![
        some("[ab*?]{1,3}").prop_map(|values| Condition::HostHeader(Patterns::Wildcards(values))),
        some("/[ab/*?]{0,3}").prop_map(|values| Condition::PathPattern(Patterns::Wildcards(values))),
        some("/?[ab|*]{1,3}").prop_map(|values| Condition::PathPattern(Patterns::Regexes(values))),
        some("(GET|POST|PUT)").prop_map(Condition::HttpRequestMethod),
        prop::collection::vec(prop::sample::select(vec!["10.0.0.0/8", "10.0.0.0/7", "11.0.0.0/8", "0.0.0.0/0"]), 1..3)
            .prop_map(|nets| Condition::SourceIp(nets.iter().map(|net| net.parse().unwrap()).collect())),
        some("[ab*?]{1,2}").prop_map(|values| header("x-many", values)),
        some("[ab*?]{1,2}").prop_map(|values| header("cookie", values)),
        some("([ab*?]=)?[ab*?]{1,2}")
            .prop_map(|pairs| Condition::QueryString(pairs.iter().map(|pair| pair_of(pair)).collect())),
    ]
}

fn header(name: &str, values: Vec<String>) -> Condition {
    Condition::HttpHeader { name: name.to_owned(), values: Patterns::Wildcards(values) }
}

/// Requests over the same few letters: every path of up to three of them, and the like.
fn any_request() -> impl Strategy<Value = Witness> {
    let headers = prop::collection::vec("[ab]{1,2}", 0..3);
    let parameters = prop::collection::vec("([ab]=)?[ab]{1,2}", 0..3);
    ("[ab]{1,3}", "/[ab/]{0,3}", "(GET|POST|PUT|PATCH)", 9..13_u8, headers, "[ab]{0,2}", parameters).prop_map(
        |(host, path, method, net, many, cookie, parameters)| {
            let many = many.into_iter().map(|value| ("x-many".to_owned(), value.into_bytes()));
            let cookie = (!cookie.is_empty()).then(|| ("cookie".to_owned(), cookie.into_bytes()));
            Witness {
                host: Some(host),
                path: Some(path.into_bytes()),
                method: Some(method),
                source: Some([net, 0, 0, 1].into()),
                headers: many.chain(cookie).collect(),
                parameters: parameters.into_iter().map(String::into_bytes).collect(),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn what_is_proved_is_what_the_load_balancer_does(
        conditions in prop::collection::vec(prop::collection::vec(any_condition(), 1..4), 1..6),
        requests in prop::collection::vec(any_request(), 100),
    ) {
        let rules: Vec<Rule> = conditions.into_iter().enumerate().map(|(at, one)| rule(at, one)).collect();
        let (table, decisions) = (table(&rules), Decisions::new(&rules).unwrap());
        let decided: Vec<Decided> = (0..rules.len()).map(|rule| decisions.of_rule(rule).unwrap()).collect();
        for (at, decided) in decided.iter().enumerate() {
            if let Decided::Yes(witness) = decided {
                prop_assert_eq!(witness.route(&table, 0).priority as usize, at + 1, "{}", shown(witness));
            }
        }
        for request in &requests {
            let priority = request.route(&table, 0).priority as usize;
            if priority > 0 {
                let decided = &decided[priority - 1];
                prop_assert!(matches!(decided, Decided::Yes(_)), "{} is {decided:?}", shown(request));
            }
        }
    }
}
