//! Text that must never be printed: secret values, registry passwords.
//!
//! The type does the redaction: neither `Debug` nor `Display` can show the value, so a log line, an error or a snapshot
//! that contains one shows `[redacted]`. [`Redacted::expose`] is the only access, and easy to search for.

use std::fmt;
use std::sync::Arc;

/// A secret value.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(Arc<str>);

impl Redacted {
    /// Takes the value in.
    pub fn new(value: impl AsRef<str>) -> Self {
        Self(Arc::from(value.as_ref()))
    }

    /// The value itself, for the one place that hands it to the container or the registry.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_formatting_shows_the_value() {
        let secret = Redacted::new("sk-very-secret");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "[redacted] [redacted] [redacted]");
    }
}
