//! Which target is next, and how many requests are in flight to each: shared by all workers, kept across routing tables.
//!
//! Counters are atomics; the maps around them are locked only when a new table arrives. The only shared data that a
//! request touches are the counters of its group and its target.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::outcomes::OutcomeCounters;
use crate::alb::routing::{RoutedTargetGroup, RoutingTable};
use crate::alb::targets::anomaly;
use crate::alb::targets::anomaly::Anomalies;
use crate::alb::targets::balancing;
use crate::alb::targets::slow_start;
use crate::alb::targets::slow_start::Warmth;
use crate::control::observation::Observation;
use crate::model::TargetGroupName;
use crate::model::target_group::Algorithm;
use crate::model::target_health::{Target, TargetHealth};

/// The load of every group.
pub(crate) struct LoadBook {
    groups: Mutex<Groups>,
    observations: mpsc::Sender<Observation>,
    anomaly_period: Duration,
}

#[derive(Default)]
struct Groups {
    /// From the newest table seen. A late worker with an older table must not undo this.
    generation: u64,
    by_name: HashMap<TargetGroupName, GroupBook>,
}

struct GroupBook {
    turn: Arc<AtomicUsize>,
    /// When weights were last adjusted.
    judged: Arc<Mutex<Instant>>,
    targets: HashMap<Target, TargetBook>,
}

/// The state of a target that is kept from table to table.
struct TargetBook {
    load: Arc<TargetLoad>,
    warmth: Option<Warmth>,
}

/// The load of one target.
pub(crate) struct TargetLoad {
    target_group: TargetGroupName,
    target: Target,
    outstanding: AtomicUsize,
    draining: AtomicBool,
    /// Its delay is over: what is still in flight is cut.
    aborted: AtomicBool,
    outcomes: OutcomeCounters,
    observations: mpsc::Sender<Observation>,
}

/// The counters of one group, in the order of a routing table.
pub(crate) struct GroupLoad {
    turn: Arc<AtomicUsize>,
    judged: Arc<Mutex<Instant>>,
    /// Whether targets are compared.
    judges: bool,
    anomaly_period: Duration,
    targets: Vec<Arc<TargetLoad>>,
    /// Empty when every target takes its full share.
    warmth: Vec<Warmth>,
}

impl fmt::Debug for LoadBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadBook").finish_non_exhaustive()
    }
}

impl LoadBook {
    /// Targets are compared with their peers this often.
    pub(crate) fn new(observations: mpsc::Sender<Observation>, anomaly_period: Duration) -> Self {
        Self { groups: Mutex::default(), observations, anomaly_period }
    }

    /// The counters for the groups and targets of a table. Targets that are not in it any more are forgotten;
    /// requests still in flight to them keep their counter alive.
    pub(crate) fn open(&self, table: &RoutingTable) -> Vec<GroupLoad> {
        let mut groups = lock(&self.groups);
        let is_newest = table.generation >= groups.generation;
        if is_newest {
            groups.generation = table.generation;
            groups.by_name.retain(|name, book| {
                let stays = table.target_group(name).is_some();
                if !stays {
                    book.targets.values().for_each(|book| book.load.end());
                }
                stays
            });
        }
        table.target_groups.iter().map(|group| self.open_group(&mut groups.by_name, group, is_newest)).collect()
    }

    /// Targets that do worse than their peers, and those that get less because of it.
    pub(crate) fn anomalies(&self) -> BTreeMap<TargetGroupName, Anomalies> {
        let groups = lock(&self.groups);
        let of_group = |book: &GroupBook| {
            Anomalies::from_standings(book.targets.values().map(|target| target.load.outcomes.standing()))
        };
        groups.by_name.iter().map(|(name, book)| (name.clone(), of_group(book))).collect()
    }

    fn open_group(
        &self,
        books: &mut HashMap<TargetGroupName, GroupBook>,
        group: &RoutedTargetGroup,
        is_newest: bool,
    ) -> GroupLoad {
        let book = books.entry(group.name.clone()).or_insert_with(GroupBook::new);
        if is_newest {
            let registered: HashSet<Target> = group.targets.iter().map(|state| state.target).collect();
            book.targets.retain(|target, book| {
                let stays = registered.contains(target);
                if !stays {
                    book.load.end();
                }
                stays
            });
        }
        // "Anomaly detection is always on", with three healthy targets or more (ALB user guide, "Automatic Target Weights").
        let watched = balancing::count(&group.targets, balancing::is_healthy) >= anomaly::FEWEST_TARGETS;
        let loads = group.targets.iter().map(|state| {
            let book = book.targets.entry(state.target);
            let TargetBook { load, .. } = book.or_insert_with(|| self.book_of(group, state.target));
            if is_newest {
                load.set_draining(state.health == TargetHealth::Draining);
                load.outcomes.watch(watched);
            }
            Arc::clone(load)
        });
        let targets = loads.collect();
        let warmth = if is_newest { warm_up(group, &mut book.targets) } else { Vec::new() };
        // Weights that were taken have to be given back, however few targets are left.
        let judges = watched || group.settings.attributes.algorithm == Algorithm::WeightedRandom;
        GroupLoad {
            turn: Arc::clone(&book.turn),
            judged: Arc::clone(&book.judged),
            judges,
            anomaly_period: self.anomaly_period,
            targets,
            warmth,
        }
    }

    fn book_of(&self, group: &RoutedTargetGroup, target: Target) -> TargetBook {
        let load = TargetLoad {
            target_group: group.name.clone(),
            target,
            outstanding: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            outcomes: OutcomeCounters::new(),
            observations: self.observations.clone(),
        };
        TargetBook { load: Arc::new(load), warmth: None }
    }
}

impl GroupBook {
    fn new() -> Self {
        Self { turn: Arc::default(), judged: Arc::new(Mutex::new(Instant::now())), targets: HashMap::new() }
    }
}

/// Notes which targets have become healthy, and says how warm each is; nothing if all are.
fn warm_up(group: &RoutedTargetGroup, books: &mut HashMap<Target, TargetBook>) -> Vec<Warmth> {
    let before = group.targets.iter().map(|state| {
        let warmth = books.get(&state.target).and_then(|book| book.warmth);
        (warmth, state.health == TargetHealth::Healthy)
    });
    let before = before.collect::<Vec<_>>();
    let warmth = slow_start::observe(&before, group.settings.attributes.slow_start, Instant::now());
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
    pub(crate) fn choose(&self, table: &RoutingTable, group: usize, random: u64) -> Option<(usize, InFlight)> {
        let routed = &table.target_groups[group];
        let attributes = &routed.settings.attributes;
        let count = routed.eligible.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if self.judges {
            self.judge(routed);
        }
        let chosen = if !self.warmth.is_empty() {
            let now = Instant::now();
            let share =
                |index: usize| slow_start::share(self.warmth[routed.eligible[index]], attributes.slow_start, now);
            slow_start::choose(count, turn, random, share)?
        } else if attributes.algorithm == Algorithm::WeightedRandom {
            anomaly::choose(count, random, |index| self.targets[routed.eligible[index]].outcomes.weight())?
        } else {
            let outstanding = |index: usize| self.targets[routed.eligible[index]].outstanding.load(Ordering::Relaxed);
            balancing::choose_target(attributes.algorithm, count, turn, random, outstanding)?
        };
        let target = routed.eligible[chosen];
        Some((target, self.take(target)))
    }

    /// Counts a request as in flight to a target that was chosen otherwise.
    pub(crate) fn take(&self, target: usize) -> InFlight {
        InFlight::new(Arc::clone(&self.targets[target]))
    }

    /// Compares healthy targets and adjusts weights, if that is due; one worker does it for all.
    fn judge(&self, group: &RoutedTargetGroup) {
        let Ok(mut judged) = self.judged.try_lock() else { return };
        if judged.elapsed() < self.anomaly_period {
            return;
        }
        *judged = Instant::now();
        let healthy =
            || group.targets.iter().zip(&self.targets).filter(|(state, _)| balancing::is_healthy(&state.health));
        let counters = || healthy().map(|(_, load)| &load.outcomes);
        let standings = anomaly::judge(
            &counters().map(OutcomeCounters::take).collect::<Vec<_>>(),
            group.settings.attributes.anomaly_mitigation,
        );
        counters().zip(standings).for_each(|(counters, standing)| counters.set(standing));
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

    /// The target is in no table any more. One that did not drain has died, and what it has sent before may still be
    /// on its way to clients.
    fn end(&self) {
        if self.draining.load(Ordering::Acquire) {
            self.aborted.store(true, Ordering::Release);
        }
    }

    /// Best effort: with a full queue the target just drains for its full delay.
    fn report_drained(&self) {
        let drained = Observation::Drained { target_group: self.target_group.clone(), target: self.target };
        let _ = self.observations.try_send(drained);
    }
}

/// One request in flight; ends when dropped.
pub(crate) struct InFlight(Arc<TargetLoad>);

impl InFlight {
    fn new(load: Arc<TargetLoad>) -> Self {
        load.outstanding.fetch_add(1, Ordering::AcqRel);
        Self(load)
    }
}

impl InFlight {
    /// The target's delay is over, and the request's time with it.
    pub(crate) fn is_cut(&self) -> bool {
        self.0.aborted.load(Ordering::Acquire)
    }

    /// Tells that the target said nothing for as long as the idle timeout. Best effort, as everything that is told of
    /// requests.
    pub(crate) fn report_silence(&self, head: &[u8], idle_timeout: Duration) {
        let silent = Observation::TargetSilent {
            target_group: self.0.target_group.clone(),
            target: self.0.target,
            request: method_and_path(head),
            idle_timeout,
        };
        let _ = self.0.observations.try_send(silent);
    }

    /// Notes how it went, where that is of interest.
    pub(crate) fn record(&self, failed: bool) {
        self.0.outcomes.record(failed);
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

/// The longest that people want to read of a path.
const LONGEST_PATH: usize = 100;

/// What a head begins with, for people: without the query, which may hold anything.
fn method_and_path(head: &[u8]) -> String {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    match path.char_indices().nth(LONGEST_PATH) {
        Some((end, _)) => format!("{method} {}…", &path[..end]),
        None => format!("{method} {path}"),
    }
}

/// Counters stay usable after a panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
