//! Properties that hold for any head: see `properties` at the top.
//!
//! The most important one is the purpose of desync mitigation: no request reaches a target with two meanings. Two parsers
//! read every head that would be forwarded. The strict one follows RFC 9112, and must find exactly the framing that the
//! load balancer means, in every mode. The lax one ignores blanks in names, as some servers do; it may find another
//! framing only if the mode lets such requests through unchanged (monitor), or if the connection serves no other request
//! afterwards.

use super::desync;
use super::desync::Verdict;
use super::facts::RequestFacts;
use crate::head::headers;
use crate::head::headers::{ClientProtocol, Forwarding};
use crate::head::trace_id::TraceSeed;
use neargate_http1::fields::Fields;
use neargate_http1::framing::{BodyHeader, request_framing, response_framing};
use neargate_http1::head::{HeadScanner, parse_request, parse_response};
use neargate_model::listener::{DesyncMode, LoadBalancerAttributes};

/// A head ends in the same place however it arrives, and has one meaning or is refused. The same holds for responses.
pub fn head(bytes: &[u8]) {
    let whole = HeadScanner::for_request().scan(bytes);
    let mut scanner = HeadScanner::for_request();
    let in_steps = (0..=bytes.len()).find_map(|end| scanner.scan(&bytes[..end]).transpose());
    if let Ok(end) = &whole {
        assert_eq!(in_steps.and_then(Result::ok), *end, "the head ends elsewhere when it arrives byte by byte");
    }
    if let Ok(Some(end)) = whole {
        plain_is_compliant(&bytes[..end]);
        for mode in [DesyncMode::Monitor, DesyncMode::Defensive, DesyncMode::Strictest] {
            has_one_meaning(&bytes[..end], mode);
        }
    }
    if let Ok(Some(end)) = HeadScanner::for_response().scan(bytes) {
        let mut spans = Vec::new();
        if let Ok(line) = parse_response(&bytes[..end], &mut spans) {
            let _ = response_framing(line.status, false, Fields::new(&bytes[..end], &spans));
        }
    }
}

/// A head that skips the classifier is one that the classifier would pass. Returns whether it skips.
pub(super) fn plain_is_compliant(head: &[u8]) -> bool {
    let mut spans = Vec::new();
    // Fields parsed before a mistake count as well.
    let _ = parse_request(head, &mut spans);
    let plain = desync::is_plain(head, Fields::new(head, &spans));
    assert!(!plain || desync::classify(head).is_none(), "plain, and not compliant to the classifier");
    plain
}

/// The head that a target would get, and its meaning; `None` if the target gets nothing.
fn forwarded(head: &[u8], mode: DesyncMode) -> Option<(Vec<u8>, BodyHeader, Verdict)> {
    let mut spans = Vec::new();
    let line = parse_request(head, &mut spans);
    let fields = Fields::new(head, &spans);
    let assessment = desync::judge(head, fields, mode);
    if assessment.verdict == Verdict::Block {
        return None;
    }
    let line = line.ok()?;
    let body = request_framing(line.version, fields).ok()?.body;
    let facts = RequestFacts {
        method: &head[line.method],
        authority: line.authority.map(|range| &head[range]),
        path: &head[line.path],
        query: line.query.map(|range| &head[range]),
        fields,
        client: ([192, 0, 2, 1], 1).into(),
    };
    let attributes = LoadBalancerAttributes::default();
    let forwarding = Forwarding {
        scheme: "http",
        listener_port: 80,
        attributes: &attributes,
        default_host: "lb.example.net",
        client_protocol: ClientProtocol::Http1,
        body,
        upgrade: false,
        trailers: false,
        trace: TraceSeed { seconds: 0, random: [0; 12] },
        head_size: head.len(),
        tls: None,
    };
    let mut out = Vec::new();
    headers::write(&facts, &forwarding, &mut out).ok()?;
    Some((out, body, assessment.verdict))
}

/// Names and values, as seen by a parser that normalizes names with `name_of`.
fn read(head: &[u8], name_of: fn(&[u8]) -> Vec<u8>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let text = head.strip_suffix(b"\r\n\r\n").expect("a head ends in an empty line");
    let lines = text.split(|&byte| byte == b'\n').skip(1);
    lines
        .map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            assert!(!line.is_empty() && !line.contains(&b'\r') && !line.contains(&0));
            assert!(!matches!(line[0], b' ' | b'\t'), "a line that continues another");
            let colon = memchr::memchr(b':', line).expect("a colon in every line");
            assert!(colon > 0, "a name in every line");
            (name_of(&line[..colon]), line[colon + 1..].trim_ascii().to_vec())
        })
        .collect()
}

fn exact(name: &[u8]) -> Vec<u8> {
    name.to_ascii_lowercase()
}

/// As seen by a gateway that turns `-` into `_` and back, or by a server that skips blanks and control characters:
/// AWS's classifier calls such names suspicious. With any other character it is a different name, both to the
/// classifier and to us.
fn lenient(name: &[u8]) -> Vec<u8> {
    let kept = name.iter().filter(|&&byte| byte > b' ');
    kept.map(|byte| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }).collect()
}

fn values<'a>(fields: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    fields.iter().filter(|(known, _)| known == name.as_bytes()).map(|(_, value)| &value[..]).collect()
}

/// No target gets this head with two meanings.
pub(super) fn has_one_meaning(head: &[u8], mode: DesyncMode) {
    let Some((out, body, verdict)) = forwarded(head, mode) else { return };
    let strict = read(&out, exact);
    let (lengths, codings) = (values(&strict, "content-length"), values(&strict, "transfer-encoding"));
    match body {
        BodyHeader::None => assert!(lengths.is_empty() && codings.is_empty()),
        BodyHeader::Chunked => assert!(lengths.is_empty() && codings == [&b"chunked"[..]]),
        BodyHeader::Length(length) => {
            assert!(codings.is_empty() && lengths == [length.to_string().as_bytes()]);
        }
    }
    assert_eq!(values(&strict, "host").len(), 1, "one Host");

    let lax = read(&out, lenient);
    let disguised = values(&lax, "content-length") != lengths || values(&lax, "transfer-encoding") != codings;
    let contained = mode == DesyncMode::Monitor || verdict == Verdict::PassAndClose;
    assert!(!disguised || contained, "a second framing on a connection that others use");
}
