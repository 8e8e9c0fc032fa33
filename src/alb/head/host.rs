//! The `Host` a target sees (ALB user guide, "Edit attributes", host header preservation).
//!
//! Unless it is preserved, the load balancer rewrites it: in lowercase, taken from the request target if that has a
//! host, without a port on listeners 80 and 443, and with the listener's port on any other.

use crate::request::facts::{RequestFacts, split_port};
use neargate_http1::fields::FieldKind;

/// Appends the complete `Host` line, or several: if preserved, every `Host` field is kept.
///
/// `default_host` is the load balancer's own DNS name, used for HTTP/1.0 requests without a `Host`.
pub fn write(facts: &RequestFacts<'_>, listener_port: u16, preserve: bool, default_host: &str, out: &mut Vec<u8>) {
    if preserve {
        let mut hosts = facts.fields.all(FieldKind::Host).peekable();
        if hosts.peek().is_some() {
            hosts.for_each(|host| line(host, out));
        } else {
            line(facts.authority.unwrap_or(default_host.as_bytes()), out);
        }
        return;
    }
    let received = facts.host_and_port().filter(|host| !host.is_empty()).unwrap_or(default_host.as_bytes());
    let (host, _) = split_port(received);
    out.extend_from_slice(b"Host: ");
    let start = out.len();
    out.extend_from_slice(host);
    out[start..].make_ascii_lowercase();
    if !matches!(listener_port, 80 | 443) {
        out.push(b':');
        out.extend_from_slice(itoa::Buffer::new().format(listener_port).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn line(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"Host: ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
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
        listener_port: u16,
        #[serde(default)]
        preserve_host_header: bool,
        /// Host of an absolute-form request target.
        authority: Option<String>,
        received: Vec<String>,
        sent: Vec<String>,
    }

    fn check(case: Case) {
        let fields: FieldList = case.received.iter().map(|host| ("Host", host.as_str())).collect();
        let facts = RequestFacts {
            method: b"GET",
            authority: case.authority.as_deref().map(str::as_bytes),
            path: b"/",
            query: None,
            fields: fields.fields(),
            client: ([192, 0, 2, 1], 50_000).into(),
        };
        let mut sent = Vec::new();
        write(&facts, case.listener_port, case.preserve_host_header, "lb.example.net", &mut sent);
        let expected: String = case.sent.iter().map(|host| format!("Host: {host}\r\n")).collect();
        assert_eq!(String::from_utf8(sent).unwrap(), expected, "{} ({})", case.name, case.source);
    }

    #[test]
    fn hosts_are_those_of_the_fixtures() {
        fixture::each("alb/host", check);
    }
}
