//! The security policy of TLS connections to targets, as seen by the targets.

use std::sync::Arc;

use neargate::alb::metrics::figures::GroupCount;
use neargate::alb::routing::RoutingTable;
use neargate::control::observation::Observation;
use neargate::control::sink::Sink;
use neargate::model::listener::{ListenerProtocol, TlsSettings};
use neargate::model::target_group::{ProtocolVersion, TargetProtocol};
use neargate::model::target_health::ProbeOutcome;
use rustls::{NamedGroup, ProtocolVersion as TlsVersion};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::alb::{Alb, ScriptedTarget, Setup, Wire, load_balancer, within};
use crate::http2;

const GET: &str = "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The protocol version and key exchange group that a target and the load balancer negotiated.
type Agreed = (TlsVersion, NamedGroup);

/// A target with these TLS versions that answers one request per connection.
async fn target(
    versions: &[&'static rustls::SupportedProtocolVersion],
    agreed: watch::Sender<Option<Agreed>>,
) -> ScriptedTarget {
    let certificate = rcgen::generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_protocol_versions(versions)
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    ScriptedTarget::new(move |incoming| {
        let (acceptor, agreed) = (acceptor.clone(), agreed.clone());
        async move {
            let Ok(stream) = acceptor.accept(incoming.wire.stream).await else { return };
            let session = stream.get_ref().1;
            let group = session.negotiated_key_exchange_group().unwrap().name();
            agreed.send_replace(Some((session.protocol_version().unwrap(), group)));
            let mut wire = Wire::new(stream);
            wire.head().await;
            wire.send(OK).await;
        }
    })
    .await
}

/// An HTTPS listener with this policy in front of a TLS target.
fn behind(policy: &str, target: &ScriptedTarget) -> Setup {
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    load_balancer(&mut setup.topology).listeners[0].protocol = https(policy);
    setup.speaking(TargetProtocol::Https, ProtocolVersion::Http1);
    setup.workers = 1;
    setup
}

fn https(policy: &str) -> ListenerProtocol {
    ListenerProtocol::Https(TlsSettings { ssl_policy: policy.into(), certificates: Vec::new() })
}

async fn ask(alb: &Alb) -> String {
    let mut wire = Wire::new(http2::tls(alb, &["http/1.1"]).await);
    wire.send(GET).await;
    wire.response().await
}

#[tokio::test]
async fn a_tls_1_3_target_is_reached_once_a_listener_has_such_a_policy() {
    let (agreed, seen) = watch::channel(None);
    let target = target(&[&rustls::version::TLS13], agreed).await;
    let mut alb = behind("ELBSecurityPolicy-2016-08", &target).start().await;
    assert!(ask(&alb).await.starts_with("HTTP/1.1 502 "));
    let errors =
        alb.plane.as_ref().unwrap().meters().read().groups[0].counts[GroupCount::TargetTlsNegotiationErrors as usize];
    assert_eq!((errors, *seen.borrow()), (1, None));

    load_balancer(&mut alb.topology).listeners[0].protocol = https("ELBSecurityPolicy-TLS13-1-3-2021-06");
    alb.publish().await;
    assert!(ask(&alb).await.ends_with("\r\n\r\nok"));
    assert_eq!(*seen.borrow(), Some((TlsVersion::TLSv1_3, NamedGroup::X25519)));
}

#[tokio::test]
async fn a_post_quantum_policy_also_applies_to_targets() {
    let (agreed, seen) = watch::channel(None);
    let target = target(rustls::ALL_VERSIONS, agreed).await;
    let alb = behind("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", &target).start().await;
    assert!(ask(&alb).await.ends_with("\r\n\r\nok"));
    assert_eq!(*seen.borrow(), Some((TlsVersion::TLSv1_3, NamedGroup::X25519MLKEM768)));
}

#[tokio::test]
async fn health_checks_follow_the_same_policy() {
    for (policy, passes) in [("ELBSecurityPolicy-2016-08", false), ("ELBSecurityPolicy-TLS13-1-2-2021-06", true)] {
        let target = target(&[&rustls::version::TLS13], watch::channel(None).0).await;
        let mut setup = behind(policy, &target);
        setup.topology.target_groups.get_mut("web").unwrap().health_check.protocol = TargetProtocol::Https;
        let table = RoutingTable::compile(&setup.topology, setup.topology.main_load_balancer(), &setup.targets, 1);
        let (_table, tables) = watch::channel(Arc::new(table));
        let (observe, mut observations) = mpsc::channel(8);
        let tls = neargate::certs::targets::client_configs().unwrap();
        let probing = tokio::spawn(neargate::probes::run(tables, observe, tls, Sink::bounded(1).0));
        let found = within("a health check", observations.recv()).await.unwrap();
        let Observation::Probed { outcome, detail, .. } = found else { panic!("{found:?}") };
        assert_eq!(outcome == ProbeOutcome::Passed { code: 200 }, passes, "{policy}: {detail}");
        probing.abort();
    }
}
