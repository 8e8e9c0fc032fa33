//! What is known, filed by what asks for it: whose task is whose, what is known of which target, whom an image concerns.
//! With it a plan costs what it looks at, and not the product of services and tasks, or of tasks and targets.
//!
//! A census lasts from plan to plan. What changes in it is told from the difference of two worlds, so nothing that changes
//! a world has to remember to say so, and [`Census::follow`] also says whose plan may be another one now.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Instant;

use crate::world::{Image, Preparation, TargetRecord, Task, World};
use neargate_model::target_health::Target;
use neargate_model::{ServiceName, TargetGroupName, TaskId};

/// Of one world.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Census {
    /// Of each unit, living ones and stopped ones in the order of their creation.
    tasks: HashMap<Unit, BTreeMap<(u64, TaskId), Arc<Task>>>,
    /// Those that are not draining.
    targets: HashMap<TargetGroupName, HashMap<Target, Arc<TargetRecord>>>,
    /// Whose tasks are registered as a target.
    registered: HashMap<(TargetGroupName, Target), Counted<Unit>>,
    /// Whose tasks run an image.
    images: HashMap<String, Counted<Unit>>,
    /// When the draining ones leave.
    draining: Counted<Instant>,
}

/// What is planned as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Unit {
    /// A service with its tasks.
    Service(ServiceName),
    /// All tasks without a service.
    Standalone,
}

impl Unit {
    /// That of a task.
    pub(crate) fn of(task: &Task) -> Self {
        task.spec.service().map_or(Self::Standalone, |name| Self::Service(name.clone()))
    }
}

/// What there is at least one of, in order.
type Counted<T> = BTreeMap<T, usize>;

/// Whose plan may be another one than in the world before.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Touched {
    /// Everybody's.
    pub(crate) everything: bool,
    /// That of these.
    pub(crate) units: BTreeSet<Unit>,
}

impl Census {
    /// Goes on from the world that it is of to a later one. It costs what differs.
    pub(crate) fn follow(&mut self, before: &World, after: &World) -> Touched {
        let everything = before.shutting_down != after.shutting_down
            || before.nodes != after.nodes
            || before.alarms != after.alarms
            || (before.project == Preparation::Ready) != (after.project == Preparation::Ready);
        let mut touched = Touched { everything, ..Touched::default() };
        for service in before.services.differences(&after.services) {
            touched.units.insert(Unit::Service(service.key.clone()));
        }
        for scaled in before.scaling.differences(&after.scaling) {
            touched.units.insert(Unit::Service(scaled.key.clone()));
        }
        for task in before.tasks.differences(&after.tasks) {
            if let Some(task) = task.before {
                self.take_out(task);
                touched.units.insert(Unit::of(task));
            }
            if let Some(task) = task.after {
                self.put_in(task);
                touched.units.insert(Unit::of(task));
            }
        }
        for group in before.targets.differences(&after.targets) {
            let before = group.before.map(|records| records.as_slice()).unwrap_or_default();
            let after = group.after.map(|records| records.as_slice()).unwrap_or_default();
            self.targets_changed(group.key, before, after, &mut touched);
        }
        for image in before.images.differences(&after.images) {
            if !image.before.zip(image.after).is_some_and(|(before, after)| serves_alike(before, after)) {
                touched.units.extend(self.images.get(image.key).into_iter().flat_map(BTreeMap::keys).cloned());
            }
        }
        touched
    }

    /// The tasks of a unit, oldest first.
    pub(crate) fn tasks(&self, unit: &Unit) -> Vec<&Task> {
        self.tasks.get(unit).into_iter().flat_map(BTreeMap::values).map(|task| &**task).collect()
    }

    /// The record of a registered target that is not draining.
    pub(crate) fn target(&self, group: &TargetGroupName, target: Target) -> Option<&TargetRecord> {
        self.targets.get(group)?.get(&target).map(|record| &**record)
    }

    /// When the first of the draining targets leaves.
    pub(crate) fn next_drained(&self) -> Option<Instant> {
        self.draining.first_key_value().map(|(at, _)| *at)
    }

    fn put_in(&mut self, task: &Arc<Task>) {
        let unit = Unit::of(task);
        self.tasks.entry(unit.clone()).or_default().insert((task.sequence, task.spec.id.clone()), Arc::clone(task));
        for image in images_of(task) {
            if !self.images.contains_key(image) {
                self.images.insert(image.to_owned(), Counted::new());
            }
            self.images.get_mut(image).into_iter().for_each(|units| one_more(units, unit.clone()));
        }
        for place in &task.registered {
            one_more(self.registered.entry(place.clone()).or_default(), unit.clone());
        }
    }

    fn take_out(&mut self, task: &Task) {
        let unit = Unit::of(task);
        change_filed(&mut self.tasks, &unit, |tasks| {
            tasks.remove(&(task.sequence, task.spec.id.clone()));
            tasks.is_empty()
        });
        for image in images_of(task) {
            change_filed(&mut self.images, image, |units| one_less(units, &unit));
        }
        for place in &task.registered {
            change_filed(&mut self.registered, place, |units| one_less(units, &unit));
        }
    }

    fn targets_changed(
        &mut self,
        group: &TargetGroupName,
        before: &[Arc<TargetRecord>],
        after: &[Arc<TargetRecord>],
        touched: &mut Touched,
    ) {
        // Most stand where they stood, and are what they were.
        let same = before.iter().zip(after).take_while(|(one, other)| Arc::ptr_eq(one, other)).count();
        let (before, after) = (&before[same..], &after[same..]);
        let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(one, other)| Arc::ptr_eq(one, other));
        let tail = tail.count();
        let (before, after) = (&before[..before.len() - tail], &after[..after.len() - tail]);
        for record in before {
            match record.draining_until {
                Some(at) => drop(one_less(&mut self.draining, &at)),
                None => change_filed(&mut self.targets, group, |targets| {
                    targets.remove(&record.target);
                    targets.is_empty()
                }),
            }
        }
        for record in after {
            match record.draining_until {
                Some(at) => one_more(&mut self.draining, at),
                None => {
                    let targets = self.targets.entry(group.clone()).or_default();
                    targets.insert(record.target, Arc::clone(record));
                }
            }
        }
        let is_alike = |(one, other): (&Arc<TargetRecord>, &Arc<TargetRecord>)| {
            one.target == other.target
                && one.draining_until == other.draining_until
                && one.health.health() == other.health.health()
        };
        if before.len() == after.len() && before.iter().zip(after).all(is_alike) {
            return;
        }
        for record in before.iter().chain(after) {
            let units = self.registered.get(&(group.clone(), record.target));
            touched.units.extend(units.into_iter().flat_map(BTreeMap::keys).cloned());
        }
    }
}

/// Whether two states of an image are the same to a plan: progress is for people.
fn serves_alike(before: &Image, after: &Image) -> bool {
    before.state == after.state
        && before.built == after.built
        && before.provided == after.provided
        && before.nodes == after.nodes
}

fn images_of(task: &Task) -> impl Iterator<Item = &str> {
    task.spec.definition.containers.iter().map(|container| task.spec.image(container))
}

fn one_more<T: Ord>(counted: &mut Counted<T>, item: T) {
    *counted.entry(item).or_default() += 1;
}

/// Returns whether none is left at all.
fn one_less<T: Ord>(counted: &mut Counted<T>, item: &T) -> bool {
    if let Some(count) = counted.get_mut(item) {
        *count -= 1;
        if *count == 0 {
            counted.remove(item);
        }
    }
    counted.is_empty()
}

/// Changes what is filed under a key, and takes it out if `change` leaves it empty.
fn change_filed<K, Q, V>(files: &mut HashMap<K, V>, key: &Q, change: impl FnOnce(&mut V) -> bool)
where
    K: std::borrow::Borrow<Q> + Hash + Eq,
    Q: Hash + Eq + ?Sized,
{
    if files.get_mut(key).is_some_and(change) {
        files.remove(key);
    }
}
