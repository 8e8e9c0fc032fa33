//! Answers and errors in the form of a service's protocol.

use std::fmt::Write;

use crate::fault::{Common, Fault};
use crate::service::{Protocol, Service};
use crate::xml;
pub use crate::xml::Members;

/// What an action returns: its output as serde writes it.
pub type Reply = Box<dyn erased_serde::Serialize + Send>;

/// An HTTP response, without what every response has (`Date`, `Content-Length`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// `Content-Type`
    pub content_type: &'static str,
    /// The name of the header field with the id of the request.
    pub request_id_header: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The output of an action.
    pub fn reply(service: &Service, action: &str, reply: &Reply, request_id: &str) -> Self {
        let written = match service.protocol {
            Protocol::Json => serde_json::to_string(reply).map_err(|error| error.to_string()),
            Protocol::Query => xml::members(reply, "member").map_err(|error| error.to_string()).map(|members| {
                // IAM leaves out the result of an action that has none.
                let result = match members.is_empty() && service.signing_name == "iam" {
                    true => String::new(),
                    false => format!("<{action}Result>{members}</{action}Result>"),
                };
                format!(
                    "<{action}Response xmlns=\"{namespace}\">{result}\
                     <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>",
                    namespace = service.namespace
                )
            }),
            Protocol::Ec2 => xml::members(reply, "item").map_err(|error| error.to_string()).map(|members| {
                format!(
                    "<{action}Response xmlns=\"{namespace}\"><requestId>{request_id}</requestId>{members}\
                     </{action}Response>",
                    namespace = service.namespace
                )
            }),
            Protocol::RestXml => xml::members(reply, "").map_err(|error| error.to_string()).map(|members| {
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"{namespace}\">{members}\
                     </{action}Response>",
                    namespace = service.namespace
                )
            }),
        };
        match written {
            // "HTTP/1.1 201" (Amazon Route 53 API reference, CreateHostedZone).
            Ok(body) if service.protocol == Protocol::RestXml && action.starts_with("Create") => {
                Self::new(service, 201, body)
            }
            Ok(body) => Self::new(service, 200, body),
            // Only a structure that has no form in this protocol leads here, which its first test shows.
            Err(_) => Self::fault(service, &Fault::common(Common::Internal, service), request_id),
        }
    }

    /// An error.
    pub fn fault(service: &Service, fault: &Fault, request_id: &str) -> Self {
        let Fault { code, message, status } = fault;
        let (code_text, message_text) = (xml::text(code.as_ref()), xml::text(message.as_str()));
        let kind = if *status < 500 { "Sender" } else { "Receiver" };
        let mut body = String::new();
        // Writing to a `String` cannot fail.
        let _ = match service.protocol {
            Protocol::Json => write!(body, "{}", serde_json::json!({ "__type": code, "message": message })),
            Protocol::Query | Protocol::RestXml => write!(
                body,
                "<ErrorResponse xmlns=\"{}\"><Error><Type>{kind}</Type><Code>{code_text}</Code>\
                 <Message>{message_text}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
                service.namespace
            ),
            Protocol::Ec2 => write!(
                body,
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code_text}</Code>\
                 <Message>{message_text}</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
            ),
        };
        Self::new(service, *status, body)
    }

    fn new(service: &Service, status: u16, body: String) -> Self {
        let (content_type, request_id_header) = match service.protocol {
            Protocol::Json => ("application/x-amz-json-1.1", "x-amzn-RequestId"),
            Protocol::Query | Protocol::RestXml => ("text/xml", "x-amzn-RequestId"),
            Protocol::Ec2 => ("text/xml;charset=UTF-8", "x-amzn-requestid"),
        };
        Self { status, content_type, request_id_header, body }
    }
}
