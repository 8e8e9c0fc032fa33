//! Everything that can prevent a target from answering a request. [`super::respond`] alone decides what the client gets
//! for each error.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::alb::actions::transform::TransformStatus;
use crate::http1::error::RequestError;
use crate::model::settled_request::TargetFault;

/// What a URL of more than 16 KiB is answered with. The user guide ("Troubleshoot your Application Load Balancers") has both
/// words on it: 414, "the request URL or query string parameters are too large", and 400, "the request header exceeded 16 K
/// per request line". nginx, from which ALB descends, says 414 to a request line that does not fit into its buffer, so 414 it
/// is where the URL alone breaks the limit, and 400 where method and version do their part.
const URL_TOO_LARGE: u16 = 414;

/// What a head that is too large is answered with. The user guide has the same three limits under 400 and under 413; 400 was
/// seen on a real load balancer.
const HEAD_TOO_LARGE: u16 = 400;

/// Why a request failed.
#[derive(Clone, Debug)]
pub(crate) enum ProxyError {
    /// Not HTTP, or not in a way that can be understood safely.
    MalformedRequest(&'static str),
    /// Blocked by desync mitigation, for this reason.
    Desync(std::borrow::Cow<'static, str>),
    /// A version of HTTP later than the connection's.
    UnexpectedVersion,
    /// HTTP/1.1 without `Host`.
    MissingHost,
    /// HTTP in the clear to an HTTPS listener.
    PlainHttp,
    /// A line of more than 16 K, or a head of more than 64 K.
    RequestHeadTooLarge,
    /// A URL of more than 16 K.
    UrlTooLarge,
    /// TRACE.
    MethodNotAllowed,
    /// The client stopped in the middle of its request.
    RequestTimeout,
    /// The target group does not take requests in the client's protocol.
    IncompatibleProtocol,
    /// More than 30 addresses in `X-Forwarded-For`.
    TooManyForwardedAddresses,
    /// A transform matched and could not be carried out.
    TransformFailed(TransformStatus),
    /// A `Transfer-Encoding` other than chunked.
    UnsupportedTransferEncoding,
    /// A redirect to a URL of more than 8 K.
    LocationTooLong,
    /// The client left before it was answered.
    ClientGone,
    /// The chosen group has no target that could be used.
    NoTargets,
    /// The target refused, or its machine is gone.
    Unreachable(Arc<io::Error>),
    /// Neither accepted nor refused in time; security groups look like this.
    ConnectTimeout,
    /// The TLS handshake with the target failed.
    TargetTls(Arc<io::Error>),
    /// It did not come to an end in time.
    TargetTlsTimeout,
    /// The target closed or reset the connection before its response was complete.
    TargetClosed,
    /// The target was taken out, and its deregistration delay has run out.
    Deregistered,
    /// The target's response is not HTTP.
    MalformedResponse(&'static str),
    /// The head of the target's response has more than 32 K.
    ResponseHeadTooLarge,
    /// The target was silent for longer than the idle timeout.
    TargetTimeout,
}

impl ProxyError {
    /// The status a client sees, or, for 460, only the log.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::MalformedRequest(_) | Self::Desync(_) | Self::MissingHost | Self::PlainHttp => 400,
            Self::RequestHeadTooLarge => HEAD_TOO_LARGE,
            Self::UrlTooLarge => URL_TOO_LARGE,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::ClientGone => 460,
            Self::TooManyForwardedAddresses => 463,
            Self::IncompatibleProtocol => 464,
            Self::TransformFailed(_) => 500,
            Self::UnsupportedTransferEncoding => 501,
            Self::Unreachable(_) | Self::TargetTls(_) | Self::TargetClosed | Self::Deregistered => 502,
            Self::MalformedResponse(_) | Self::ResponseHeadTooLarge => 502,
            Self::NoTargets => 503,
            Self::UnexpectedVersion => 505,
            Self::ConnectTimeout | Self::TargetTlsTimeout | Self::TargetTimeout => 504,
            Self::LocationTooLong => 507,
        }
    }
}

impl ProxyError {
    /// What was wrong with the target, if that is why.
    pub(crate) fn fault(&self) -> Option<TargetFault> {
        Some(match self {
            Self::NoTargets => TargetFault::NoTargets,
            Self::Unreachable(_) => TargetFault::Refused,
            Self::ConnectTimeout => TargetFault::ConnectTimeout,
            Self::TargetTls(_) | Self::TargetTlsTimeout => TargetFault::Tls,
            Self::TargetClosed => TargetFault::Closed,
            Self::Deregistered => TargetFault::Deregistered,
            Self::MalformedResponse(_) | Self::ResponseHeadTooLarge => TargetFault::Malformed,
            Self::TargetTimeout => TargetFault::Silent,
            _ => return None,
        })
    }
}

impl From<RequestError> for ProxyError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Malformed(what) => Self::MalformedRequest(what),
            RequestError::UnexpectedVersion => Self::UnexpectedVersion,
            RequestError::UnsupportedTransferEncoding => Self::UnsupportedTransferEncoding,
            RequestError::HeadTooLarge => Self::RequestHeadTooLarge,
            RequestError::UrlTooLarge => Self::UrlTooLarge,
        }
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MalformedRequest(what) => write!(f, "malformed request: {what}"),
            Self::Desync(reason) => write!(f, "blocked by desync mitigation: {reason}"),
            Self::UnexpectedVersion => f.write_str("an HTTP version that does not fit this connection"),
            Self::MissingHost => f.write_str("an HTTP/1.1 request without Host"),
            Self::PlainHttp => f.write_str("plain HTTP to an HTTPS listener"),
            Self::RequestHeadTooLarge => {
                f.write_str("a request line or header of 16 KiB, or a head of more than 64 KiB")
            }
            Self::UrlTooLarge => f.write_str("a URL of more than 16 KiB"),
            Self::MethodNotAllowed => f.write_str("TRACE is not allowed"),
            Self::RequestTimeout => f.write_str("the client sent nothing for longer than the idle timeout"),
            Self::ClientGone => f.write_str("the client closed the connection before it was answered"),
            Self::TooManyForwardedAddresses => f.write_str("more than 30 addresses in X-Forwarded-For"),
            Self::IncompatibleProtocol => f.write_str("the target group does not accept requests in this protocol"),
            Self::TransformFailed(status) => write!(f, "a transform failed: {}", status.name()),
            Self::UnsupportedTransferEncoding => f.write_str("a Transfer-Encoding other than chunked and identity"),
            Self::LocationTooLong => f.write_str("the redirect's URL has more than 8 KiB"),
            Self::NoTargets => f.write_str("the target group has no registered targets"),
            Self::Unreachable(_) => f.write_str("the target refused the connection"),
            Self::ConnectTimeout => f.write_str("the connection to the target could not be established in time"),
            Self::TargetTls(_) => f.write_str("the TLS handshake with the target failed"),
            Self::TargetTlsTimeout => f.write_str("the TLS handshake with the target did not end in time"),
            Self::TargetClosed => f.write_str("the target closed the connection with a request outstanding"),
            Self::Deregistered => f.write_str("the target's deregistration delay ran out with a request outstanding"),
            Self::MalformedResponse(what) => write!(f, "malformed response of the target: {what}"),
            Self::ResponseHeadTooLarge => f.write_str("the target's response headers have more than 32 KiB"),
            Self::TargetTimeout => f.write_str("the target sent nothing for longer than the idle timeout"),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(cause) | Self::TargetTls(cause) => Some(&**cause),
            _ => None,
        }
    }
}
