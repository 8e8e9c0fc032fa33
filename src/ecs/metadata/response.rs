//! A response.

use serde::Serialize;

/// A response. Its content is JSON, except for paths that do not exist. It may hold credentials, so it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// `Content-Type`
    pub content_type: &'static str,
    /// The content.
    pub body: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        // Only maps with keys that are not text cannot be JSON, and there are none.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status, content_type: "application/json", body }
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.to_owned() }
    }
}
