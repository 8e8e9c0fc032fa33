//! The context of every connection and request of a worker: the current routing table, pools, counters, clocks.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::io::buffer::BufferPool;
use super::io::clock::{DateCache, Random};
use super::io::wakers::Wakers;
use super::telemetry::certificate::CertificateBook;
use super::telemetry::meters::{MeteredGroup, Meters, WorkerMeters};
use super::telemetry::transaction::{AccessSink, ConnectionSink};
use super::tls::ListenerTls;
use super::upstream::load::{GroupLoad, LoadBook};
use super::upstream::multiplexed::Multiplexed;
use super::upstream::pool::{Dial, Pool};
use crate::alb::cookie_seal::CookieKey;
use crate::alb::routing::RoutingTable;
use crate::http1::fields::FieldSpan;
use crate::model::listener::ListenerProtocol;
use crate::model::target_health::Target;
use crate::transport::TargetTls;

/// What every worker is given.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) connect_timeout: Duration,
    pub(crate) tls: ListenerTls,
    pub(crate) target_tls: TargetTls,
    pub(crate) access: Option<AccessSink>,
    pub(crate) connections: Option<ConnectionSink>,
    pub(crate) meters: Meters,
    pub(crate) loads: Arc<LoadBook>,
    pub(crate) cookie_key: Arc<CookieKey>,
}

/// See the module.
pub(crate) struct Worker {
    pub(crate) shared: Shared,
    pub(crate) buffers: Rc<BufferPool>,
    /// Connections of HTTP/1.1 to targets.
    pub(crate) upstream: Pool,
    /// Those of HTTP/2.
    pub(crate) multiplexed: Rc<Multiplexed>,
    pub(crate) random: Random,
    pub(crate) dates: DateCache,
    pub(crate) meters: Arc<WorkerMeters>,
    pub(crate) certificates: CertificateBook,
    pub(crate) drain: DrainSignal,
    /// Rings when a new table has ended something, or everything ends.
    pub(crate) wakers: Rc<Wakers>,
    /// Spans of the response head that is being parsed; borrowed between two waits only.
    pub(crate) spans: RefCell<Vec<FieldSpan>>,
    pub(super) table: RefCell<watch::Receiver<Arc<RoutingTable>>>,
    snapshot: RefCell<Rc<Snapshot>>,
    /// Listeners with connections, by AWS's port and whether they speak TLS.
    listeners: RefCell<HashMap<(u16, bool), Rc<ListenerLife>>>,
    pub(super) sweep_needed: Notify,
    pub(super) connections: Cell<usize>,
    pub(super) connection_closed: Notify,
}

/// The world as one request sees it.
pub(crate) struct Snapshot {
    pub(crate) table: Arc<RoutingTable>,
    /// By index of target group.
    pub(crate) loads: Vec<GroupLoad>,
    /// Likewise.
    pub(crate) meters: Vec<MeteredGroup>,
}

/// Whether a listener is still there: what its connections keep of it.
#[derive(Default)]
pub(crate) struct ListenerLife {
    gone: Cell<bool>,
}

impl ListenerLife {
    pub(crate) fn is_over(&self) -> bool {
        self.gone.get()
    }
}

/// Tells idle connections to close and busy ones to be their last.
#[derive(Default)]
pub(crate) struct DrainSignal {
    begun: Cell<bool>,
    notify: Notify,
}

impl DrainSignal {
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.get()
    }

    /// Resolves when draining begins. To be made once per connection: registering costs more than polling.
    pub(crate) async fn begins(&self) {
        let notified = self.notify.notified();
        if !self.begun.get() {
            notified.await;
        }
    }

    pub(super) fn begin(&self) {
        self.begun.set(true);
        self.notify.notify_waiters();
    }
}

impl Worker {
    pub(super) fn new(shared: Shared, table: watch::Receiver<Arc<RoutingTable>>, seed: u64) -> Self {
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
            wakers: Rc::default(),
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
    pub(crate) fn snapshot(&self) -> Rc<Snapshot> {
        let mut table = self.table.borrow_mut();
        // An error means that the controller is gone; the last table stays in force.
        if table.has_changed().unwrap_or(false) {
            let newest = Arc::clone(&table.borrow_and_update());
            let dials: HashSet<SocketAddr> =
                newest.target_groups.iter().flat_map(|group| group.targets.iter()).map(|target| target.dial).collect();
            self.upstream.retain(|dial| dials.contains(&dial));
            self.multiplexed.retain(|dial| dials.contains(&dial));
            let listeners_ended = self.end_listeners(&newest);
            let snapshot = Rc::new(Snapshot::new(newest, &self.shared.loads, &self.meters));
            let previous = self.snapshot.replace(snapshot);
            if listeners_ended || self.snapshot.borrow().has_lost_targets_of(&previous) {
                self.wakers.ring();
            }
        }
        Rc::clone(&self.snapshot.borrow())
    }

    /// What a connection to the listener with this port keeps of it; the listener is in the newest table.
    pub(crate) fn listener_life(&self, port: u16, is_tls: bool) -> Rc<ListenerLife> {
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
    pub(crate) fn keep_upstream(&self, dial: Dial, stream: super::io::stream::Stream) {
        if self.upstream.is_empty() {
            self.sweep_needed.notify_one();
        }
        self.upstream.put(dial, stream);
    }

    /// Has connections of HTTP/2 looked through from now on.
    pub(crate) fn sweep_multiplexed(&self) {
        self.sweep_needed.notify_one();
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Whether accounts of requests are wanted, with their texts.
    pub(crate) fn logs_requests(&self) -> bool {
        self.shared.access.as_ref().is_some_and(AccessSink::is_open)
    }

    /// Counts a connection for as long as the guard lives.
    pub(super) fn count_connection(self: &Rc<Self>) -> impl Drop + use<> {
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
            let now = self.table.target_group(&before.name).map(|group| &group.targets);
            if now.is_some_and(|now| Arc::ptr_eq(now, &before.targets)) {
                return false;
            }
            let now: HashSet<Target> = now.into_iter().flat_map(|now| now.iter()).map(|state| state.target).collect();
            before.targets.iter().any(|state| !now.contains(&state.target))
        })
    }
}
