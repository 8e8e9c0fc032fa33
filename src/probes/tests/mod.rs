//! Tests the loops of health checks on a paused clock without sockets, and one aborted check. [`cases`] tests what a check
//! sends and how it judges the response.

mod cases;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::attempt::{self, Found};
use super::*;
use crate::alb::routing::RoutedTargetGroup;
use crate::alb::targets::health::ProbeTick;
use crate::alb::targets::target_tls::TargetPolicy;
use crate::model::target_group::TargetGroup;
use crate::model::target_group::{Matcher, ProtocolVersion, TargetProtocol};
use crate::model::target_health::{InitialReason, ProbeOutcome, TargetState};
use crate::model::topology::TimeScale;

/// What AWS knows the target by; the tests dial another address, as with published ports.
const TARGET: Target = Target { address: IpAddr::V4(Ipv4Addr::new(10, 0, 7, 140)), port: 8080 };

/// Closing with unread bytes is a reset; which of the two ends the check sees first is the kernel's business.
#[tokio::test]
async fn a_connection_that_is_reset_is_a_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.read_exact(&mut [0]).await.expect("a byte");
    });
    let found = probe(&probed(address)).await;
    assert_eq!(found.outcome, ProbeOutcome::Failed);
    assert!(found.detail.starts_with("connection reset") || found.detail.starts_with("closed"), "{}", found.detail);
    server.await.expect("the server");
}

/// ALB user guide, "Health check logs", time: "Timestamp of when health check is initiated on a target".
#[tokio::test]
async fn the_log_has_the_time_at_which_a_check_began() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.read_exact(&mut [0]).await.expect("a byte");
        let asked = jiff::Timestamp::now();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("a connection");
        asked
    });
    let mut table = table([("web", true)], TargetHealth::Healthy);
    let group = &mut Arc::get_mut(&mut table).expect("nobody else has it").target_groups[0];
    let target = &mut Arc::get_mut(&mut group.targets).expect("nobody else has them")[0];
    (target.dial, target.reachable) = (address, true);
    let (_tables, receiver) = watch::channel(table);
    let (sender, _observations) = mpsc::channel(8);
    let (log, mut entries) = Sink::bounded(8);
    let task = tokio::spawn(run(receiver, sender, client_configs(), log));
    let entry = entries.recv().await.expect("an entry");
    assert!(entry.time <= server.await.expect("the server"), "before the target was asked");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_security_group_drops_takes_the_whole_timeout_and_sends_nothing() {
    let mut probed = probed("127.0.0.1:9".parse().expect("an address"));
    probed.reachable = false;
    let started = Instant::now();
    let found = probe(&probed).await;
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    let detail = "dropped by a security group: no response within 5 s".into();
    assert_eq!(found, Found { outcome: ProbeOutcome::TimedOut, detail });
}

#[tokio::test(start_paused = true)]
async fn loops_follow_the_table() {
    let mut world = World::start([("in-use", true), ("idle", false)]);
    assert_eq!(world.next().await, ("in-use".into(), ProbeTick::Early, Duration::from_secs(5)));
    assert_eq!(world.next().await, ("in-use".into(), ProbeTick::Scaled, Duration::from_secs(11)));

    world.publish([("in-use", true), ("idle", true)]);
    assert_eq!(world.next().await, ("idle".into(), ProbeTick::Early, Duration::from_secs(16)));
    assert_eq!(world.next().await, ("in-use".into(), ProbeTick::Scaled, Duration::from_secs(17)));

    world.publish([("in-use", false), ("idle", true)]);
    for expected in [22, 28, 34] {
        let (group, _, at) = world.next().await;
        assert_eq!((group.as_str(), at), ("idle", Duration::from_secs(expected)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_time_scale_holds_for_the_next_probe() {
    let mut world = World::start([("web", true)]);
    world.next().await;
    assert_eq!(world.next().await, ("web".into(), ProbeTick::Scaled, Duration::from_secs(11)));
    let unhurried = table([("web", true)], TargetHealth::Healthy);
    let unhurried = Arc::into_inner(unhurried).map(|table| RoutingTable { time_scale: TimeScale::REAL, ..table });
    world.tables.send(Arc::new(unhurried.expect("nobody else has it"))).expect("somebody listens");
    assert_eq!(world.next().await, ("web".into(), ProbeTick::Whole, Duration::from_secs(35)));
}

#[tokio::test(start_paused = true)]
async fn targets_that_drain_are_not_probed() {
    let mut world = World::start([("web", true)]);
    world.next().await;
    world.publish_with([("web", true)], TargetHealth::Draining);
    let silence = tokio::time::timeout(Duration::from_secs(600), world.observations.recv()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test(start_paused = true)]
async fn everything_ends_with_the_table() {
    let World { tables, mut observations, task, .. } = World::start([("web", true)]);
    drop(tables);
    task.await.expect("no panic");
    assert!(observations.recv().await.is_none(), "no loop is left that could send");
}

/// The loops on a paused clock, with targets that no security group lets anyone reach: no sockets are involved, and
/// every probe takes its whole timeout of 5 s.
struct World {
    tables: watch::Sender<Arc<RoutingTable>>,
    observations: mpsc::Receiver<Observation>,
    task: tokio::task::JoinHandle<()>,
    started: Instant,
}

impl World {
    fn start<const N: usize>(groups: [(&str, bool); N]) -> Self {
        let (tables, receiver) = watch::channel(table(groups, TargetHealth::Healthy));
        let (sender, observations) = mpsc::channel(1);
        let task = tokio::spawn(run(receiver, sender, client_configs(), Sink::bounded(1).0));
        Self { tables, observations, task, started: Instant::now() }
    }

    fn publish<const N: usize>(&self, groups: [(&str, bool); N]) {
        self.publish_with(groups, TargetHealth::Healthy);
    }

    fn publish_with<const N: usize>(&self, groups: [(&str, bool); N], health: TargetHealth) {
        self.tables.send(table(groups, health)).expect("somebody listens");
    }

    /// Group, place in the schedule, and when it ended.
    async fn next(&mut self) -> (String, ProbeTick, Duration) {
        match self.observations.recv().await {
            Some(Observation::Probed { target_group, tick, .. }) => {
                (target_group.to_string(), tick, self.started.elapsed())
            }
            other => panic!("{other:?}"),
        }
    }
}

fn table<const N: usize>(groups: [(&str, bool); N], health: TargetHealth) -> Arc<RoutingTable> {
    let probed = probed("127.0.0.1:9".parse().expect("an address"));
    let group = |(name, in_use): (&str, bool)| RoutedTargetGroup {
        name: TargetGroupName::new(name),
        arn: neargate_model::arn::Arn::target_group(&name.into()),
        id: 0,
        settings: probed.settings.clone(),
        in_use,
        targets: [TargetState { target: TARGET, dial: probed.dial, reachable: false, health: health.clone() }].into(),
        eligible: Arc::default(),
    };
    Arc::new(RoutingTable { target_groups: groups.into_iter().map(group).collect(), ..RoutingTable::empty() })
}

fn client_configs() -> PerPolicy<Arc<rustls::ClientConfig>> {
    crate::certs::targets::client_configs().expect("configurations")
}

async fn probe(probed: &Probed) -> Found {
    attempt::probe(probed, &crate::transport::TargetTls::new(client_configs())).await
}

fn probed(dial: SocketAddr) -> Probed {
    let settings = TargetGroup::new(TARGET.port);
    Probed {
        target_group: TargetGroupName::new("web"),
        settings: Arc::new(settings),
        target_policy: TargetPolicy::Tls13,
        time_scale: TimeScale::DEFAULT,
        target: TARGET,
        dial,
        reachable: true,
        health: TargetHealth::Initial(InitialReason::RegistrationInProgress),
    }
}

/// `answered 500 in 3 ms` with `#` for the 3.
fn without_figures(found: &Found) -> String {
    match found.detail.split_once(" in ").and_then(|(head, tail)| Some((head, tail.split_once(" ms")?.1))) {
        Some((head, tail)) if head.starts_with("answered ") => format!("{head} in # ms{tail}"),
        _ => found.detail.clone(),
    }
}
