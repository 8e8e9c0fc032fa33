//! The whole data plane: its threads, and the task that keeps their listeners up to date.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::context::Shared;
use super::io::clock::Random;
use super::listen::listeners;
use super::telemetry::meters::Meters;
use super::telemetry::transaction::{AccessSink, ConnectionSink};
use super::tls::ListenerTls;
use super::upstream::load::LoadBook;
use super::worker;
use super::worker::Command;
use crate::alb::cookie_seal::CookieKey;
use crate::alb::routing::RoutingTable;
use crate::alb::targets::anomaly;
use crate::alb::targets::anomaly::Anomalies;
use crate::alb::targets::target_tls::PerPolicy;
use crate::control::observation::Observation;
use crate::model::TargetGroupName;
use crate::transport::TargetTls;

/// ALB user guide, troubleshooting, HTTP 504: "the load balancer failed to establish a connection to the target before
/// the connection timeout expired (10 seconds)".
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// More workers than this do not help on a laptop.
const MOST_WORKERS: usize = 4;

/// How much longer than its deadline a worker may take to end.
const ENDING: Duration = Duration::from_secs(1);

/// What the data plane is given once and keeps.
#[derive(Clone, Debug)]
pub struct DataPlaneConfig {
    /// Threads that serve connections.
    pub workers: usize,
    /// For targets that neither accept nor refuse. Tests shorten it.
    pub connect_timeout: Duration,
    /// How often targets are compared with their peers. Tests shorten it.
    pub anomaly_period: Duration,
    /// TLS configurations of HTTPS listeners.
    pub tls: ListenerTls,
    /// How TLS connections to targets are opened.
    pub target_tls: PerPolicy<Arc<rustls::ClientConfig>>,
    /// Who wants to know of every request.
    pub access: Option<AccessSink>,
    /// Who wants to know of every client connection.
    pub connections: Option<ConnectionSink>,
    /// Entropy for trace ids and random choices.
    pub seed: u64,
}

impl DataPlaneConfig {
    /// Everything as in production.
    pub fn new(tls: ListenerTls, target_tls: PerPolicy<Arc<rustls::ClientConfig>>, seed: u64) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            workers: cores.min(MOST_WORKERS),
            connect_timeout: CONNECT_TIMEOUT,
            anomaly_period: anomaly::PERIOD,
            tls,
            target_tls,
            access: None,
            connections: None,
            seed,
        }
    }
}

/// A running data plane. Dropping it cuts everything; [`DataPlane::drain`] ends it politely.
#[derive(Debug)]
pub struct DataPlane {
    workers: Vec<WorkerHandle>,
    reconciling: AbortHandle,
    meters: Meters,
    loads: Arc<LoadBook>,
}

#[derive(Debug)]
struct WorkerHandle {
    commands: mpsc::UnboundedSender<Command>,
    /// Ends with the thread.
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl DataPlane {
    /// Starts the threads and binds what the table asks for; results arrive as observations. To be called within a
    /// tokio runtime.
    pub fn start(
        config: DataPlaneConfig,
        table: watch::Receiver<Arc<RoutingTable>>,
        observations: mpsc::Sender<Observation>,
    ) -> io::Result<Self> {
        let loads = Arc::new(LoadBook::new(observations.clone(), config.anomaly_period));
        let seeds = Random::new(config.seed);
        let shared = Shared {
            connect_timeout: config.connect_timeout,
            tls: config.tls,
            target_tls: TargetTls::new(config.target_tls),
            access: config.access,
            connections: config.connections,
            meters: Meters::default(),
            loads: Arc::clone(&loads),
            cookie_key: Arc::new(cookie_key()?),
        };
        let workers = (0..config.workers.max(1))
            .map(|index| start_worker(index, shared.clone(), table.clone(), seeds.next()))
            .collect::<io::Result<Vec<_>>>()?;
        let meters = shared.meters;
        let commands = workers.iter().map(|worker| worker.commands.clone()).collect();
        let reconciling =
            tokio::spawn(listeners::reconcile(commands, table, observations, Arc::clone(&loads))).abort_handle();
        Ok(Self { workers, reconciling, meters, loads })
    }

    /// The counters, for readers; they outlive the data plane.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// How targets compare with their peers, for readers.
    pub fn anomalies(&self) -> impl Fn() -> BTreeMap<TargetGroupName, Anomalies> + Send + Sync + 'static {
        let loads = Arc::clone(&self.loads);
        move || loads.anomalies()
    }

    /// Stops accepting, closes idle connections, lets requests finish, and aborts the rest at the deadline.
    pub async fn drain(mut self, deadline: Duration) {
        self.reconciling.abort();
        for worker in &self.workers {
            let _ = worker.commands.send(Command::Drain { deadline });
        }
        for worker in std::mem::take(&mut self.workers) {
            // A thread that does not end is stuck in a system call; it must not hold up the process.
            if tokio::time::timeout(deadline + ENDING, worker.ended).await.is_ok() {
                let _ = worker.thread.join();
            }
        }
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        // With the last sender gone the workers end.
        self.reconciling.abort();
    }
}

/// Cookies of an earlier run are of no use: targets are others by then.
fn cookie_key() -> io::Result<CookieKey> {
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(CookieKey::new(secret))
}

fn start_worker(
    index: usize,
    shared: Shared,
    table: watch::Receiver<Arc<RoutingTable>>,
    seed: u64,
) -> io::Result<WorkerHandle> {
    let (commands, inbox) = mpsc::unbounded_channel();
    let (ending, ended) = oneshot::channel();
    let thread = thread::Builder::new().name(format!("proxy-{index}")).spawn(move || {
        if let Err(error) = worker::run(shared, table, inbox, seed) {
            tracing::error!(%error, "a proxy worker could not start");
        }
        drop(ending);
    })?;
    Ok(WorkerHandle { commands, ended, thread })
}
