//! From a client's task to one of the servers of an endpoint.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::dial::dial;
use super::pool::Pool;
use crate::control::snapshot::Snapshot;
use crate::ecs::metadata::address::link_local;
use crate::ecs::service_connect::balancer::{Balancer, RETRIES};
use crate::ecs::service_connect::servers::{self, Server};
use crate::ecs::world::Task;
use crate::model::TaskId;
use crate::model::service_connect::Endpoint;

/// What all connections share.
pub(super) struct Proxy {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    balancers: Mutex<HashMap<(TaskId, SocketAddrV4), Balancer>>,
    pub(super) pool: Arc<Pool>,
}

impl Proxy {
    pub(super) fn new(snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { snapshots, balancers: Mutex::default(), pool: Arc::new(Pool::default()) }
    }

    /// Tasks that are gone connect no more.
    pub(super) fn forget_all_but(&self, snapshot: &Snapshot) {
        let mut balancers = self.balancers.lock().unwrap_or_else(PoisonError::into_inner);
        balancers.retain(|(task, _), _| snapshot.world.tasks.get(task).is_some_and(|task| !task.is_stopped()));
    }
}

/// The way of one connection of a client.
#[derive(Clone)]
pub(super) struct Route {
    proxy: Arc<Proxy>,
    client: TaskId,
    endpoint: Arc<Endpoint>,
    address: SocketAddrV4,
}

impl Route {
    /// The endpoint that the task at `peer` has at this address.
    pub(super) fn of(proxy: &Arc<Proxy>, peer: IpAddr, address: SocketAddrV4) -> Option<Self> {
        let snapshot = Arc::clone(&proxy.snapshots.borrow());
        let task = snapshot.world.tasks.values().find(|task| is_at(task, peer))?;
        let is_it = |endpoint: &&Endpoint| (endpoint.address, endpoint.port) == (*address.ip(), address.port());
        let endpoint = task.spec.endpoints.iter().find(is_it)?;
        Some(Self {
            proxy: Arc::clone(proxy),
            client: task.spec.id.clone(),
            endpoint: Arc::new(endpoint.clone()),
            address,
        })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.proxy.pool
    }

    /// The server whose turn it is; `None` if there is none.
    pub(super) fn choose(&self, tried: &BTreeSet<TaskId>) -> Option<Server> {
        let snapshot = Arc::clone(&self.proxy.snapshots.borrow());
        let client = snapshot.world.tasks.get(&self.client)?;
        let servers = servers::of_endpoint(&self.endpoint, client, &snapshot.topology, &snapshot.world);
        let ids: Vec<TaskId> = servers.iter().map(|server| server.task.clone()).collect();
        let chosen = self.balancer(|balancer| balancer.choose(&ids, tried, Instant::now()).cloned())?;
        servers.into_iter().find(|server| server.task == chosen)
    }

    /// Remembers a failed connection, or an answer of 5xx.
    pub(super) fn failed(&self, server: &TaskId) {
        let time_scale = self.proxy.snapshots.borrow().topology.time_scale;
        self.balancer(|balancer| balancer.failed(server, Instant::now(), time_scale));
    }

    fn balancer<T>(&self, use_it: impl FnOnce(&mut Balancer) -> T) -> T {
        let mut balancers = self.proxy.balancers.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(balancers.entry((self.client.clone(), self.address)).or_default())
    }

    /// Connects to a server: to another one after a failure.
    pub(super) async fn connect(&self) -> Option<TcpStream> {
        let mut tried = BTreeSet::new();
        for _ in 0..=RETRIES {
            let server = self.choose(&tried)?;
            match dial(&server).await {
                Ok(stream) => return Some(stream),
                Err(_) => {
                    self.failed(&server.task);
                    tried.insert(server.task);
                }
            }
        }
        None
    }
}

/// A task connects from its link-local address, or from its own.
fn is_at(task: &Task, peer: IpAddr) -> bool {
    matches!(task.address(), Some(IpAddr::V4(address)) if peer == address || peer == link_local(address))
}
