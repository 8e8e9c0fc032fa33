//! Availability Zone rebalancing: a service whose tasks are spread unevenly, since a zone was away when they were started,
//! starts tasks where there are few and then stops some where there are many.
//!
//! Source: ECS developer guide, "Balancing an Amazon ECS service across Availability Zones".

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use crate::nodes::Nodes;
use neargate_model::{TaskId, Zone};

/// The number of a service's tasks in each zone that takes tasks.
pub(crate) struct Spread<'a>(BTreeMap<&'a Zone, usize>);

impl<'a> Spread<'a> {
    /// Of tasks in these zones.
    pub(crate) fn new(nodes: &'a Nodes, tasks: impl Iterator<Item = &'a Zone>) -> Self {
        let mut zones: BTreeMap<&Zone, usize> = nodes.zones().map(|zone| (zone, 0)).collect();
        for zone in tasks {
            zones.entry(zone).and_modify(|tasks| *tasks += 1);
        }
        Self(zones)
    }

    /// Whether no zone has two tasks more than another. (The guide does not say how uneven is too uneven; a difference of one
    /// cannot be helped.)
    pub(crate) fn is_balanced(&self) -> bool {
        let (least, most) = (self.0.values().min(), self.0.values().max());
        least.zip(most).is_none_or(|(least, most)| most - least < 2)
    }
}

/// `2 tasks in us-east-1a, 1 tasks in us-east-1b`: those with the most first, as is seen.
impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut zones: Vec<_> = self.0.iter().collect();
        zones.sort_by_key(|(zone, tasks)| (Reverse(**tasks), **zone));
        let zones: Vec<String> = zones.into_iter().map(|(zone, tasks)| format!("{tasks} tasks in {zone}")).collect();
        f.write_str(&zones.join(", "))
    }
}

/// A service that is being rebalanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebalancing {
    /// The desired count then. Another one ends it.
    pub(crate) desired: usize,
}

/// How far rebalancing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing is to be done about the zones.
    None,
    /// It begins.
    Begin,
    /// It is under way, with so many tasks above the desired count for the time being.
    Moving { extra: usize },
    /// Every zone has its share.
    Balanced,
    /// Something else is more important.
    Stopped,
}

/// What is known of a service that may be rebalanced.
pub(crate) struct State {
    pub(crate) is_enabled: bool,
    pub(crate) begun: Option<Rebalancing>,
    /// Nothing but the zones keeps the service from being steady.
    pub(crate) is_undisturbed: bool,
    /// The last event said that the service is steady.
    pub(crate) is_steady: bool,
    pub(crate) has_room: bool,
    pub(crate) is_balanced: bool,
    pub(crate) desired: usize,
    pub(crate) tasks: usize,
    pub(crate) healthy: usize,
    pub(crate) leaving: usize,
}

impl State {
    pub(crate) fn stage(&self) -> Stage {
        let is_settled = self.tasks == self.desired && self.healthy == self.desired && self.leaving == 0;
        let goes_on = self.is_enabled && self.is_undisturbed;
        match self.begun {
            None if goes_on && self.is_steady && is_settled && self.has_room && !self.is_balanced => Stage::Begin,
            None => Stage::None,
            Some(begun) if !goes_on || begun.desired != self.desired => Stage::Stopped,
            Some(_) if is_settled && self.is_balanced => Stage::Balanced,
            Some(_) => {
                let is_moving = self.tasks > self.desired && self.healthy < self.tasks;
                Stage::Moving { extra: usize::from(is_settled || is_moving) }
            }
        }
    }
}

/// The tasks that rebalancing has started or stopped, by zone.
pub(crate) type Moved = BTreeMap<Zone, Vec<TaskId>>;

pub(crate) const STOPPED: &str = "stopped AZ Rebalancing.";

pub(crate) fn begun(spread: &str) -> String {
    format!("is not AZ balanced with {spread}. AZ Rebalancing in progress.")
}

pub(crate) fn balanced(spread: &str) -> String {
    format!("is AZ balanced with {spread}.")
}

pub(crate) fn started(zone: &Zone, count: usize, tasks: &str) -> String {
    format!("has started {count} tasks in {zone} to AZ Rebalance: {tasks}.")
}

pub(crate) fn stopped(zone: &Zone, count: usize, tasks: &str) -> String {
    format!("has stopped {count} running tasks in {zone} due to AZ rebalancing: {tasks}.")
}
