//! Clients of HTTP/1.1 and of HTTP/2 side by side: the same request goes the same way. See [`crate::properties`].

use http::HeaderValue;

use super::http2::head::Head;
use super::http2::opaque::Writer;
use crate::alb::head::headers::{self, ClientProtocol, Forwarding};
use crate::alb::head::trace_id::TraceSeed;
use crate::alb::request::desync::{self, Verdict};
use crate::alb::request::facts::RequestFacts;
use crate::http1::fields::{FieldKind, Fields};
use crate::http1::framing::{BodyHeader, content_length, request_framing};
use crate::http1::head::{HeadScanner, parse_request};
use crate::http1::message;
use crate::model::listener::{DesyncMode, LoadBalancerAttributes};
use crate::proxy::answer::error::ProxyError;

/// A request goes the same way in either version of HTTP: it is refused with the same status, classified alike, and the
/// target gets the same bytes, but for the case of names.
pub(crate) fn versions(bytes: &[u8]) {
    let Some(head) = head_of(bytes) else { return };
    let Some(request) = translated(head) else { return };
    let mut writer = Writer::default();
    request.iter().for_each(|(name, value)| writer.field(name, value));
    let value = HeaderValue::from_bytes(writer.finish()).expect("what is opaque fits into a value");
    for mode in [DesyncMode::Monitor, DesyncMode::Defensive, DesyncMode::Strictest] {
        let one = over_http1(head, mode);
        let two = over_http2(value.clone(), mode);
        assert_eq!(two, one, "{mode:?}: {}", head.escape_ascii());
    }
}

/// The head at the front of these bytes.
fn head_of(bytes: &[u8]) -> Option<&[u8]> {
    let end = HeadScanner::for_request().scan(bytes).ok()??;
    Some(&bytes[..end])
}

/// The status and the classification, and what the target gets with its names in lower case.
type Outcome = (Result<Vec<u8>, u16>, Option<desync::Classification>);

/// What becomes of a head, for a comparison with the same in HTTP/2.
fn over_http1(head: &[u8], mode: DesyncMode) -> Outcome {
    let mut spans = Vec::new();
    let line = parse_request(head, &mut spans);
    let fields = Fields::new(head, &spans);
    let assessment = desync::judge(head, fields, mode);
    let framing = line.and_then(|line| Ok((request_framing(line.version, fields)?.body, line)));
    let target = match framing {
        _ if assessment.verdict == Verdict::Block => Err(400),
        Err(error) => Err(ProxyError::from(error).status()),
        Ok((body, line)) => {
            let query = line.query.clone().map(|range| &head[range]);
            let facts = facts_of(fields, &head[line.method.clone()], &head[line.path.clone()], query);
            Ok(forwarded(&facts, body, ClientProtocol::Http1))
        }
    };
    (target, assessment.classification)
}

fn over_http2(value: HeaderValue, mode: DesyncMode) -> Outcome {
    let (head, refusal) = Head::read(Some(value));
    let facts = head.facts(([192, 0, 2, 1], 1).into());
    let length = content_length(facts.fields);
    let assessment = match &refusal {
        Some(refusal) if refusal.is_malformed || facts.method.is_empty() => desync::Assessment::default(),
        _ => desync::judge_http2(&facts, mode),
    };
    let refused = refusal.map(|refusal| refusal.error.status()).or(length.is_err().then_some(400));
    let blocked = (assessment.verdict == desync::Verdict::Block).then_some(400);
    let body = length.ok().flatten().map_or(BodyHeader::None, BodyHeader::Length);
    let target = match blocked.or(refused) {
        Some(status) => Err(status),
        None => Ok(forwarded(&facts, body, ClientProtocol::Http2)),
    };
    (target, assessment.classification)
}

/// What a target gets, with names in lower case.
fn forwarded(facts: &RequestFacts<'_>, body: BodyHeader, client_protocol: ClientProtocol) -> Vec<u8> {
    let attributes = LoadBalancerAttributes::default();
    let forwarding = Forwarding {
        scheme: "https",
        listener_port: 443,
        attributes: &attributes,
        default_host: "lb.example.net",
        client_protocol,
        body,
        upgrade: false,
        trailers: false,
        trace: TraceSeed { seconds: 0, random: [0; 12] },
        head_size: 100,
        tls: None,
    };
    let mut out = Vec::new();
    // Too many addresses are too many in either version.
    let _ = headers::write(facts, &forwarding, &mut out);
    let mut in_name = false;
    for byte in &mut out {
        match *byte {
            b'\n' => in_name = true,
            b':' => in_name = false,
            _ if in_name => byte.make_ascii_lowercase(),
            _ => {}
        }
    }
    out
}

/// The same request for HTTP/2; none if only HTTP/1.1 can say it.
fn translated(head: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let head = head.strip_suffix(b"\r\n\r\n")?;
    let mut lines = memchr::memmem::find_iter(head, b"\r\n").chain([head.len()]).scan(0, |start, end| {
        let line = &head[*start..end];
        *start = end + 2;
        Some(line)
    });
    let line = lines.next()?;
    let line = line.strip_suffix(b" HTTP/1.1")?;
    let space = memchr::memchr(b' ', line)?;
    let (method, target) = (&line[..space], &line[space + 1..]);
    // In HTTP/1.1 a line that begins with a blank has no method, whatever follows.
    if method.is_empty() {
        return None;
    }
    let says_version = target.is_empty() || memchr::memchr2(b'\n', b'\r', target).is_some();
    if says_version || target.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"http")) || method == b"TRACE" {
        return None;
    }
    let mut fields = Vec::new();
    let (mut authority, mut cookies) = (None, 0);
    for line in lines {
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (line[..colon].to_ascii_lowercase(), message::trim_blanks(&line[colon + 1..]));
        let kind = FieldKind::from_name(&name);
        let of_http1 = matches!(kind, FieldKind::Te | FieldKind::Expect | FieldKind::TransferEncoding);
        cookies += usize::from(name == b"cookie");
        if of_http1 || cookies > 1 || message::check_http2_field(&name, value).is_err() {
            return None;
        }
        match kind {
            FieldKind::Host if authority.is_none() => authority = Some(value.to_vec()),
            FieldKind::Host => return None,
            _ => fields.push((name, value.to_vec())),
        }
    }
    let pseudo = [(&b":method"[..], method), (b":scheme", b"https"), (b":authority", &authority?), (b":path", target)]
        .map(|(name, value)| (name.to_vec(), value.to_vec()));
    Some(pseudo.into_iter().chain(fields).collect())
}

/// Fields of a head of HTTP/1.
fn facts_of<'a>(fields: Fields<'a>, method: &'a [u8], path: &'a [u8], query: Option<&'a [u8]>) -> RequestFacts<'a> {
    RequestFacts { method, authority: None, path, query, fields, client: ([192, 0, 2, 1], 1).into() }
}
