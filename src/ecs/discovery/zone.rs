//! The answers of the private DNS namespaces.

use std::net::{IpAddr, Ipv4Addr};

use neargate_model::Topology;
use neargate_model::discovery::{RecordKind, RoutingPolicy, ServiceRegistry};
use neargate_model::task::TaskStatus;

use crate::world::{Task, World};

/// The most instances in an answer (Cloud Map API, DnsConfig, RoutingPolicy: "up to eight healthy instances").
const MOST: usize = 8;
/// `priority` and `weight` of SRV records (Cloud Map API, DnsRecord: "both set to 1 and can't be changed").
pub const PRIORITY: u16 = 1;
/// See [`PRIORITY`].
pub const WEIGHT: u16 = 1;

/// What is asked for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A type that Cloud Map creates.
    Record(RecordKind),
    /// Any other type of the name's own records: there are none.
    Other,
}

/// What the DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name belongs to no namespace of the stack: another server knows.
    Elsewhere,
    /// There is no such name in this namespace (NXDOMAIN).
    NoSuchName(String),
    /// The name exists in this namespace, but has no such record.
    NoData(String),
    /// Records, and those of the names in them.
    Records {
        /// What was asked for.
        answers: Vec<Record>,
        /// The addresses of the names in SRV records.
        additional: Vec<Record>,
    },
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub name: String,
    /// Seconds.
    pub ttl: u32,
    /// Its value.
    pub data: Data,
}

/// The value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// An address.
    A(Ipv4Addr),
    /// Where a service listens.
    Srv {
        /// The port.
        port: u16,
        /// The name of the instance, which has an address.
        target: String,
    },
}

/// Answers a question. `name` is in lower case and without the dot at its end. `random` decides which instances are named,
/// and in which order.
pub fn answer(name: &str, kind: Kind, topology: &Topology, world: &World, random: u64) -> Answer {
    let registered: Vec<Instance<'_>> = instances(world).collect();
    let declared = topology.services.values().filter_map(|service| service.service_registry.as_ref());
    let registries = declared.chain(registered.iter().map(|instance| instance.registry));
    let zones = registries.map(|registry| registry.namespace.as_str());
    // Of `internal.local` and `eu.internal.local`, the closer one answers, as with private hosted zones.
    let Some(zone) = zones.filter(|zone| is_within(name, zone)).max_by_key(|zone| zone.len()) else {
        return Answer::Elsewhere;
    };
    if let Some(instance) = registered.iter().find(|one| one.registry.namespace == zone && one.own_name() == name) {
        return match (kind, instance.registry.record(RecordKind::Srv)) {
            (Kind::Record(RecordKind::A), Some(srv)) => {
                Answer::Records { answers: vec![instance.address_record(name, srv.ttl)], additional: Vec::new() }
            }
            (_, Some(_)) => Answer::NoData(zone.to_owned()),
            // Only SRV records lead to names of instances.
            (_, None) => Answer::NoSuchName(zone.to_owned()),
        };
    }
    let of_name: Vec<&Instance<'_>> = registered.iter().filter(|one| one.registry.name() == name).collect();
    let Some(first) = of_name.first() else {
        // A name exists only while something is registered under it; those above it, such as the namespace's own, exist as
        // the places where others are.
        let is_above = registered.iter().any(|one| is_within(&one.registry.name(), name));
        return if name == zone || is_above {
            Answer::NoData(zone.to_owned())
        } else {
            Answer::NoSuchName(zone.to_owned())
        };
    };
    let Kind::Record(kind) = kind else { return Answer::NoData(zone.to_owned()) };
    let mut answers = Vec::new();
    let mut additional = Vec::new();
    for instance in chosen(&of_name, first.registry.routing_policy, random) {
        let Some(record) = instance.registry.record(kind) else { continue };
        match kind {
            RecordKind::A => answers.push(instance.address_record(name, record.ttl)),
            RecordKind::Aaaa => {}
            RecordKind::Srv => {
                let Some(port) = instance.registry.port else { continue };
                let target = instance.own_name();
                additional.push(instance.address_record(&target, record.ttl));
                answers.push(Record { name: name.to_owned(), ttl: record.ttl, data: Data::Srv { port, target } });
            }
        }
    }
    if answers.is_empty() { Answer::NoData(zone.to_owned()) } else { Answer::Records { answers, additional } }
}

fn is_within(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// A task that is registered.
#[derive(Clone, Copy, Debug)]
pub struct Instance<'w> {
    /// The task, whose id is the instance's.
    pub task: &'w Task,
    /// Where it is registered.
    pub registry: &'w ServiceRegistry,
    /// Its own address.
    pub address: Ipv4Addr,
}

impl Instance<'_> {
    /// `instance.service.namespace` (Cloud Map API, DnsRecord: "The value of service-hostname is a concatenation").
    fn own_name(&self) -> String {
        format!("{}.{}", self.task.spec.id, self.registry.name())
    }

    fn address_record(&self, name: &str, ttl: u32) -> Record {
        Record { name: name.to_owned(), ttl, data: Data::A(self.address) }
    }

    /// Without a health check all instances are healthy. A container's check that has not decided has not passed.
    pub fn is_healthy(&self) -> bool {
        !self.registry.custom_health || self.task.containers_with_checks_pass()
    }
}

/// All of them. ECS registers a task when it is ACTIVATING, and deregisters it when it is DEACTIVATING (ECS developer guide,
/// "Task lifecycle").
pub fn instances(world: &World) -> impl Iterator<Item = Instance<'_>> {
    world.tasks.values().filter_map(|task| {
        let registry = world.deployment_of(task)?.service.service_registry.as_ref()?;
        let is_registered = matches!(task.status(), TaskStatus::Activating | TaskStatus::Running);
        let IpAddr::V4(address) = task.address().filter(|_| is_registered)? else { return None };
        Some(Instance { task, registry, address })
    })
}

/// The instances of an answer: of the healthy ones, or of all if none is healthy.
fn chosen<'i, 'w>(all: &[&'i Instance<'w>], policy: RoutingPolicy, random: u64) -> Vec<&'i Instance<'w>> {
    let healthy: Vec<_> = all.iter().copied().filter(|instance| instance.is_healthy()).collect();
    let mut among = if healthy.is_empty() { all.to_vec() } else { healthy };
    let count = among.len().max(1);
    among.rotate_left((random % count as u64) as usize);
    among.truncate(match policy {
        RoutingPolicy::Multivalue => MOST,
        RoutingPolicy::Weighted => 1,
    });
    among
}
