//! The routing tables as published: a channel for each load balancer, so that its data plane waits for its own alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::alb::routing::RoutingTable;
use crate::model::target_health::TargetState;
use crate::model::{LoadBalancerName, TargetGroupName, Topology};

/// The newest table of each load balancer, by its name. The channel of one that is gone is closed.
pub type Routing = BTreeMap<LoadBalancerName, watch::Receiver<Arc<RoutingTable>>>;

/// The sending ends.
pub(super) struct Publisher {
    generation: u64,
    tables: BTreeMap<LoadBalancerName, watch::Sender<Arc<RoutingTable>>>,
    all: watch::Sender<Routing>,
}

impl Publisher {
    /// Publishes tables without targets, the first ones.
    pub(super) fn new(topology: &Topology) -> (Self, watch::Receiver<Routing>) {
        let (all, routing) = watch::channel(Routing::new());
        let mut publisher = Self { generation: 0, tables: BTreeMap::new(), all };
        publisher.compile(topology, &BTreeMap::new());
        (publisher, routing)
    }

    /// Publishes a new table for each load balancer.
    pub(super) fn publish(&mut self, topology: &Topology, targets: &BTreeMap<TargetGroupName, Vec<TargetState>>) {
        self.generation += 1;
        self.compile(topology, targets);
    }

    /// Publishes a new table for each load balancer with a group whose targets have changed.
    pub(super) fn renew(&mut self, changed: impl IntoIterator<Item = (TargetGroupName, Vec<TargetState>)>) {
        let changed: Vec<(TargetGroupName, Vec<TargetState>)> = changed.into_iter().collect();
        for out in self.tables.values() {
            let table = Arc::clone(&out.borrow());
            let own = changed.iter().filter(|(name, _)| table.target_group(name).is_some());
            if let Some(next) = table.renew(own.cloned(), self.generation + 1) {
                self.generation += 1;
                out.send_replace(Arc::new(next));
            }
        }
    }

    /// What was published of a group's targets.
    pub(super) fn targets(&self, target_group: &TargetGroupName) -> Arc<[TargetState]> {
        let published = |out: &watch::Sender<_>| {
            let table: Arc<RoutingTable> = Arc::clone(&out.borrow());
            table.target_group(target_group).map(|group| Arc::clone(&group.targets))
        };
        self.tables.values().find_map(published).unwrap_or_default()
    }

    fn compile(&mut self, topology: &Topology, targets: &BTreeMap<TargetGroupName, Vec<TargetState>>) {
        let before = self.tables.len();
        self.tables.retain(|name, _| topology.load_balancers.contains_key(name));
        let mut others = self.tables.len() != before;
        for (name, balancer) in &topology.load_balancers {
            let table = Arc::new(RoutingTable::compile(topology, balancer, targets, self.generation));
            match self.tables.get(name) {
                Some(out) => drop(out.send_replace(table)),
                None => {
                    self.tables.insert(name.clone(), watch::Sender::new(table));
                    others = true;
                }
            }
        }
        if others {
            let receivers = self.tables.iter().map(|(name, out)| (name.clone(), out.subscribe()));
            self.all.send_replace(receivers.collect());
        }
    }
}
