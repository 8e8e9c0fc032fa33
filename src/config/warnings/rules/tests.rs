//! Tests which rules cover which, and that the index skips none of them.

use std::net::Ipv4Addr;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use neargate_model::rule::{Action, FixedResponse, QueryStringPair, Transforms};

#[test]
fn wide_patterns_cover_narrow_ones() {
    for (wide, narrow) in
        [("*", "/a"), ("/a*", "/ab*"), ("/api/*", "/api/x/*"), ("/?", "/a"), ("/a", "/a"), ("/*/x", "/a*/x")]
    {
        assert!(glob_covers(wide, narrow), "{wide} covers {narrow}");
    }
    for (wide, narrow) in [("/api/*", "/api"), ("/?", "/*"), ("/a", "/?"), ("/ab*", "/a*"), ("", "/")] {
        assert!(!glob_covers(wide, narrow), "{wide} does not cover {narrow}");
    }
}

fn patterns(value: &'static str) -> impl Strategy<Value = Patterns> {
    let values = || vec(value, 0..3);
    prop_oneof![4 => values().prop_map(Patterns::Wildcards), 1 => values().prop_map(Patterns::Regexes)]
}

fn condition() -> impl Strategy<Value = Condition> {
    let pair = (option::of("[aA]{0,2}"), "[aA*]{0,2}").prop_map(|(key, value)| QueryStringPair { key, value });
    let network = (0..4u8, 0..4u8, 20..=32u8, any::<bool>()).prop_map(|(third, last, length, mapped)| {
        let address = Ipv4Addr::new(192, 0, third, last);
        match mapped {
            true => IpNet::new(address.to_ipv6_mapped().into(), length + 96).unwrap(),
            false => IpNet::new(address.into(), length).unwrap(),
        }
    });
    prop_oneof![
        patterns("[aA.*?]{0,4}").prop_map(Condition::HostHeader),
        patterns("[/aA*?]{0,4}").prop_map(Condition::PathPattern),
        Just(Condition::PathPattern(Patterns::Wildcards(vec!["/*".to_owned()]))),
        ("[xX]", patterns("[aAéÉ*?]{0,4}")).prop_map(|(name, values)| Condition::HttpHeader { name, values }),
        vec("[AB]{1,2}", 0..3).prop_map(Condition::HttpRequestMethod),
        vec(pair, 0..3).prop_map(Condition::QueryString),
        vec(network, 0..3).prop_map(Condition::SourceIp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_rule_that_covers_another_is_the_one_that_a_walk_finds(rules in vec(vec(condition(), 0..3), 0..12)) {
        let action = Action::FixedResponse(FixedResponse {
            status_code: 200,
            content_type: None,
            message_body: String::new(),
        });
        let rule = |(conditions, priority)| Rule {
            priority,
            conditions,
            actions: action.clone().into(),
            transforms: Transforms::default(),
        };
        let rules: Vec<Rule> = rules.into_iter().zip(1..).map(rule).collect();
        let covering = Covering::new(&rules);
        for (later, rule) in rules.iter().enumerate() {
            let walked = rules[..later].iter().position(|earlier| covers(earlier, rule));
            prop_assert_eq!(covering.first_before(later), walked);
        }
    }

    #[test]
    fn what_covers_a_text_is_found(patterns in vec("[/ab*?]{0,5}", 0..12), text in "[/ab]{0,6}") {
        let kind: Rc<str> = "".into();
        let index = Index::new(patterns.iter().map(|pattern| vec![vec![glob_anchors(&kind, pattern)]]));
        let found = index.first(shown(&kind, &text), |at| glob_covers(&patterns[at], &text));
        prop_assert_eq!(found, patterns.iter().position(|pattern| glob_covers(pattern, &text)));
    }
}
