//! The whole desired state, with references resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use super::iam::Identities;
use super::ids::{
    ClusterName, DomainName, LoadBalancerName, ProfileName, ProjectName, SecurityGroupName, ServiceName,
    TargetGroupName,
};
use super::listener::{Listener, LoadBalancer};
use super::quota::Quotas;
use super::redacted::Redacted;
use super::rule::{Actions, ListenerRule};
use super::scaling::ScalableTarget;
use super::security_group::SecurityGroup;
use super::service::Service;
use super::target_group::TargetGroup;

/// Everything `neargate.yaml` and the task definitions ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Topology {
    /// Names Docker objects and the state folder.
    pub name: ProjectName,
    /// Domain names that issued certificates cover; the first is the one shown to people. Each resolves to one load
    /// balancer.
    pub domains: Vec<DomainName>,
    /// Names of Route 53 that lead to load balancers, which clients have created. A file has none: its names are `domains`.
    pub aliases: BTreeMap<DomainName, LoadBalancerName>,
    /// By name.
    pub security_groups: BTreeMap<SecurityGroupName, SecurityGroup>,
    /// By name.
    pub target_groups: BTreeMap<TargetGroupName, TargetGroup>,
    /// By name. That of a file has one; an account that nobody has used yet has none. A target group belongs to at most one of them (`TargetGroupAssociationLimit`).
    pub load_balancers: BTreeMap<LoadBalancerName, LoadBalancer>,
    /// Shown in ARNs.
    pub cluster: ClusterName,
    /// By name.
    pub services: BTreeMap<ServiceName, Service>,
    /// How services are scaled, by service. Each is one of `services`.
    pub scalable_targets: BTreeMap<ServiceName, ScalableTarget>,
    /// Values of Secrets Manager secrets and SSM parameters, by ARN or name as `valueFrom` gives it (without the
    /// json-key, version-stage and version-id parts).
    pub secrets: BTreeMap<String, Redacted>,
    /// The profile that has the credentials of a role of tasks, by the role as task definitions name it.
    pub task_roles: BTreeMap<String, ProfileName>,
    /// Local ports for listeners that clients will create, by the listeners' ports: those of a file have theirs.
    pub local_ports: BTreeMap<u16, u16>,
    /// Where AWS's APIs are served; nowhere if `None`. A loopback address.
    pub aws_endpoint: Option<SocketAddr>,
    /// Users, roles and policies, and whether signatures are verified.
    pub identities: Identities,
    /// Texts of the files in S3 that containers name under `environmentFiles`, by ARN.
    pub environment_files: BTreeMap<String, Redacted>,
    /// Quotas that differ from the defaults.
    pub quotas: Quotas,
    /// Divides the waits that depend only on the clock; 1 is real time.
    pub time_scale: TimeScale,
}

impl Topology {
    /// A topology with these load balancers and nothing else, in real time.
    pub fn new(name: &str, load_balancers: impl IntoIterator<Item = LoadBalancer>) -> Self {
        let named = |balancer: LoadBalancer| (balancer.name.clone(), balancer);
        Self {
            name: name.into(),
            domains: Vec::new(),
            aliases: BTreeMap::new(),
            security_groups: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            load_balancers: load_balancers.into_iter().map(named).collect(),
            cluster: name.into(),
            services: BTreeMap::new(),
            scalable_targets: BTreeMap::new(),
            secrets: BTreeMap::new(),
            task_roles: BTreeMap::new(),
            local_ports: BTreeMap::new(),
            aws_endpoint: None,
            identities: Identities::default(),
            environment_files: BTreeMap::new(),
            quotas: Quotas::new(),
            time_scale: TimeScale::REAL,
        }
    }

    /// The default load balancer: the one that the first domain name resolves to.
    pub fn default_load_balancer(&self) -> Option<&LoadBalancer> {
        let named = self.domains.first().and_then(|name| self.load_balancer_at(name));
        named.or_else(|| self.load_balancers.values().next())
    }

    /// The same where there is one, as in every topology of a file with listeners.
    pub fn main_load_balancer(&self) -> &LoadBalancer {
        self.default_load_balancer().expect("a topology with a load balancer")
    }

    /// Every load balancer, the default one first.
    pub fn default_first(&self) -> impl Iterator<Item = &LoadBalancer> {
        let default = self.default_load_balancer();
        let others =
            self.load_balancers.values().filter(move |one| default.is_none_or(|default| default.name != one.name));
        default.into_iter().chain(others)
    }

    /// The load balancer that a name of `domains` resolves to.
    pub fn load_balancer_at(&self, name: &DomainName) -> Option<&LoadBalancer> {
        self.load_balancers.values().find(|balancer| balancer.domains.contains(name))
    }

    /// Whether there is more than one load balancer.
    pub fn has_several_load_balancers(&self) -> bool {
        self.load_balancers.len() > 1
    }

    /// The load balancer that forwards to the group, or the default one if none does.
    pub fn load_balancer_of(&self, target_group: &TargetGroupName) -> Option<&LoadBalancer> {
        let mut all = self.load_balancers.values();
        let forwarding = |balancer: &&LoadBalancer| balancer.forwards_to().any(|name| name == target_group);
        // With one load balancer there is no need to search its rules.
        let several = all.len() > 1;
        several.then(|| all.find(forwarding)).flatten().or_else(|| self.default_load_balancer())
    }

    /// The security groups of the load balancer that forwards to the group; none without one.
    pub fn security_groups_before(&self, target_group: &TargetGroupName) -> &[SecurityGroupName] {
        self.load_balancer_of(target_group).map(|balancer| &*balancer.security_groups).unwrap_or_default()
    }

    /// What a rule does, if it exists.
    pub fn actions_of(&self, rule: &ListenerRule) -> Option<&Actions> {
        let mut listeners = self.load_balancers.get(&rule.load_balancer)?.listeners.iter();
        let listener = listeners.find(|listener| listener.port == rule.listener)?;
        match rule.priority {
            None => Some(&listener.default_actions),
            Some(priority) => {
                let found = listener.rules.iter().find(|found| found.priority == priority);
                found.map(|found| &found.actions)
            }
        }
    }

    /// The same, to be changed.
    pub fn actions_of_mut(&mut self, rule: &ListenerRule) -> Option<&mut Actions> {
        let mut listeners = self.load_balancers.get_mut(&rule.load_balancer)?.listeners.iter_mut();
        let listener = listeners.find(|listener| listener.port == rule.listener)?;
        match rule.priority {
            None => Some(&mut listener.default_actions),
            Some(priority) => {
                let found = listener.rules.iter_mut().find(|found| found.priority == priority);
                found.map(|found| &mut found.actions)
            }
        }
    }

    /// Every listener, with its load balancer.
    pub fn listeners(&self) -> impl Iterator<Item = (&LoadBalancer, &Listener)> {
        self.load_balancers
            .values()
            .flat_map(|balancer| balancer.listeners.iter().map(move |listener| (balancer, listener)))
    }

    /// Whether some rule or default action of a listener forwards to the group. A group that nothing forwards to is
    /// `unused` and is not health-checked (ALB user guide, "Target health status", `Target.NotInUse`).
    pub fn is_in_use(&self, target_group: &TargetGroupName) -> bool {
        self.forwarded_to().any(|forwarded_to| forwarded_to == target_group)
    }

    /// Every group in use, for callers that check many.
    pub fn in_use(&self) -> BTreeSet<&TargetGroupName> {
        self.forwarded_to().collect()
    }

    fn forwarded_to(&self) -> impl Iterator<Item = &TargetGroupName> {
        self.load_balancers.values().flat_map(LoadBalancer::forwards_to)
    }
}

/// The factor by which waits are shortened; at least 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeScale(f64);

impl TimeScale {
    /// The default: short enough for CI, long enough to watch states change.
    pub const DEFAULT: Self = Self(10.0);
    /// Real time, as on AWS.
    pub const REAL: Self = Self(1.0);

    /// `None` unless the factor is a finite number of at least 1.
    pub fn new(factor: f64) -> Option<Self> {
        (factor.is_finite() && factor >= 1.0).then_some(Self(factor))
    }

    /// The shortened wait.
    pub fn apply(self, wait: std::time::Duration) -> std::time::Duration {
        wait.div_f64(self.0)
    }

    /// The factor.
    pub fn factor(self) -> f64 {
        self.0
    }
}

impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
