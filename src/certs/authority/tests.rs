//! Whether clients accept the authority and its leaves: verified by a real TLS client, not by reading our own fields.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::super::testing;
use super::*;
use crate::model::certificate::KeyAlgorithm;

#[test]
fn a_client_that_trusts_the_root_accepts_the_leaf_for_each_of_its_names() {
    let authority = testing::authority(&["app.example.com", "*.preview.example.com"]);
    let names = testing::names(&["app.example.com", "*.preview.example.com"]);
    let leaf = authority.issue(&names, KeyAlgorithm::P256, Timestamp::now()).expect("a leaf");
    let server = server(leaf.chain, leaf.key);
    for (name, accepted) in [
        ("app.example.com", true),
        ("one.preview.example.com", true),
        ("preview.example.com", false),
        ("other.example.com", false),
        ("127.0.0.1", false),
    ] {
        let client = Arc::new(testing::client(authority.certificate_der()));
        assert_eq!(testing::handshake(&client, &server, name).is_ok(), accepted, "{name}");
    }
}

#[test]
fn clients_refuse_what_a_stolen_key_would_sign_for_other_names() {
    let authority = testing::authority(&["app.example.com"]);
    for (stolen_for, below) in [("bank.example.org", false), ("example.com", false), ("x.app.example.com", true)] {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let now = Timestamp::now();
        let params = leaf_params(&testing::names(&[stolen_for]), now, now + LEAF_LIFETIME).expect("parameters");
        let certificate = params.signed_by(&key, &authority.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let client = Arc::new(testing::client(authority.certificate_der()));
        let accepted = testing::handshake(&client, &server(vec![certificate.der().clone()], key), stolen_for).is_ok();
        assert_eq!(accepted, below, "{stolen_for}");
    }
}

#[test]
fn clients_refuse_addresses_although_no_name_constraint_speaks_of_them() {
    let authority = testing::authority(&["app.example.com"]);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let now = Timestamp::now();
    let mut params = leaf_params(&testing::names(&["app.example.com"]), now, now + LEAF_LIFETIME).expect("parameters");
    params.subject_alt_names = vec![SanType::IpAddress([10, 0, 0, 1].into())];
    let certificate = params.signed_by(&key, &authority.issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let client = Arc::new(testing::client(authority.certificate_der()));
    assert!(testing::handshake(&client, &server(vec![certificate.der().clone()], key), "10.0.0.1").is_err());
}

/// The TLS library verifies with its own code; browsers and tools verify with these.
#[test]
fn openssl_agrees_about_the_limits_of_the_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = testing::authority(&["app.example.com", "*.preview.example.com"]);
    let root = folder.path().join("ca.pem");
    std::fs::write(&root, authority.certificate_pem()).expect("written");
    for (name, accepted) in [("app.example.com", true), ("*.preview.example.com", true), ("bank.example.org", false)] {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let now = Timestamp::now();
        let params = leaf_params(&testing::names(&[name]), now, now + LEAF_LIFETIME).expect("parameters");
        let leaf = folder.path().join("leaf.pem");
        std::fs::write(&leaf, params.signed_by(&key, &authority.issuer).expect("a certificate").pem())
            .expect("written");
        let arguments = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"];
        let output = std::process::Command::new("openssl").args(arguments).arg(&root).arg(&leaf).output();
        let Ok(output) = output else { return };
        assert_eq!(output.status.success(), accepted, "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_authority_issues_for_its_own_names_only() {
    let authority = testing::authority(&["app.example.com", "*.preview.example.com"]);
    let error = authority
        .issue(&testing::names(&["api.example.com"]), KeyAlgorithm::P256, Timestamp::now())
        .expect_err("not permitted");
    insta::assert_snapshot!(error, @"the local authority may not issue certificates for `api.example.com`: it is limited to app.example.com, preview.example.com");
}

#[test]
fn the_root_says_what_it_is_and_may_do() {
    let authority = testing::authority(&["app.example.com"]);
    let (_, root) = X509Certificate::from_der(authority.certificate_der()).expect("a certificate");
    assert_eq!(root.subject().to_string(), "O=neargate local CA, CN=neargate local CA (chatkit, alice@laptop)");
    let basic = root.basic_constraints().expect("readable").expect("present");
    assert!(basic.critical && basic.value.ca && basic.value.path_len_constraint == Some(0));
    assert!(root.name_constraints().expect("readable").expect("present").critical);
    let usage = root.extended_key_usage().expect("readable").expect("present").value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    let days = (root.validity().not_after.timestamp() - root.validity().not_before.timestamp()) / (24 * 60 * 60);
    assert_eq!(days, 825);
}

#[test]
fn a_leaf_names_its_issuer_and_lasts_ninety_days() {
    use x509_parser::extensions::ParsedExtension;
    let authority = testing::authority(&["app.example.com"]);
    let issued =
        authority.issue(&testing::names(&["app.example.com"]), KeyAlgorithm::P256, Timestamp::now()).expect("a leaf");
    let (_, leaf) = X509Certificate::from_der(&issued.chain[0]).expect("a certificate");
    let (_, root) = X509Certificate::from_der(authority.certificate_der()).expect("a certificate");
    let subject_key = |certificate: &X509Certificate<'_>| {
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        })
    };
    let authority_key = leaf.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
        _ => None,
    });
    assert!(authority_key.is_some() && authority_key == subject_key(&root));
    assert!(subject_key(&leaf).is_some());
    let days = (leaf.validity().not_after.timestamp() - leaf.validity().not_before.timestamp()) / (24 * 60 * 60);
    assert_eq!(days, 91);
}

#[test]
fn nothing_that_is_printed_shows_the_key() {
    let authority = testing::authority(&["app.example.com"]);
    let leaf =
        authority.issue(&testing::names(&["app.example.com"]), KeyAlgorithm::P256, Timestamp::now()).expect("a leaf");
    assert_eq!(format!("{authority:?}"), r#"Authority { permitted: ["app.example.com"], .. }"#);
    assert!(format!("{leaf:?}").contains("elided"), "{leaf:?}");
}

fn server(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Arc<ServerConfig> {
    let provider = aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(chain, key, &provider).expect("key and certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    Arc::new(config)
}
