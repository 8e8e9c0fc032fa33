//! An error as a service reports it.

use std::borrow::Cow;

use crate::service::{Protocol, Service};

/// What went wrong, for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `Code`, or `__type`.
    pub code: Cow<'static, str>,
    /// `Message`
    pub message: String,
    /// Of the HTTP response.
    pub status: u16,
}

/// Errors that every service has; each names them in its own words. (Common errors in the API references, and for texts
/// the reports that are cited in the cases.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Common {
    /// No action of that name, or none that is served here.
    UnknownAction(String),
    /// The body is not what the protocol says.
    Malformed(String),
    /// Not signed.
    NotSigned,
    /// `Authorization` cannot be read.
    IncompleteSignature(String),
    /// The key is unknown.
    UnknownKey,
    /// The secret differs.
    SignatureMismatch,
    /// The time of the signature is too far from the server's. The text says how far.
    Skew(String),
    /// The session is over.
    Expired,
    /// Not allowed. The text says to whom, what and why.
    AccessDenied(String),
    /// A bug of ours.
    Internal,
}

impl Fault {
    /// An error that is the client's, with status 400.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// A common error in the words of a service.
    pub fn common(error: Common, service: &Service) -> Self {
        let json = service.protocol == Protocol::Json;
        let ec2 = service.protocol == Protocol::Ec2;
        let word = |of_json, of_query, of_ec2| match service.protocol {
            Protocol::Json => of_json,
            Protocol::Query | Protocol::RestXml => of_query,
            Protocol::Ec2 => of_ec2,
        };
        let status = |of_query, of_ec2| match service.protocol {
            Protocol::Json => 400,
            Protocol::Query | Protocol::RestXml => of_query,
            Protocol::Ec2 => of_ec2,
        };
        match error {
            Common::UnknownAction(message) if json => Self::new("UnknownOperationException", message),
            Common::UnknownAction(message) => Self::new("InvalidAction", message),
            Common::Malformed(message) => {
                Self::new(word("SerializationException", "MalformedQueryString", "MalformedQueryString"), message)
            }
            Common::NotSigned if json => {
                Self::new("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
            Common::NotSigned => {
                Self::new("MissingAuthenticationToken", "Request is missing Authentication Token").with_status(403)
            }
            Common::IncompleteSignature(message) => {
                let code = word("IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature");
                Self::new(code, message).with_status(status(403, 403))
            }
            Common::UnknownKey | Common::SignatureMismatch if ec2 => {
                let message = "AWS was not able to validate the provided access credentials";
                Self::new("AuthFailure", message).with_status(401)
            }
            Common::UnknownKey => Self::new(
                word("UnrecognizedClientException", "InvalidClientTokenId", ""),
                "The security token included in the request is invalid.",
            )
            .with_status(status(403, 401)),
            Common::SignatureMismatch => Self::new(
                word("InvalidSignatureException", "SignatureDoesNotMatch", ""),
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            )
            .with_status(status(403, 401)),
            Common::Skew(message) => {
                let code = word("InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired");
                Self::new(code, message).with_status(status(403, 400))
            }
            Common::Expired => Self::new(
                word("ExpiredTokenException", "ExpiredToken", "RequestExpired"),
                "The security token included in the request is expired",
            )
            .with_status(status(403, 400)),
            Common::AccessDenied(message) if ec2 => {
                let message = format!("You are not authorized to perform this operation. {message}");
                Self::new("UnauthorizedOperation", message).with_status(403)
            }
            Common::AccessDenied(message) => {
                Self::new(word("AccessDeniedException", "AccessDenied", ""), message).with_status(status(403, 403))
            }
            Common::Internal => {
                let code = word("ServerException", "InternalFailure", "InternalError");
                Self::new(code, "The request processing has failed because of an unknown error.").with_status(500)
            }
        }
    }
}
