//! The property that desync mitigation is for: no request reaches a target with two meanings.
//!
//! Two readers look at every head that would be forwarded. The strict one goes by RFC 9112, and must find one framing,
//! the one the load balancer means, in every mode. The lax one overlooks odd characters in names, as some servers do;
//! it may find another framing only if the mode lets such requests through unharmed (monitor), or if the
//! connection serves nobody afterwards.

use proptest::prelude::*;

use super::body::request_framing;
use super::head::parse_request;
use crate::engine::desync::{self, Verdict};
use crate::engine::facts::{Fields, RequestFacts};
use crate::engine::headers::{self, BodyHeader, Forwarding, Front};
use crate::engine::trace_id::TraceSeed;
use crate::model::listener::{DesyncMode, LoadBalancerAttributes};

/// What a target would get, and what it means; `None` if it gets nothing.
fn forwarded(head: &[u8], mode: DesyncMode) -> Option<(Vec<u8>, BodyHeader, Verdict)> {
    let judgement = desync::judge(head, mode);
    if judgement.verdict == Verdict::Block {
        return None;
    }
    let mut spans = Vec::new();
    let line = parse_request(head, &mut spans).ok()?;
    let fields = Fields::new(head, &spans);
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
        front: Front::Http1,
        body,
        upgrade: false,
        trailers: false,
        trace: TraceSeed { seconds: 0, random: [0; 12] },
        head_size: head.len(),
        tls: None,
    };
    let mut out = Vec::new();
    headers::write(&facts, &forwarding, &mut out).ok()?;
    Some((out, body, judgement.verdict))
}

/// Names and values, as a reader finds them that takes a name for `name_of` it.
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

/// As a gateway that turns `-` into `_` and back sees it, or a server that skips what it does not expect in a name.
fn lenient(name: &[u8]) -> Vec<u8> {
    let kept = name.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    kept.map(|byte| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }).collect()
}

fn values<'a>(fields: &'a [(Vec<u8>, Vec<u8>)], name: &str) -> Vec<&'a [u8]> {
    fields.iter().filter(|(known, _)| known == name.as_bytes()).map(|(_, value)| &value[..]).collect()
}

fn check(head: &[u8], mode: DesyncMode) {
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
    let contained = mode == DesyncMode::Monitor || verdict == Verdict::PassAndPart;
    assert!(!disguised || contained, "a second framing on a connection that others use");
}

fn line() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "Content-Length",
        "content_length",
        "Content-Length ",
        "\tContent-Length",
        "Transfer-Encoding",
        "Transfer_Encoding",
        "transferencoding",
        "Transfer-Encoding\t",
        " Transfer-Encoding",
        "\u{1}Transfer-Encoding",
        "Tran\u{17f}fer-Encoding",
        "Host",
        "X",
        "",
    ]);
    let value =
        proptest::sample::select(vec!["5", "6", "005", "", "chunked", "gzip", "identity", "chunked, chunked", "e.com"]);
    let separator = proptest::sample::select(vec![": ", ":", "", ":\t", " : "]);
    let end = proptest::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "\r\n ", "\r\n\t", "\r"]);
    (name, separator, value, end).prop_map(|(name, separator, value, end)| format!("{name}{separator}{value}{end}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]
    #[test]
    fn no_request_reaches_a_target_with_two_meanings(
        first in proptest::sample::select(vec![
            "GET / HTTP/1.1", "POST /a b HTTP/1.1", "POST / HTTP/1.0", "HEAD / HTTP/1.9 ", "PUT http://h/x HTTP/1.1",
        ]),
        lines in proptest::collection::vec(line(), 0..6),
        mode in proptest::sample::select(vec![DesyncMode::Monitor, DesyncMode::Defensive, DesyncMode::Strictest]),
    ) {
        let text = format!("{first}\r\n{}\r\n\r\n", lines.concat());
        // As the connection would cut it out of the stream.
        let end = super::head::HeadScanner::for_request().scan(text.as_bytes()).unwrap();
        if let Some(end) = end {
            check(&text.as_bytes()[..end], mode);
        }
    }
}
