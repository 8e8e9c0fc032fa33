//! Kinds of keys of certificates.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};

/// The algorithms of keys that ACM issues certificates for (ACM user guide, "Key algorithms"). Others can only be imported.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    AsRefStr,
    EnumString,
    IntoStaticStr,
    VariantNames,
    Serialize,
    Deserialize,
)]
pub enum KeyAlgorithm {
    /// RSA of 2048 bits, which every client knows.
    #[default]
    #[strum(serialize = "RSA_2048")]
    Rsa2048,
    /// ECDSA over P-256.
    #[strum(serialize = "EC_prime256v1")]
    P256,
    /// ECDSA over P-384.
    #[strum(serialize = "EC_secp384r1")]
    P384,
}

impl KeyAlgorithm {
    /// What they are called.
    pub const NAMES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;
}
