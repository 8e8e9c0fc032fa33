//! Tests what listeners offer, with a TLS client.

use std::path::Path;

use rustls::client::{Resumption, Tls12Resumption};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use serde::Deserialize;

use super::super::testing::{authority, client, client_of, handshake, names};
use super::*;
use crate::model::certificate::{IssuedCertificate, KeyAlgorithm};
use crate::model::listener::Listener;
use crate::model::rule::{Action, FixedResponse};
use neargate_fixture as fixture;

const POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn https_listeners_are_published_by_their_aws_port() {
    let (store, root) = store(&["app.example.com"]);
    let configs = store.subscribe();
    let mut balancer = load_balancer(POLICY, vec![issued(&["app.example.com"])]);
    balancer.listeners.push(Listener { port: 80, protocol: ListenerProtocol::Http, ..balancer.listeners[0].clone() });
    store.update([&balancer], Timestamp::now()).expect("an update");
    assert_eq!(configs.borrow().keys().map(|(_, port)| *port).collect::<Vec<_>>(), [443]);
    let (client, _) =
        handshake(&root, &configs.borrow()[&("chatkit".into(), 443)], "app.example.com").expect("a handshake");
    assert_eq!(client.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
}

#[test]
fn without_http2_only_http1_is_agreed_on() {
    let (store, root) = store(&["app.example.com"]);
    let mut balancer = load_balancer(POLICY, vec![issued(&["app.example.com"])]);
    balancer.attributes.http2_enabled = false;
    store.update([&balancer], Timestamp::now()).expect("an update");
    let (client, _) = handshake(&root, &config(&store), "app.example.com").expect("a handshake");
    assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn the_name_chooses_the_certificate_and_an_unknown_name_gets_the_default() {
    let (store, root) = store(&["app.example.com", "*.preview.example.com"]);
    let certificates = vec![issued(&["app.example.com"]), issued(&["*.preview.example.com"])];
    store.update([&load_balancer(POLICY, certificates)], Timestamp::now()).expect("an update");
    let config = config(&store);
    handshake(&root, &config, "app.example.com").expect("the default certificate");
    handshake(&root, &config, "one.preview.example.com").expect("the second certificate");
    let error = handshake(&root, &config, "other.example.com").expect_err("the default certificate has another name");
    assert!(matches!(error, rustls::Error::InvalidCertificate(_)), "the connection itself is not refused: {error}");
}

#[test]
fn the_policy_limits_versions_and_the_server_prefers_its_own_cipher() {
    let trusted = authority(&["app.example.com"]);
    let root = trusted.certificate_der().clone();
    let store = CertStore::new(Arc::new(trusted));
    let policies = [
        ("ELBSecurityPolicy-TLS13-1-3-2021-06", false, Some("TLS13_AES_128_GCM_SHA256")),
        ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", true, Some("TLS13_AES_128_GCM_SHA256")),
        ("ELBSecurityPolicy-2016-08", true, None),
        ("ELBSecurityPolicy-TLS13-1-2-RFC9151-FIPS-2023-07", true, Some("TLS13_AES_256_GCM_SHA384")),
    ];
    for (policy, tls12, tls13_cipher) in policies {
        let balancer = load_balancer(policy, vec![issued(&["app.example.com"])]);
        store.update([&balancer], Timestamp::now()).expect("an update");
        let config = config(&store);
        let with = |version| {
            let client = client_of(aws_lc_rs::default_provider(), &root, &[version]);
            handshake(&Arc::new(client), &config, "app.example.com").ok()
        };
        assert_eq!(with(&rustls::version::TLS12).is_some(), tls12, "{policy}");
        let agreed = with(&rustls::version::TLS13)
            .and_then(|(client, _)| client.negotiated_cipher_suite())
            .map(|suite| format!("{:?}", suite.suite()));
        assert_eq!(agreed.as_deref(), tls13_cipher, "{policy}: the client would rather have AES-256 or ChaCha20");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Handshakes {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    policy: String,
    /// The only one that the client knows.
    version: String,
    /// The client knows session ids only.
    #[serde(default)]
    without_tickets: bool,
    /// The client would like to send some with the second handshake. None is ever taken.
    #[serde(default)]
    early_data: bool,
    key_exchange: String,
    resumed: bool,
}

#[test]
fn sessions_are_agreed_upon_and_resumed() {
    let trusted = authority(&["app.example.com"]);
    let root = trusted.certificate_der().clone();
    let store = CertStore::new(Arc::new(trusted));
    fixture::each("alb/tls/sessions", |case: Handshakes| {
        let balancer = load_balancer(&case.policy, vec![issued(&["app.example.com"])]);
        store.update([&balancer], Timestamp::now()).expect("an update");
        let versions = rustls::ALL_VERSIONS.iter().copied();
        let versions: Vec<_> = versions.filter(|known| format!("{:?}", known.version) == case.version).collect();
        let mut client = client_of(aws_lc_rs::default_provider(), &root, &versions);
        client.enable_early_data = case.early_data;
        if case.without_tickets {
            client.resumption = Resumption::in_memory_sessions(8).tls12_resumption(Tls12Resumption::SessionIdOnly);
        }
        let (client, listener) = (Arc::new(client), config(&store));
        let (first, _) = handshake(&client, &listener, "app.example.com").expect(&case.name);
        let group = first.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
        assert_eq!(group, Some(case.key_exchange), "{}", case.name);
        assert_eq!(first.handshake_kind(), Some(HandshakeKind::Full), "{}", case.name);
        let (second, _) = handshake(&client, &listener, "app.example.com").expect(&case.name);
        assert_eq!(second.handshake_kind() == Some(HandshakeKind::Resumed), case.resumed, "{}", case.name);
        assert!(!second.is_early_data_accepted(), "{}", case.name);
    });
}

#[test]
fn an_unchanged_listener_keeps_its_configuration_and_nothing_is_published() {
    let (store, _) = store(&["app.example.com"]);
    let balancer = load_balancer(POLICY, vec![issued(&["app.example.com"])]);
    store.update([&balancer], Timestamp::now()).expect("an update");
    let mut configs = store.subscribe();
    let before = configs.borrow_and_update()[&("chatkit".into(), 443)].clone();
    store.update([&balancer], Timestamp::now()).expect("an update");
    store.renew(Timestamp::now() + 59 * DAY).expect("a renewal");
    assert!(!configs.has_changed().expect("open"));
    assert!(Arc::ptr_eq(&before, &configs.borrow()[&("chatkit".into(), 443)]));
}

#[test]
fn a_leaf_is_replaced_a_month_before_it_ends_and_open_connections_keep_theirs() {
    let (store, root) = store(&["app.example.com"]);
    let issued_at = Timestamp::now();
    store.update([&load_balancer(POLICY, vec![issued(&["app.example.com"])])], issued_at).expect("an update");
    let before = config(&store);
    store.renew(issued_at + 61 * DAY).expect("a renewal");
    assert!(!Arc::ptr_eq(&before, &config(&store)));
    handshake(&root, &before, "app.example.com").expect("whoever still holds the old configuration goes on");
}

#[test]
fn what_cannot_be_set_up_changes_nothing() {
    let (store, root) = store(&["app.example.com"]);
    store.update([&load_balancer(POLICY, vec![issued(&["app.example.com"])])], Timestamp::now()).expect("an update");
    let broken = [
        (load_balancer(POLICY, vec![]), "HTTPS listener 443 has no certificate"),
        (
            load_balancer("ELBSecurityPolicy-2016-8", vec![issued(&["app.example.com"])]),
            "the nearest is `ELBSecurityPolicy-2016-08`",
        ),
        (load_balancer(POLICY, vec![issued(&["api.example.com"])]), "may not issue certificates for `api.example.com`"),
        (load_balancer(POLICY, vec![files(Path::new("/nowhere"))]), "cannot read /nowhere/cert.pem"),
    ];
    for (balancer, message) in broken {
        let error = store.update([&balancer], Timestamp::now()).expect_err(message);
        assert!(error.to_string().contains(message), "{error}");
        handshake(&root, &config(&store), "app.example.com").expect("as before");
    }
}

#[test]
fn the_keys_of_all_certificates_that_may_be_shown_are_known_also_after_a_renewal() {
    let (store, _) = store(&["app.example.com", "*.preview.example.com"]);
    assert!(store.public_key_hashes().is_empty());
    let now = Timestamp::now();
    let ecdsa = |name| issued_with(&[name], KeyAlgorithm::P256);
    let certificates = vec![ecdsa("app.example.com"), ecdsa("*.preview.example.com"), issued(&["app.example.com"])];
    store.update([&load_balancer(POLICY, certificates)], now).expect("an update");
    let before = store.public_key_hashes();
    assert_eq!(before.len(), 3);
    store.renew(now).expect("nothing to renew");
    assert_eq!(store.public_key_hashes(), before);
    store.renew(now + Duration::from_secs(80 * 24 * 60 * 60)).expect("a renewal");
    let kept = store.public_key_hashes().iter().filter(|key| before.contains(key)).count();
    assert_eq!(kept, 1, "new certificates have new keys of ECDSA; the one of RSA stays");
}

/// ALB user guide, "SSL certificates": "multiple certificates … with the same name and different key types".
#[test]
fn of_two_certificates_for_one_name_a_client_gets_the_one_that_it_can_use() {
    let trusted = authority(&["app.example.com"]);
    let root = trusted.certificate_der().clone();
    let store = CertStore::new(Arc::new(trusted));
    let both = vec![issued(&["app.example.com"]), issued_with(&["app.example.com"], KeyAlgorithm::P384)];
    store.update([&load_balancer(POLICY, both)], Timestamp::now()).expect("an update");
    let suite_with = |suites: Vec<rustls::SupportedCipherSuite>| {
        let provider = rustls::crypto::CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() };
        let client = client_of(provider, &root, &[&rustls::version::TLS12]);
        let (client, _) = handshake(&Arc::new(client), &config(&store), "app.example.com").expect("a handshake");
        format!("{:?}", client.negotiated_cipher_suite().expect("a cipher").suite())
    };
    let rsa = aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    let ecdsa = aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    assert_eq!(suite_with(vec![rsa]), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_eq!(suite_with(vec![rsa, ecdsa]), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    store.update([&load_balancer(POLICY, vec![issued(&["app.example.com"])])], Timestamp::now()).expect("an update");
    assert_eq!(suite_with(vec![ecdsa, rsa]), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "as with ACM's default");
}

#[test]
fn a_users_own_files_are_served_and_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = authority(&["own.example.com"]);
    write_files(folder.path(), &own, Timestamp::now());
    let (store, _) = store(&["app.example.com"]);
    let balancer = load_balancer(POLICY, vec![files(folder.path())]);
    store.update([&balancer], Timestamp::now()).expect("an update");
    let client = Arc::new(client(own.certificate_der()));
    handshake(&client, &config(&store), "own.example.com").expect("the user's certificate");

    let mut configs = store.subscribe();
    configs.borrow_and_update();
    store.renew(Timestamp::now()).expect("a renewal");
    assert!(!configs.has_changed().expect("open"), "the files are the same");
    write_files(folder.path(), &own, Timestamp::now());
    store.renew(Timestamp::now()).expect("a renewal");
    assert!(configs.has_changed().expect("open"), "the files hold another certificate");
}

#[test]
fn a_users_files_that_cannot_work_are_refused_with_the_reason() {
    let (store, _) = store(&["app.example.com"]);
    let own = authority(&["own.example.com"]);
    let spoil: [(&str, Spoil); 5] = [
        ("cert.pem contains no certificate", |folder, _| std::fs::write(folder.join("cert.pem"), "").expect("written")),
        ("key.pem contains no private key", |folder, _| std::fs::write(folder.join("key.pem"), "").expect("written")),
        ("key.pem is not the key of", |folder, own| {
            let key = std::fs::read(folder.join("key.pem")).expect("read");
            write_files(folder, own, Timestamp::now());
            std::fs::write(folder.join("key.pem"), key).expect("written");
        }),
        ("cert.pem has a key that is neither ECDSA nor RSA", |folder, _| {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
            let params = rcgen::CertificateParams::new(["own.example.com".to_owned()]).expect("a name");
            std::fs::write(folder.join("cert.pem"), params.self_signed(&key).expect("signed").pem()).expect("written");
            std::fs::write(folder.join("key.pem"), key.serialize_pem()).expect("written");
        }),
        ("cert.pem expired on", |folder, own| write_files(folder, own, Timestamp::now() - 200 * DAY)),
    ];
    for (message, spoil) in spoil {
        let folder = tempfile::tempdir().expect("a folder");
        write_files(folder.path(), &own, Timestamp::now());
        spoil(folder.path(), &own);
        let balancer = load_balancer(POLICY, vec![files(folder.path())]);
        let error = store.update([&balancer], Timestamp::now()).expect_err(message);
        assert!(error.to_string().contains(message), "{error}");
    }
}

/// Spoils a folder with a user's files.
type Spoil = fn(&Path, &Authority);

fn store(permitted: &[&str]) -> (CertStore, Arc<ClientConfig>) {
    let authority = authority(permitted);
    let client = Arc::new(client(authority.certificate_der()));
    (CertStore::new(Arc::new(authority)), client)
}

fn config(store: &CertStore) -> Arc<ServerConfig> {
    store.subscribe().borrow()[&("chatkit".into(), 443)].clone()
}

fn issued(wanted: &[&str]) -> Certificate {
    issued_with(wanted, KeyAlgorithm::Rsa2048)
}

fn issued_with(wanted: &[&str], key_algorithm: KeyAlgorithm) -> Certificate {
    Certificate::Issued(IssuedCertificate { names: names(wanted), key_algorithm })
}

fn files(folder: &Path) -> Certificate {
    Certificate::Files { certificate: folder.join("cert.pem"), private_key: folder.join("key.pem") }
}

fn write_files(folder: &Path, authority: &Authority, now: Timestamp) {
    use base64::Engine as _;
    let encode = |der: &[u8]| base64::engine::general_purpose::STANDARD.encode(der);
    let leaf = authority.issue(&names(&["own.example.com"]), KeyAlgorithm::P256, now).expect("a leaf");
    let pem = |label: &str, der: &[u8]| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", encode(der));
    std::fs::write(folder.join("cert.pem"), pem("CERTIFICATE", &leaf.chain[0])).expect("written");
    std::fs::write(folder.join("key.pem"), pem("PRIVATE KEY", leaf.key.secret_der())).expect("written");
}

fn load_balancer(ssl_policy: &str, certificates: Vec<Certificate>) -> LoadBalancer {
    let answer = FixedResponse { status_code: 200, content_type: None, message_body: String::new() };
    let protocol = ListenerProtocol::Https(TlsSettings { ssl_policy: ssl_policy.into(), certificates });
    let listener = Listener { bind_port: 8443, ..Listener::new(443, protocol, Action::FixedResponse(answer)) };
    LoadBalancer::new("chatkit", vec![listener])
}
