//! The name under which OpenSSL looks up a root in a folder of roots (`/etc/ssl/certs/5ed36f99.0`): half of its callers
//! look only there, not in a bundle.

use aws_lc_rs::digest;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Tags of the string types whose values are compared without regard to case and spaces: UTF8String, PrintableString,
/// T61String, IA5String, VisibleString (OpenSSL's `ASN1_MASK_CANON`; two more are wider than a byte and left out here,
/// as no root of ours has them).
const TEXT: [u8; 5] = [0x0c, 0x13, 0x14, 0x16, 0x1a];

/// `5ed36f99`, or `None` if this is no certificate: the first four bytes of the SHA-1 of the subject in its canonical
/// encoding, lowest first (`X509_subject_name_hash`, which `c_rehash` uses).
pub(super) fn subject_hash(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let mut canonical = Vec::new();
    for names in certificate.subject().iter_rdn() {
        let mut set = Vec::new();
        for name in names.iter() {
            let value = name.attr_value();
            let tag = u8::try_from(value.tag().0).ok()?;
            let (tag, text) = if TEXT.contains(&tag) {
                (TEXT[0], folded(value.data).into_bytes())
            } else {
                (tag, value.data.to_vec())
            };
            let pair = [element(0x06, name.attr_type().as_bytes()), element(tag, &text)].concat();
            set.extend(element(0x30, &pair));
        }
        canonical.extend(element(0x31, &set));
    }
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &canonical);
    let first: [u8; 4] = hash.as_ref().get(..4)?.try_into().ok()?;
    Some(format!("{:08x}", u32::from_le_bytes(first)))
}

/// Small letters, and single spaces between words.
fn folded(text: &[u8]) -> String {
    String::from_utf8_lossy(text).split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

/// A DER element.
fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=127) => bytes.push(short),
        _ => {
            let wide = length.to_be_bytes();
            let digits = &wide[wide.iter().take_while(|byte| **byte == 0).count()..];
            bytes.push(0x80 | digits.len() as u8);
            bytes.extend(digits);
        }
    }
    bytes.extend(contents);
    bytes
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn it_is_what_openssl_says() {
        // `openssl x509 -noout -subject_hash -in …`, of a root with capitals, two spaces, an umlaut and a country.
        let pem = include_str!("example.pem");
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
        assert_eq!(subject_hash(&der).as_deref(), Some(include_str!("example.hash").trim()));
        assert_eq!(subject_hash(b"no certificate"), None);
    }

    #[test]
    fn long_elements_have_long_lengths() {
        assert_eq!(element(4, &[7; 127])[..2], [4, 127]);
        assert_eq!(element(4, &[7; 128])[..3], [4, 0x81, 128]);
        assert_eq!(element(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }
}
