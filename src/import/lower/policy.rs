//! Which values are secrets: those that the source marks, those whose name says so, and those that look like one. Their
//! values go nowhere.

use std::sync::LazyLock;

use regex::Regex;

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("(?i)PASS|PWD|(?:^|_)PW(?:_|$)|SECRET|TOKEN|KEY|CREDENTIAL|PRIVATE|DSN|AUTH|SALT|DATABASE_URL|REDIS_URL|MONGO.*UR[IL]|CONNECTION_STRING").ok()
});
static PUBLIC: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("(?i)_KEY_ID$|^PUBLIC_|^VITE_|^NEXT_PUBLIC_|^REACT_APP_|_PUBLIC_KEY$").ok());
static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"://[^/\s:@]+:[^/\s@]+@|-----BEGIN |\bA[KS]IA[0-9A-Z]{12,}|\bgh[pousr]_\w{16,}|\bgithub_pat_|\bsk-[\w-]{16,}|\bsk_live_|\bxox[abpr]-|\beyJ[\w-]{8,}\.[\w-]+\.",
    )
    .ok()
});

/// Whether the name of a variable says that its value is a secret.
pub(crate) fn named(name: &str) -> bool {
    let is = |regex: &Option<Regex>| regex.as_ref().is_none_or(|regex| regex.is_match(name));
    is(&NAME) && !PUBLIC.as_ref().is_some_and(|regex| regex.is_match(name))
}

/// Whether a value has the form of a secret.
pub(crate) fn looks(value: &str) -> bool {
    VALUE.as_ref().is_none_or(|regex| regex.is_match(value))
}

/// Whether a value is long and random: 24 characters or more, of which a long run of letters and digits is no word.
pub(crate) fn random(value: &str) -> bool {
    const LENGTH: usize = 24;
    const RUN: usize = 16;
    const BITS: f64 = 3.5;
    let letters = value.chars().all(|c| c.is_ascii_alphanumeric() || "+/=_-".contains(c));
    let mixed = |run: &str| {
        run.len() >= RUN
            && run.chars().any(|c| c.is_ascii_digit())
            && run.chars().any(|c| c.is_ascii_alphabetic())
            && entropy(run) > BITS
    };
    value.len() >= LENGTH && letters && !value.starts_with('/') && value.split(['-', '_', '/']).any(mixed)
}

/// Bits for each character.
#[expect(clippy::cast_precision_loss, reason = "texts are short")]
fn entropy(value: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    value.bytes().for_each(|byte| *counts.entry(byte).or_insert(0_usize) += 1);
    let length = value.len() as f64;
    counts.values().map(|count| *count as f64 / length).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_of_secrets_are_known() {
        for name in ["DB_PASSWORD", "api_key", "SENTRY_DSN", "JWT_SECRET", "DATABASE_URL", "X-Origin-Verify-Token"] {
            assert!(named(name), "{name}");
        }
        for name in ["AWS_ACCESS_KEY_ID", "NEXT_PUBLIC_API_KEY", "VITE_TOKEN", "PORT", "LOG_LEVEL"] {
            assert!(!named(name), "{name}");
        }
        for value in [
            "postgres://u:p@db/x",
            "-----BEGIN RSA PRIVATE KEY-----",
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_0123456789abcdefghijABCDEFGHIJ",
            "eyJhbGciOiJI.eyJzdWIiOiIx.SflK",
        ] {
            assert!(looks(value), "{value}");
        }
        for value in ["https://example.com/a", "info", "arn:aws:s3:::bucket", "my-service.internal:8080"] {
            assert!(!looks(value) && !random(value), "{value}");
        }
        assert!(random("q9X2mZ7pL4vB8nC1kR5tW3yD"));
        assert!(!random("this-is-a-long-name-of-a-bucket-1"), "words are no secret");
    }
}
