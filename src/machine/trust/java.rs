//! Java's key stores: the roots that a JVM trusts. A JVM reads neither the system's bundle nor a variable, but a file in a
//! Java format: the one in its installation (`lib/security/cacerts`) or that of `-Djavax.net.ssl.trustStore`.
//!
//! This module writes JKS, which every JVM reads without a password (PKCS#12 requires one, measured with Java 17). It
//! reads JKS and PKCS#12 files without a password, like the `cacerts` of Java 18 and later. It uses no crate, because the
//! format is a list, and the existing crate, `jks`, brings all of PKCS#12's ciphers with it.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The first four bytes of a JKS file, and its version.
const MAGIC: u32 = 0xfeed_feed;
const VERSION: u32 = 2;
/// The kind of an entry that is a certificate to trust; 1 would be a private key.
const TRUSTED_CERTIFICATE: u32 = 2;
/// The password of every `cacerts`. It protects nothing, it is a checksum for those who ask for one.
pub(super) const PASSWORD: &str = "changeit";
/// Between password and contents in the checksum (`sun.security.provider.JavaKeyStore`).
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// `x509Certificate`, 1.2.840.113549.1.9.22.1 (RFC 7292, section 4.2.3), as an element.
const X509_CERTIFICATE: &[u8] = b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";

/// A certificate in DER.
pub(super) type Certificate = Vec<u8>;

/// The certificates of a PEM bundle; other content is skipped.
pub(super) fn from_pem(pem: &str) -> Vec<Certificate> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).flatten().map(|certificate| certificate.to_vec()).collect()
}

/// A key store that trusts these, each once.
pub(super) fn key_store(certificates: &[Certificate]) -> Vec<u8> {
    let mut seen = BTreeSet::new();
    let certificates: Vec<&Certificate> =
        certificates.iter().filter(|certificate| seen.insert(certificate.as_slice())).collect();
    let mut store = [MAGIC, VERSION, certificates.len() as u32].map(u32::to_be_bytes).concat();
    for (index, certificate) in certificates.into_iter().enumerate() {
        store.extend(TRUSTED_CERTIFICATE.to_be_bytes());
        text(&mut store, &format!("root-{index}"));
        // When it was put in: nothing reads that.
        store.extend(0u64.to_be_bytes());
        text(&mut store, "X.509");
        store.extend((certificate.len() as u32).to_be_bytes());
        store.extend(certificate);
    }
    let checksum = checksum(&store);
    store.extend(checksum);
    store
}

/// What a key store trusts, or `None` if it cannot be read without a password.
pub(super) fn certificates(store: &[u8]) -> Option<Vec<Certificate>> {
    if let Some(entries) = entries(store) {
        return Some(entries.into_iter().map(|(_, certificate)| certificate).collect());
    }
    let found = of_pkcs12(store);
    (!found.is_empty()).then_some(found)
}

/// What a store in Java's own format trusts, by the names that it has there; `None` if it is in another one.
pub(super) fn entries(store: &[u8]) -> Option<Vec<(String, Certificate)>> {
    let mut reader = Reader(store);
    if reader.number()? != MAGIC {
        return None;
    }
    let version = reader.number()?;
    let mut found = Vec::new();
    for _ in 0..reader.number()? {
        // A private key is no business of ours.
        if reader.number()? != TRUSTED_CERTIFICATE {
            return None;
        }
        let alias = String::from_utf8_lossy(reader.text()?).into_owned();
        reader.take(8)?;
        if version == VERSION {
            reader.text()?;
        }
        let length = reader.number()? as usize;
        found.push((alias, reader.take(length)?.to_vec()));
    }
    Some(found)
}

/// Without a password the bags lie open: each certificate is an octet string behind the identifier of its kind.
fn of_pkcs12(store: &[u8]) -> Vec<Certificate> {
    let mut found = Vec::new();
    let mut rest = store;
    while let Some(at) = memchr::memmem::find(rest, X509_CERTIFICATE) {
        rest = &rest[at + X509_CERTIFICATE.len()..];
        let certificate = element(0xa0, rest).and_then(|explicit| element(0x04, explicit));
        found.extend(certificate.map(<[u8]>::to_vec));
    }
    found
}

/// The contents of the DER element that these bytes begin with.
fn element(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(bytes);
    if reader.take(1)? != [tag] {
        return None;
    }
    let first = usize::from(*reader.take(1)?.first()?);
    let length = match first {
        0..=0x7f => first,
        0x81..=0x84 => reader.take(first - 0x80)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        _ => return None,
    };
    reader.take(length)
}

fn text(store: &mut Vec<u8>, text: &str) {
    store.extend((text.len() as u16).to_be_bytes());
    store.extend(text.as_bytes());
}

fn checksum(store: &[u8]) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for unit in PASSWORD.encode_utf16() {
        context.update(&unit.to_be_bytes());
    }
    context.update(WHITENER);
    context.update(store);
    context.finish().as_ref().to_vec()
}

/// The unread rest.
struct Reader<'store>(&'store [u8]);

impl<'store> Reader<'store> {
    fn take(&mut self, length: usize) -> Option<&'store [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'store [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_each_certificate_once() {
        let certificates_of = |numbers: &[u8]| numbers.iter().map(|n| vec![*n; 300]).collect::<Vec<_>>();
        let store = key_store(&certificates_of(&[1, 2, 1]));
        assert_eq!(certificates(&store), Some(certificates_of(&[1, 2])));
        assert_eq!(certificates(&key_store(&[])), Some(Vec::new()));
    }

    #[test]
    fn bags_of_a_pkcs12_file_without_a_password_are_found() {
        let bag = |certificate: &[u8]| {
            let octets = [&[0x04, 0x82, 0x01, 0x00][..], certificate].concat();
            [X509_CERTIFICATE, &[0xa0, 0x82, 0x01, 0x04], &octets].concat()
        };
        let store = [b"\x30\x82\x10\x00".to_vec(), bag(&[1; 256]), bag(&[2; 256]), vec![0; 9]].concat();
        assert_eq!(certificates(&store), Some(vec![vec![1; 256], vec![2; 256]]));
    }

    #[test]
    fn what_cannot_be_read_is_not_half_read() {
        let whole = key_store(&[vec![1; 300]]);
        assert_eq!(certificates(&whole[..100]), None);
        assert_eq!(certificates(b"-----BEGIN CERTIFICATE-----"), None);
        assert_eq!(certificates(b""), None);
        let mut with_key = whole;
        with_key[15] = 1;
        assert_eq!(certificates(&with_key), None, "a private key");
    }
}
