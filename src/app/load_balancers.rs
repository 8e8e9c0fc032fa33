//! The parts that each load balancer has to itself, as on AWS: the threads that serve its clients, the health checks of
//! its targets, the writer of its logs. They start and end with it, also while the stack runs.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::alb::logs::health_check::HealthCheckEntry;
use crate::alb::metrics::alarm::{self, Reading};
use crate::alb::metrics::prometheus::{Measured, to_prometheus};
use crate::alb::routing::RoutingTable;
use crate::certs::CertStore;
use crate::certs::targets::ClientConfigs;
use crate::control::ControlHandle;
use crate::control::routing::Routing;
use crate::control::sink::Sink;
use crate::control::tap::Tap;
use crate::logs::load_balancer;
use crate::model::LoadBalancerName;
use crate::model::alarm::MetricAlarm;
use crate::model::settled_request::SettledRequest;
use crate::probes;
use crate::proxy::{AccessSink, ConnectionSink, DataPlane, DataPlaneConfig, ListenerTls};

/// How long requests in flight may take to end when a load balancer, or the stack, is taken down.
pub(super) const DRAIN: Duration = Duration::from_secs(10);
/// How long the ports of a load balancer that is gone may take to become free before others are tried nevertheless.
const CLOSING: Duration = Duration::from_secs(1);

/// What all of them use.
pub(super) struct Given {
    pub(super) control: ControlHandle,
    pub(super) certificates: Arc<CertStore>,
    pub(super) target_tls: ClientConfigs,
    /// The folder of their logs.
    pub(super) logs: PathBuf,
    /// For those who want to know what becomes of requests.
    pub(super) requests: Tap<SettledRequest>,
}

/// Every load balancer that runs.
pub(super) struct LoadBalancers {
    given: Given,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<LoadBalancerName, Running>,
    /// Nothing is started any more.
    ending: bool,
}

/// The parts of one.
struct Running {
    tables: watch::Receiver<Arc<RoutingTable>>,
    /// `None` when it was told to drain.
    data_plane: Option<DataPlane>,
    access: AccessSink,
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl LoadBalancers {
    /// Starts those that are wanted now.
    pub(super) fn start(given: Given) -> io::Result<Arc<Self>> {
        let mut state = State::default();
        for (name, tables) in given.control.routing().borrow().iter() {
            state.running.insert(name.clone(), Running::start(&given, name, tables)?);
        }
        Ok(Arc::new(Self { given, state: Mutex::new(state) }))
    }

    /// Starts and ends them as they are wanted, for as long as it is polled.
    pub(super) async fn follow(self: Arc<Self>) {
        let mut routing = self.given.control.routing();
        loop {
            let wanted = routing.borrow_and_update().clone();
            self.end_others(&wanted).await;
            self.start_missing(&wanted);
            if routing.changed().await.is_err() {
                return;
            }
        }
    }

    /// The threads of all, to be drained. Nothing is started from now on; health checks and logs go on.
    pub(super) fn take_data_planes(&self) -> Vec<DataPlane> {
        let mut state = self.state();
        state.ending = true;
        state.running.values_mut().filter_map(|running| running.data_plane.take()).collect()
    }

    /// The value of an alarm's metric; `None` if its load balancer does not run.
    pub(super) fn read(&self, alarm: &MetricAlarm) -> Option<Reading> {
        let state = self.state();
        let running = state.running.get(&alarm.load_balancer)?;
        let figures = running.data_plane.as_ref()?.meters().read();
        alarm::read(alarm, &figures, &running.tables.borrow())
    }

    /// What `--admin` serves.
    pub(super) fn to_prometheus(&self) -> String {
        let state = self.state();
        let read = state.running.values().filter_map(|running| {
            let data_plane = running.data_plane.as_ref()?;
            let mut figures = data_plane.meters().read();
            figures.anomalies = data_plane.anomalies()();
            figures.dropped_lines = running.access.dropped();
            Some((figures, Arc::clone(&running.tables.borrow())))
        });
        let read: Vec<_> = read.collect();
        let measured: Vec<_> = read.iter().map(|(figures, table)| Measured { figures, table }).collect();
        to_prometheus(&measured)
    }

    async fn end_others(&self, wanted: &Routing) {
        let mut draining: JoinSet<()> = JoinSet::new();
        {
            // A channel that is closed belongs to one that went and came back under the same name.
            let stays = |(name, running): &(&LoadBalancerName, &Running)| {
                wanted.contains_key(*name) && running.tables.has_changed().is_ok()
            };
            let mut state = self.state();
            let others = state.running.iter().filter(|running| !stays(running));
            for name in others.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
                if let Some(gone) = state.running.remove(&name) {
                    draining.spawn(gone.drain());
                }
            }
        }
        if draining.is_empty() {
            return;
        }
        // Their ports may be wanted by others at once; requests in flight may take longer.
        let ended = async { while draining.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSING, ended).await;
        draining.detach_all();
    }

    fn start_missing(&self, wanted: &Routing) {
        let mut state = self.state();
        for (name, tables) in wanted {
            if state.ending || state.running.contains_key(name) {
                continue;
            }
            match Running::start(&self.given, name, tables) {
                Ok(running) => drop(state.running.insert(name.clone(), running)),
                Err(error) => tracing::error!(%name, %error, "a load balancer cannot be started"),
            }
        }
    }

    /// Usable after a panic elsewhere.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn start(given: &Given, name: &LoadBalancerName, tables: &watch::Receiver<Arc<RoutingTable>>) -> io::Result<Self> {
        let records = start_records(tables, given)?;
        let tls = ListenerTls::new(name.clone(), given.certificates.subscribe());
        let mut config = DataPlaneConfig::new(tls, given.target_tls.clone(), seed());
        config.access = Some(records.access.clone());
        config.connections = Some(records.connections.clone());
        let (observations, target_tls) = (given.control.observations(), given.target_tls.clone());
        let data_plane = DataPlane::start(config, tables.clone(), observations.clone())?;
        let Records { access, connections, health_checks } = records;
        let tasks = [
            tokio::spawn(probes::run(tables.clone(), observations, target_tls, health_checks.clone())),
            tokio::spawn(load_balancer::follow(
                tables.clone(),
                access.clone(),
                connections,
                health_checks,
                given.requests.clone(),
            )),
        ];
        Ok(Self {
            tables: tables.clone(),
            data_plane: Some(data_plane),
            access,
            _tasks: tasks.map(AbortOnDropHandle::new),
        })
    }

    async fn drain(self) {
        if let Some(data_plane) = self.data_plane {
            data_plane.drain(DRAIN).await;
        }
    }
}

/// Where the parts hand over what the load balancer's logs are made of.
struct Records {
    access: AccessSink,
    connections: ConnectionSink,
    health_checks: Sink<HealthCheckEntry>,
}

/// Closed until the routing table wants logs.
fn start_records(tables: &watch::Receiver<Arc<RoutingTable>>, given: &Given) -> io::Result<Records> {
    let (access, requests) = AccessSink::bounded(load_balancer::QUEUE);
    let (connections, connection_queue) = ConnectionSink::bounded(load_balancer::QUEUE);
    let (health_checks, check_queue) = Sink::bounded(load_balancer::QUEUE);
    access.set_open(false);
    connections.set_open(false);
    health_checks.set_open(false);
    let queues = load_balancer::Queues { access: requests, connection: connection_queue, health_check: check_queue };
    load_balancer::start(given.logs.clone(), tables.clone(), queues, given.requests.clone())?;
    Ok(Records { access, connections, health_checks })
}

/// Different in every process, for ids that must not repeat; nothing secret depends on it.
fn seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
