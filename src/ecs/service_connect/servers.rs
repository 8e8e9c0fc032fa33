//! The tasks behind an endpoint at the moment.

use std::net::SocketAddr;

use super::endpoints::port;
use crate::world::{Network, Task, World};
use neargate_alb::security_group;
use neargate_model::service_connect::Endpoint;
use neargate_model::task::TaskStatus;
use neargate_model::{TaskId, Topology};

/// A task behind an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The task.
    pub task: TaskId,
    /// Where to connect to; `None` if nothing answers there: the port is not reachable from this machine, or the security
    /// groups drop what the client sends.
    pub dial: Option<SocketAddr>,
}

/// The tasks that serve an endpoint for a client, in the order in which they were created. A task is there once it runs and
/// its container health checks pass (ECS developer guide: "new connections from clients will be balanced between all of
/// the tasks").
pub fn of_endpoint(endpoint: &Endpoint, client: &Task, topology: &Topology, world: &World) -> Vec<Server> {
    let mut servers: Vec<(u64, Server)> = world
        .tasks
        .values()
        .filter(|task| task.status() == TaskStatus::Running && task.containers_with_checks_pass())
        .filter_map(|task| Some((task.sequence, server(endpoint, client, task, topology, world)?)))
        .collect();
    servers.sort_by_key(|(sequence, _)| *sequence);
    servers.into_iter().map(|(_, server)| server).collect()
}

fn server(endpoint: &Endpoint, client: &Task, task: &Task, topology: &Topology, world: &World) -> Option<Server> {
    let service = &world.deployment_of(task)?.service;
    let connect = service.service_connect.as_ref().filter(|connect| connect.namespace == endpoint.namespace)?;
    let offered = connect.services.iter().find(|offered| offered.discovery_name == endpoint.discovery_name)?;
    let port = port(service, &offered.port_name)?.container_port;
    let Network::Open(network) = &task.network else { return None };
    // "Your security group rules must allow incoming (ingress) traffic to this port from the subnets where clients will
    // run."
    let from = &world.deployment_of(client)?.service.security_groups;
    let groups = &topology.security_groups;
    let exist = from.iter().chain(&service.security_groups).all(|group| groups.contains_key(group));
    let is_let_in =
        !exist || security_group::load_balancer_reaches(groups, from, &service.security_groups, port).allowed;
    Some(Server { task: task.spec.id.clone(), dial: network.dial(port).filter(|_| is_let_in) })
}
