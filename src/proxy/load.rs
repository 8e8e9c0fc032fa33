//! Whose turn it is, and how many requests are in flight to whom: shared by all workers, kept across routing tables.
//!
//! Counters are atomics; the maps around them are locked only when a new table arrives. A request touches the counter
//! of its group and that of its target, and nothing else that another worker touches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::control::observation::Observation;
use crate::engine::balancing;
use crate::engine::routing::{RoutedTargetGroup, RoutingTable};
use crate::model::TargetGroupName;
use crate::model::target_health::{Target, TargetHealth};

/// The load of every group.
pub(super) struct LoadBook {
    groups: Mutex<Groups>,
    observations: mpsc::Sender<Observation>,
}

#[derive(Default)]
struct Groups {
    /// Of the newest table seen. A worker that comes late with an older one must not undo what is noted.
    generation: u64,
    by_name: HashMap<TargetGroupName, GroupBook>,
}

struct GroupBook {
    turn: Arc<AtomicUsize>,
    targets: HashMap<Target, Arc<TargetLoad>>,
}

/// The load of one target.
pub(super) struct TargetLoad {
    target_group: TargetGroupName,
    target: Target,
    outstanding: AtomicUsize,
    draining: AtomicBool,
    observations: mpsc::Sender<Observation>,
}

/// The counters of one group, in the order of a routing table.
pub(super) struct GroupLoad {
    turn: Arc<AtomicUsize>,
    targets: Vec<Arc<TargetLoad>>,
}

impl LoadBook {
    pub(super) fn new(observations: mpsc::Sender<Observation>) -> Self {
        Self { groups: Mutex::default(), observations }
    }

    /// The counters for the groups and targets of a table. Targets that are not in it any more are forgotten;
    /// requests still in flight to them keep their counter alive.
    pub(super) fn open(&self, table: &RoutingTable) -> Vec<GroupLoad> {
        let mut groups = lock(&self.groups);
        let is_newest = table.generation >= groups.generation;
        if is_newest {
            groups.generation = table.generation;
            groups.by_name.retain(|name, _| table.target_groups.iter().any(|group| group.name == *name));
        }
        table.target_groups.iter().map(|group| self.open_group(&mut groups.by_name, group, is_newest)).collect()
    }

    fn open_group(
        &self,
        books: &mut HashMap<TargetGroupName, GroupBook>,
        group: &RoutedTargetGroup,
        is_newest: bool,
    ) -> GroupLoad {
        let book = books
            .entry(group.name.clone())
            .or_insert_with(|| GroupBook { turn: Arc::default(), targets: HashMap::new() });
        if is_newest {
            book.targets.retain(|target, _| group.targets.iter().any(|state| state.target == *target));
        }
        let loads = group.targets.iter().map(|state| {
            let load = book.targets.entry(state.target).or_insert_with(|| Arc::new(self.load_of(group, state.target)));
            if is_newest {
                load.set_draining(state.health == TargetHealth::Draining);
            }
            Arc::clone(load)
        });
        GroupLoad { turn: Arc::clone(&book.turn), targets: loads.collect() }
    }

    fn load_of(&self, group: &RoutedTargetGroup, target: Target) -> TargetLoad {
        TargetLoad {
            target_group: group.name.clone(),
            target,
            outstanding: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            observations: self.observations.clone(),
        }
    }
}

impl GroupLoad {
    /// Chooses one of the eligible targets of group `group` and counts the request as in flight to it. `None` if there
    /// are none.
    pub(super) fn choose(&self, table: &RoutingTable, group: usize, random: u64) -> Option<(usize, InFlight)> {
        let routed = &table.target_groups[group];
        let chosen = balancing::choose_target(
            routed.settings.attributes.algorithm,
            routed.eligible.len(),
            self.turn.fetch_add(1, Ordering::Relaxed),
            random,
            |index| self.targets[routed.eligible[index]].outstanding.load(Ordering::Relaxed),
        )?;
        let target = routed.eligible[chosen];
        Some((target, InFlight::new(Arc::clone(&self.targets[target]))))
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
