//! AWS's security policies as data: protocol versions and ciphers by name (ALB user guide, "Security policies for your
//! Application Load Balancer"), and the part of each that neargate can offer.
//!
//! The TLS library has TLS 1.2 and 1.3 with forward secrecy and authenticated encryption, and nothing older. Some part of
//! every policy remains, so every policy works with current clients; [`SslPolicy::shortfall`] says what an old client
//! would miss.

use rustls::crypto::aws_lc_rs::{self, cipher_suite as suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::error::CertError;

/// What a listener gets when neither console nor file says otherwise (ELBv2 API, CreateListener; CLI, CloudFormation).
pub const DEFAULT: &str = "ELBSecurityPolicy-2016-08";

/// One security policy.
#[derive(Debug)]
pub struct SslPolicy {
    /// With its prefix `ELBSecurityPolicy-`.
    pub name: &'static str,
    oldest: Version,
    newest: Version,
    ciphers: &'static [Ciphers],
    /// FIPS policies leave out ChaCha20.
    fips: bool,
    post_quantum: bool,
    /// RFC 9151 puts 256-bit ciphers first.
    strongest_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

/// Groups of ciphers that policies have or lack as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ciphers {
    /// Those of TLS 1.3.
    Tls13,
    /// Of TLS 1.3 only AES-256, of ECDHE only AES-256-GCM.
    Only256,
    /// ECDHE with AES-GCM.
    EcdheGcm,
    /// ECDHE with AES-CBC and SHA-2.
    EcdheCbcSha2,
    /// ECDHE with AES-CBC and SHA-1.
    EcdheCbcSha1,
    /// RSA key exchange with GCM, or CBC and SHA-2.
    RsaSha2,
    /// RSA key exchange with CBC and SHA-1.
    RsaSha1,
}

use Ciphers::{
    EcdheCbcSha1 as C1, EcdheCbcSha2 as C2, EcdheGcm as G, Only256, RsaSha1 as R1, RsaSha2 as R2, Tls13 as T13,
};
use Version::{Tls10, Tls11, Tls12, Tls13};

const ALL: &[Ciphers] = &[T13, G, C2, C1, R2, R1];

/// All policies, in the order of the guide.
pub static POLICIES: &[SslPolicy] = &[
    policy("ELBSecurityPolicy-TLS13-1-3-2021-06", Tls13, Tls13, &[T13]),
    policy("ELBSecurityPolicy-TLS13-1-2-2021-06", Tls12, Tls13, &[T13, G, C2]),
    policy("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", Tls12, Tls13, &[T13, G]),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", Tls12, Tls13, &[T13, G, C2, R2]),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", Tls12, Tls13, ALL),
    policy("ELBSecurityPolicy-TLS13-1-1-2021-06", Tls11, Tls13, ALL),
    policy("ELBSecurityPolicy-TLS13-1-0-2021-06", Tls10, Tls13, ALL),
    policy("ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", Tls13, Tls13, &[T13]).post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", Tls12, Tls13, &[T13, G, C2]).post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", Tls12, Tls13, &[T13, G]).post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", Tls12, Tls13, &[T13, G, C2, R2]).post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", Tls12, Tls13, ALL).post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", Tls10, Tls13, ALL).post_quantum(),
    policy("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", Tls12, Tls12, &[G, C2, C1, R2, R1]),
    policy("ELBSecurityPolicy-TLS-1-2-2017-01", Tls12, Tls12, &[G, C2, R2]),
    policy("ELBSecurityPolicy-TLS-1-1-2017-01", Tls11, Tls12, &[G, C2, C1, R2, R1]),
    policy("ELBSecurityPolicy-2016-08", Tls10, Tls12, &[G, C2, C1, R2, R1]),
    policy("ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", Tls13, Tls13, &[T13]).fips(),
    policy("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", Tls12, Tls13, &[T13, G]).fips(),
    policy("ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", Tls12, Tls13, &[T13, G, C2]).fips(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", Tls12, Tls13, &[T13, G, C2, C1]).fips(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", Tls12, Tls13, &[T13, G, C2, R2]).fips(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", Tls12, Tls13, ALL).fips(),
    policy("ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", Tls11, Tls13, ALL).fips(),
    policy("ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", Tls10, Tls13, ALL).fips(),
    policy("ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", Tls13, Tls13, &[T13]).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", Tls12, Tls13, &[T13, G]).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", Tls12, Tls13, &[T13, G, C2]).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", Tls12, Tls13, &[T13, G, C2, C1]).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", Tls12, Tls13, &[T13, G, C2, R2]).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", Tls12, Tls13, ALL).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", Tls10, Tls13, ALL).fips().post_quantum(),
    policy("ELBSecurityPolicy-TLS13-1-3-RFC9151-FIPS-2023-07", Tls13, Tls13, &[Only256]).rfc9151(),
    policy("ELBSecurityPolicy-TLS13-1-2-RFC9151-FIPS-2023-07", Tls12, Tls13, &[Only256]).rfc9151(),
    policy("ELBSecurityPolicy-TLS13-1-2-Ext0-RFC9151-FIPS-2023-07", Tls12, Tls13, &[Only256, R2]).rfc9151(),
    policy("ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP1-FIPS-2023-07", Tls12, Tls13, &[T13, G]).rfc9151(),
    policy("ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP2-FIPS-2023-07", Tls12, Tls13, &[T13, G, C2]).rfc9151(),
    policy("ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP3-FIPS-2023-07", Tls12, Tls13, &[T13, G, C2, C1]).rfc9151(),
    policy("ELBSecurityPolicy-TLS13-1-2-RFC9151-INTEROP4-FIPS-2023-07", Tls12, Tls13, ALL).rfc9151(),
    policy("ELBSecurityPolicy-FS-1-2-Res-2020-10", Tls12, Tls12, &[G]),
    policy("ELBSecurityPolicy-FS-1-2-Res-2019-08", Tls12, Tls12, &[G, C2]),
    policy("ELBSecurityPolicy-FS-1-2-2019-08", Tls12, Tls12, &[G, C2, C1]),
    policy("ELBSecurityPolicy-FS-1-1-2019-08", Tls11, Tls12, &[G, C2, C1]),
    policy("ELBSecurityPolicy-FS-2018-06", Tls10, Tls12, &[G, C2, C1]),
];

/// The policy of that name.
pub fn find(name: &str) -> Result<&'static SslPolicy, CertError> {
    if let Some(policy) = POLICIES.iter().find(|policy| policy.name == name) {
        return Ok(policy);
    }
    let distance = |policy: &&SslPolicy| strsim::damerau_levenshtein(policy.name, name);
    let nearest = POLICIES.iter().min_by_key(distance).map_or(DEFAULT, |policy| policy.name);
    Err(CertError::UnknownPolicy { name: name.to_owned(), nearest })
}

impl SslPolicy {
    /// What of the policy can be offered, newest version first.
    pub fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        [(Tls13, &rustls::version::TLS13), (Tls12, &rustls::version::TLS12)]
            .into_iter()
            .filter(|(version, _)| (self.oldest..=self.newest).contains(version))
            .map(|(_, version)| version)
            .collect()
    }

    /// What of the policy can be offered, in the load balancer's order of preference.
    pub fn cipher_suites(&self) -> Vec<SupportedCipherSuite> {
        let has = |group| self.ciphers.contains(&group);
        let mut suites = Vec::new();
        let (aes128, aes256) = (has(T13), has(T13) || has(Only256));
        let tls13 = [
            (aes128 && !self.strongest_first, suite::TLS13_AES_128_GCM_SHA256),
            (aes256, suite::TLS13_AES_256_GCM_SHA384),
            (aes128 && self.strongest_first, suite::TLS13_AES_128_GCM_SHA256),
            (has(T13) && !self.fips, suite::TLS13_CHACHA20_POLY1305_SHA256),
        ];
        let (gcm128, gcm256) = (has(G), has(G) || has(Only256));
        let gcm128_suites =
            [suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
        let gcm256_suites =
            [suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384];
        if self.newest >= Tls13 {
            suites.extend(tls13.into_iter().filter(|(offered, _)| *offered).map(|(_, suite)| suite));
        }
        if self.oldest <= Tls12 {
            let mut tls12 = [(gcm128, gcm128_suites), (gcm256, gcm256_suites)];
            if self.strongest_first {
                tls12.reverse();
            }
            suites.extend(tls12.into_iter().filter(|(offered, _)| *offered).flat_map(|(_, pair)| pair));
        }
        suites
    }

    /// Key exchanges, in order of preference. Post-quantum ones belong to policies with PQ in their names only; those
    /// that "enforce full RFC 9151 requirements" have the one curve of that.
    pub fn key_exchanges(&self) -> Vec<&'static dyn SupportedKxGroup> {
        if self.ciphers.contains(&Only256) {
            return vec![kx_group::SECP384R1];
        }
        let post_quantum = [kx_group::X25519MLKEM768, kx_group::SECP256R1MLKEM768];
        let classical = [kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];
        post_quantum.into_iter().filter(|_| self.post_quantum).chain(classical).collect()
    }

    /// The library, restricted to what of the policy can be offered.
    pub fn provider(&self) -> CryptoProvider {
        let (cipher_suites, kx_groups) = (self.cipher_suites(), self.key_exchanges());
        CryptoProvider { cipher_suites, kx_groups, ..aws_lc_rs::default_provider() }
    }

    /// What AWS offers under this name and the TLS library cannot, in words; `None` if nothing is lacking.
    pub fn shortfall(&self) -> Option<String> {
        let mut lacking = self.lacking();
        if self.post_quantum {
            lacking.push("SecP384r1MLKEM1024");
        }
        (!lacking.is_empty()).then(|| {
            format!(
                "{}: {} not offered; a client that needs one can connect on AWS but not here",
                self.name,
                join(&lacking)
            )
        })
    }

    /// Versions and ciphers that cannot be offered.
    fn lacking(&self) -> Vec<&'static str> {
        let mut lacking = Vec::new();
        match self.oldest {
            Tls10 => lacking.push("TLS 1.0 and 1.1"),
            Tls11 => lacking.push("TLS 1.1"),
            Tls12 | Tls13 => {}
        }
        if self.ciphers.iter().any(|group| matches!(group, C2 | C1)) {
            lacking.push("ECDHE ciphers in CBC mode");
        }
        if self.ciphers.iter().any(|group| matches!(group, R2 | R1)) {
            lacking.push("ciphers with RSA key exchange");
        }
        lacking
    }

    const fn fips(mut self) -> Self {
        self.fips = true;
        self
    }

    const fn post_quantum(mut self) -> Self {
        self.post_quantum = true;
        self
    }

    const fn rfc9151(mut self) -> Self {
        self.fips = true;
        self.strongest_first = true;
        self
    }
}

const fn policy(name: &'static str, oldest: Version, newest: Version, ciphers: &'static [Ciphers]) -> SslPolicy {
    SslPolicy { name, oldest, newest, ciphers, fips: false, post_quantum: false, strongest_first: false }
}

fn join(parts: &[&str]) -> String {
    match parts {
        [one] => format!("{one} are"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        policy: String,
        protocols: Vec<String>,
        ciphers: Vec<String>,
        #[serde(default)]
        not_yet: Option<String>,
    }

    /// OpenSSL's name: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`.
    fn openssl(suite: &SupportedCipherSuite) -> String {
        let name = format!("{:?}", suite.suite());
        match name.strip_prefix("TLS13_") {
            Some(rest) => format!("TLS_{rest}"),
            None => name.trim_start_matches("TLS_").replace("_WITH_AES_", "-AES").replace('_', "-"),
        }
    }

    fn protocol(version: &SupportedProtocolVersion) -> String {
        format!("{:?}", version.version).replace('_', ".")
    }

    #[test]
    fn policies_offer_what_the_guide_says_as_far_as_the_library_has_it() {
        let library: Vec<_> = aws_lc_rs::ALL_CIPHER_SUITES.iter().map(openssl).collect();
        let mut seen = BTreeSet::new();
        fixture::each("alb/tls/policies", |case: Case| {
            let policy = find(&case.policy).unwrap();
            assert!(seen.insert(policy.name), "{} has two cases", policy.name);
            let mut guide = case.protocols.clone();
            guide.retain(|version| ["TLSv1.3", "TLSv1.2"].contains(&version.as_str()));
            assert_eq!(policy.versions().into_iter().map(protocol).collect::<Vec<_>>(), guide, "{}", case.name);
            let complete = guide == case.protocols;
            let mut guide = case.ciphers.clone();
            guide.retain(|cipher| library.contains(cipher));
            assert_eq!(policy.cipher_suites().iter().map(openssl).collect::<Vec<_>>(), guide, "{}", case.name);
            assert_eq!(case.not_yet.is_none(), complete && guide == case.ciphers, "{}", case.name);
            let lacking = policy.lacking();
            let told = (!lacking.is_empty()).then(|| format!("{} not offered", join(&lacking)));
            assert_eq!(told, case.not_yet, "{}", case.name);
        });
        assert_eq!(seen, POLICIES.iter().map(|policy| policy.name).collect(), "policies without a case");
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct KeyExchanges {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        policies: Vec<String>,
        key_exchanges: Vec<String>,
    }

    #[test]
    fn families_of_policies_exchange_keys_in_their_groups() {
        let mut seen = BTreeSet::new();
        fixture::each("alb/tls/key-exchanges", |case: KeyExchanges| {
            for name in &case.policies {
                let policy = find(name).unwrap();
                assert!(seen.insert(policy.name), "{name} has two cases");
                let groups: Vec<_> = policy.key_exchanges().iter().map(|group| format!("{:?}", group.name())).collect();
                assert_eq!(groups, case.key_exchanges, "{} ({name})", case.name);
            }
        });
        assert_eq!(seen, POLICIES.iter().map(|policy| policy.name).collect(), "policies without a case");
    }

    #[test]
    fn every_policy_can_be_offered_in_part_and_has_one_name() {
        let names: BTreeSet<_> = POLICIES.iter().map(|policy| policy.name).collect();
        assert_eq!(names.len(), POLICIES.len());
        for policy in POLICIES {
            assert!(!policy.versions().is_empty() && !policy.cipher_suites().is_empty(), "{}", policy.name);
            for version in policy.versions() {
                let usable = policy.cipher_suites().iter().any(|suite| suite.version() == version);
                assert!(usable, "{} has no cipher for {version:?}", policy.name);
            }
        }
    }

    #[test]
    fn a_mistyped_name_gets_the_nearest() {
        let error = find("ELBSecurityPolicy-TLS13-1-2-Res-2021-6").expect_err("no such policy");
        assert!(error.to_string().contains("`ELBSecurityPolicy-TLS13-1-2-Res-2021-06`"), "{error}");
    }

    #[test]
    fn what_is_lacking_is_said() {
        let shortfall = |name| find(name).expect("a policy").shortfall();
        assert_eq!(shortfall("ELBSecurityPolicy-TLS13-1-2-Res-2021-06"), None);
        insta::assert_snapshot!(
            shortfall(DEFAULT).unwrap_or_default(),
            @"ELBSecurityPolicy-2016-08: TLS 1.0 and 1.1, ECDHE ciphers in CBC mode and ciphers with RSA key exchange are not offered; a client that needs one can connect on AWS but not here"
        );
    }
}
