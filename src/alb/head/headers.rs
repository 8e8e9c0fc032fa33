//! The request head that a target gets.
//!
//! The load balancer's own five fields come first, in the order seen in captures (X-Forwarded-For, -Proto, -Port,
//! Host, X-Amzn-Trace-Id), then the client's own fields unchanged. Connection-specific fields are dropped, and no
//! `Connection` is sent: HTTP/1.1 keeps connections open by default.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::trace_id::TraceSeed;
use super::{host, trace_id};
use crate::request::facts::RequestFacts;
use neargate_http1::fields::FieldKind;
use neargate_http1::framing::BodyHeader;
use neargate_model::listener::{LoadBalancerAttributes, XffMode};

/// More addresses than this in `X-Forwarded-For` are answered with 463 (ALB user guide, "HTTP 463").
pub const MOST_FORWARDED_ADDRESSES: usize = 30;

/// Whether an IPv6 address that is appended, without a port, to an existing `X-Forwarded-For` gets brackets. The user
/// guide mentions brackets only for addresses with a client port; the sentence can be read either way.
const BRACKETS_AROUND_APPENDED_IPV6: bool = false;

/// What the head depends on besides the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'a> {
    /// `http` or `https`, between client and load balancer.
    pub scheme: &'static str,
    /// AWS's port of the listener.
    pub listener_port: u16,
    /// Attributes of the load balancer.
    pub attributes: &'a LoadBalancerAttributes,
    /// The load balancer's own DNS name.
    pub default_host: &'a str,
    /// The client's protocol.
    pub client_protocol: ClientProtocol,
    /// How the body will be delimited.
    pub body: BodyHeader,
    /// Whether `Upgrade` is passed on, with its own `Connection`.
    pub upgrade: bool,
    /// Whether `TE: trailers` is passed on: only to targets that get trailers; gRPC targets require it.
    pub trailers: bool,
    /// For a new trace id.
    pub trace: TraceSeed,
    /// Size of the received head in bytes.
    pub head_size: usize,
    /// Result of the TLS handshake; `None` if the target does not get it.
    pub tls: Option<TlsHeaders<'a>>,
}

/// `routing.http.x_amzn_tls_version_and_cipher_suite.enabled`: two headers about the client's connection, under names
/// that the listener can change.
#[derive(Clone, Copy, Debug)]
pub struct TlsHeaders<'a> {
    /// Usually `X-Amzn-Tls-Version`.
    pub version_name: &'a str,
    /// OpenSSL's name, e.g. `TLSv1.3`.
    pub version: &'a str,
    /// Usually `X-Amzn-Tls-Cipher-Suite`.
    pub cipher_suite_name: &'a str,
    /// OpenSSL's name, e.g. `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher_suite: &'a str,
}

impl TlsHeaders<'_> {
    /// A client's own field of the same name is dropped: only the load balancer may say how the client is connected.
    fn replaces(&self, name: &[u8]) -> bool {
        [self.version_name, self.cipher_suite_name].iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
    }
}

/// The client's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProtocol {
    /// HTTP/1.x: names keep their case.
    Http1,
    /// HTTP/2: names are lower-case, except for those that are re-cased.
    Http2,
}

/// The request has more than [`MOST_FORWARDED_ADDRESSES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyForwardedAddresses;

/// What callers need to know about the written head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Position of the trace ID.
    pub trace_id: Range<usize>,
    /// Whether the client sent names that `routing.http.drop_invalid_header_fields.enabled` would drop.
    pub invalid_names: bool,
}

/// Appends request line and header fields, with the empty line.
pub fn write(
    facts: &RequestFacts<'_>,
    forwarding: &Forwarding<'_>,
    out: &mut Vec<u8>,
) -> Result<Written, TooManyForwardedAddresses> {
    if forwarded_addresses(facts) > MOST_FORWARDED_ADDRESSES {
        return Err(TooManyForwardedAddresses);
    }
    let attributes = forwarding.attributes;
    write_request_line(facts, out);
    write_forwarded_for(facts, attributes, out);
    out.extend_from_slice(b"X-Forwarded-Proto: ");
    out.extend_from_slice(forwarding.scheme.as_bytes());
    out.extend_from_slice(b"\r\nX-Forwarded-Port: ");
    write_number(u64::from(forwarding.listener_port), out);
    out.extend_from_slice(b"\r\n");
    host::write(facts, forwarding.listener_port, attributes.preserve_host_header, forwarding.default_host, out);
    out.extend_from_slice(b"X-Amzn-Trace-Id: ");
    let trace_start = out.len();
    trace_id::write(facts.fields.first(FieldKind::TraceId), forwarding.head_size, forwarding.trace, out);
    let trace_id = trace_start..out.len();
    out.extend_from_slice(b"\r\n");
    // ALB's position of these two is not known. Its own fields come first, so these do as well.
    if let Some(tls) = forwarding.tls {
        write_field(tls.version_name.as_bytes(), tls.version.as_bytes(), out);
        write_field(tls.cipher_suite_name.as_bytes(), tls.cipher_suite.as_bytes(), out);
    }
    let invalid_names = write_client_fields(facts, forwarding, out);
    out.extend_from_slice(b"\r\n");
    Ok(Written { trace_id, invalid_names })
}

fn write_request_line(facts: &RequestFacts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(facts.method);
    out.push(b' ');
    out.extend_from_slice(facts.path);
    if let Some(query) = facts.query {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

fn forwarded_addresses(facts: &RequestFacts<'_>) -> usize {
    facts.fields.all(FieldKind::XForwardedFor).map(|value| value.split(|&byte| byte == b',').count()).sum()
}

/// Repeated fields are joined into one list, as in all of HTTP.
fn write_forwarded_for(facts: &RequestFacts<'_>, attributes: &LoadBalancerAttributes, out: &mut Vec<u8>) {
    // `preserve` keeps the field among the client's own; `remove` drops it.
    if attributes.xff_mode != XffMode::Append {
        return;
    }
    out.extend_from_slice(b"X-Forwarded-For: ");
    let start = out.len();
    for value in facts.fields.all(FieldKind::XForwardedFor).filter(|value| !value.is_empty()) {
        out.extend_from_slice(value);
        out.extend_from_slice(b", ");
    }
    let brackets = BRACKETS_AROUND_APPENDED_IPV6 && out.len() > start;
    write_client(facts.client, attributes.xff_client_port, brackets, out);
    out.extend_from_slice(b"\r\n");
}

fn write_client(client: SocketAddr, with_port: bool, brackets: bool, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // Writing to a vector cannot fail.
    let _ = match client.ip().to_canonical() {
        // Four numbers with dots. The general formatter costs several times as much, on every request.
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                write_number(u64::from(octet), out);
            }
            Ok(())
        }
        IpAddr::V6(address) if with_port || brackets => write!(out, "[{address}]"),
        IpAddr::V6(address) => write!(out, "{address}"),
    };
    if with_port {
        out.push(b':');
        write_number(u64::from(client.port()), out);
    }
}

/// Returns whether there were invalid names, dropped or not.
fn write_client_fields(facts: &RequestFacts<'_>, forwarding: &Forwarding<'_>, out: &mut Vec<u8>) -> bool {
    let attributes = forwarding.attributes;
    let mut invalid_names = false;
    let mut body_written = forwarding.body == BodyHeader::None;
    let mut upgrade_written = false;
    let mut cookies_written = false;
    for field in facts.fields.iter() {
        let is_invalid = field.kind == FieldKind::Other && !is_valid_name(field.name);
        invalid_names |= is_invalid;
        match field.kind {
            // Written above.
            FieldKind::Host | FieldKind::TraceId | FieldKind::XForwardedProto | FieldKind::XForwardedPort => {}
            FieldKind::XForwardedFor if attributes.xff_mode != XffMode::Preserve => {}
            FieldKind::Te if forwarding.trailers && field.value == b"trailers" => write_field(b"te", field.value, out),
            // This field concerns the client's connection only. nginx, from which ALB descends, drops the same.
            FieldKind::KeepAlive | FieldKind::Te | FieldKind::Expect => {}
            FieldKind::Connection if forwarding.upgrade && !upgrade_written => {
                upgrade_written = true;
                // In lower case, whatever the client sent: that is nginx's spelling, seen at targets of load balancers.
                write_field(field.name, b"upgrade", out);
            }
            FieldKind::Upgrade if forwarding.upgrade => write_field(field.name, field.value, out),
            FieldKind::Connection | FieldKind::Upgrade => {}
            // Written in place, but from the parsed value, once, and never both: a target must not be able to derive a
            // different length from ours.
            FieldKind::ContentLength => {
                if let (BodyHeader::Length(length), false) = (forwarding.body, body_written) {
                    body_written = true;
                    write_field(field.name, itoa::Buffer::new().format(length).as_bytes(), out);
                }
            }
            FieldKind::TransferEncoding => {
                if forwarding.body == BodyHeader::Chunked && !body_written {
                    body_written = true;
                    write_field(field.name, b"chunked", out);
                }
            }
            _ if attributes.drop_invalid_header_fields && is_invalid => {}
            _ if forwarding.tls.is_some_and(|tls| tls.replaces(field.name)) => {}
            // HTTP/2 may split cookies; HTTP/1.1 wants them in one field (RFC 9113, section 8.2.3).
            _ if forwarding.client_protocol == ClientProtocol::Http2 && field.name == b"cookie" => {
                if !cookies_written {
                    cookies_written = true;
                    write_cookies(facts, out);
                }
            }
            _ if forwarding.client_protocol == ClientProtocol::Http2 => {
                write_field(recased(field.kind, field.name), field.value, out)
            }
            _ => write_field(field.name, field.value, out),
        }
    }
    match forwarding.body {
        _ if body_written => {}
        BodyHeader::None => {}
        BodyHeader::Length(length) => {
            write_field(b"Content-Length", itoa::Buffer::new().format(length).as_bytes(), out);
        }
        BodyHeader::Chunked => write_field(b"Transfer-Encoding", b"chunked", out),
    }
    invalid_names
}

/// HTTP/2 names are lower-case; these few are re-cased for HTTP/1.1 targets (ALB user guide, "HTTP headers and
/// Application Load Balancers"). The others on that list are the load balancer's own.
fn recased(kind: FieldKind, name: &[u8]) -> &[u8] {
    if kind == FieldKind::XForwardedFor { b"X-Forwarded-For" } else { name }
}

/// `[-A-Za-z0-9]+`: what `routing.http.drop_invalid_header_fields.enabled` lets through.
fn is_valid_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte == b'-' || byte.is_ascii_alphanumeric())
}

fn write_cookies(facts: &RequestFacts<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"cookie: ");
    for (index, value) in facts.fields.named(b"cookie").enumerate() {
        if index > 0 {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(value);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn write_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
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
        #[serde(default = "http1")]
        front: String,
        #[serde(default = "client")]
        client: SocketAddr,
        #[serde(default)]
        attributes: Attributes,
        #[serde(default)]
        upgrade: bool,
        /// To a target of HTTP/2.
        #[serde(default)]
        trailers: bool,
        /// HTTPS, with the TLS headers on and the second one renamed to `Cipher`.
        #[serde(default)]
        tls: bool,
        content_length: Option<u64>,
        #[serde(default)]
        chunked: bool,
        /// `Name: value` lines.
        received: Vec<String>,
        /// `Name: value` lines after the request line; `<trace>` stands for a new id. Absent: refused with 463.
        sent: Option<Vec<String>>,
    }

    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Attributes {
        xff_mode: Option<String>,
        xff_client_port: bool,
        drop_invalid_header_fields: bool,
    }

    fn http1() -> String {
        "http1".into()
    }

    fn client() -> SocketAddr {
        ([192, 0, 2, 1], 50_000).into()
    }

    fn check(case: Case) {
        let mut fields = FieldList::default();
        for line in &case.received {
            let (name, value) = line.split_once(": ").unwrap();
            fields.push(name.as_bytes(), value.as_bytes());
        }
        let facts = RequestFacts {
            method: b"GET",
            authority: None,
            path: b"/a",
            query: Some(b"b=c"),
            fields: fields.fields(),
            client: case.client,
        };
        let attributes = LoadBalancerAttributes {
            xff_mode: match case.attributes.xff_mode.as_deref() {
                Some("preserve") => XffMode::Preserve,
                Some("remove") => XffMode::Remove,
                _ => XffMode::Append,
            },
            xff_client_port: case.attributes.xff_client_port,
            drop_invalid_header_fields: case.attributes.drop_invalid_header_fields,
            ..LoadBalancerAttributes::default()
        };
        let forwarding = Forwarding {
            scheme: "http",
            listener_port: 80,
            attributes: &attributes,
            default_host: "lb.example.net",
            client_protocol: if case.front == "http2" { ClientProtocol::Http2 } else { ClientProtocol::Http1 },
            body: match (case.content_length, case.chunked) {
                (Some(length), _) => BodyHeader::Length(length),
                (None, true) => BodyHeader::Chunked,
                (None, false) => BodyHeader::None,
            },
            upgrade: case.upgrade,
            trailers: case.trailers,
            trace: TraceSeed { seconds: 0, random: [0; 12] },
            head_size: 100,
            tls: case.tls.then_some(TlsHeaders {
                version_name: "X-Amzn-Tls-Version",
                version: "TLSv1.3",
                cipher_suite_name: "Cipher",
                cipher_suite: "TLS_AES_128_GCM_SHA256",
            }),
        };
        let mut out = Vec::new();
        let written = write(&facts, &forwarding, &mut out);
        let Some(sent) = case.sent else {
            assert_eq!(written, Err(TooManyForwardedAddresses), "{} ({})", case.name, case.source);
            return;
        };
        let text = String::from_utf8(out).unwrap().replace("Root=1-00000000-000000000000000000000000", "<trace>");
        let expected: String = sent.iter().map(|line| format!("{line}\r\n")).collect();
        assert_eq!(text, format!("GET /a?b=c HTTP/1.1\r\n{expected}\r\n"), "{} ({})", case.name, case.source);
    }

    #[test]
    fn heads_are_those_of_the_fixtures() {
        fixture::each("alb/headers", check);
    }
}
