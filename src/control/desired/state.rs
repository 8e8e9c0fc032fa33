//! The desired state, and which parts of it differ from the file. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::edit::{Departure, Edit};
use crate::model::{ServiceName, Topology};

/// The file's declarations, and the changes by others since.
#[derive(Clone, Debug)]
pub struct Desired {
    declared: Arc<Topology>,
    counts: BTreeMap<ServiceName, Departure>,
}

/// A field that an edit decides although the file says something else about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// Whose `desired_count` it is.
    pub service: ServiceName,
    /// What is wanted, and what the file says.
    pub desired_count: Departure,
}

impl fmt::Display for LeftAlone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, desired_count: Departure { to, from } } = self;
        write!(
            f,
            "service {service}: desired_count stays at {to}, as set by `scale`; the file says {from} (`up --reset` uses \
             the file's)"
        )
    }
}

impl From<Arc<Topology>> for Desired {
    fn from(declared: Arc<Topology>) -> Self {
        Self { declared, counts: BTreeMap::new() }
    }
}

impl Desired {
    /// The file's declarations, with a journal's edits applied.
    pub fn restored(declared: Arc<Topology>, edits: impl IntoIterator<Item = Edit>) -> Self {
        let mut desired = Self::from(Arc::clone(&declared));
        for edit in edits {
            match edit {
                Edit::UpdateService { service, desired_count: Some(departure) } => {
                    desired.counts.insert(ServiceName::new(service), departure);
                }
                Edit::UpdateService { service, desired_count: None } => {
                    desired.counts.remove(service.as_str());
                }
            }
        }
        desired.declare(declared, false);
        desired
    }

    /// The file as it was read last.
    pub fn declared(&self) -> &Arc<Topology> {
        &self.declared
    }

    /// Takes the file as it is now. What others have changed stays where the file says what it said then; with `reset`
    /// nothing of it stays.
    pub fn declare(&mut self, declared: Arc<Topology>, reset: bool) {
        self.counts.retain(|name, departure| {
            let service = declared.services.get(name);
            !reset && service.is_some_and(|service| service.desired_count == departure.from)
        });
        self.declared = declared;
    }

    /// Runs another number of tasks of a service; `None` is the file's. Returns whether there is such a service.
    pub fn update_service(&mut self, name: &ServiceName, desired_count: Option<u32>) -> bool {
        let Some(service) = self.declared.services.get(name) else { return false };
        let from = service.desired_count;
        match desired_count.filter(|to| *to != from) {
            Some(to) => self.counts.insert(name.clone(), Departure { to, from }),
            None => self.counts.remove(name),
        };
        true
    }

    /// The combined desired state of all authors.
    pub fn derive(&self) -> Arc<Topology> {
        if self.counts.is_empty() {
            return Arc::clone(&self.declared);
        }
        let mut topology = Topology::clone(&self.declared);
        for (name, departure) in &self.counts {
            if let Some(service) = topology.services.get_mut(name) {
                service.desired_count = departure.to;
            }
        }
        Arc::new(topology)
    }

    /// The edits that lead from the file to the desired state.
    pub fn edits(&self) -> Vec<Edit> {
        let edit = |(name, departure): (&ServiceName, &Departure)| Edit::UpdateService {
            service: name.to_string(),
            desired_count: Some(*departure),
        };
        self.counts.iter().map(edit).collect()
    }

    /// Fields in which the file does not apply, for people.
    pub fn left_alone(&self) -> Vec<LeftAlone> {
        let told = |(service, departure): (&ServiceName, &Departure)| LeftAlone {
            service: service.clone(),
            desired_count: *departure,
        };
        self.counts.iter().map(told).collect()
    }
}
