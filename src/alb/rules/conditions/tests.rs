//! Tests the six conditions against a second, deliberately simple implementation of the user guide's sentences.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::rules::index::Index;
use neargate_http1::fields::FieldList;
use neargate_model::rule::{Patterns, QueryStringPair};

/// A character of a pattern.
#[derive(Clone, Debug)]
enum Sign {
    Itself(char),
    OneOfAny,
    AnyNumber,
}

type Pattern = Vec<Sign>;

/// The kind of a condition, with its values.
#[derive(Clone, Debug)]
enum Wanted {
    Host(Values),
    Path(Values),
    Header(String, Values),
    Method(Vec<String>),
    Query(Vec<(Option<Pattern>, Pattern)>),
    SourceIp(Vec<(IpAddr, u8)>),
}

#[derive(Clone, Debug)]
enum Values {
    Patterns(Vec<Pattern>),
    /// Literal texts to search for; anchored at the start and end if both are.
    Regexes(Vec<(String, bool)>),
}

#[derive(Debug)]
struct Asked {
    method: String,
    host: String,
    path: String,
    query: Vec<(String, Option<String>)>,
    headers: Vec<(String, String)>,
    client: IpAddr,
}

fn matches(pattern: &[Sign], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((Sign::AnyNumber, rest)), _) => matches(rest, text) || (!text.is_empty() && matches(pattern, &text[1..])),
        (Some((Sign::OneOfAny, rest)), Some((_, tail))) => matches(rest, tail),
        (Some((Sign::Itself(sign), rest)), Some((head, tail))) => sign == head && matches(rest, tail),
        _ => false,
    }
}

fn lower(pattern: &Pattern) -> Pattern {
    let lower = |sign: &Sign| match sign {
        Sign::Itself(sign) => Sign::Itself(sign.to_ascii_lowercase()),
        other => other.clone(),
    };
    pattern.iter().map(lower).collect()
}

/// The pattern with its characters in lower case against the text in lower case.
fn matches_in_any_case(pattern: &Pattern, text: &str) -> bool {
    matches(&lower(pattern), &seen(text).to_lowercase().chars().collect::<Vec<_>>())
}

/// "Control characters (0x00 to 0x1f and 0x7f) are excluded."
fn seen(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\0'..='\x1f' | '\x7f')).collect()
}

impl Values {
    fn satisfied(&self, text: &str, any_case: bool) -> bool {
        let fold = |text: &str| if any_case { text.to_lowercase() } else { text.to_owned() };
        let text = fold(&seen(text));
        match self {
            Self::Patterns(patterns) => patterns.iter().any(|pattern| {
                let pattern = if any_case { lower(pattern) } else { pattern.clone() };
                matches(&pattern, &text.chars().collect::<Vec<_>>())
            }),
            Self::Regexes(regexes) => {
                regexes.iter().any(
                    |(literal, anchored)| {
                        if *anchored { text == fold(literal) } else { text.contains(&fold(literal)) }
                    },
                )
            }
        }
    }

    fn written(&self) -> Patterns {
        match self {
            Self::Patterns(patterns) => {
                Patterns::Wildcards(patterns.iter().map(|pattern| written(pattern, "")).collect())
            }
            Self::Regexes(regexes) => {
                let write = |(literal, anchored): &(String, bool)| {
                    let text = regex::escape(literal);
                    if *anchored { format!("^{text}$") } else { text }
                };
                Patterns::Regexes(regexes.iter().map(write).collect())
            }
        }
    }
}

/// A pattern as written in the file; `escaped` lists the characters that need a backslash.
fn written(pattern: &Pattern, escaped: &str) -> String {
    let sign = |sign: &Sign| match sign {
        Sign::Itself(sign) if escaped.contains(*sign) => format!("\\{sign}"),
        Sign::Itself(sign) => sign.to_string(),
        Sign::OneOfAny => "?".to_owned(),
        Sign::AnyNumber => "*".to_owned(),
    };
    pattern.iter().map(sign).collect()
}

impl Wanted {
    fn satisfied(&self, asked: &Asked) -> bool {
        match self {
            // "The host name is not case-sensitive", and has no port.
            Self::Host(values) => values.satisfied(&asked.host, true),
            Self::Path(values) => values.satisfied(&asked.path, false),
            Self::Header(name, values) => {
                let of_name = asked.headers.iter().filter(|(known, _)| known.to_lowercase() == name.to_lowercase());
                of_name.into_iter().any(|(_, value)| values.satisfied(value, true))
            }
            Self::Method(methods) => methods.contains(&asked.method),
            Self::Query(pairs) => pairs.iter().any(|(key, value)| {
                asked.query.iter().any(|(asked_key, asked_value)| {
                    key.as_ref().is_none_or(|key| matches_in_any_case(key, asked_key))
                        && matches_in_any_case(value, asked_value.as_deref().unwrap_or_default())
                })
            }),
            Self::SourceIp(networks) => networks.iter().any(|(network, length)| {
                let bits = |address: &IpAddr| -> Vec<bool> {
                    let octets = match address {
                        IpAddr::V4(address) => address.octets().to_vec(),
                        IpAddr::V6(address) => address.octets().to_vec(),
                    };
                    octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1)).collect()
                };
                let (network, client) = (bits(network), bits(&asked.client));
                let length = usize::from(*length);
                network.len() == client.len() && network[..length] == client[..length]
            }),
        }
    }

    fn written(&self) -> Condition {
        match self {
            Self::Host(values) => Condition::HostHeader(values.written()),
            Self::Path(values) => Condition::PathPattern(values.written()),
            Self::Header(name, values) => Condition::HttpHeader { name: name.clone(), values: values.written() },
            Self::Method(methods) => Condition::HttpRequestMethod(methods.clone()),
            Self::Query(pairs) => {
                let write = |pattern: &Pattern| written(pattern, "*?\\");
                let pair = |(key, value): &(Option<Pattern>, Pattern)| QueryStringPair {
                    key: key.as_ref().map(write),
                    value: write(value),
                };
                Condition::QueryString(pairs.iter().map(pair).collect())
            }
            Self::SourceIp(networks) => {
                let network = |(address, length): &(IpAddr, u8)| IpNet::new(*address, *length).unwrap();
                Condition::SourceIp(networks.iter().map(network).collect())
            }
        }
    }
}

fn pattern(characters: &'static str) -> impl Strategy<Value = Pattern> {
    let itself = characters.chars().map(Sign::Itself).collect::<Vec<_>>();
    vec(prop_oneof![3 => proptest::sample::select(itself), 1 => Just(Sign::OneOfAny), 1 => Just(Sign::AnyNumber)], 0..6)
}

fn values(characters: &'static str, literal: &'static str) -> impl Strategy<Value = Values> {
    prop_oneof![
        vec(pattern(characters), 1..3).prop_map(Values::Patterns),
        vec((literal, any::<bool>()), 1..3).prop_map(Values::Regexes),
    ]
}

/// Addresses that are close to each other.
fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..4u8, 0..4u8).prop_map(|(third, last)| Ipv4Addr::new(192, 0, third, last).into()),
        (0..4u16, 0..4u16).prop_map(|(third, last)| Ipv6Addr::new(0x2001, 0xdb8, third, 0, 0, 0, 0, last).into()),
    ]
}

fn network() -> impl Strategy<Value = (IpAddr, u8)> {
    (address(), 0..=128u8).prop_map(|(address, length)| (address, if address.is_ipv4() { length % 33 } else { length }))
}

fn wanted() -> impl Strategy<Value = Wanted> {
    prop_oneof![
        values("aAb.", "[aAb.]{0,3}").prop_map(Wanted::Host),
        values("aAb/", "[aAb/]{0,3}").prop_map(Wanted::Path),
        ("[xXyY]", values("aAb\\", "[aAb\\\\]{0,3}")).prop_map(|(name, values)| Wanted::Header(name, values)),
        vec("[aAB]{1,2}", 1..3).prop_map(Wanted::Method),
        vec((option::of(pattern("aA*?\\")), pattern("aA*?\\")), 1..3).prop_map(Wanted::Query),
        vec(network(), 1..3).prop_map(Wanted::SourceIp),
    ]
}

prop_compose! {
    fn asked()(
        method in "[aAB]{1,2}",
        host in "[aAb.]{1,4}",
        path in "/[aAb/]{0,4}",
        query in vec(("[aA*?\\\\]{1,2}", option::of("[aA*?\\\\\x01]{0,3}")), 0..3),
        headers in vec(("[xXyY]", "[aAb\\\\\t\x7f]{0,4}"), 0..4),
        client in address(),
    ) -> Asked {
        Asked { method, host, path, query, headers, client }
    }
}

impl Asked {
    /// The request, as conditions see it.
    fn compared<T>(&self, port: bool, compare: impl FnOnce(&NormalizedRequest<'_>) -> T) -> T {
        let mut fields = FieldList::default();
        let host = format!("{}{}", self.host, if port { ":8443" } else { "" });
        fields.push(b"Host", host.as_bytes());
        for (name, value) in &self.headers {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        let pair = |(key, value): &(String, Option<String>)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.clone(),
        };
        let query = self.query.iter().map(pair).collect::<Vec<_>>().join("&");
        let facts = RequestFacts {
            method: self.method.as_bytes(),
            authority: None,
            path: self.path.as_bytes(),
            query: (!self.query.is_empty()).then_some(query.as_bytes()),
            fields: fields.fields(),
            client: (self.client, 50_000).into(),
        };
        compare(&NormalizedRequest::new(&facts))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn conditions_agree_with_the_guide(wanted in wanted(), asked in asked(), port in any::<bool>()) {
        let condition = CompiledCondition::new(&wanted.written());
        let matches = asked.compared(port, |request| condition.matches(request));
        prop_assert_eq!(matches, wanted.satisfied(&asked));
    }
}

proptest! {
    /// Rules with any conditions, possibly one without; the sequential walk is the definition.
    #[test]
    fn the_index_finds_the_rule_that_a_walk_finds(
        rules in vec(vec(wanted(), 1..4), 0..24),
        default in any::<bool>(),
        asked in vec(asked(), 1..8),
    ) {
        let compile = |rule: &Vec<Wanted>| -> Vec<CompiledCondition> {
            rule.iter().map(|wanted| CompiledCondition::new(&wanted.written())).collect()
        };
        let mut rules: Vec<_> = rules.iter().map(compile).collect();
        if default {
            rules.push(Vec::new());
        }
        let index = Index::new(rules.iter().map(|rule| rule.iter().map(CompiledCondition::anchors).collect()));
        for asked in asked {
            let (found, walked) = asked.compared(true, |request| {
                let matches = |rule: &Vec<CompiledCondition>| rule.iter().all(|condition| condition.matches(request));
                (index.first(request.shown(), |rule| matches(&rules[rule])), rules.iter().position(matches))
            });
            prop_assert_eq!(found, walked);
        }
    }
}

/// The purpose of the index: a request looks at a few of ten thousand rules that differ in path or host.
#[test]
fn a_request_looks_at_few_of_many_rules() {
    let patterns = |value: String| Patterns::Wildcards(vec![value]);
    let rules: Vec<Vec<CompiledCondition>> = (0..10_000)
        .map(|number| {
            let conditions = match number % 4 {
                0 => vec![Condition::PathPattern(patterns(format!("/{number}/*")))],
                1 => vec![Condition::HostHeader(patterns(format!("*.T{number}.example.com")))],
                2 => vec![
                    Condition::HostHeader(patterns("app.example.com".to_owned())),
                    Condition::PathPattern(patterns(format!("*/{number}.html"))),
                    Condition::HttpRequestMethod(vec!["GET".to_owned()]),
                ],
                _ => vec![
                    Condition::PathPattern(patterns("/api/*".to_owned())),
                    Condition::HostHeader(patterns(format!("tenant-{number}.*"))),
                ],
            };
            conditions.iter().map(CompiledCondition::new).collect()
        })
        .collect();
    let index = Index::new(rules.iter().map(|rule| rule.iter().map(CompiledCondition::anchors).collect()));
    for (host, path, expected) in [
        ("app.example.com", "/9996/x", Some(9996)),
        ("a.t9997.example.com", "/", Some(9997)),
        ("app.example.com", "/x/9998.html", Some(9998)),
        ("tenant-9999.example.com", "/api/x", Some(9999)),
        ("app.example.com", "/api/nothing", None),
    ] {
        let (method, host, path) = ("GET".to_owned(), host.to_owned(), path.to_owned());
        let client = Ipv4Addr::LOCALHOST.into();
        let asked = Asked { method, host, path, query: Vec::new(), headers: Vec::new(), client };
        let looked_at = std::cell::Cell::new(0);
        let found = asked.compared(false, |request| {
            index.first(request.shown(), |rule| {
                looked_at.set(looked_at.get() + 1);
                rules[rule].iter().all(|condition| condition.matches(request))
            })
        });
        assert_eq!(found, expected);
        assert!(looked_at.get() <= 4, "{} rules looked at for {}", looked_at.get(), asked.path);
    }
}
