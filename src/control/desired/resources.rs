//! What is wanted, resource by resource, as AWS keeps it: a listener does not stand in its load balancer, nor a rule in its
//! listener. So each can be changed, compared and written down without the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::families::Families;
use serde::{Deserialize, Serialize};

use crate::model::certificate::IssuedCertificate;
use crate::model::listener::{Certificate, Listener, ListenerProtocol, LoadBalancer};
use crate::model::quota::Quotas;
use crate::model::rule::Rule;
use crate::model::scaling::ScalableTarget;
use crate::model::security_group::{SecurityGroup, Source};
use crate::model::service::Service;
use crate::model::target_group::TargetGroup;
use crate::model::task_definition::RevisionName;
use crate::model::{
    CertificateId, ClusterName, DomainName, ListenerId, LoadBalancerName, RuleId, SecurityGroupName, ServiceName,
    TargetGroupName, Topology, arn,
};

/// Every resource that any author can declare. Secrets are not among them: only the file has their values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Without their listeners.
    pub load_balancers: BTreeMap<LoadBalancerName, LoadBalancer>,
    /// Each names its load balancer.
    pub listeners: BTreeMap<ListenerId, OwnedListener>,
    /// Each names its listener.
    pub rules: BTreeMap<RuleId, OwnedRule>,
    /// By name.
    pub target_groups: BTreeMap<TargetGroupName, TargetGroup>,
    /// By name.
    pub security_groups: BTreeMap<SecurityGroupName, SecurityGroup>,
    /// Those that the local authority issues, with their names.
    pub certificates: BTreeMap<CertificateId, IssuedCertificate>,
    /// All of them. Services are in the file's.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// Quotas that differ from the defaults.
    pub quotas: Quotas,
    /// By family.
    pub task_definitions: Families,
    /// By name. Each names a revision.
    pub services: BTreeMap<ServiceName, Service<RevisionName>>,
    /// By service. Application Auto Scaling keeps them, and they go with their service.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub scalable_targets: BTreeMap<ServiceName, ScalableTarget>,
}

/// A cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Whether services are created in it.
    pub is_the_stacks: bool,
}

/// A listener, and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedListener {
    /// `LoadBalancerArn`
    pub load_balancer: LoadBalancerName,
    /// Without its rules.
    pub listener: Listener,
}

/// A rule, and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedRule {
    /// `ListenerArn`
    pub listener: ListenerId,
    /// The rule itself.
    pub rule: Rule,
}

/// A file that is read for the first time.
impl From<&Topology> for Resources {
    fn from(topology: &Topology) -> Self {
        Self::of_file(topology, &BTreeMap::new(), Families::default())
    }
}

impl Resources {
    /// What a file declares, given the services that it declared `before` and what anyone has registered since.
    pub(super) fn of_file(
        topology: &Topology,
        before: &BTreeMap<ServiceName, Service<RevisionName>>,
        mut task_definitions: Families,
    ) -> Self {
        let definitions = topology.services.values().map(|service| &service.task_definition.definition);
        let names = task_definitions.declare(definitions, before.values().map(|service| &service.task_definition));
        let services = topology.services.iter().zip(names);
        let services = services.map(|((name, service), revision)| (name.clone(), service.clone().with(revision)));
        let services = services.collect();
        let mut resources = Self {
            target_groups: topology.target_groups.clone(),
            security_groups: topology.security_groups.clone(),
            clusters: BTreeMap::from([(topology.cluster.clone(), Cluster { is_the_stacks: true })]),
            quotas: topology.quotas.clone(),
            task_definitions,
            services,
            scalable_targets: topology.scalable_targets.clone(),
            ..Self::default()
        };
        for (name, load_balancer) in &topology.load_balancers {
            for listener in &load_balancer.listeners {
                let id = arn::listener_id(name, listener.port);
                for rule in &listener.rules {
                    let owned = OwnedRule { listener: id.clone(), rule: rule.clone() };
                    resources.rules.insert(arn::rule_id(name, listener.port, rule.priority), owned);
                }
                let listener = Listener { rules: Vec::new(), ..listener.clone() };
                resources.listeners.insert(id, OwnedListener { load_balancer: name.clone(), listener });
            }
            for certificate in load_balancer.listeners.iter().flat_map(|listener| issued(&listener.protocol)) {
                resources.certificates.insert(certificate.id(), certificate.clone());
            }
            let load_balancer = LoadBalancer { listeners: Vec::new(), ..load_balancer.clone() };
            resources.load_balancers.insert(name.clone(), load_balancer);
        }
        resources
    }

    /// These resources, as what the controller works towards. What no resource says is the file's: the project's name, its
    /// domains, its secrets.
    pub fn derive(&self, file: &Topology) -> Topology {
        let mut listeners: BTreeMap<&ListenerId, Listener> =
            self.listeners.iter().map(|(id, owned)| (id, owned.listener.clone())).collect();
        for owned in self.rules.values() {
            if let Some(listener) = listeners.get_mut(&owned.listener) {
                listener.rules.push(owned.rule.clone());
            }
        }
        let mut load_balancers = self.load_balancers.clone();
        for (id, mut listener) in listeners {
            listener.rules.sort_by_key(|rule| rule.priority);
            if let Some(load_balancer) = load_balancers.get_mut(&self.listeners[id].load_balancer) {
                load_balancer.listeners.push(listener);
            }
        }
        for load_balancer in load_balancers.values_mut() {
            load_balancer.listeners.sort_by_key(|listener| listener.port);
            if !file.load_balancers.contains_key(&load_balancer.name) {
                for listener in &mut load_balancer.listeners {
                    listener.bind_port = file.local_ports.get(&listener.port).copied().unwrap_or(listener.bind_port);
                }
            }
        }
        Topology {
            load_balancers,
            target_groups: self.target_groups.clone(),
            security_groups: self.security_groups.clone(),
            services: self
                .services
                .iter()
                .map(|(name, service)| (name.clone(), self.with_definition(service)))
                .collect(),
            scalable_targets: self.scalable_targets.clone(),
            name: file.name.clone(),
            domains: file.domains.clone(),
            aliases: BTreeMap::new(),
            cluster: self.own_cluster().cloned().unwrap_or_else(|| file.cluster.clone()),
            secrets: file.secrets.clone(),
            task_roles: file.task_roles.clone(),
            local_ports: file.local_ports.clone(),
            aws_endpoint: file.aws_endpoint,
            identities: file.identities.clone(),
            environment_files: file.environment_files.clone(),
            quotas: self.quotas.clone(),
            time_scale: file.time_scale,
        }
    }

    /// The cluster in which services are created; none after it was deleted.
    pub fn own_cluster(&self) -> Option<&ClusterName> {
        self.clusters.iter().find(|(_, cluster)| cluster.is_the_stacks).map(|(name, _)| name)
    }

    fn with_definition(&self, service: &Service<RevisionName>) -> Service {
        let revision = self.task_definitions.revision(&service.task_definition);
        service.clone().with(revision.expect("a service names a revision that was registered"))
    }

    /// Deletes the listeners of load balancers that are gone, and the rules of listeners that are gone (ELBv2 API,
    /// DeleteLoadBalancer: "Deleting a load balancer also deletes its listeners"; DeleteListener likewise). A service that is
    /// gone is not scaled any more.
    pub(super) fn prune(&mut self) {
        let Self { load_balancers, listeners, rules, services, scalable_targets, .. } = self;
        listeners.retain(|_, owned| load_balancers.contains_key(&owned.load_balancer));
        rules.retain(|_, owned| listeners.contains_key(&owned.listener));
        scalable_targets.retain(|service, _| services.contains_key(service));
    }

    /// What people call a listener: its port, and its load balancer where there are several.
    pub(super) fn name_of(&self, id: &ListenerId) -> String {
        let Some(OwnedListener { load_balancer, listener }) = self.listeners.get(id) else { return id.to_string() };
        if self.load_balancers.len() == 1 {
            return listener.port.to_string();
        }
        format!("{} of load balancer {load_balancer}", listener.port)
    }

    /// The target groups that the listeners of each load balancer forward to.
    pub fn forwards(&self) -> impl Iterator<Item = (&LoadBalancerName, &TargetGroupName)> {
        let defaults = self.listeners.values().flat_map(|owned| {
            owned.listener.default_actions.routing.forwards_to().map(|group| (&owned.load_balancer, group))
        });
        let rules = self.rules.values().filter_map(|owned| {
            let listener = self.listeners.get(&owned.listener)?;
            Some(owned.rule.actions.routing.forwards_to().map(move |group| (&listener.load_balancer, group)))
        });
        defaults.chain(rules.flatten())
    }

    /// References that lead nowhere. On AWS there are none, since it refuses to delete what is in use; here one author may
    /// have deleted what another refers to.
    pub(super) fn dangling(&self) -> Vec<Dangling> {
        let mut dangling = BTreeSet::new();
        let mut group = |from: String, name: &SecurityGroupName| {
            if !self.security_groups.contains_key(name) {
                dangling.insert(Dangling { from, to: format!("security group {name}") });
            }
        };
        for (name, load_balancer) in &self.load_balancers {
            load_balancer.security_groups.iter().for_each(|to| group(format!("load balancer {name}"), to));
        }
        for (name, service) in &self.services {
            service.security_groups.iter().for_each(|to| group(format!("service {name}"), to));
        }
        for (name, security_group) in &self.security_groups {
            for rule in &security_group.ingress {
                if let Source::SecurityGroup(to) = &rule.source {
                    group(format!("security group {name}"), to);
                }
            }
        }
        for (id, owned) in &self.listeners {
            for certificate in issued(&owned.listener.protocol) {
                if !self.certificates.contains_key(&certificate.id()) {
                    let names: Vec<&str> = certificate.names.iter().map(DomainName::as_str).collect();
                    let from = format!("listener {}", self.name_of(id));
                    dangling.insert(Dangling { from, to: format!("certificate for {}", names.join(", ")) });
                }
            }
        }
        for (load_balancer, to) in self.forwards().filter(|(_, group)| !self.target_groups.contains_key(*group)) {
            let from = format!("load balancer {load_balancer}");
            dangling.insert(Dangling { from, to: format!("target group {to}") });
        }
        for (name, service) in &self.services {
            if self.task_definitions.status(&service.task_definition).is_none() {
                let to = format!("task definition {}", service.task_definition);
                dangling.insert(Dangling { from: format!("service {name}"), to });
            }
            for binding in &service.load_balancers {
                for group in binding.target_groups().filter(|group| !self.target_groups.contains_key(*group)) {
                    let to = format!("target group {group}");
                    dangling.insert(Dangling { from: format!("service {name}"), to });
                }
            }
        }
        dangling.into_iter().collect()
    }
}

/// The certificates that are issued for a listener.
pub(super) fn issued(protocol: &ListenerProtocol) -> impl Iterator<Item = &IssuedCertificate> {
    let certificates = match protocol {
        ListenerProtocol::Http => &[][..],
        ListenerProtocol::Https(settings) => &settings.certificates,
    };
    certificates.iter().filter_map(|certificate| match certificate {
        Certificate::Issued(issued) => Some(issued),
        Certificate::Files { .. } => None,
    })
}

/// A reference to a resource that is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dangling {
    from: String,
    to: String,
}

impl fmt::Display for Dangling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} needs {}", self.from, self.to)
    }
}
