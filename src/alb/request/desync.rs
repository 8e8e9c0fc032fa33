//! Desync mitigation: how dangerous the form of a request is, and what the load balancer does about it
//! (ALB user guide, "Desync mitigation mode" and "Classification reasons").
//!
//! ```text
//!  raw head ──> plain? ──yes──────────────────────────────> Compliant
//!                 └──no──> AWS's own classifier, one more rule ──> tier and reason ──(mode)──> pass, close or block
//! ```
//!
//! The classifier is `http_desync_guardian`, the library that an ALB uses according to the user guide. Nearly all heads
//! are ordinary and are recognised from the parsed fields; a property test (`alb/request/properties.rs`) compares that
//! with the library's verdict. It takes 1,200 of a small request's 33,000 instructions; splitting the head a second
//! time took 3,300.
//!
//! HTTP/2 frames are unambiguous, but their content is written as HTTP/1 for the target, and that may be ambiguous. A
//! request over HTTP/2 is therefore classified as the HTTP/1 request that it becomes. The guide is silent on this; the
//! library's documentation recommends it ("should be analyzed" when downgraded). neargate itself chooses how the body
//! is delimited, so that does not count against the request.

use std::borrow::Cow;

use http_desync_guardian::http_token_utils::{CL, TE, TokenSimilarity, determine_similarity};
use http_desync_guardian::request_analyzer::HttpRequestData;
use http_desync_guardian::{ClassificationReason, RequestSafetyTier};

use super::facts::RequestFacts;
use neargate_http1::fields::{Field, FieldKind, Fields};
use neargate_http1::message;
use neargate_model::listener::DesyncMode;

/// How far a request departs from RFC 7230.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Not compliant, but no known risk.
    Acceptable,
    /// Servers and proxies could interpret it differently.
    Ambiguous,
    /// High risk.
    Severe,
}

impl Tier {
    /// As written in access logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acceptable => "Acceptable",
            Self::Ambiguous => "Ambiguous",
            Self::Severe => "Severe",
        }
    }
}

/// The classification of a request that does not comply. A compliant request has none: logs show `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// Its severity.
    pub tier: Tier,
    /// `classification_reason` of access logs.
    pub reason: Cow<'static, str>,
}

/// What the form of a request leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// No consequence.
    #[default]
    Pass,
    /// It is forwarded, and afterwards the connections to both client and target are closed, so that anything hidden in
    /// it has no effect.
    PassAndClose,
    /// 400, and the client's connection is closed.
    Block,
}

/// A classification together with its consequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// `None`: compliant, or not HTTP/1.
    pub classification: Option<Classification>,
    /// Depends on the load balancer's mode.
    pub verdict: Verdict,
}

/// Classifies a complete raw head, from the request line through the empty line. `fields` are the fields parsed from
/// it, or only some of them if it could not be parsed to its end.
pub fn judge(head: &[u8], fields: Fields<'_>, mode: DesyncMode) -> Assessment {
    if is_plain(head, fields) { Assessment::default() } else { judge_by_classifier(head, mode) }
}

fn judge_by_classifier(head: &[u8], mode: DesyncMode) -> Assessment {
    let classification = classify(head);
    let verdict = classification.as_ref().map_or(Verdict::Pass, |found| verdict(found.tier, mode));
    Assessment { classification, verdict }
}

/// Classifies an HTTP/2 request.
pub fn judge_http2(facts: &RequestFacts<'_>, mode: DesyncMode) -> Assessment {
    if is_plain_http2(facts) { Assessment::default() } else { judge_by_classifier(&as_http1(facts), mode) }
}

/// The guide's table.
fn verdict(tier: Tier, mode: DesyncMode) -> Verdict {
    match (mode, tier) {
        (DesyncMode::Monitor, _) | (DesyncMode::Defensive, Tier::Acceptable) => Verdict::Pass,
        (DesyncMode::Defensive, Tier::Ambiguous) => Verdict::PassAndClose,
        (DesyncMode::Defensive, Tier::Severe) | (DesyncMode::Strictest, _) => Verdict::Block,
    }
}

/// Classifies a head. `None` if it is compliant.
pub fn classify(head: &[u8]) -> Option<Classification> {
    let result = HttpRequestData::analyze_raw_request(head);
    let tier = match result.tier {
        RequestSafetyTier::Compliant => return None,
        RequestSafetyTier::Acceptable => Tier::Acceptable,
        RequestSafetyTier::Ambiguous => Tier::Ambiguous,
        RequestSafetyTier::Severe => Tier::Severe,
    };
    // In the guide's list of reasons, but not in the published library.
    if tier < Tier::Severe && has_suspicious_te_and_cl(head) {
        return Some(Classification { tier: Tier::Severe, reason: "SuspiciousTeClPresent".into() });
    }
    Some(Classification { tier, reason: name(result.reason) })
}

/// The variants are spelled as in access logs.
fn name(reason: ClassificationReason) -> Cow<'static, str> {
    match reason {
        ClassificationReason::SuspiciousHeader => "SuspiciousHeader".into(),
        ClassificationReason::UndefinedContentLengthSemantics => "UndefinedContentLengthSemantics".into(),
        ClassificationReason::GetHeadZeroContentLength => "GetHeadZeroContentLength".into(),
        ClassificationReason::BothTeClPresent => "BothTeClPresent".into(),
        ClassificationReason::NonCompliantHeader => "NonCompliantHeader".into(),
        other => format!("{other:?}").into(),
    }
}

/// Transfer-Encoding and Content-Length are both present, and at least one of them only in disguise.
fn has_suspicious_te_and_cl(head: &[u8]) -> bool {
    let (mut lengths, mut codings, mut suspicious) = (false, false, false);
    for line in head.split(|&byte| byte == b'\n').skip(1) {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        for (header, seen) in [(TE, &mut codings), (CL, &mut lengths)] {
            match determine_similarity(header, &line[..colon]) {
                TokenSimilarity::Identical => *seen = true,
                TokenSimilarity::SameLetters => (*seen, suspicious) = (true, true),
                TokenSimilarity::Distant => {}
            }
        }
    }
    lengths && codings && suspicious
}

/// Whether a head is so ordinary that the classifier is sure to find it compliant. A wrong `false` only costs time.
pub fn is_plain(head: &[u8], fields: Fields<'_>) -> bool {
    let Some(line_end) = memchr::memchr(b'\n', head) else { return false };
    let Some(line) = head[..line_end].strip_suffix(b"\r") else { return false };
    let Some(may_have_length) = is_plain_request_line(line) else { return false };
    let mut lengths = 0;
    let mut is_plain = |field: Field<'_>| {
        lengths += usize::from(field.kind == FieldKind::ContentLength);
        is_plain_field(field)
    };
    fields.fill_lines(line_end + 1)
        && !message::has_odd_byte(head)
        && fields.iter().all(&mut is_plain)
        && lengths <= usize::from(may_have_length)
}

/// The same for an HTTP/2 request.
fn is_plain_http2(facts: &RequestFacts<'_>) -> bool {
    let is_plain_byte = |byte: &u8| byte.is_ascii_graphic();
    let target_is_plain = facts.path.iter().chain(facts.query.unwrap_or_default()).all(is_plain_byte);
    let may_have_length = !matches!(facts.method, b"GET" | b"HEAD");
    let mut lengths = 0;
    let mut is_plain = |field: Field<'_>| {
        let is_length = field.name == CL;
        lengths += usize::from(is_length);
        let is_digits = !field.value.is_empty() && field.value.len() < 19 && field.value.iter().all(u8::is_ascii_digit);
        let starts_well = field.name.first().is_some_and(u8::is_ascii_alphanumeric) && message::is_token(field.name);
        if is_length { is_digits } else { starts_well && !resembles(field.name) && !has_control(field.value) }
    };
    message::is_method(facts.method)
        && target_is_plain
        && !has_control(facts.authority.unwrap_or_default())
        && facts.fields.iter().all(&mut is_plain)
        && lengths <= usize::from(may_have_length)
}

fn has_control(value: &[u8]) -> bool {
    value.iter().fold(false, |odd, &byte| odd | (byte < b' ') | (byte == 0x7f))
}

/// The head that a target would get if nothing were rewritten.
fn as_http1(facts: &RequestFacts<'_>) -> Vec<u8> {
    let query = facts.query.map_or(Vec::new(), |query| [b"?", query].concat());
    let mut head = [facts.method, b" ", facts.path, &query, b" HTTP/1.1\r\n"].concat();
    if let Some(authority) = facts.authority {
        head.extend_from_slice(&[b"Host: ", authority, b"\r\n"].concat());
    }
    for Field { name, value, .. } in facts.fields.iter() {
        head.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// For an ordinary request line, whether its method may have a length.
fn is_plain_request_line(line: &[u8]) -> Option<bool> {
    let (method, rest) = line.split_at(memchr::memchr(b' ', line)?);
    let uri = rest.strip_suffix(b" HTTP/1.1")?.strip_prefix(b" ")?;
    let plain = method.iter().all(u8::is_ascii_uppercase) && !method.is_empty();
    let plain = plain && !uri.is_empty() && memchr::memchr(b' ', uri).is_none();
    plain.then_some(method != b"GET" && method != b"HEAD")
}

fn is_plain_field(field: Field<'_>) -> bool {
    let Field { kind, name, value } = field;
    if kind == FieldKind::ContentLength {
        return !value.is_empty() && value.len() < 19 && value.iter().all(u8::is_ascii_digit);
    }
    name[0].is_ascii_alphanumeric() && message::is_token(name) && !resembles(name)
}

/// Whether a name could be mistaken for a length or coding: only those that begin like these two and have the same
/// length could.
fn resembles(name: &[u8]) -> bool {
    match name[0].to_ascii_lowercase() {
        b'c' => name.len() > 12 && matches!(name[1], b'o' | b'O') | !name[1].is_ascii_alphanumeric(),
        b't' => name.len() > 15,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;
    use neargate_http1::fields::FieldList;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        /// Line ends are written as they are; the empty line at the end is added. `HTTP/2.0` in the first line marks an
        /// HTTP/2 request.
        head: String,
        /// `Tier Reason`, or `Compliant`.
        classification: String,
    }

    #[test]
    fn requests_are_classified_as_in_the_fixtures() {
        fixture::each("alb/desync", |case: Case| {
            let found = match case.head.split_once(" HTTP/2.0\r\n") {
                Some((line, fields)) => classify_http2(line, fields),
                None => classify(format!("{}\r\n\r\n", case.head).as_bytes()),
            };
            let text = found.map_or("Compliant".to_owned(), |found| format!("{} {}", found.tier.name(), found.reason));
            assert_eq!(text, case.classification, "{} ({})", case.name, case.source);
        });
    }

    fn classify_http2(line: &str, fields: &str) -> Option<Classification> {
        let (method, path) = line.split_once(' ').unwrap();
        let list: FieldList = fields.split("\r\n").map(|field| field.split_once(": ").unwrap()).collect();
        let facts = facts_of(method, path, &list);
        judge_http2(&facts, DesyncMode::Monitor).classification
    }

    fn facts_of<'a>(method: &'a str, path: &'a str, fields: &'a FieldList) -> RequestFacts<'a> {
        RequestFacts {
            method: method.as_bytes(),
            authority: None,
            path: path.as_bytes(),
            query: None,
            fields: fields.fields(),
            client: ([127, 0, 0, 1], 1).into(),
        }
    }

    #[test]
    fn the_modes_do_what_the_table_of_the_guide_says() {
        use DesyncMode::{Defensive, Monitor, Strictest};
        let row = |tier| [Monitor, Defensive, Strictest].map(|mode| verdict(tier, mode));
        assert_eq!(row(Tier::Acceptable), [Verdict::Pass, Verdict::Pass, Verdict::Block]);
        assert_eq!(row(Tier::Ambiguous), [Verdict::Pass, Verdict::PassAndClose, Verdict::Block]);
        assert_eq!(row(Tier::Severe), [Verdict::Pass, Verdict::Block, Verdict::Block]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_looks_plain_in_http2_is_compliant_to_the_classifier(
            method in proptest::sample::select(vec!["GET", "HEAD", "POST", "x"]),
            path in "/[ -~\u{7f}é]{0,5}",
            fields in proptest::collection::vec((
                prop_oneof![
                    proptest::sample::select(vec!["content-length", "content_length", "transfer_encoding", "c-ontent-length",
                        "transferencoding", "_content-length", "te", "cookie"]).prop_map(str::to_owned),
                    "[a-z!#$_-]{1,18}",
                ],
                "[0-9]{0,3}|chunked|[ -~\t]{0,6}",
            ), 0..4),
        ) {
            let list: FieldList = fields.iter().map(|(name, value)| (name.as_str(), value.trim())).collect();
            let facts = facts_of(method, &path, &list);
            if is_plain_http2(&facts) {
                prop_assert_eq!(classify(&as_http1(&facts)), None, "{:?} {:?}", path, fields);
            }
        }

        #[test]
        fn the_classifier_survives_anything(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            let _ = classify(&bytes);
        }
    }
}
