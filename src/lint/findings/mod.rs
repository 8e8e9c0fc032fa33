//! What is wrong with the rules of load balancers, with proof.

mod balancer;
mod certificates;
mod finding;
mod groups;
mod redirects;
mod rules;

use neargate_model::Topology;

use balancer::Balancer;
pub use finding::{Finding, IDS, Kind, Place, Severity};

/// The findings of a topology, in the order of load balancers, listeners and rules.
pub fn of_topology(topology: &Topology) -> Vec<Finding> {
    let mut all: Vec<Finding> = topology
        .load_balancers
        .values()
        .flat_map(|balancer| of_load_balancer(&mut Balancer::new(topology, balancer)))
        .collect();
    all.sort_by(|one, other| one.place.cmp(&other.place));
    all
}

fn of_load_balancer(balancer: &mut Balancer<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, listener) in balancer.load_balancer.listeners.iter().enumerate() {
        let mut tell = |rule, kind| found.push(balancer::finding(balancer.load_balancer, at, rule, kind));
        match &mut balancer.decisions[at] {
            Ok(decisions) => rules::findings(listener, decisions, &balancer.table, &mut tell),
            Err(undecided) => tell(None, Kind::Undecided(*undecided)),
        }
    }
    certificates::findings(balancer, &mut found);
    redirects::findings(balancer, &mut found);
    groups::findings(balancer, &mut found);
    found
}
