//! Responses that the load balancer generates itself: error pages, redirects, fixed responses (ALB user guide,
//! "Troubleshoot your Application Load Balancers"; captures).
//!
//! An ALB descends from nginx, and its pages show it: nginx's reason phrases and bodies without the line that names
//! nginx, `Server: awselb/2.0`, and nginx's order of header fields. Only [`for_error`] turns an error into a response.

use std::borrow::Cow;

use super::error::ProxyError;
use crate::alb::targets::protocols;
use crate::model::rule::FixedResponse;
use crate::proxy::answer::additions::Additions;

/// Seen on everything that a load balancer answers itself.
pub(crate) const SERVER: &str = "awselb/2.0";

/// nginx's remedy against browsers that replace short error pages by their own: six of these after the page.
const PADDING: &str = "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";

/// A response of the load balancer's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Left out when empty.
    pub(crate) content_type: Cow<'static, str>,
    pub(crate) body: Cow<'static, [u8]>,
    /// Of redirects.
    pub(crate) location: Option<Vec<u8>>,
    /// The client's connection cannot be used any more.
    pub(crate) close: bool,
    /// `grpc-status` and `grpc-message`.
    pub(crate) grpc: Option<(&'static str, &'static str)>,
}

/// What of a request shapes its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseHints {
    /// HEAD: everything but the body.
    pub(crate) head_only: bool,
    /// Sent by a browser that replaces short error pages.
    pub(crate) padded: bool,
    /// A call of gRPC, which no page says anything to.
    pub(crate) grpc: bool,
}

impl ResponseHints {
    pub(crate) fn new(method: &[u8], user_agent: Option<&[u8]>) -> Self {
        let agent = user_agent.unwrap_or_default();
        let says = |word: &[u8]| memchr::memmem::find(agent, word).is_some();
        Self {
            head_only: method == b"HEAD",
            padded: says(b"Chrome/") || says(b"MSIE ") && !says(b"Opera"),
            grpc: false,
        }
    }
}

/// The response to a request that failed.
pub(crate) fn for_error(error: &ProxyError, hints: ResponseHints) -> Answer {
    let status = error.status();
    if let Some(grpc) = protocols::grpc_status(status).filter(|_| hints.grpc) {
        return for_grpc(status, grpc);
    }
    let mut body = explained(error).map_or_else(|| page(status), explaining_page);
    if hints.padded && !body.is_empty() {
        body.push_str(&PADDING.repeat(6));
    }
    Answer {
        status,
        content_type: if body.is_empty() { "" } else { "text/html" }.into(),
        body: Cow::Owned(body.into_bytes()),
        location: None,
        // As nginx: where the rest of the request cannot be told from the next one, or will not come.
        close: matches!(status, 400 | 405 | 408 | 413 | 414 | 500 | 501 | 505),
        grpc: None,
    }
}

/// What a caller of gRPC gets instead of a page: a head with the status and nothing after it, "Trailers-Only" (gRPC over
/// HTTP/2; a public HPACK dump of a real ALB's 502).
fn for_grpc(status: u16, grpc: (&'static str, &'static str)) -> Answer {
    Answer {
        status,
        content_type: "application/grpc".into(),
        body: Cow::Borrowed(b""),
        location: None,
        close: false,
        grpc: Some(grpc),
    }
}

/// The response of a redirect action.
pub(crate) fn redirect(status: u16, location: Vec<u8>) -> Answer {
    Answer {
        status,
        content_type: "text/html".into(),
        body: Cow::Owned(page(status).into_bytes()),
        location: Some(location),
        close: false,
        grpc: None,
    }
}

/// The response of a fixed-response action. That the charset is appended was seen for text/plain; the other types are
/// assumed to be treated alike, and a missing type to mean text/plain.
pub(crate) fn fixed(action: &FixedResponse) -> Answer {
    let media_type = action.content_type.as_deref().unwrap_or("text/plain");
    Answer {
        status: action.status_code,
        content_type: format!("{media_type}; charset=utf-8").into(),
        body: Cow::Owned(action.message_body.clone().into_bytes()),
        location: None,
        close: false,
        grpc: None,
    }
}

/// Appends the answer in HTTP/1.1.
pub(crate) fn write_http1(
    answer: &Answer,
    date: &[u8],
    keep_alive: bool,
    head_only: bool,
    additions: &Additions,
    out: &mut Vec<u8>,
) {
    let mut line = |parts: &[&[u8]]| {
        parts.iter().for_each(|part| out.extend_from_slice(part));
        out.extend_from_slice(b"\r\n");
    };
    line(&[b"HTTP/1.1 ", itoa::Buffer::new().format(answer.status).as_bytes(), b" ", reason(answer.status).as_bytes()]);
    if additions.server() {
        line(&[b"Server: ", SERVER.as_bytes()]);
    }
    line(&[b"Date: ", date]);
    if !answer.content_type.is_empty() {
        line(&[b"Content-Type: ", answer.content_type.as_bytes()]);
    }
    line(&[b"Content-Length: ", itoa::Buffer::new().format(answer.body.len()).as_bytes()]);
    line(&[b"Connection: ", if keep_alive { b"keep-alive" } else { b"close" }]);
    if let Some(location) = &answer.location {
        line(&[b"Location: ", location]);
    }
    for (name, value) in additions.set() {
        line(&[name.as_bytes(), b": ", value.as_bytes()]);
    }
    line(&[]);
    if !head_only {
        out.extend_from_slice(&answer.body);
    }
}

/// nginx's page for a status; empty for those that nginx does not know.
fn page(status: u16) -> String {
    let title = match status {
        // Here the title differs from the status line, in nginx too.
        302 => "302 Found".to_owned(),
        401 => "401 Authorization Required".to_owned(),
        _ if reason(status).is_empty() => return String::new(),
        _ => format!("{status} {}", reason(status)),
    };
    page_of(&title, &format!("<center><h1>{title}</h1></center>\r\n"))
}

/// What nginx says on its pages for 494 and 497, which go out as 400.
fn explained(error: &ProxyError) -> Option<&'static str> {
    match error {
        ProxyError::PlainHttp => Some("The plain HTTP request was sent to HTTPS port"),
        ProxyError::RequestHeadTooLarge => Some("Request Header Or Cookie Too Large"),
        _ => None,
    }
}

fn explaining_page(why: &str) -> String {
    let said = format!("<center><h1>400 Bad Request</h1></center>\r\n<center>{why}</center>\r\n");
    page_of(&format!("400 {why}"), &said)
}

fn page_of(title: &str, said: &str) -> String {
    format!("<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n{said}</body>\r\n</html>\r\n")
}

/// nginx's reason phrases. A status that is not among them gets an empty phrase, as 464 does on a real ALB.
pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        error: Option<String>,
        redirect: Option<(u16, String)>,
        fixed: Option<Fixed>,
        page: Option<Page>,
        #[serde(default)]
        method: String,
        user_agent: Option<String>,
        /// All of the answer, with a date as long as dates are.
        bytes: Option<usize>,
        /// Lines end in CR LF on the wire; `<padding>` is the line against friendly error pages.
        #[serde(default)]
        answer: String,
    }

    #[derive(Deserialize)]
    struct Page {
        status: u16,
        title: String,
        length: usize,
    }

    #[derive(Deserialize)]
    struct Fixed {
        status: u16,
        content_type: Option<String>,
        body: String,
    }

    fn error(name: &str) -> ProxyError {
        match name {
            "malformed request" => ProxyError::MalformedRequest(""),
            "plain HTTP" => ProxyError::PlainHttp,
            "head too large" => ProxyError::RequestHeadTooLarge,
            "TRACE" => ProxyError::MethodNotAllowed,
            "client too slow" => ProxyError::RequestTimeout,
            "too many forwarded addresses" => ProxyError::TooManyForwardedAddresses,
            "unknown transfer encoding" => ProxyError::UnsupportedTransferEncoding,
            "target refused" => {
                ProxyError::Unreachable(std::sync::Arc::new(std::io::ErrorKind::ConnectionRefused.into()))
            }
            "no targets" => ProxyError::NoTargets,
            "target too slow" => ProxyError::TargetTimeout,
            "location too long" => ProxyError::LocationTooLong,
            _ => panic!("no error is called {name}"),
        }
    }

    fn check(case: Case) {
        if let Some(expected) = case.page {
            let page = page(expected.status);
            let titled = page.contains(&format!("<title>{}</title>", expected.title));
            assert!(
                page.len() == expected.length && (titled || page.is_empty()),
                "{} ({}): {page}",
                case.name,
                case.source
            );
            return;
        }
        let hints = ResponseHints::new(case.method.as_bytes(), case.user_agent.as_deref().map(str::as_bytes));
        let answer = match (case.error, case.redirect, case.fixed) {
            (Some(name), None, None) => for_error(&error(&name), hints),
            (None, Some((status, location)), None) => redirect(status, location.into_bytes()),
            (None, None, Some(Fixed { status, content_type, body })) => {
                fixed(&FixedResponse { status_code: status, content_type, message_body: body })
            }
            _ => panic!("{}: one of error, redirect, fixed", case.name),
        };
        let mut out = Vec::new();
        write_http1(&answer, b"<date>", !answer.close, hints.head_only, &Additions::default(), &mut out);
        let expected = case.answer.replace('\n', "\r\n").replace("<padding>\r\n", PADDING);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{} ({})", case.name, case.source);
        if let Some(bytes) = case.bytes {
            let dated = expected.replace("<date>", "Sun, 06 Nov 1994 08:49:37 GMT");
            assert_eq!(dated.len(), bytes, "{} ({})", case.name, case.source);
        }
    }

    #[test]
    fn answers_are_those_of_the_fixtures() {
        fixture::each("alb/answers", check);
    }
}
