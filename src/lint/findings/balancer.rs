//! A load balancer, with what its findings are drawn from.

use std::collections::BTreeMap;

use neargate_alb::routing::RoutingTable;
use neargate_model::Topology;
use neargate_model::listener::{Listener, LoadBalancer};
use neargate_model::rule::{Action, Rule};

use super::finding::{Finding, Kind, Place};
use crate::decide::Decisions;
use crate::undecided::Undecided;
use crate::witness::Witness;

/// A load balancer with what is needed for its findings.
pub(super) struct Balancer<'t> {
    pub(super) topology: &'t Topology,
    pub(super) load_balancer: &'t LoadBalancer,
    pub(super) table: RoutingTable,
    /// By listener.
    pub(super) decisions: Vec<Result<Decisions, Undecided>>,
}

impl<'t> Balancer<'t> {
    pub(super) fn new(topology: &'t Topology, load_balancer: &'t LoadBalancer) -> Self {
        let table = RoutingTable::compile(topology, load_balancer, &BTreeMap::new(), 0);
        let decisions = load_balancer.listeners.iter().map(|listener| Decisions::new(&listener.rules)).collect();
        Self { topology, load_balancer, table, decisions }
    }

    pub(super) fn finding(&self, listener: usize, rule: Option<usize>, kind: Kind) -> Finding {
        finding(self.load_balancer, listener, rule, kind)
    }

    /// A request that a rule of a listener decides, with a host that leads here.
    pub(super) fn decided(&self, listener: usize, rule: usize) -> Option<Witness> {
        let decisions = self.decisions.get(listener)?.as_ref().ok()?;
        let witness = decisions.example(rule).ok()??;
        Some(self.with_host(listener, witness))
    }

    /// The same with a host that leads here, if one does.
    pub(super) fn with_host(&self, listener: usize, witness: Witness) -> Witness {
        let index = self.table.listener_by_port(self.load_balancer.listeners[listener].port).unwrap_or_default();
        witness.with_own_host(self.load_balancer, &self.table, index)
    }
}

pub(super) fn finding(balancer: &LoadBalancer, listener: usize, rule: Option<usize>, kind: Kind) -> Finding {
    Finding { kind, place: Place { load_balancer: balancer.name.clone(), listener, rule } }
}

/// The action of a rule, or the default action.
pub(super) fn action(listener: &Listener, rule: usize) -> &Action {
    listener.rules.get(rule).map_or(&listener.default_actions.routing, |rule: &Rule| &rule.actions.routing)
}
