//! The project's network: one bridge, which stands for the VPC, and how this machine reaches it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bollard::models::{Ipam, IpamConfig, Network, NetworkCreateRequest, PortBinding};
use ipnet::Ipv4Net;

use crate::control::runtime::RuntimeError;

use super::address::{self, Addresses};
use super::connect::{Engine, EngineKind};
use super::error::{self, Phrase, runtime_error};
use super::labels::{Names, PROJECT};
use super::options::ReachMode;

/// Marks a subnet that we chose, in which we can also choose addresses.
const SUBNET: &str = "dev.neargate.subnet";
/// The number of subnets to try before the engine chooses one.
const SUBNET_ATTEMPTS: usize = 8;

/// The existing network.
#[derive(Debug)]
pub(crate) struct ProjectNetwork {
    /// The engine's id for it.
    pub(crate) id: String,
    /// Whether this machine can connect to task addresses; otherwise ports are published.
    pub(crate) direct: bool,
    /// Whether sockets that are opened in it can be handed to this process: the engine's kernel is this machine's, and it
    /// gives link-local addresses.
    pub(crate) has_door: bool,
    /// Addresses to assign; `None` if the engine assigns them.
    addresses: Option<Mutex<Addresses>>,
}

impl ProjectNetwork {
    fn new(engine: &Engine, mode: ReachMode, id: String, addresses: Option<Mutex<Addresses>>) -> Self {
        let is_here = engine.is_local() && has_bridge(&id);
        let direct = match mode {
            ReachMode::Direct => true,
            ReachMode::Published => false,
            ReachMode::Auto => is_here,
        };
        // A rootless engine has a network stack of its own on this kernel.
        let shares_kernel = is_here || engine.is_rootless();
        let has_door = shares_kernel && engine.info().name == EngineKind::Docker && addresses.is_some();
        Self { id, direct, has_door, addresses }
    }

    /// Takes an address for a new task. `Ok(None)` lets the engine choose.
    pub(crate) fn take_address(&self) -> Result<Option<Ipv4Addr>, RuntimeError> {
        let Some(addresses) = &self.addresses else { return Ok(None) };
        match addresses.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(address) => Ok(Some(address)),
            None => Err(RuntimeError::Other("the project's subnet has no free addresses".into())),
        }
    }

    /// The address of the project's door: never a task's. `None` lets the engine choose.
    pub(crate) fn door_address(&self) -> Option<Ipv4Addr> {
        let addresses = self.addresses.as_ref()?;
        Some(addresses.lock().unwrap_or_else(PoisonError::into_inner).second())
    }

    /// Returns the address of a task that is gone.
    pub(crate) fn release_address(&self, address: Ipv4Addr) {
        if let Some(addresses) = &self.addresses {
            addresses.lock().unwrap_or_else(PoisonError::into_inner).release(address);
        }
    }
}

/// Finds or creates the project's network.
pub(crate) async fn ensure(engine: &Engine, names: &Names, mode: ReachMode) -> Result<ProjectNetwork, RuntimeError> {
    let all = engine.docker().list_networks(None).await.map_err(|error| runtime_error(error, "listing networks"))?;
    let name = names.network();
    if let Some(found) = all.iter().find(|network| network.name.as_deref() == Some(&name)) {
        return adopt(engine, names, mode, found).await;
    }
    let mut taken: Vec<Ipv4Net> = all.iter().flat_map(subnets_of).collect();
    if engine.is_local() {
        taken.extend(address::routed(&std::fs::read_to_string("/proc/net/route").unwrap_or_default()));
    }
    for subnet in address::subnets(names.project().as_str(), &taken).into_iter().take(SUBNET_ATTEMPTS) {
        match create(engine, names, Some(subnet)).await {
            Ok(id) => {
                let addresses = Some(Mutex::new(Addresses::new(subnet, [])));
                return Ok(ProjectNetwork::new(engine, mode, id, addresses));
            }
            // Somebody took it since we looked, or the engine knows of a network that it does not list.
            Err(error) if Phrase::SubnetTaken.is_in(&error::message(&error)) => {}
            Err(error) => return Err(not_created(error, &name)),
        }
    }
    let id = create(engine, names, None).await.map_err(|error| not_created(error, &name))?;
    Ok(ProjectNetwork::new(engine, mode, id, None))
}

async fn adopt(
    engine: &Engine,
    names: &Names,
    mode: ReachMode,
    found: &Network,
) -> Result<ProjectNetwork, RuntimeError> {
    let label = |name: &str| found.labels.as_ref().and_then(|labels| labels.get(name));
    if label(PROJECT).map(String::as_str) != Some(names.project().as_str()) {
        let network = names.network();
        let text = format!(
            "the engine has a network {network} that is not neargate's; rename the project, or remove it with \
             `docker network rm {network}`"
        );
        return Err(RuntimeError::Other(text.into()));
    }
    let id = found.id.clone().unwrap_or_else(|| names.network());
    let subnet = label(SUBNET).and_then(|text| text.parse::<Ipv4Net>().ok());
    let addresses = match subnet {
        None => None,
        Some(subnet) => {
            let detail = engine.docker().inspect_network(&id, None).await;
            let detail = detail.map_err(|error| runtime_error(error, "reading the project's network"))?;
            let used = detail
                .containers
                .into_iter()
                .flatten()
                .filter_map(|(_, endpoint)| endpoint.ipv4_address?.split('/').next()?.parse::<Ipv4Addr>().ok());
            Some(Mutex::new(Addresses::new(subnet, used)))
        }
    };
    Ok(ProjectNetwork::new(engine, mode, id, addresses))
}

async fn create(engine: &Engine, names: &Names, subnet: Option<Ipv4Net>) -> Result<String, bollard::errors::Error> {
    let mut labels = names.project_labels();
    let mut ipam = None;
    if let Some(subnet) = subnet {
        labels.insert(SUBNET.to_owned(), subnet.to_string());
        let gateway = Ipv4Addr::from(u32::from(subnet.network()) + 1);
        let config = IpamConfig {
            subnet: Some(subnet.to_string()),
            gateway: Some(gateway.to_string()),
            ..IpamConfig::default()
        };
        ipam = Some(Ipam { driver: Some("default".to_owned()), config: Some(vec![config]), options: None });
    }
    let request = NetworkCreateRequest {
        name: names.network(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels),
        ipam,
        ..NetworkCreateRequest::default()
    };
    engine.docker().create_network(request).await.map(|created| created.id)
}

fn not_created(error: bollard::errors::Error, name: &str) -> RuntimeError {
    error::classify(error, |text| {
        let fix = if Phrase::NoSubnetLeft.is_in(&text) {
            ". Unused networks take up the address space: `docker network prune` removes them"
        } else {
            ""
        };
        RuntimeError::Other(format!("creating the network {name}: {text}{fix}").into())
    })
}

fn subnets_of(network: &Network) -> Vec<Ipv4Net> {
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
    configs.into_iter().flatten().filter_map(|config| config.subnet.as_ref()?.parse().ok()).collect()
}

/// The bridge of a local engine is an interface of this machine, and its name contains the network's random id. If it
/// exists here, the engine shares our network stack, and its containers are directly reachable. Nothing else is as
/// reliable: with Docker Desktop, Colima and rootless engines, the socket is here and the network is elsewhere.
fn has_bridge(network_id: &str) -> bool {
    network_id.get(..12).is_some_and(|short| Path::new("/sys/class/net").join(format!("br-{short}")).exists())
}

/// Port bindings on loopback, to ports that the engine chooses: nothing else should connect to tasks. Only if the
/// engine runs on another machine (a `docker:dind` service in CI) must they be open to this one.
pub(crate) fn bindings(
    ports: impl IntoIterator<Item = (u16, bool)>,
    host: IpAddr,
) -> HashMap<String, Option<Vec<PortBinding>>> {
    let interface = if host.is_loopback() { "127.0.0.1" } else { "0.0.0.0" };
    let binding = PortBinding { host_ip: Some(interface.to_owned()), host_port: Some(String::new()) };
    ports
        .into_iter()
        .map(|(port, udp)| (format!("{port}/{}", if udp { "udp" } else { "tcp" }), Some(vec![binding.clone()])))
        .collect()
}
