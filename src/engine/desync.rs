//! Desync mitigation: how dangerous the form of a request is, and what a load balancer does about it
//! (ALB user guide, "Desync mitigation mode" and "Classification reasons").
//!
//! ```text
//!  raw head ──> plain? ──yes──────────────────────────────> Compliant
//!                 └──no──> AWS's own classifier, one more rule ──> tier and reason ──(mode)──> pass, part or block
//! ```
//!
//! The classifier is `http_desync_guardian`, the library that the user guide names as the one an ALB asks. Heads in
//! which nothing is unusual, which is nearly all of them, are recognised here, in about two thirds of its time (80 to
//! 250 ns where it takes 135 to 350); a property test holds that to the library's opinion.
//!
//! HTTP/2 frames leave nothing to be read in two ways, but what they carry is written out in HTTP/1 for the target, and
//! that can be. So a request of HTTP/2 is judged as the HTTP/1 it becomes; the guide is silent, and the library's
//! documentation asks for it ("should be analyzed" when downgraded). How its body is delimited is our own doing and
//! is not held against it.

use std::borrow::Cow;

use http_desync_guardian::http_token_utils::{CL, TE, TokenSimilarity, determine_similarity};
use http_desync_guardian::request_analyzer::HttpRequestData;
use http_desync_guardian::{ClassificationReason, RequestSafetyTier};

use super::facts::{Field, RequestFacts};
use crate::model::listener::DesyncMode;

/// Where the guide is silent: that classification comes before everything else that can refuse a request, so that a
/// request with, say, an unknown `Transfer-Encoding` is a severe one (400) and not an unsupported one (501). With
/// `false` the other refusals win and a severe request only gets its 400 if nothing else is wrong with it.
pub const CLASSIFIED_BEFORE_ANYTHING_ELSE: bool = true;

/// How far a request is from RFC 7230.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Not compliant, but no known risk.
    Acceptable,
    /// Servers and proxies could read it differently.
    Ambiguous,
    /// A high risk.
    Severe,
}

impl Tier {
    /// As access logs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Acceptable => "Acceptable",
            Self::Ambiguous => "Ambiguous",
            Self::Severe => "Severe",
        }
    }
}

/// What is to be said of a request that does not comply. A compliant one has no classification: logs show `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// How bad.
    pub tier: Tier,
    /// `classification_reason` of access logs.
    pub reason: Cow<'static, str>,
}

/// What happens to a request for its form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    #[default]
    Pass,
    /// It is forwarded, and both the client's and the target's connection are closed afterwards: whatever else was
    /// hidden in it reaches nobody.
    PassAndPart,
    /// 400, and the client's connection is closed.
    Block,
}

/// A classification together with what follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// `None`: compliant, or not HTTP/1.
    pub classification: Option<Classification>,
    /// In the load balancer's mode.
    pub verdict: Verdict,
}

/// Judges a complete raw head, from the request line through the empty line.
pub fn judge(head: &[u8], mode: DesyncMode) -> Judgement {
    let classification = classify(head);
    let verdict = classification.as_ref().map_or(Verdict::Pass, |found| verdict(found.tier, mode));
    Judgement { classification, verdict }
}

/// Judges a request of HTTP/2.
pub fn judge_http2(facts: &RequestFacts<'_>, mode: DesyncMode) -> Judgement {
    if is_plain_http2(facts) { Judgement::default() } else { judge(&as_http1(facts), mode) }
}

/// The table of the guide.
fn verdict(tier: Tier, mode: DesyncMode) -> Verdict {
    match (mode, tier) {
        (DesyncMode::Monitor, _) | (DesyncMode::Defensive, Tier::Acceptable) => Verdict::Pass,
        (DesyncMode::Defensive, Tier::Ambiguous) => Verdict::PassAndPart,
        (DesyncMode::Defensive, Tier::Severe) | (DesyncMode::Strictest, _) => Verdict::Block,
    }
}

/// Classifies a head. `None` for a compliant one.
pub fn classify(head: &[u8]) -> Option<Classification> {
    if is_plain(head) {
        return None;
    }
    let result = HttpRequestData::analyze_raw_request(head);
    let tier = match result.tier {
        RequestSafetyTier::Compliant => return None,
        RequestSafetyTier::Acceptable => Tier::Acceptable,
        RequestSafetyTier::Ambiguous => Tier::Ambiguous,
        RequestSafetyTier::Severe => Tier::Severe,
    };
    // In the guide's list of reasons and not in the published library.
    if tier < Tier::Severe && has_suspicious_te_and_cl(head) {
        return Some(Classification { tier: Tier::Severe, reason: "SuspiciousTeClPresent".into() });
    }
    Some(Classification { tier, reason: name(result.reason) })
}

/// The variants are named as access logs spell the reasons.
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

/// Transfer-Encoding and Content-Length are both there, and at least one of them only in disguise.
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

/// Whether a head is of the everyday kind that the classifier surely finds compliant. Saying no costs time only.
fn is_plain(head: &[u8]) -> bool {
    let Some(line_end) = memchr::memchr(b'\n', head) else { return false };
    let Some(line) = head[..line_end].strip_suffix(b"\r") else { return false };
    let Some(may_have_length) = is_plain_request_line(line) else { return false };
    // Over the whole head at once, where the compiler makes vectors of it.
    let is_odd = |byte: u8| byte < b' ' && byte != b'\r' && byte != b'\n' || byte == 0x7f;
    if head.iter().fold(false, |odd, &byte| odd | is_odd(byte)) {
        return false;
    }
    let returns = head.iter().filter(|&&byte| byte == b'\r').count();
    let (mut start, mut lengths, mut lines) = (line_end + 1, 0, 1);
    while let Some(length) = memchr::memchr(b'\n', &head[start..]) {
        let Some(line) = head[start..start + length].strip_suffix(b"\r") else { return false };
        start += length + 1;
        lines += 1;
        if line.is_empty() {
            return start == head.len() && lines == returns && lengths <= usize::from(may_have_length);
        }
        match plain_field(line) {
            Some(is_length) => lengths += usize::from(is_length),
            None => return false,
        }
    }
    false
}

/// Likewise for a request of HTTP/2, of which `h2` and `http` have made sure that names are tokens.
fn is_plain_http2(facts: &RequestFacts<'_>) -> bool {
    let is_plain_byte = |byte: &u8| byte.is_ascii_graphic();
    let target_is_plain = facts.path.iter().chain(facts.query.unwrap_or_default()).all(is_plain_byte);
    let may_have_length = !matches!(facts.method, b"GET" | b"HEAD");
    let mut lengths = 0;
    let mut is_plain = |field: Field<'_>| {
        let is_length = field.name == CL;
        lengths += usize::from(is_length);
        let is_digits = !field.value.is_empty() && field.value.len() < 19 && field.value.iter().all(u8::is_ascii_digit);
        let starts_well = field.name.first().is_some_and(u8::is_ascii_alphanumeric);
        if is_length { is_digits } else { starts_well && !resembles(field.name) && !field.value.contains(&b'\t') }
    };
    target_is_plain && facts.fields.iter().all(&mut is_plain) && lengths <= usize::from(may_have_length)
}

/// The head that a target would get of it, had we nothing to say about that.
fn as_http1(facts: &RequestFacts<'_>) -> Vec<u8> {
    let query = facts.query.map_or(Vec::new(), |query| [b"?", query].concat());
    let mut head = [facts.method, b" ", facts.path, &query, b" HTTP/1.1\r\n"].concat();
    for Field { name, value, .. } in facts.fields.iter() {
        head.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// For a plain request line, whether its method may come with a length.
fn is_plain_request_line(line: &[u8]) -> Option<bool> {
    let (method, rest) = line.split_at(memchr::memchr(b' ', line)?);
    let uri = rest.strip_suffix(b" HTTP/1.1")?.strip_prefix(b" ")?;
    let plain = method.iter().all(u8::is_ascii_uppercase) && !method.is_empty();
    let plain = plain && !uri.is_empty() && memchr::memchr(b' ', uri).is_none();
    plain.then_some(method != b"GET" && method != b"HEAD")
}

/// For a plain header field, whether it is the length.
fn plain_field(line: &[u8]) -> Option<bool> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let plain = name.first()?.is_ascii_alphanumeric() && name.iter().all(|&byte| IS_TOKEN[usize::from(byte)]);
    if !plain {
        return None;
    }
    if name.eq_ignore_ascii_case(CL) {
        let digits = value.trim_ascii();
        let plain = !digits.is_empty() && digits.len() < 19 && digits.iter().all(u8::is_ascii_digit);
        return plain.then_some(true);
    }
    (!resembles(name)).then_some(false)
}

/// Whether a name may be meant to be taken for a length or a coding: only those that begin like these two and are as
/// long can be.
fn resembles(name: &[u8]) -> bool {
    match name[0].to_ascii_lowercase() {
        b'c' => name.len() > 12 && matches!(name[1], b'o' | b'O') | !name[1].is_ascii_alphanumeric(),
        b't' => name.len() > 15,
        _ => false,
    }
}

/// `tchar` of RFC 9110.
static IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"!#$%&'*+-.^_`|~";
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::engine::facts::FieldList;
    use crate::engine::fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        /// Line ends are written as they are; the empty line at the end is added. With `HTTP/2.0` in its first line it
        /// stands for a request of HTTP/2.
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
        assert_eq!(row(Tier::Ambiguous), [Verdict::Pass, Verdict::PassAndPart, Verdict::Block]);
        assert_eq!(row(Tier::Severe), [Verdict::Pass, Verdict::Block, Verdict::Block]);
    }

    #[test]
    fn everyday_heads_are_recognised_without_the_classifier() {
        for head in [
            "GET /a?b=c HTTP/1.1\r\nHost: e.com\r\nUser-Agent: x/1 (y)\r\nAccept: */*\r\nCookie: a=b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: e.com\r\nContent-Length: 12\r\nContent-Type: text/plain\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: e.com\r\nCache-Control: no-cache\r\ntraceparent: 00-1-2-3\r\n\r\n",
        ] {
            assert!(is_plain(head.as_bytes()), "{head:?}");
        }
    }

    fn fragment() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => proptest::sample::select(vec![
                "GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "HEAD / HTTP/1.0\r\n", "Host: e.com\r\n",
                "Content-Length: 5\r\n", "content-length:0\r\n", "Transfer-Encoding: chunked\r\n", "Transfer_Encoding: x\r\n",
                "Content_Length: 5\r\n", "C-ontent-Length: 5\r\n", "Cookie: a=b\r\n", " folded\r\n", "nocolon\r\n", ": x\r\n",
                "\r\n", "\n", "X: y\n", "Content-Length:\r\n", "Content-Length: 99999999999999999999\r\n",
                "T-ransferEncoding: chunked\r\n", "Content-Lengt\u{131}h: 1\r\n",
            ]).prop_map(str::to_owned),
            1 => "[A-Za-z_ :\r\n\t\u{1}/0-9.-]{0,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_looks_plain_is_compliant_to_the_classifier(parts in proptest::collection::vec(fragment(), 1..8)) {
            let head = parts.concat() + "\r\n";
            if is_plain(head.as_bytes()) {
                let result = HttpRequestData::analyze_raw_request(head.as_bytes());
                prop_assert_eq!(result.reason, ClassificationReason::Compliant, "{:?}", head);
            }
        }

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
