//! Which certificate of an HTTPS listener a client gets (ALB user guide, "SSL certificates", certificate list).
//!
//! The requested server name is compared with the names of the certificates on the list. If several match, the client
//! gets the best one that it supports. No match, or no name, means the default certificate: no connection is refused
//! because of its name, but the client may refuse the certificate.

use std::cmp::Reverse;

use jiff::Timestamp;

use neargate_model::DomainName;

/// The properties that a choice depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateTraits {
    /// Lower-case; `*.` stands for one label.
    pub names: Vec<DomainName>,
    /// Public key algorithm: ECDSA, otherwise RSA.
    pub is_ecdsa: bool,
    /// Number of the SHA variant that it is signed with: 1, 256, 384, 512; 0 for MD5.
    pub sha: u16,
    /// Length of the public key.
    pub key_bits: usize,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
}

impl CertificateTraits {
    /// Whether one of its names covers the requested one.
    pub fn covers(&self, asked: &str) -> bool {
        self.names.iter().any(|name| covers(name.as_str(), asked))
    }

    /// Whether a listener accepts a certificate with such a key: RSA of 2048, 3072 or 4096 bits, and any ECDSA (ALB
    /// user guide, SSL certificates).
    pub fn key_is_supported(&self) -> bool {
        self.is_ecdsa || [2048, 3072, 4096].contains(&self.key_bits)
    }

    /// The larger the better: "Public key algorithm (prefer ECDSA over RSA)", "Expiration (prefer not expired)",
    /// "Hashing algorithm (prefer SHA over MD5). If there are multiple SHA certificates, prefer the highest SHA
    /// number", "Key length (prefer the largest)", "Validity period". The guide does not say which validity period is
    /// better; the longer one is assumed, because every other criterion prefers the larger value.
    fn rank(&self, now: Timestamp) -> impl Ord + use<> {
        let seconds = self.not_after.as_second() - self.not_before.as_second();
        (self.is_ecdsa, now <= self.not_after, self.sha, self.key_bits, seconds)
    }
}

/// The best certificate on the list that covers the name, or the first of the best. Each comes with a value that
/// identifies it to the caller. The caller leaves out certificates that the client does not support.
pub fn best<'l, T>(
    list: impl IntoIterator<Item = (&'l CertificateTraits, T)>,
    asked: &str,
    now: Timestamp,
) -> Option<T> {
    let matching = list.into_iter().filter(|(traits, _)| traits.covers(asked));
    // The minimum of the reversed order: of equals, `min_by_key` takes the first.
    matching.min_by_key(|(traits, _)| Reverse(traits.rank(now))).map(|(_, chosen)| chosen)
}

/// Whether a certificate's name covers the requested one: "the asterisk (*) must be in the leftmost position of the
/// domain name and can protect only one subdomain level".
pub fn covers(name: &str, asked: &str) -> bool {
    match name.strip_prefix("*.") {
        None => name.eq_ignore_ascii_case(asked),
        Some(parent) => {
            asked.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
        }
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
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        default: Certificate,
        #[serde(default)]
        list: Vec<Certificate>,
        /// The name that the client requests.
        #[serde(default)]
        asked: Option<String>,
        /// `rsa` if it does not support ECDSA.
        #[serde(default)]
        client: Option<String>,
        /// `default`, or the label of a certificate on the list.
        chosen: String,
        /// As written in the access log.
        domain_name: String,
    }

    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Certificate {
        #[serde(default)]
        label: String,
        names: Vec<String>,
        /// `RSA 2048`, `ECDSA 256`
        #[serde(default)]
        key: Option<String>,
        /// `SHA-256`, `MD5`
        #[serde(default)]
        hash: Option<String>,
        #[serde(default)]
        days: Option<i64>,
        #[serde(default)]
        expired: bool,
    }

    const NOW: &str = "2026-06-01T00:00:00Z";

    impl Certificate {
        fn traits(&self) -> CertificateTraits {
            let now: Timestamp = NOW.parse().unwrap();
            let (algorithm, bits) = self.key.as_deref().unwrap_or("ECDSA 256").split_once(' ').unwrap();
            assert!(["ECDSA", "RSA"].contains(&algorithm));
            let sha = match self.hash.as_deref().unwrap_or("SHA-256") {
                "MD5" => 0,
                hash => hash.strip_prefix("SHA-").unwrap().parse().unwrap(),
            };
            let day = std::time::Duration::from_secs(24 * 60 * 60);
            let length = day * u32::try_from(self.days.unwrap_or(90)).unwrap();
            let not_after = if self.expired { now - day } else { now + day };
            CertificateTraits {
                names: self.names.iter().map(DomainName::new).collect(),
                is_ecdsa: algorithm == "ECDSA",
                sha,
                key_bits: bits.parse().unwrap(),
                not_before: not_after - length,
                not_after,
            }
        }
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Key {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        key: String,
        taken: bool,
    }

    #[test]
    fn a_listener_takes_the_keys_that_the_guide_names() {
        fixture::each("alb/tls/keys", |case: Key| {
            let of_key = Certificate { key: Some(case.key), ..Certificate::default() };
            assert_eq!(of_key.traits().key_is_supported(), case.taken, "{}", case.name);
        });
    }

    #[test]
    fn the_name_and_what_the_client_supports_choose_the_certificate() {
        fixture::each("alb/tls/sni", |case: Case| {
            let supported = |traits: &CertificateTraits| case.client.as_deref() != Some("rsa") || !traits.is_ecdsa;
            let list: Vec<_> = case.list.iter().map(|listed| (listed.traits(), listed.label.as_str())).collect();
            let usable = list.iter().filter(|(traits, _)| supported(traits)).map(|(traits, label)| (traits, *label));
            let chosen = case.asked.as_deref().and_then(|asked| best(usable, asked, NOW.parse().unwrap()));
            let chosen = chosen.unwrap_or("default");
            assert_eq!(chosen, case.chosen, "{}", case.name);
            let shown = list.iter().find(|(_, label)| *label == chosen).map(|(traits, _)| traits.clone());
            let shown = shown.unwrap_or_else(|| case.default.traits());
            let domain_name = case.asked.as_deref().filter(|asked| shown.covers(asked)).unwrap_or("-");
            assert_eq!(domain_name, case.domain_name, "{}", case.name);
        });
    }
}
