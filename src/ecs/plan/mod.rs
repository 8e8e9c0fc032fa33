//! The plan: the next steps from the actual to the desired state.
//!
//! Planning is level-triggered: it looks only at the current state, not at its history. A missed event, a container
//! killed by hand or a restart needs no special case; the next plan starts from what the engine reports.
//!
//! ```text
//!   facts ──> observe ──> World ──> plan ──> changes ──> apply ──> World   (until nothing is left to decide)
//!                                     └────> effects ──> begin ──> World
//!                                               └──────> the executor
//! ```
//!
//! A [`Planner`] leaves out what cannot have anything to do: services of which nothing has changed since they were planned
//! last, and whose time has not come. Its plan is the plan of everything, at the cost of what changed; a property says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use crate::census::{Census, Unit};
use crate::images::renewal;
use crate::service::scheduler;
use crate::service::tasks::Situation;
use crate::step::{Effect, Plan};
use crate::world::{Preparation, Task, World, sooner};
use crate::{registration, standalone, task};
use neargate_model::Topology;

/// Decides the next steps by looking at everything.
pub fn plan(topology: &Topology, world: &World, now: Instant) -> Plan {
    Planner::default().plan(topology, world, now)
}

/// Decides the next steps by looking at what may have something to do, again and again.
#[derive(Debug)]
pub struct Planner {
    /// As it was planned last.
    planned: World,
    /// Of that.
    census: Census,
    alarms: Alarms,
    /// There was something to do for these: whatever came of it, they are looked at again.
    unsettled: BTreeSet<Unit>,
    everything: bool,
}

impl Default for Planner {
    fn default() -> Self {
        Self {
            planned: World::default(),
            census: Census::default(),
            alarms: Alarms::default(),
            unsettled: BTreeSet::new(),
            everything: true,
        }
    }
}

impl Planner {
    /// Looks at everything next time. To be called when the topology is another one.
    pub fn look_at_everything(&mut self) {
        self.everything = true;
    }

    /// Decides the next steps. Removals come before additions, so that freed resources can be reused.
    pub fn plan(&mut self, topology: &Topology, world: &World, now: Instant) -> Plan {
        let mut touched = self.census.follow(&self.planned, world);
        self.planned = world.clone();
        let everything = std::mem::take(&mut self.everything) || touched.everything;
        if everything {
            self.alarms = Alarms::default();
            touched.units.extend(world.services.keys().cloned().map(Unit::Service).chain([Unit::Standalone]));
        }
        touched.units.append(&mut self.unsettled);
        touched.units.extend(self.alarms.due(now));

        let mut plan = Plan::default();
        plan_project(world, now, &mut plan);
        registration::plan_drained(self.census.next_drained(), now, &mut plan);
        let shared = plan.wake_at.take();

        let mut outlooks: BTreeMap<_, _> = touched.units.into_iter().map(|unit| (unit, Outlook::default())).collect();
        for task in self.tasks(everything, world, outlooks.keys()) {
            let outlook = outlooks.entry(Unit::of(task)).or_default();
            outlook.attribute(&mut plan, |plan| task::plan_task(world, task, now, topology.time_scale, plan));
        }
        renewal::plan_images(topology, world, &mut plan);
        for (unit, outlook) in &mut outlooks {
            outlook.attribute(&mut plan, |plan| self.plan_unit(unit, topology, world, now, plan));
        }

        for (unit, outlook) in outlooks {
            self.alarms.set(&unit, outlook.wake_at);
            if outlook.acts {
                self.unsettled.insert(unit);
            }
        }
        plan.wake_at = sooner(shared, self.alarms.first());
        plan
    }

    /// What a unit needs beside the steps of its tasks.
    fn plan_unit(&self, unit: &Unit, topology: &Topology, world: &World, now: Instant, plan: &mut Plan) {
        match unit {
            Unit::Service(name) => {
                if let Some(record) = world.services.get(name) {
                    let situation =
                        Situation { world, census: &self.census, now, time_scale: topology.time_scale, topology };
                    scheduler::plan_service(&situation, name, record, plan);
                }
            }
            Unit::Standalone => standalone::plan_standalone(&self.census.tasks(unit), world.shutting_down, plan),
        }
    }

    /// Those of some units, or all, in the order of their ids.
    fn tasks<'a, 's>(
        &'a self,
        everything: bool,
        world: &'a World,
        units: impl Iterator<Item = &'s Unit>,
    ) -> Vec<&'a Task> {
        if everything {
            return world.tasks.values().collect();
        }
        let mut tasks: Vec<&Task> = units.flat_map(|unit| self.census.tasks(unit)).collect();
        tasks.sort_by(|one, other| one.spec.id.cmp(&other.spec.id));
        tasks
    }
}

/// Makes what all tasks share, or tries again once its wait is over.
fn plan_project(world: &World, now: Instant, plan: &mut Plan) {
    match &world.project {
        Preparation::Missing if !world.shutting_down => plan.push(Effect::PrepareProject),
        Preparation::Failed { retry_at, .. } if !world.shutting_down => {
            plan.push_after(Some(*retry_at).filter(|at| now < *at), Effect::PrepareProject);
        }
        _ => {}
    }
}

/// What a plan found out about one unit.
#[derive(Default)]
struct Outlook {
    /// Time alone changes what it needs then.
    wake_at: Option<Instant>,
    /// It needs something now.
    acts: bool,
}

impl Outlook {
    /// Takes down what a part of the plan has to do with it.
    fn attribute(&mut self, plan: &mut Plan, decide: impl FnOnce(&mut Plan)) {
        let steps = plan.steps.len();
        decide(plan);
        self.acts |= plan.steps.len() > steps;
        self.wake_at = sooner(self.wake_at, plan.wake_at.take());
    }
}

/// When time alone changes what a unit needs.
#[derive(Debug, Default)]
struct Alarms {
    in_order: BTreeSet<(Instant, Unit)>,
    of: HashMap<Unit, Instant>,
}

impl Alarms {
    fn set(&mut self, unit: &Unit, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.of.insert(unit.clone(), at),
            None => self.of.remove(unit),
        };
        if let Some(before) = before {
            self.in_order.remove(&(before, unit.clone()));
        }
        self.in_order.extend(at.map(|at| (at, unit.clone())));
    }

    fn first(&self) -> Option<Instant> {
        self.in_order.first().map(|(at, _)| *at)
    }

    fn due(&self, now: Instant) -> impl Iterator<Item = Unit> {
        self.in_order.iter().take_while(move |(at, _)| *at <= now).map(|(_, unit)| unit.clone())
    }
}

#[cfg(test)]
mod tests;
