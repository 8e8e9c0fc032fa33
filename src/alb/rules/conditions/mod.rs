//! The six conditions, prepared for comparison (ALB user guide, "Condition types for listener rules").
//!
//! One evaluation serves both the request path and `explain`: the compared value explains the verdict.

use std::borrow::Cow;
use std::net::IpAddr;

use super::beginnings::Text;
use super::index::Anchors;
use super::normal_path;
use super::pattern::{Case, Escapes, Glob, Matcher, visible};
use crate::request::facts::RequestFacts;
use neargate_model::rule::Condition;

/// A compiled condition with its source.
#[derive(Debug)]
pub(crate) struct CompiledCondition {
    test: Test,
    source: Condition,
}

#[derive(Debug)]
enum Test {
    Host(Matcher),
    Path(Matcher),
    Header(Matcher),
    Method,
    Query(Vec<QueryTest>),
    SourceIp,
}

#[derive(Debug)]
struct QueryTest {
    key: Option<Glob>,
    value: Glob,
}

/// The places in a request where a condition's text can be, for [`Index`](super::index::Index).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Method,
    HostBegins,
    HostEnds,
    PathBegins,
    PathEnds,
}

/// The normalized values of a request that rules compare, computed once.
pub(crate) struct NormalizedRequest<'a> {
    facts: &'a RequestFacts<'a>,
    host: Cow<'a, [u8]>,
    path: Cow<'a, [u8]>,
    client: IpAddr,
}

impl<'a> NormalizedRequest<'a> {
    pub(crate) fn new(facts: &'a RequestFacts<'a>) -> Self {
        let path = match normal_path::normal(facts.path) {
            Cow::Borrowed(path) => visible(path),
            Cow::Owned(path) => Cow::Owned(visible(&path).into_owned()),
        };
        Self { facts, host: visible(facts.host()), path, client: facts.client.ip().to_canonical() }
    }
}

impl NormalizedRequest<'_> {
    pub(crate) fn host(&self) -> &[u8] {
        &self.host
    }

    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The text at each place.
    pub(crate) fn shown(&self) -> [(Place, Text<'_>); 5] {
        let (host, path) = (Text::forwards(&self.host).lower_case(), Text::forwards(&self.path));
        [
            (Place::Method, Text::forwards(self.facts.method)),
            (Place::HostBegins, host),
            (Place::HostEnds, host.backwards()),
            (Place::PathBegins, path),
            (Place::PathEnds, path.backwards()),
        ]
    }
}

impl CompiledCondition {
    pub(crate) fn new(condition: &Condition) -> Self {
        let query_glob = |text: &str| Glob::new(text, Case::Insensitive, Escapes::Backslash);
        let test = match condition {
            Condition::HostHeader(patterns) => Test::Host(Matcher::new(patterns, Case::Insensitive)),
            Condition::PathPattern(patterns) => Test::Path(Matcher::new(patterns, Case::Sensitive)),
            Condition::HttpHeader { values, .. } => Test::Header(Matcher::new(values, Case::Insensitive)),
            Condition::HttpRequestMethod(_) => Test::Method,
            Condition::QueryString(pairs) => Test::Query(
                pairs
                    .iter()
                    .map(|pair| QueryTest { key: pair.key.as_deref().map(query_glob), value: query_glob(&pair.value) })
                    .collect(),
            ),
            Condition::SourceIp(_) => Test::SourceIp,
        };
        Self { test, source: condition.clone() }
    }

    /// Required prefix of the path; `None` if this is not a path condition.
    pub(crate) fn path_beginning(&self) -> Option<Vec<u8>> {
        if let Test::Path(matcher) = &self.test { Some(matcher.beginning()) } else { None }
    }

    /// Required prefix of the host, in lower case; `None` if this is not a host condition.
    pub(crate) fn host_beginning(&self) -> Option<Vec<u8>> {
        if let Test::Host(matcher) = &self.test { Some(matcher.beginning()) } else { None }
    }

    /// For each value, the texts that a matching request must have, and where.
    pub(crate) fn anchors(&self) -> Anchors<Place> {
        let of_ends = |matcher: &Matcher, begins: Place, ends: Place| {
            let anchors = |(beginning, ending)| {
                let both = [(begins, beginning), (ends, ending)];
                both.into_iter().filter(|(_, text): &(_, Vec<u8>)| !text.is_empty()).collect()
            };
            matcher.ends().into_iter().map(anchors).collect()
        };
        match (&self.test, &self.source) {
            (Test::Host(matcher), _) => of_ends(matcher, Place::HostBegins, Place::HostEnds),
            (Test::Path(matcher), _) => of_ends(matcher, Place::PathBegins, Place::PathEnds),
            (Test::Method, Condition::HttpRequestMethod(methods)) => {
                methods.iter().map(|method| vec![(Place::Method, method.clone().into_bytes())]).collect()
            }
            _ => Anchors::new(),
        }
    }

    pub(crate) fn matches(&self, request: &NormalizedRequest<'_>) -> bool {
        match (&self.test, &self.source) {
            (Test::Host(matcher), _) => matcher.matches(&request.host),
            (Test::Path(matcher), _) => matcher.matches(&request.path),
            // A repeated header: each occurrence is tried in order.
            (Test::Header(matcher), Condition::HttpHeader { name, .. }) => {
                request.facts.fields.named(name.as_bytes()).any(|value| matcher.matches(&visible(value)))
            }
            (Test::Method, Condition::HttpRequestMethod(methods)) => {
                methods.iter().any(|method| method.as_bytes() == request.facts.method)
            }
            (Test::Query(tests), _) => query_pairs(request.facts.query).any(|(key, value)| {
                let (key, value) = (visible(key), visible(value));
                tests.iter().any(|test| test.key.as_ref().is_none_or(|k| k.matches(&key)) && test.value.matches(&value))
            }),
            (Test::SourceIp, Condition::SourceIp(networks)) => networks.iter().any(|net| net.contains(&request.client)),
            // `new` pairs each test with the same kind of condition.
            _ => false,
        }
    }

    /// The header that it looks at, if it is a condition on headers.
    pub(crate) fn header(&self) -> Option<&str> {
        if let Condition::HttpHeader { name, .. } = &self.source { Some(name) } else { None }
    }

    /// `Field` of the API.
    pub(crate) fn field(&self) -> &'static str {
        self.source.field()
    }

    /// The values of the condition, formatted for people.
    pub(crate) fn expected(&self) -> Vec<String> {
        self.source.texts()
    }

    /// The request's value that they were compared with, formatted for people; `None` if the request has none.
    pub(crate) fn actual(&self, request: &NormalizedRequest<'_>) -> Option<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match &self.source {
            Condition::HostHeader(_) => Some(text(&request.host)).filter(|host| !host.is_empty()),
            Condition::PathPattern(_) => Some(text(&request.path)),
            Condition::HttpHeader { name, .. } => {
                let values: Vec<_> = request.facts.fields.named(name.as_bytes()).map(text).collect();
                (!values.is_empty()).then(|| values.join(" | "))
            }
            Condition::HttpRequestMethod(_) => Some(text(request.facts.method)),
            Condition::QueryString(_) => request.facts.query.map(text),
            Condition::SourceIp(_) => Some(request.client.to_string()),
        }
    }
}

/// The `key=value` pairs of a query string, not decoded; a part without `=` is a key with an empty value.
fn query_pairs(query: Option<&[u8]>) -> impl Iterator<Item = (&[u8], &[u8])> {
    let parts = query.unwrap_or_default().split(|&byte| byte == b'&').filter(|part| !part.is_empty());
    parts.map(|part| match part.iter().position(|&byte| byte == b'=') {
        Some(equals) => (&part[..equals], &part[equals + 1..]),
        None => (part, &part[part.len()..]),
    })
}

#[cfg(test)]
mod tests;
