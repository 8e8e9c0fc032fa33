//! The machines that run tasks, and on which of them the next task of a service goes.

use std::collections::BTreeMap;

use neargate_model::node::{NodeState, ObservedNode};
use neargate_model::{NodeName, Zone};

/// What is known of the nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes(BTreeMap<NodeName, Node>);

/// A node.
#[derive(Clone, Debug, PartialEq)]
struct Node {
    observed: ObservedNode,
    /// Why its engine cannot be asked at the moment.
    trouble: Option<String>,
}

impl Nodes {
    /// These are all that there are now.
    pub fn observed(&mut self, nodes: Vec<ObservedNode>) {
        let mut before = std::mem::take(&mut self.0);
        self.0 = nodes
            .into_iter()
            .map(|observed| {
                let trouble = before.remove(&observed.name).and_then(|node| node.trouble);
                (observed.name.clone(), Node { observed, trouble })
            })
            .collect();
    }

    /// The node's engine has answered, or cannot be asked.
    pub fn asked(&mut self, name: &NodeName, trouble: Option<String>) {
        if let Some(node) = self.0.get_mut(name) {
            node.trouble = trouble;
        }
    }

    /// What is wrong with them, for people. A single node is not named.
    pub fn trouble(&self) -> Option<String> {
        let troubles: Vec<String> = self
            .0
            .iter()
            .filter_map(|(name, node)| match &node.trouble {
                Some(trouble) if self.is_only_one() => Some(trouble.clone()),
                Some(trouble) => Some(format!("{name}: {trouble}")),
                None => None,
            })
            .collect();
        (!troubles.is_empty()).then(|| troubles.join("\n"))
    }

    /// Whether a node takes tasks and images at the moment.
    pub(crate) fn takes_tasks(&self, name: &NodeName) -> bool {
        self.0.get(name).is_some_and(Node::takes_tasks)
    }

    /// The zones that take tasks at the moment.
    pub fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.0.values().filter(|node| node.takes_tasks()).map(|node| &node.observed.zone)
    }

    /// The zone of a node.
    pub(crate) fn zone(&self, name: &NodeName) -> Option<&Zone> {
        self.0.get(name).map(|node| &node.observed.zone)
    }

    /// Where more tasks of a service may go; `placed` are the nodes of those that it has.
    pub(crate) fn placement<'n>(&'n self, placed: impl Iterator<Item = &'n NodeName>) -> Placement<'n> {
        let candidates = self.0.values().filter(|node| node.takes_tasks()).map(|node| &node.observed);
        let mut tasks = BTreeMap::new();
        for node in placed {
            *tasks.entry(node).or_default() += 1;
        }
        Placement { nodes: candidates.collect(), tasks, is_only_one: self.is_only_one() }
    }

    fn is_only_one(&self) -> bool {
        self.0.len() == 1
    }
}

impl Node {
    fn takes_tasks(&self) -> bool {
        self.observed.state == NodeState::Ready && self.observed.schedulable && self.trouble.is_none()
    }
}

/// The tasks of one service, spread over the nodes.
pub(crate) struct Placement<'n> {
    nodes: Vec<&'n ObservedNode>,
    /// How many tasks of the service each node has.
    tasks: BTreeMap<&'n NodeName, usize>,
    is_only_one: bool,
}

impl Placement<'_> {
    /// The node for one more task: in the zone with the fewest tasks of the service, the node with the fewest, the first
    /// by name. Fargate tries to spread a service's tasks over the zones of its subnets (ECS developer guide,
    /// "Amazon ECS service scheduler concepts"). The only node is not named; `None` if none takes tasks at the moment.
    pub(crate) fn next(&mut self) -> Option<Option<NodeName>> {
        let on = |node: &ObservedNode| self.tasks.get(&node.name).copied().unwrap_or_default();
        let in_zone =
            |zone: &Zone| self.nodes.iter().filter(|node| node.zone == *zone).map(|node| on(node)).sum::<usize>();
        let best = self.nodes.iter().min_by_key(|node| (in_zone(&node.zone), on(node), &node.name))?;
        *self.tasks.entry(&best.name).or_default() += 1;
        Some((!self.is_only_one).then(|| best.name.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, zone: &str) -> ObservedNode {
        ObservedNode { name: name.into(), zone: zone.into(), state: NodeState::Ready, schedulable: true }
    }

    fn placed(nodes: &Nodes, on: &[&str], count: usize) -> Vec<String> {
        let on: Vec<NodeName> = on.iter().map(NodeName::new).collect();
        let mut placement = nodes.placement(on.iter());
        let next = |_| match placement.next() {
            Some(Some(node)) => node.to_string(),
            Some(None) => "the only one".to_owned(),
            None => "nowhere".to_owned(),
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn one_node_need_not_be_named_and_takes_nothing_while_it_is_away() {
        let mut nodes = Nodes::default();
        assert_eq!(placed(&nodes, &[], 1), ["nowhere"], "it will be reported");
        nodes.observed(vec![node("a", "us-east-1a")]);
        assert_eq!(placed(&nodes, &[], 2), ["the only one", "the only one"]);
        nodes.asked(&"a".into(), Some("gone".to_owned()));
        assert_eq!((placed(&nodes, &[], 1), nodes.trouble()), (vec!["nowhere".to_owned()], Some("gone".to_owned())));
        nodes.observed(vec![node("a", "us-east-1a")]);
        assert_eq!(nodes.trouble().as_deref(), Some("gone"), "that it is listed does not mean that it answers");
        nodes.asked(&"a".into(), None);
        assert_eq!(nodes.trouble(), None);
    }

    #[test]
    fn zones_come_before_nodes_and_nodes_before_names() {
        let mut nodes = Nodes::default();
        nodes.observed(vec![node("a1", "us-east-1a"), node("a2", "us-east-1a"), node("b", "us-east-1b")]);
        assert_eq!(placed(&nodes, &[], 4), ["a1", "b", "a2", "b"]);
        assert_eq!(placed(&nodes, &["b", "a1"], 2), ["a2", "b"]);
    }

    #[test]
    fn a_node_takes_nothing_while_it_is_down_drained_or_cannot_be_asked() {
        let mut nodes = Nodes::default();
        let down = ObservedNode { state: NodeState::Down, ..node("a", "us-east-1a") };
        let drained = ObservedNode { schedulable: false, ..node("b", "us-east-1b") };
        nodes.observed(vec![down, drained, node("c", "us-east-1c"), node("d", "us-east-1d")]);
        nodes.asked(&"c".into(), Some("gone".to_owned()));
        assert_eq!(placed(&nodes, &[], 2), ["d", "d"]);
        assert_eq!(nodes.trouble().as_deref(), Some("c: gone"));
        nodes.observed(vec![node("c", "us-east-1c")]);
        assert_eq!(placed(&nodes, &[], 1), ["nowhere"]);
    }
}
