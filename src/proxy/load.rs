//! Whose turn it is, and how many requests are in flight to whom: shared by all workers, kept across routing tables.
//!
//! Counters are atomics; the maps around them are locked only when a new table arrives. A request touches the counter
//! of its group and that of its target, and nothing else that another worker touches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::control::observation::Observation;
use crate::engine::anomaly::{self, Outcomes, Standing};
use crate::engine::balancing;
use crate::engine::routing::{RoutedTargetGroup, RoutingTable};
use crate::engine::slow_start::{self, Warmth};
use crate::model::TargetGroupName;
use crate::model::target_health::{Target, TargetHealth};

/// The load of every group.
pub(super) struct LoadBook {
    groups: Mutex<HashMap<TargetGroupName, Arc<GroupBook>>>,
    observations: mpsc::Sender<Observation>,
}

struct GroupBook {
    turn: Arc<AtomicUsize>,
    targets: Mutex<HashMap<Target, TargetBook>>,
    /// When the weights were last adjusted.
    judged: Arc<Mutex<Instant>>,
}

/// What is kept of a target from table to table.
struct TargetBook {
    load: Arc<TargetLoad>,
    warmth: Option<Warmth>,
}

/// The load of one target.
pub(super) struct TargetLoad {
    target_group: TargetGroupName,
    target: Target,
    outstanding: AtomicUsize,
    draining: AtomicBool,
    observations: mpsc::Sender<Observation>,
    anomaly: AnomalyCounters,
}

/// For anomaly mitigation.
struct AnomalyCounters {
    watched: AtomicBool,
    requests: AtomicU32,
    errors: AtomicU32,
    anomalous: AtomicBool,
    weight: AtomicU32,
}

/// The counters of one group, in the order of a routing table.
pub(super) struct GroupLoad {
    turn: Arc<AtomicUsize>,
    targets: Vec<Arc<TargetLoad>>,
    /// Empty when every target takes its full share.
    warmth: Vec<Warmth>,
    judged: Arc<Mutex<Instant>>,
}

impl LoadBook {
    pub(super) fn new(observations: mpsc::Sender<Observation>) -> Self {
        Self { groups: Mutex::default(), observations }
    }

    /// The counters for the groups and targets of a table. Targets that are not in it any more are forgotten;
    /// requests still in flight to them keep their counter alive.
    pub(super) fn open(&self, table: &RoutingTable) -> Vec<GroupLoad> {
        let mut groups = lock(&self.groups);
        groups.retain(|name, _| table.target_groups.iter().any(|group| group.name == *name));
        table
            .target_groups
            .iter()
            .map(|group| {
                let book = groups.entry(group.name.clone()).or_insert_with(|| {
                    let judged = Arc::new(Mutex::new(Instant::now()));
                    Arc::new(GroupBook { turn: Arc::default(), targets: Mutex::default(), judged })
                });
                let mut targets = lock(&book.targets);
                targets.retain(|target, _| group.targets.iter().any(|state| state.target == *target));
                let loads = group.targets.iter().map(|state| {
                    let book = targets.entry(state.target).or_insert_with(|| TargetBook {
                        load: Arc::new(TargetLoad {
                            target_group: group.name.clone(),
                            target: state.target,
                            outstanding: AtomicUsize::new(0),
                            draining: AtomicBool::new(false),
                            observations: self.observations.clone(),
                            anomaly: AnomalyCounters::new(),
                        }),
                        warmth: None,
                    });
                    book.load.set_draining(state.health == TargetHealth::Draining);
                    book.load.anomaly.watch(group.settings.attributes.anomaly_mitigation);
                    Arc::clone(&book.load)
                });
                let loads = loads.collect();
                let warmth = warm_up(group, &mut targets);
                GroupLoad { turn: Arc::clone(&book.turn), targets: loads, warmth, judged: Arc::clone(&book.judged) }
            })
            .collect()
    }
}

/// Notes which targets have become healthy, and says how warm each is; nothing if all are.
fn warm_up(group: &RoutedTargetGroup, books: &mut HashMap<Target, TargetBook>) -> Vec<Warmth> {
    let before = group.targets.iter().map(|state| {
        let warmth = books.get(&state.target).and_then(|book| book.warmth);
        (warmth, state.health == TargetHealth::Healthy)
    });
    let warmth = slow_start::observe(&before.collect::<Vec<_>>(), group.settings.attributes.slow_start, Instant::now());
    for (state, warmth) in group.targets.iter().zip(&warmth) {
        if let Some(book) = books.get_mut(&state.target) {
            book.warmth = Some(*warmth);
        }
    }
    let warming = warmth.iter().any(|warmth| matches!(warmth, Warmth::Warming { .. }));
    if warming { warmth } else { Vec::new() }
}

impl GroupLoad {
    /// Chooses one of the eligible targets of group `group` and counts the request as in flight to it. `None` if there
    /// are none.
    pub(super) fn choose(&self, table: &RoutingTable, group: usize, random: u64) -> Option<(usize, InFlight)> {
        let routed = &table.target_groups[group];
        let attributes = &routed.settings.attributes;
        let count = routed.eligible.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let chosen = if !self.warmth.is_empty() {
            let now = Instant::now();
            let share =
                |index: usize| slow_start::share(self.warmth[routed.eligible[index]], attributes.slow_start, now);
            slow_start::choose(count, turn, random, share)?
        } else if attributes.anomaly_mitigation {
            self.judge(routed);
            let weight = |index: usize| self.targets[routed.eligible[index]].anomaly.weight.load(Ordering::Relaxed);
            anomaly::choose(count, random, weight)?
        } else {
            let outstanding = |index: usize| self.targets[routed.eligible[index]].outstanding.load(Ordering::Relaxed);
            balancing::choose_target(attributes.algorithm, count, turn, random, outstanding)?
        };
        let target = routed.eligible[chosen];
        Some((target, InFlight::new(Arc::clone(&self.targets[target]))))
    }
}

impl GroupLoad {
    /// Adjusts weights, if that is due; whoever is at it already does it for all workers.
    fn judge(&self, group: &RoutedTargetGroup) {
        let Ok(mut judged) = self.judged.try_lock() else { return };
        if judged.elapsed() < anomaly::PERIOD {
            return;
        }
        *judged = Instant::now();
        let counters = || group.eligible.iter().map(|&index| &self.targets[index].anomaly);
        let standings = anomaly::judge(&counters().map(AnomalyCounters::take).collect::<Vec<_>>(), true);
        counters().zip(standings).for_each(|(counters, standing)| counters.set(standing));
    }

    /// Counts a request as in flight to a target that was chosen otherwise.
    pub(super) fn take(&self, target: usize) -> InFlight {
        InFlight::new(Arc::clone(&self.targets[target]))
    }
}

impl AnomalyCounters {
    fn new() -> Self {
        Self {
            watched: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            anomalous: AtomicBool::new(false),
            weight: AtomicU32::new(anomaly::FULL_WEIGHT),
        }
    }

    fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
    }

    /// What has happened since the last time.
    fn take(&self) -> (Standing, Outcomes) {
        let standing =
            Standing { anomalous: self.anomalous.load(Ordering::Relaxed), weight: self.weight.load(Ordering::Relaxed) };
        let errors = self.errors.swap(0, Ordering::Relaxed);
        // A request may end between the two lines; more errors than requests there cannot be.
        let requests = self.requests.swap(0, Ordering::Relaxed).max(errors);
        (standing, Outcomes { requests, errors })
    }

    fn set(&self, standing: Standing) {
        self.anomalous.store(standing.anomalous, Ordering::Relaxed);
        self.weight.store(standing.weight, Ordering::Relaxed);
    }
}

impl TargetLoad {
    /// Tells the controller at once when nothing is in flight as draining begins.
    fn set_draining(&self, draining: bool) {
        let before = self.draining.swap(draining, Ordering::AcqRel);
        if draining && !before && self.outstanding.load(Ordering::Acquire) == 0 {
            self.report_drained();
        }
    }

    /// Best effort: with a full queue the target just drains for its full delay.
    fn report_drained(&self) {
        let drained = Observation::Drained { target_group: self.target_group.clone(), target: self.target };
        let _ = self.observations.try_send(drained);
    }
}

/// One request in flight; ends when dropped.
pub(super) struct InFlight(Arc<TargetLoad>);

impl InFlight {
    fn new(load: Arc<TargetLoad>) -> Self {
        load.outstanding.fetch_add(1, Ordering::AcqRel);
        Self(load)
    }
}

impl InFlight {
    /// Notes how it went, where that is of interest.
    pub(super) fn record(&self, failed: bool) {
        let anomaly = &self.0.anomaly;
        if anomaly.watched.load(Ordering::Relaxed) {
            anomaly.requests.fetch_add(1, Ordering::Relaxed);
            anomaly.errors.fetch_add(u32::from(failed), Ordering::Relaxed);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let was_last = self.0.outstanding.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && self.0.draining.load(Ordering::Acquire) {
            self.0.report_drained();
        }
    }
}

/// Counters stay usable after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
