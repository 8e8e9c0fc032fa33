//! Which path a request needs to get to a target group: for those who want to ask what is behind it.

use std::net::Ipv4Addr;

use super::request::facts::RequestFacts;
use super::routing::{RoutedAction, RoutingTable};
use neargate_http1::fields::{FieldSpan, Fields};
use neargate_model::listener::Listener;
use neargate_model::rule::{Condition, Patterns};
use neargate_model::{TargetGroupName, Topology};

/// A path that the listener's rules lead to the group, with this method and host.
pub fn path_to(
    topology: &Topology,
    table: &RoutingTable,
    listener: &Listener,
    (method, host): (&str, &str),
    group: &TargetGroupName,
) -> Option<String> {
    let patterns = listener.rules.iter().flat_map(|rule| &rule.conditions).filter_map(|condition| match condition {
        Condition::PathPattern(Patterns::Wildcards(patterns)) => Some(patterns),
        _ => None,
    });
    let check = topology.target_groups.get(group).map(|group| group.health_check.path.clone());
    let candidates = patterns.flatten().map(|pattern| pattern.replace('*', "").replace('?', "x"));
    // The health check's path is one that the container has for sure.
    let mut candidates = check.into_iter().chain(candidates).chain(["/".to_owned()]);
    candidates.find(|path| path.starts_with('/') && leads_to(table, listener, (method, host), path, group))
}

/// Whether the listener's rules lead this path to the group.
pub fn leads_to(
    table: &RoutingTable,
    listener: &Listener,
    (method, host): (&str, &str),
    path: &str,
    group: &TargetGroupName,
) -> bool {
    let Some(listener) = table.listener_by_port(listener.port) else { return false };
    let bytes = format!("Host{host}").into_bytes();
    let spans = [FieldSpan::new(&bytes, 0..4, 4..bytes.len())];
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let facts = RequestFacts {
        method: method.as_bytes(),
        authority: None,
        path: path.as_bytes(),
        query: query.map(str::as_bytes),
        fields: Fields::new(&bytes, &spans),
        client: (Ipv4Addr::LOCALHOST, 40000).into(),
    };
    match table.route(listener, &facts).action {
        RoutedAction::Forward(forward) => {
            forward.groups.iter().any(|found| table.target_groups[found.group].name == *group)
        }
        RoutedAction::Redirect(_) | RoutedAction::FixedResponse(_) => false,
    }
}
