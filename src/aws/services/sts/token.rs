//! What a web identity token says. Its signature is not verified: whoever runs the stack makes the tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::iam::context::Context;
use crate::protocols::fault::Fault;

/// The claims of a token.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Reads a JSON Web Token.
    pub(super) fn of(token: &str) -> Result<Self, Fault> {
        let read = || {
            let mut parts = token.split('.');
            let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return None;
            };
            let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
            match serde_json::from_slice(&bytes).ok()? {
                Value::Object(claims) => Some(Self(claims)),
                _ => None,
            }
        };
        read().ok_or_else(|| {
            let message =
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
            Fault::new("InvalidIdentityToken", message)
        })
    }

    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// `iss`, without its scheme.
    pub(super) fn issuer(&self) -> &str {
        let issuer = self.text("iss").unwrap_or_default();
        issuer.strip_prefix("https://").unwrap_or(issuer).trim_end_matches('/')
    }

    /// `aud`: one or several.
    pub(super) fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it is over.
    pub(super) fn in_time(&self, now: Timestamp) -> Result<(), Fault> {
        let Some(expires) = self.0.get("exp").and_then(Value::as_i64) else { return Ok(()) };
        if expires > now.as_second() {
            return Ok(());
        }
        Err(Fault::new(
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {} must be before the expiration date/time {expires}",
                now.as_second()
            ),
        ))
    }

    /// Condition keys: `token.actions.githubusercontent.com:sub` and its like.
    pub(super) fn context(&self) -> Context {
        let issuer = self.issuer();
        let mut context = Context::default().with("sts:RoleSessionName", "");
        for (name, value) in &self.0 {
            let key = format!("{issuer}:{name}");
            match value {
                Value::String(text) => context.set(&key, text),
                Value::Array(texts) => {
                    context.set_all(&key, texts.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                _ => {}
            }
        }
        context
    }
}
