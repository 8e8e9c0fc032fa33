//! One worker: a thread with its own runtime, listeners, pools and view of the world.
//!
//! Nothing in here is shared with other workers but the counters of [`super::upstream::load`], so nothing is locked on the way
//! of a request. Whoever holds an `Rc<Worker>` is on its thread.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::connection;
use super::io::alarm::Alarm;
use super::io::buffer::BufferPool;
use super::io::clock::{DateCache, Random};
use super::telemetry::certificate::CertificateBook;
use super::telemetry::meters::{MeteredGroup, Meters, WorkerMeters};
use super::telemetry::transaction::{AccessSink, ConnectionSink};
use super::tls::{ListenerTls, TargetTls};
use super::upstream::load::{GroupLoad, LoadBook};
use super::upstream::multiplexed::Multiplexed;
use super::upstream::pool::{Dial, Pool};
use crate::alb::cookie_seal::CookieKey;
use crate::alb::request::facts::FieldSpan;
use crate::alb::routing::RoutingTable;
use crate::model::listener::ListenerProtocol;

/// How often idle connections to targets are looked through, while there are any.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// After an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every worker is given.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) connect_timeout: Duration,
    pub(super) tls: ListenerTls,
    pub(super) target_tls: TargetTls,
    pub(super) access: Option<AccessSink>,
    pub(super) connections: Option<ConnectionSink>,
    pub(super) meters: Meters,
    pub(super) loads: Arc<LoadBook>,
    pub(super) cookie_key: Arc<CookieKey>,
}

/// What a worker is told to do.
pub(super) enum Command {
    /// Accept on this socket, for the listener with this port.
    Listen {
        port: u16,
        socket: std::net::TcpListener,
        /// Held for as long as the socket is open; nothing is ever sent.
        open: mpsc::Sender<Infallible>,
    },
    /// Stop accepting for the listener with this port.
    Unlisten { port: u16 },
    /// Stop accepting, let requests finish, at the latest after this long.
    Drain { deadline: Duration },
}

/// See the module.
pub(super) struct Worker {
    pub(super) shared: Shared,
    pub(super) buffers: Rc<BufferPool>,
    /// Connections of HTTP/1.1 to targets.
    pub(super) upstream: Pool,
    /// Those of HTTP/2.
    pub(super) multiplexed: Rc<Multiplexed>,
    pub(super) random: Random,
    pub(super) dates: DateCache,
    pub(super) meters: Arc<WorkerMeters>,
    pub(super) certificates: CertificateBook,
    pub(super) drain: DrainSignal,
    /// Rings when a new table has ended something, or everything ends.
    pub(super) alarm: Rc<Alarm>,
    /// Spans of the response head that is being parsed; borrowed between two waits only.
    pub(super) spans: RefCell<Vec<FieldSpan>>,
    table: RefCell<watch::Receiver<Arc<RoutingTable>>>,
    snapshot: RefCell<Rc<Snapshot>>,
    /// Listeners with connections, by AWS's port and whether they speak TLS.
    listeners: RefCell<HashMap<(u16, bool), Rc<ListenerLife>>>,
    sweep_needed: Notify,
    connections: Cell<usize>,
    connection_closed: Notify,
}

/// The world as one request sees it.
pub(super) struct Snapshot {
    pub(super) table: Arc<RoutingTable>,
    /// By index of target group.
    pub(super) loads: Vec<GroupLoad>,
    /// Likewise.
    pub(super) meters: Vec<MeteredGroup>,
}

/// Whether a listener is still there: what its connections keep of it.
#[derive(Default)]
pub(super) struct ListenerLife {
    gone: Cell<bool>,
}

impl ListenerLife {
    pub(super) fn is_over(&self) -> bool {
        self.gone.get()
    }
}

/// Tells idle connections to close and busy ones to be their last.
#[derive(Default)]
pub(super) struct DrainSignal {
    begun: Cell<bool>,
    notify: Notify,
}

impl DrainSignal {
    pub(super) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Resolves when draining begins. To be made once per connection: registering costs more than polling.
    pub(super) async fn begins(&self) {
        let notified = self.notify.notified();
        if !self.begun.get() {
            notified.await;
        }
    }

    fn begin(&self) {
        self.begun.set(true);
        self.notify.notify_waiters();
    }
}

impl Worker {
    fn new(shared: Shared, table: watch::Receiver<Arc<RoutingTable>>, seed: u64) -> Self {
        let meters = shared.meters.for_worker();
        let first = Rc::new(Snapshot::new(table.borrow().clone(), &shared.loads, &meters));
        Self {
            shared,
            meters,
            certificates: CertificateBook::default(),
            buffers: Rc::default(),
            upstream: Pool::default(),
            multiplexed: Rc::default(),
            random: Random::new(seed),
            dates: DateCache::default(),
            drain: DrainSignal::default(),
            alarm: Rc::default(),
            spans: RefCell::default(),
            table: RefCell::new(table),
            snapshot: RefCell::new(first),
            listeners: RefCell::default(),
            sweep_needed: Notify::new(),
            connections: Cell::new(0),
            connection_closed: Notify::new(),
        }
    }

    /// The newest snapshot. Costs one atomic load unless there is a new one.
    pub(super) fn snapshot(&self) -> Rc<Snapshot> {
        let mut table = self.table.borrow_mut();
        // An error means that the controller is gone; the last table stays in force.
        if table.has_changed().unwrap_or(false) {
            let newest = Arc::clone(&table.borrow_and_update());
            let dials: Vec<SocketAddr> =
                newest.target_groups.iter().flat_map(|group| &group.targets).map(|target| target.dial).collect();
            self.upstream.retain(|dial| dials.contains(&dial));
            self.multiplexed.retain(|dial| dials.contains(&dial));
            let listeners_ended = self.end_listeners(&newest);
            let snapshot = Rc::new(Snapshot::new(newest, &self.shared.loads, &self.meters));
            let previous = self.snapshot.replace(snapshot);
            if listeners_ended || self.snapshot.borrow().has_lost_targets_of(&previous) {
                self.alarm.ring();
            }
        }
        Rc::clone(&self.snapshot.borrow())
    }

    /// What a connection to the listener with this port keeps of it; the listener is in the newest table.
    pub(super) fn listener_life(&self, port: u16, is_tls: bool) -> Rc<ListenerLife> {
        Rc::clone(self.listeners.borrow_mut().entry((port, is_tls)).or_default())
    }

    /// Marks listeners that are not in the table any more, or are something else now; returns whether there are any.
    fn end_listeners(&self, table: &RoutingTable) -> bool {
        let mut listeners = self.listeners.borrow_mut();
        let before = listeners.len();
        listeners.retain(|&(port, is_tls), life| {
            let listener = table.listener_by_port(port).map(|index| &table.listeners[index].protocol);
            let stays = listener.is_some_and(|protocol| matches!(protocol, ListenerProtocol::Https(_)) == is_tls);
            life.gone.set(!stays);
            stays
        });
        listeners.len() < before
    }

    /// Keeps a connection to a target for later requests.
    pub(super) fn keep_upstream(&self, dial: Dial, stream: super::io::stream::Stream) {
        if self.upstream.is_empty() {
            self.sweep_needed.notify_one();
        }
        self.upstream.put(dial, stream);
    }

    /// Has connections of HTTP/2 looked through from now on.
    pub(super) fn sweep_multiplexed(&self) {
        self.sweep_needed.notify_one();
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Whether accounts of requests are wanted, with their texts.
    pub(super) fn logs_requests(&self) -> bool {
        self.shared.access.as_ref().is_some_and(AccessSink::is_open)
    }

    /// Counts a connection for as long as the guard lives.
    fn count_connection(self: &Rc<Self>) -> impl Drop + use<> {
        struct Counted(Rc<Worker>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.connections.set(self.0.connections.get() - 1);
                self.0.connection_closed.notify_one();
            }
        }
        self.connections.set(self.connections.get() + 1);
        Counted(Rc::clone(self))
    }
}

impl Snapshot {
    fn new(table: Arc<RoutingTable>, loads: &LoadBook, meters: &WorkerMeters) -> Self {
        let (loads, meters) = (loads.open(&table), meters.open(&table));
        Self { table, loads, meters }
    }

    fn has_lost_targets_of(&self, previous: &Self) -> bool {
        previous.table.target_groups.iter().any(|before| {
            let now = self.table.target_groups.iter().find(|group| group.name == before.name);
            let is_there = |target| now.is_some_and(|now| now.targets.iter().any(|state| state.target == target));
            before.targets.iter().any(|state| !is_there(state.target))
        })
    }
}

/// Runs a worker until it is drained, or until nobody can tell it anything any more. Connections that are still open
/// then are cut.
pub(super) fn run(
    shared: Shared,
    table: watch::Receiver<Arc<RoutingTable>>,
    commands: mpsc::UnboundedReceiver<Command>,
    seed: u64,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let worker = Rc::new(Worker::new(shared, table, seed));
    LocalSet::new().block_on(&runtime, obey(worker, commands));
    Ok(())
}

async fn obey(worker: Rc<Worker>, mut commands: mpsc::UnboundedReceiver<Command>) {
    tokio::task::spawn_local(sweep_upstream(Rc::clone(&worker)));
    tokio::task::spawn_local(follow_tables(Rc::clone(&worker)));
    let mut accepting: HashMap<u16, CancellationToken> = HashMap::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen { port, socket, open } => {
                // The socket was made non-blocking by whoever bound it; anything else is a bug there.
                let Ok(listener) = TcpListener::from_std(socket) else { continue };
                let token = CancellationToken::new();
                if let Some(previous) = accepting.insert(port, token.clone()) {
                    previous.cancel();
                }
                let accept = accept(Rc::clone(&worker), listener, port, open);
                tokio::task::spawn_local(token.run_until_cancelled_owned(accept));
            }
            Command::Unlisten { port } => {
                if let Some(token) = accepting.remove(&port) {
                    token.cancel();
                }
            }
            Command::Drain { deadline } => {
                accepting.drain().for_each(|(_, token)| token.cancel());
                worker.drain.begin();
                worker.alarm.ring();
                let all_closed = async {
                    while worker.connections.get() > 0 {
                        worker.connection_closed.notified().await;
                    }
                };
                let _ = tokio::time::timeout(deadline, all_closed).await;
                return;
            }
        }
    }
}

async fn accept(worker: Rc<Worker>, listener: TcpListener, port: u16, _open: mpsc::Sender<Infallible>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let counted = worker.count_connection();
                let serving = connection::serve(Rc::clone(&worker), stream, client, port);
                tokio::task::spawn_local(async move {
                    serving.await;
                    drop(counted);
                });
            }
            Err(error) => {
                tracing::warn!(port, %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Takes every new table at once: what it ends must not wait for the next request to be noticed.
async fn follow_tables(worker: Rc<Worker>) {
    let mut tables = worker.table.borrow().clone();
    while tables.changed().await.is_ok() {
        worker.snapshot();
    }
}

/// Sleeps for good while there is nothing to look through, so that a stack at rest wakes nobody up.
async fn sweep_upstream(worker: Rc<Worker>) {
    loop {
        worker.sweep_needed.notified().await;
        loop {
            let idle_timeout = worker.snapshot().table.attributes.idle_timeout;
            tokio::time::sleep(SWEEP_EVERY.min(idle_timeout)).await;
            let left = worker.upstream.sweep(idle_timeout).await;
            if !worker.multiplexed.sweep(idle_timeout) && !left {
                break;
            }
        }
    }
}
