//! Where the traffic of a rehearsal goes: a listener, and a path that leads to the service.

use std::collections::BTreeMap;

use crate::admin::view::shape::ClusterView;
use crate::alb::routing::RoutingTable;
use crate::alb::way_in;
use crate::certs::targets;
use crate::cli::failure::Failure;
use crate::machine::trust::reach::reachable_address;
use crate::model::listener::{Listener, ListenerProtocol, LoadBalancer};
use crate::model::service::{LoadBalancerBinding, Service};
use crate::model::{ServiceName, Topology};
use crate::rehearsal::recording::Settings;
use crate::traffic;

/// What to aim at, and the settings that apply there.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) aim: traffic::Aim,
    /// In full, for people.
    pub(super) url: String,
    pub(super) settings: Settings,
}

/// Finds a way to the service: by HTTPS if there is one; by `path`, or the first one that leads there.
pub(super) fn find(
    topology: &Topology,
    view: &ClusterView,
    name: &ServiceName,
    path: Option<&str>,
) -> Result<Target, Failure> {
    let service = topology.services.get(name).ok_or_else(|| {
        Failure::usage(format!("the file has no service {name}, so nothing says where its traffic is"))
    })?;
    if service.load_balancers.is_empty() {
        return Err(Failure::usage(format!(
            "service {name} has no load balancer, so a deployment of it can lose no request; run `neargate deploy {name}`"
        )));
    }
    let ways = ways(topology, service);
    let found = ways.iter().find_map(|(balancer, listener, binding)| {
        let table = RoutingTable::compile(topology, balancer, &BTreeMap::new(), 0);
        let host = host(balancer);
        let request = ("GET", host.as_str());
        let path = match path {
            Some(path) => {
                way_in::leads_to(&table, listener, request, path, &binding.target_group).then(|| path.to_owned())
            }
            None => way_in::path_to(topology, &table, listener, request, &binding.target_group),
        };
        Some((*balancer, *listener, *binding, table, host, path?))
    });
    let Some((balancer, listener, binding, table, host, path)) = found else { return Err(no_way(name, path)) };
    let bound = view.listener(balancer.name.as_str(), listener.port).filter(|listener| listener.bound);
    let bound =
        bound.ok_or_else(|| Failure::new(format!("listener {} is not bound; run `neargate doctor`", listener.port)))?;
    let address = reachable_address(bound.bind_address.unwrap_or(balancer.bind_address));
    let is_https = is_https(listener);
    let tls = match is_https {
        true => Some(targets::client_configs().map_err(Failure::new)?.get(table.target_policy).clone()),
        false => None,
    };
    let (scheme, usual) = if is_https { ("https", 443) } else { ("http", 80) };
    let authority = if bound.bind_port == usual { host.clone() } else { format!("{host}:{}", bound.bind_port) };
    let group = &topology.target_groups[&binding.target_group];
    Ok(Target {
        url: format!("{scheme}://{authority}{path}"),
        aim: traffic::Aim { address: (address, bound.bind_port).into(), domain: host, host: authority, path, tls },
        settings: Settings {
            deregistration_delay: group.attributes.deregistration_delay,
            idle_timeout: balancer.attributes.idle_timeout,
            minimum_healthy_percent: service.deployment_configuration.minimum_healthy_percent,
        },
    })
}

/// Every listener and target group of the service's load balancers, HTTPS first.
fn ways<'t>(
    topology: &'t Topology,
    service: &'t Service,
) -> Vec<(&'t LoadBalancer, &'t Listener, &'t LoadBalancerBinding)> {
    let mut ways: Vec<_> = service
        .load_balancers
        .iter()
        .flat_map(|binding| {
            let balancer = topology.load_balancer_of(&binding.target_group).into_iter();
            balancer.flat_map(move |balancer| balancer.listeners.iter().map(move |one| (balancer, one, binding)))
        })
        .collect();
    // Stable, so that the first target group of the file comes first.
    ways.sort_by_key(|(_, listener, _)| !is_https(listener));
    ways
}

fn is_https(listener: &Listener) -> bool {
    matches!(listener.protocol, ListenerProtocol::Https(_))
}

/// A name by which clients know it; its address, if it has none.
fn host(balancer: &LoadBalancer) -> String {
    let name = balancer.domains.first().map(|name| name.as_str().replacen("*.", "www.", 1));
    name.unwrap_or_else(|| reachable_address(balancer.bind_address).to_string())
}

fn no_way(name: &ServiceName, path: Option<&str>) -> Failure {
    Failure::usage(match path {
        Some(path) => format!(
            "GET {path} is not forwarded to service {name}, so its deployment cannot lose it; `neargate explain {path}` \
             shows where it goes"
        ),
        None => format!(
            "no path was found that leads to service {name}; name one with --path (`neargate explain URL` shows where a \
             request goes)"
        ),
    })
}
