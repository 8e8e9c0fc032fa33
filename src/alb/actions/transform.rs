//! Rewriting host and URL before a request is forwarded (ALB user guide, "Transforms for listener rules").
//!
//! A rule has at most one transform of each type. Its conditions are compared with the original request; only the
//! target sees the result. No match leaves the request unchanged; a match with an unusable result is a 500.

use regex::bytes::{Captures, Regex};

use crate::request::facts::RequestFacts;
use crate::rules::expression;
use crate::rules::expression::Refused;
use crate::violation::Violation;
use neargate_model::rule::{Rewrite, Transforms};

/// How many digits after `$` count as a group's number. More than nine groups cannot be referred to.
const GROUP_DIGITS: usize = 1;
/// A rewritten URL must be no longer than a request line may be.
const LONGEST_RESULT: usize = 16 * 1024 - 1;
/// The longest expression and the longest replacement, in characters (ELBv2 API reference, RewriteConfig).
pub const LONGEST: usize = 1024;

/// Compiled size above which a pattern is `TransformCompileTooBig`; AWS does not publish its own limit.
const LARGEST_PROGRAM: usize = 1 << 20;

/// `request_transform_status` of access logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransformStatus {
    /// `TransformSuccess`
    Success,
    /// `TransformBufferTooSmall`
    BufferTooSmall,
    /// `TransformCompileTooBig`
    CompileTooBig,
    /// `TransformRegexSyntaxError`
    RegexSyntaxError,
    /// `TransformInvalidHost`
    InvalidHost,
    /// `TransformInvalidPath`
    InvalidPath,
    /// `TransformReplaceError`
    ReplaceError,
}

impl TransformStatus {
    /// As access logs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "TransformSuccess",
            Self::BufferTooSmall => "TransformBufferTooSmall",
            Self::CompileTooBig => "TransformCompileTooBig",
            Self::RegexSyntaxError => "TransformRegexSyntaxError",
            Self::InvalidHost => "TransformInvalidHost",
            Self::InvalidPath => "TransformInvalidPath",
            Self::ReplaceError => "TransformReplaceError",
        }
    }
}

/// The result of rewriting a request. A part that no pattern matched is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transformed {
    /// Host, without a port.
    pub host: Option<Vec<u8>>,
    /// Path and query.
    pub uri: Option<Vec<u8>>,
}

impl Transformed {
    /// The request as the target will see it.
    pub fn facts<'a>(&'a self, original: &RequestFacts<'a>) -> RequestFacts<'a> {
        let mut facts = *original;
        if let Some(host) = &self.host {
            facts.authority = Some(host);
        }
        if let Some(uri) = &self.uri {
            let question = memchr::memchr(b'?', uri);
            facts.path = &uri[..question.unwrap_or(uri.len())];
            facts.query = question.map(|question| &uri[question + 1..]);
        }
        facts
    }
}

/// The transforms of a rule, ready to be applied.
#[derive(Debug)]
pub struct CompiledTransforms {
    host: Option<CompiledRewrite>,
    url: Option<CompiledRewrite>,
}

#[derive(Debug)]
struct CompiledRewrite {
    /// Configuration refuses a pattern that cannot be compiled. If one gets this far anyway, requests fail as on AWS.
    regex: Result<Regex, TransformStatus>,
    replacement: Vec<Piece>,
}

/// A part of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

impl CompiledTransforms {
    /// Compiles the transforms of a rule; `None` if it has none.
    pub fn new(transforms: &Transforms) -> Option<Self> {
        if transforms.host_header.is_none() && transforms.url.is_none() {
            return None;
        }
        let compile = |rewrite: &Option<Rewrite>| rewrite.as_ref().map(CompiledRewrite::new);
        Some(Self { host: compile(&transforms.host_header), url: compile(&transforms.url) })
    }

    /// Rewrites a request.
    pub fn apply(&self, facts: &RequestFacts<'_>) -> Result<Transformed, TransformStatus> {
        let host = match &self.host {
            Some(rewrite) => rewrite.apply(facts.host())?,
            None => None,
        };
        if host.as_deref().is_some_and(|host| !is_valid_host(host)) {
            return Err(TransformStatus::InvalidHost);
        }
        let uri = match &self.url {
            Some(rewrite) => rewrite.apply(&uri(facts))?,
            None => None,
        };
        if uri.as_deref().is_some_and(|uri| !is_valid_uri(uri)) {
            return Err(TransformStatus::InvalidPath);
        }
        Ok(Transformed { host, uri })
    }
}

/// The text that the pattern of a URL rewrite is compared with: path and query. So `^/dp/(.+)$` captures the query in
/// `$1`, and a replacement without a query drops the original's.
fn uri(facts: &RequestFacts<'_>) -> Vec<u8> {
    facts.query.map_or_else(|| facts.path.to_vec(), |query| [facts.path, b"?", query].concat())
}

impl CompiledRewrite {
    fn new(rewrite: &Rewrite) -> Self {
        Self { regex: compile(&rewrite.regex), replacement: pieces(&rewrite.replace) }
    }

    fn apply(&self, text: &[u8]) -> Result<Option<Vec<u8>>, TransformStatus> {
        let regex = self.regex.as_ref().map_err(|&status| status)?;
        // Only the first match.
        let captures = regex.captures(text);
        let (mut out, mut done) = (Vec::new(), 0);
        if let Some(captures) = &captures {
            let whole = captures.get(0).ok_or(TransformStatus::ReplaceError)?;
            out.extend_from_slice(&text[..whole.start()]);
            self.expand(captures, &mut out)?;
            done = whole.end();
        }
        out.extend_from_slice(&text[done..]);
        if out.len() > LONGEST_RESULT {
            return Err(TransformStatus::BufferTooSmall);
        }
        Ok(captures.is_some().then_some(out))
    }

    fn expand(&self, captures: &Captures<'_>, out: &mut Vec<u8>) -> Result<(), TransformStatus> {
        for piece in &self.replacement {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Group(group) if *group >= captures.len() => return Err(TransformStatus::ReplaceError),
                // A group that took no part in the match is empty.
                Piece::Group(group) => out.extend_from_slice(captures.get(*group).map_or(b"", |text| text.as_bytes())),
            }
        }
        Ok(())
    }
}

fn compile(pattern: &str) -> Result<Regex, TransformStatus> {
    expression::compile(pattern, false, LARGEST_PROGRAM).map_err(|refused| match refused {
        Refused::TooBig => TransformStatus::CompileTooBig,
        Refused::Syntax(_) => TransformStatus::RegexSyntaxError,
    })
}

/// Judges the transforms of a rule.
pub fn judge(transforms: &Transforms) -> Vec<Violation> {
    [&transforms.host_header, &transforms.url].into_iter().flatten().flat_map(rewrite).collect()
}

/// Judges one rewrite. A replacement may refer to a group that the expression does not have: each request that matches
/// is then answered with 500.
pub fn rewrite(rewrite: &Rewrite) -> Vec<Violation> {
    let mut found = Vec::new();
    if rewrite.regex.chars().count() > LONGEST {
        found.push(Violation::RewriteRegexTooLong { most: LONGEST });
    }
    if rewrite.replace.chars().count() > LONGEST {
        found.push(Violation::RewriteReplaceTooLong { most: LONGEST });
    }
    if let Err(status) = compile(&rewrite.regex) {
        found.push(Violation::InvalidRewriteRegex { regex: rewrite.regex.clone(), status: status.name() });
    }
    found
}

/// What is known of a rewrite before any request: how many groups its expression has, and the highest group that its
/// replacement refers to.
pub fn check_rewrite(rewrite: &Rewrite) -> Result<Groups, TransformStatus> {
    let groups = pieces(&rewrite.replace).into_iter().filter_map(|piece| match piece {
        Piece::Group(group) => Some(group),
        Piece::Text(_) => None,
    });
    Ok(Groups { there_are: compile(&rewrite.regex)?.captures_len() - 1, asked_for: groups.max().unwrap_or(0) })
}

/// Groups of a rewrite; 0 is the whole match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// The highest in the expression.
    pub there_are: usize,
    /// The highest in the replacement.
    pub asked_for: usize,
}

/// Splits a replacement at its `$1`. A `$` without a digit stands for itself.
fn pieces(replacement: &str) -> Vec<Piece> {
    let bytes = replacement.as_bytes();
    let (mut pieces, mut text, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = bytes[at + 1..].iter().take(GROUP_DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
        if bytes[at] == b'$' && digits > 0 {
            pieces.extend((!text.is_empty()).then(|| Piece::Text(std::mem::take(&mut text))));
            let number =
                bytes[at + 1..at + 1 + digits].iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
            pieces.push(Piece::Group(number));
            at += 1 + digits;
        } else {
            text.push(bytes[at]);
            at += 1;
        }
    }
    pieces.extend((!text.is_empty()).then_some(Piece::Text(text)));
    pieces
}

/// Whether the text may be the value of `Host`, without a port.
fn is_valid_host(host: &[u8]) -> bool {
    !host.is_empty() && host.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// Whether the text may be the target of a request line.
fn is_valid_uri(uri: &[u8]) -> bool {
    uri.starts_with(b"/") && uri.iter().all(|&byte| byte > b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;
    use neargate_http1::fields::FieldList;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        host_header_rewrite: Option<(String, String)>,
        url_rewrite: Option<(String, String)>,
        /// Of the request.
        #[serde(default)]
        host: String,
        #[serde(default = "root")]
        url: String,
        /// Of the result; absent if it is unchanged.
        transformed_host: Option<String>,
        transformed_url: Option<String>,
        #[serde(default = "success")]
        status: String,
    }

    fn root() -> String {
        "/".into()
    }

    fn success() -> String {
        "TransformSuccess".into()
    }

    fn check(case: Case) {
        let rewrite = |pair: Option<(String, String)>| pair.map(|(regex, replace)| Rewrite { regex, replace });
        let transforms = Transforms { host_header: rewrite(case.host_header_rewrite), url: rewrite(case.url_rewrite) };
        let fields: FieldList = [("Host", case.host.as_str())].into_iter().collect();
        let (path, query) = case.url.split_once('?').map_or((&case.url[..], None), |(path, query)| (path, Some(query)));
        let facts = RequestFacts {
            method: b"GET",
            authority: None,
            path: path.as_bytes(),
            query: query.map(str::as_bytes),
            fields: fields.fields(),
            client: ([192, 0, 2, 1], 1).into(),
        };
        let result = CompiledTransforms::new(&transforms).unwrap().apply(&facts);
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
        let status = result.as_ref().map_or_else(|status| status.name(), |_| TransformStatus::Success.name());
        assert_eq!(status, case.status, "{} ({})", case.name, case.source);
        let Transformed { host, uri } = result.unwrap_or_default();
        assert_eq!(
            (text(host), text(uri)),
            (case.transformed_host, case.transformed_url),
            "{} ({})",
            case.name,
            case.source
        );
    }

    #[test]
    fn requests_are_rewritten_as_in_the_fixtures() {
        fixture::each("alb/transforms", check);
    }

    #[test]
    fn what_the_target_sees_is_the_rewritten_request() {
        let fields: FieldList = [("Host", "a.com:80")].into_iter().collect();
        let original = RequestFacts {
            method: b"GET",
            authority: None,
            path: b"/old",
            query: Some(b"q"),
            fields: fields.fields(),
            client: ([192, 0, 2, 1], 1).into(),
        };
        let transformed = Transformed { host: Some(b"b.com".to_vec()), uri: Some(b"/new?x=1?2".to_vec()) };
        let facts = transformed.facts(&original);
        assert_eq!((facts.host(), facts.path, facts.query), (&b"b.com"[..], &b"/new"[..], Some(&b"x=1?2"[..])));
    }
}
