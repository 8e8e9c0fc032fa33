//! Request counters: one set per worker, summed on demand.
//!
//! Only the worker writes its counters, so adding is a load and a store, and no cache line travels between cores. Maps are
//! locked when a new table arrives and when metrics are read, never for a request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::transaction::{ActionKind, Transaction};
use crate::alb::metrics::figures;
use crate::alb::metrics::figures::{BUCKETS, Count, Figures, GroupCount, GroupFigures};
use crate::alb::routing::RoutingTable;
use crate::alb::targets::balancing;
use crate::alb::targets::protocols::RequestProtocol;
use crate::model::arn::Arn;
use crate::model::target_health::TargetHealth;

/// Reads what all workers have counted.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<Vec<Arc<WorkerMeters>>>>);

impl Meters {
    /// The counters of one more worker.
    pub(crate) fn for_worker(&self) -> Arc<WorkerMeters> {
        let meters = Arc::new(WorkerMeters::default());
        lock(&self.0).push(Arc::clone(&meters));
        meters
    }

    /// The sums.
    pub fn read(&self) -> Figures {
        let mut sums = Figures::default();
        let mut groups: BTreeMap<String, GroupFigures> = BTreeMap::new();
        for worker in lock(&self.0).iter() {
            add_all(&mut sums.counts, &worker.counts);
            for group in lock(&worker.groups).values() {
                let name = figures::dimension(&group.arn);
                let sum = groups.entry(name.to_owned()).or_default();
                add_all(&mut sum.counts, &group.counts);
                add_all(&mut sum.buckets, &group.buckets);
                sum.requests_per_target += group.per_target.get();
                sum.response_time += Duration::from_micros(group.response_micros.get());
            }
        }
        sums.groups = groups.into_iter().map(|(target_group, sum)| GroupFigures { target_group, ..sum }).collect();
        sums
    }
}

fn add_all(sums: &mut [u64], cells: &[Cell]) {
    sums.iter_mut().zip(cells).for_each(|(sum, cell)| *sum += cell.get());
}

/// The counters of one worker.
#[derive(Debug, Default)]
pub(crate) struct WorkerMeters {
    counts: [Cell; Count::ALL.len()],
    groups: Mutex<BTreeMap<Arn, Arc<GroupMeter>>>,
}

/// The counters of one worker for one target group.
#[derive(Debug)]
pub(crate) struct GroupMeter {
    pub(crate) arn: Arn,
    counts: [Cell; GroupCount::ALL.len()],
    buckets: [Cell; BUCKETS.len() + 1],
    response_micros: Cell,
    /// In millionths.
    per_target: Cell,
}

/// A group as a worker's snapshot has it.
pub(crate) struct MeteredGroup {
    pub(crate) meter: Arc<GroupMeter>,
    /// What one request adds to those per target.
    share: u64,
    /// Whether all of its targets are used because too few are healthy.
    failing_open: bool,
}

/// A number that one thread writes.
#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl Cell {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Not one atomic step, and it need not be: there is one writer.
    fn add(&self, amount: u64) {
        self.0.store(self.get().wrapping_add(amount), Ordering::Relaxed);
    }
}

impl GroupMeter {
    fn new(arn: Arn) -> Self {
        Self {
            arn,
            counts: Default::default(),
            buckets: Default::default(),
            response_micros: Cell::default(),
            per_target: Cell::default(),
        }
    }
}

impl WorkerMeters {
    pub(crate) fn add(&self, count: Count, amount: u64) {
        self.counts[count as usize].add(amount);
    }

    /// The counters for the groups of a table, in its order. Those of groups that are gone stay: they were counted.
    pub(crate) fn open(&self, table: &RoutingTable) -> Vec<MeteredGroup> {
        let mut groups = lock(&self.groups);
        let metered = table.target_groups.iter().map(|group| {
            let meter = groups.entry(group.arn.clone()).or_insert_with(|| Arc::new(GroupMeter::new(group.arn.clone())));
            let count = |wanted: fn(&TargetHealth) -> bool| balancing::count(&group.targets, wanted);
            let failing_open = balancing::group_fails_open(&group.targets, &group.settings.attributes);
            let share = figures::share_of_target(count(balancing::is_healthy), count(balancing::is_registered));
            MeteredGroup { meter: Arc::clone(meter), share, failing_open }
        });
        metered.collect()
    }

    /// Counts a connection as open for as long as the guard lives.
    pub(crate) fn open_connection(self: &Arc<Self>) -> OpenConnection {
        self.add(Count::NewConnections, 1);
        OpenConnection(Arc::clone(self))
    }

    /// Counts a request that has ended.
    pub(crate) fn settle(&self, transaction: &Transaction) {
        let bytes = transaction.received_bytes + transaction.sent_bytes;
        self.add(Count::ProcessedBytes, bytes);
        if transaction.client.is_ipv6() {
            self.add(Count::Ipv6ProcessedBytes, bytes);
        }
        self.add(Count::DesyncNonCompliant, transaction.classification.is_some().into());
        self.add(Count::NonSticky, transaction.non_sticky.into());
        if transaction.target_status.is_some() {
            return;
        }
        Count::from_own_status(transaction.status).for_each(|count| self.add(count, 1));
        match (transaction.action, transaction.status) {
            (Some(ActionKind::Redirect), 300..400) => self.add(Count::Redirects, 1),
            (Some(ActionKind::Redirect), 507) => self.add(Count::RedirectUrlLimitExceeded, 1),
            (Some(ActionKind::FixedResponse), _) => self.add(Count::FixedResponses, 1),
            _ => {}
        }
    }
}

impl MeteredGroup {
    /// A target was chosen for a request.
    pub(crate) fn count_request(&self, worker: &WorkerMeters, protocol: RequestProtocol, from_ipv6: bool) {
        self.meter.add(GroupCount::Requests, 1);
        self.meter.add(GroupCount::GrpcRequests, (protocol == RequestProtocol::Grpc).into());
        self.meter.per_target.add(self.share);
        if self.failing_open {
            self.meter.add(GroupCount::UnhealthyRoutingRequests, 1);
        }
        if from_ipv6 {
            worker.add(Count::Ipv6Requests, 1);
        }
    }
}

impl GroupMeter {
    pub(crate) fn add(&self, count: GroupCount, amount: u64) {
        self.counts[count as usize].add(amount);
    }

    /// A target has answered, so long after it was asked.
    pub(crate) fn target_answered(&self, status: u16, time: Duration) {
        if let Some(count) = GroupCount::from_target_status(status) {
            self.add(count, 1);
        }
        self.buckets[figures::bucket(time)].add(1);
        self.response_micros.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<WorkerMeters>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.add(Count::ClosedConnections, 1);
    }
}

/// Counters stay usable after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_workers_count_is_summed() {
        let meters = Meters::default();
        let (one, two) = (meters.for_worker(), meters.for_worker());
        one.add(Count::RuleEvaluations, 2);
        two.add(Count::RuleEvaluations, 3);
        let open = one.open_connection();
        drop(two.open_connection());
        let figures = meters.read();
        assert_eq!(figures.get(Count::RuleEvaluations), 5);
        assert_eq!((figures.get(Count::NewConnections), figures.get(Count::ClosedConnections)), (2, 1));
        drop(open);
        assert_eq!(meters.read().get(Count::ClosedConnections), 2);
    }
}
