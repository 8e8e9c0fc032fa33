//! Which protocols a target group accepts, and how errors map to gRPC.
//!
//! The protocol version of a target group is the protocol that its targets get. A request that cannot be expressed in
//! it is answered with 464 (ALB user guide, "Target groups for your Application Load Balancers", protocol version, and
//! "Troubleshoot your Application Load Balancers", HTTP 464).

use crate::head::headers::ClientProtocol;
use neargate_http1::fields::{FieldKind, Fields};
use neargate_model::target_group::ProtocolVersion;

/// The client protocols that target groups tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestProtocol {
    /// HTTP/1.0 or HTTP/1.1
    Http1,
    /// HTTP/2
    Http2,
    /// gRPC, over HTTP/2.
    Grpc,
}

impl RequestProtocol {
    /// The protocol of a request with this head.
    pub fn from_head(client_protocol: ClientProtocol, fields: Fields<'_>) -> Self {
        match client_protocol {
            ClientProtocol::Http1 => Self::Http1,
            ClientProtocol::Http2 if fields.first(FieldKind::ContentType).is_some_and(is_grpc) => Self::Grpc,
            ClientProtocol::Http2 => Self::Http2,
        }
    }
}

/// `application/grpc`, possibly with `+proto` or another format. gRPC-Web (`application/grpc-web`) is made for servers
/// without HTTP/2 and is an ordinary HTTP request.
fn is_grpc(content_type: &[u8]) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    content_type.get(..GRPC.len()).is_some_and(|start| start.eq_ignore_ascii_case(GRPC))
        && matches!(content_type.get(GRPC.len()), None | Some(b'+' | b';' | b' '))
}

/// Whether a target group with this protocol version accepts such a request.
pub fn takes(version: ProtocolVersion, request: RequestProtocol, method: &[u8]) -> bool {
    match (version, request) {
        (ProtocolVersion::Http1, RequestProtocol::Grpc) => false,
        (ProtocolVersion::Http1, _) => true,
        (_, RequestProtocol::Http1) => false,
        (ProtocolVersion::Http2, _) => true,
        (ProtocolVersion::Grpc, _) => method == b"POST",
    }
}

/// `grpc-status` and `grpc-message` of the load balancer's own errors. For 502 both were seen on a real ALB; the other
/// codes are those that gRPC derives from statuses (gRPC, "HTTP to gRPC Status Code Mapping",
/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>). `None` for 464, which every client gets
/// in the same form, without a content type; gRPC clients complain about that.
pub fn grpc_status(status: u16) -> Option<(&'static str, &'static str)> {
    Some(match status {
        464 => return None,
        400 => ("13", "internal"),
        401 => ("16", "unauthenticated"),
        403 => ("7", "permission denied"),
        404 => ("12", "unimplemented"),
        429 | 502..=504 => ("14", "unavailable"),
        _ => ("2", "unknown"),
    })
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
        client: String,
        method: String,
        content_type: Option<String>,
        protocol_version: String,
        answer: String,
    }

    fn check(case: Case) {
        let client_protocol = match case.client.as_str() {
            "HTTP/1.1" => ClientProtocol::Http1,
            "HTTP/2" => ClientProtocol::Http2,
            other => panic!("{}: no client speaks {other}", case.name),
        };
        let version = match case.protocol_version.as_str() {
            "HTTP1" => ProtocolVersion::Http1,
            "HTTP2" => ProtocolVersion::Http2,
            "GRPC" => ProtocolVersion::Grpc,
            other => panic!("{}: no protocol version is called {other}", case.name),
        };
        let fields: FieldList = case.content_type.iter().map(|value| ("content-type", value.as_str())).collect();
        let request = RequestProtocol::from_head(client_protocol, fields.fields());
        let taken = takes(version, request, case.method.as_bytes());
        let answer = if taken { "of the target" } else { "464" };
        assert_eq!(answer, case.answer, "{} ({})", case.name, case.source);
    }

    #[test]
    fn the_matrix_is_that_of_the_fixtures() {
        fixture::each("alb/protocol-matrix", check);
    }
}
