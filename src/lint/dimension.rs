//! What a request is made of, as far as rules look at it: its host, path, method, client address, header fields and query
//! parameters. A condition says that one of these is in a set.

use std::collections::BTreeSet;

use regex_syntax::hir::Hir;

use neargate_model::rule::{Condition, Patterns, QueryStringPair};

use crate::networks::Addresses;
use crate::texts::{self, TextSet};
use crate::undecided::Undecided;

/// What a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Dimension {
    Host,
    Path,
    Method,
    SourceIp,
    /// The fields of this name, in lower case: none, one or several.
    Header(String),
    /// The `key=value` parameters: none, one or several.
    Query,
}

/// Header fields that a request has at most once (RFC 9110, section 5.3, and the fields' own sections).
const SINGLETONS: [&str; 12] = [
    "authorization",
    "content-length",
    "content-location",
    "content-type",
    "cookie",
    "date",
    "from",
    "if-modified-since",
    "if-unmodified-since",
    "max-forwards",
    "referer",
    "user-agent",
];

impl Dimension {
    pub(crate) fn from_condition(condition: &Condition) -> Self {
        match condition {
            Condition::HostHeader(_) => Self::Host,
            Condition::PathPattern(_) => Self::Path,
            Condition::HttpHeader { name, .. } => Self::Header(name.to_ascii_lowercase()),
            Condition::HttpRequestMethod(_) => Self::Method,
            Condition::QueryString(_) => Self::Query,
            Condition::SourceIp(_) => Self::SourceIp,
        }
    }

    /// How often a request has it.
    pub(crate) fn occurs(&self) -> Occurs {
        match self {
            Self::Host | Self::Path | Self::Method | Self::SourceIp => Occurs::Once,
            Self::Header(name) if SINGLETONS.contains(&name.as_str()) => Occurs::AtMostOnce,
            Self::Header(_) | Self::Query => Occurs::AnyNumber,
        }
    }

    /// The texts that can occur here, as sets that all of them are in and sets that none of them is in. Letters are in
    /// lower case where case does not matter.
    pub(crate) fn universe(&self) -> (Hir, Option<Hir>) {
        const LOWER_CASE: [(u8, u8); 2] = [(b'!', b'@'), (b'[', 0xff)];
        match self {
            // Names and addresses. A port is cut off before rules see it.
            Self::Host => {
                let label =
                    texts::repeated(texts::one_of(&[(b'a', b'z'), (b'0', b'9'), (b'-', b'-'), (b'_', b'_')]), 1);
                let further = texts::repeated(Hir::concat(vec![Hir::literal(*b"."), label.clone()]), 0);
                (Hir::concat(vec![label, further]), None)
            }
            Self::Path => {
                let visible = [(b'!', b'"'), (b'$', b'>'), (b'@', b'~'), (0x80, 0xff)];
                let path = vec![Hir::literal(*b"/"), texts::repeated(texts::one_of(&visible), 0)];
                (Hir::concat(path), texts::found_by(NOT_NORMAL, false))
            }
            Self::Header(_) => {
                let ends = texts::one_of(&LOWER_CASE_WITHOUT_DEL);
                let inner = [(b' ', b'@'), (b'[', b'~'), (0x80, 0xff)];
                let several = vec![ends.clone(), texts::repeated(texts::one_of(&inner), 0), ends.clone()];
                (Hir::alternation(vec![Hir::empty(), ends, Hir::concat(several)]), None)
            }
            Self::Query => {
                let inside = [(b'!', b'"'), (b'$', b'%'), (b'\'', b'@'), (b'[', b'~'), (0x80, 0xff)];
                (texts::repeated(texts::one_of(&inside), 1), None)
            }
            // Not texts.
            Self::Method | Self::SourceIp => (texts::repeated(texts::one_of(&LOWER_CASE), 0), None),
        }
    }
}

const LOWER_CASE_WITHOUT_DEL: [(u8, u8); 3] = [(b'!', b'@'), (b'[', b'~'), (0x80, 0xff)];

/// A path that rules never see, because it is normalized first: dot segments, percent-encoded characters that need no
/// encoding, hexadecimal digits in lower case (ALB user guide, "Path conditions"; RFC 3986, section 6.2.2).
const NOT_NORMAL: &str =
    r"/\.\.?(?:/|\z)|%(?:[0-9A-F][a-f]|[a-f][0-9A-Fa-f]|2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])";

/// How often a request has something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Occurs {
    Once,
    AtMostOnce,
    AnyNumber,
}

/// A text that can occur here and is in the first set, but not in the second.
pub(crate) fn outside(dimension: &Dimension, texts: &TextSet, others: &TextSet) -> Option<String> {
    let (all, never) = dimension.universe();
    let (all, never) = (TextSet::new(vec![all]).ok()?, TextSet::new(never.into_iter().collect()).ok()?);
    let text = texts::shortest(&[texts, &all], &[others, &never]).ok()??;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// What is in the set of a condition.
#[derive(Debug)]
pub(crate) enum Set {
    Texts(Box<TextSet>),
    Methods(BTreeSet<String>),
    Addresses(Addresses),
}

impl Set {
    fn texts(expressions: Vec<Hir>) -> Result<Self, Undecided> {
        TextSet::new(expressions).map(|texts| Self::Texts(Box::new(texts)))
    }

    pub(crate) fn new(condition: &Condition) -> Result<Self, Undecided> {
        Ok(match condition {
            Condition::HostHeader(patterns) => Self::texts(expressions(patterns, true))?,
            Condition::HttpHeader { values, .. } => Self::texts(expressions(values, true))?,
            Condition::PathPattern(patterns) => Self::texts(expressions(patterns, false))?,
            Condition::QueryString(pairs) => Self::texts(pairs.iter().flat_map(parameter).collect())?,
            Condition::HttpRequestMethod(methods) => Self::Methods(methods.iter().cloned().collect()),
            Condition::SourceIp(networks) => Self::Addresses(Addresses::new(networks)),
        })
    }
}

fn expressions(patterns: &Patterns, ignores_case: bool) -> Vec<Hir> {
    match patterns {
        Patterns::Wildcards(values) => values.iter().map(|value| wildcards(value, ignores_case)).collect(),
        Patterns::Regexes(values) => values.iter().filter_map(|value| texts::found_by(value, ignores_case)).collect(),
    }
}

fn wildcards(pattern: &str, ignores_case: bool) -> Hir {
    let any = texts::one_of(&[(0, 0xff)]);
    let token = |byte| match byte {
        b'*' => texts::anything(),
        b'?' => any.clone(),
        _ => texts::byte(byte, ignores_case),
    };
    Hir::concat(pattern.bytes().map(token).collect())
}

/// The parameters, as they stand in a query string, that a value of a `query-string` condition matches. A parameter without
/// `=` is a key with an empty value.
fn parameter(pair: &QueryStringPair) -> Vec<Hir> {
    let in_key = texts::one_of(&[(0, b'<'), (b'>', 0xff)]);
    let key = match &pair.key {
        // What has a `=` is no key.
        Some(key) if tokens(key).contains(&Token::Byte(b'=')) => return Vec::new(),
        Some(key) => of_tokens(&tokens(key), &in_key),
        None => texts::repeated(in_key, 0),
    };
    let value = tokens(&pair.value);
    let with_value =
        Hir::concat(vec![key.clone(), Hir::literal(*b"="), of_tokens(&value, &texts::one_of(&[(0, 0xff)]))]);
    let may_be_empty = value.iter().all(|token| *token == Token::Run);
    if may_be_empty { vec![with_value, key] } else { vec![with_value] }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Run,
}

/// A pattern of a query string, in which a backslash escapes.
fn tokens(pattern: &str) -> Vec<Token> {
    let mut bytes = pattern.bytes();
    let mut tokens = Vec::new();
    while let Some(byte) = bytes.next() {
        tokens.push(match byte {
            b'*' => Token::Run,
            b'?' => Token::One,
            b'\\' => Token::Byte(bytes.next().unwrap_or(b'\\')),
            _ => Token::Byte(byte),
        });
    }
    tokens
}

fn of_tokens(tokens: &[Token], any: &Hir) -> Hir {
    let token = |token: &Token| match token {
        Token::Run => texts::repeated(any.clone(), 0),
        Token::One => any.clone(),
        Token::Byte(byte) => texts::byte(*byte, true),
    };
    Hir::concat(tokens.iter().map(token).collect())
}
