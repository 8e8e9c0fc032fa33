//! The comparison of three versions of a resource: what the file said when it was last applied, what it says now, and what
//! is wanted meanwhile.
//!
//! A field that the file has changed since is the file's again; every other one stays as it is. (Kubernetes
//! documentation, "Declarative Management of Kubernetes Objects", "How apply calculates differences and merges changes".)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::net::IpAddr;
use std::time::Duration;

use super::resources::{Cluster, OwnedListener, OwnedRule, Resources};
use super::shifts;
use crate::model::certificate::IssuedCertificate;
use crate::model::deployment::DeploymentConfiguration;
use crate::model::listener::{
    DesyncMode, HeaderModification, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes, XffMode,
};
use crate::model::rule::{Actions, Condition, Rule, Transforms};
use crate::model::scaling::{ScalableTarget, Suspended, TargetTracking};
use crate::model::security_group::{IngressRule, SecurityGroup};
use crate::model::service::{Build, LoadBalancerBinding, Service, Watch};
use crate::model::target_group::{
    Algorithm, HealthCheck, HealthThreshold, Matcher, ProtocolVersion, StaticTarget, TargetGroup,
    TargetGroupAttributes, TargetProtocol,
};
use crate::model::task_definition::RevisionName;
use crate::model::{ListenerId, LoadBalancerName, RuleId};

/// A value with three versions. What is not taken apart belongs to one author as a whole.
pub(super) trait Merge: Clone + PartialEq {
    /// What is wanted from now on.
    fn merge(then: &Self, now: &Self, wanted: &Self) -> Self {
        if now == then { wanted.clone() } else { now.clone() }
    }

    /// The fields in which what is wanted differs from the file.
    fn compare(file: &Self, wanted: &Self, at: &Path<'_>, departures: &mut Vec<Departure>) {
        if file != wanted {
            departures.push(Departure::Changed { field: at.to_string(), wanted: wanted.shown(), file: file.shown() });
        }
    }

    /// Its text, if it is short and can be no secret.
    fn shown(&self) -> Option<String> {
        None
    }
}

/// Something that another author decides although the file says something else about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departure {
    /// A field has another value. Both are shown only if they are short and can be no secret.
    Changed {
        /// `service api: desired_count`
        field: String,
        /// What is wanted.
        wanted: Option<String>,
        /// What the file says.
        file: Option<String>,
    },
    /// The desired count of a service that is scaled.
    Scaled {
        /// `service api: desired_count`
        field: String,
        /// What is wanted.
        wanted: String,
        /// What the file says.
        file: String,
    },
    /// A resource of the file is gone.
    Deleted {
        /// `rule 10 of listener 443`
        resource: String,
    },
}

/// The field that `scale` and Application Auto Scaling set.
const DESIRED_COUNT: &str = "desired_count";

impl Departure {
    /// Application Auto Scaling decides this field.
    fn attribute_to_scaling(&mut self, scaled: &str) {
        if let Self::Changed { field, wanted: Some(wanted), file: Some(file) } = self
            && field == scaled
        {
            let (field, wanted, file) = (std::mem::take(field), std::mem::take(wanted), std::mem::take(file));
            *self = Self::Scaled { field, wanted, file };
        }
    }
}

impl Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted { resource } => write!(f, "{resource} stays deleted; the file still has it")?,
            Self::Scaled { field, wanted, file } => {
                write!(f, "{field} stays at {wanted}, as the service is scaled; the file says {file}")?;
            }
            Self::Changed { field, wanted, file } => {
                // Only one command sets a field; it is named by what people type.
                let by = if field.ends_with(DESIRED_COUNT) { "set by `scale`" } else { "it was changed since" };
                match (wanted, file) {
                    (Some(wanted), Some(file)) => {
                        write!(f, "{field} stays at {wanted}, as {by}; the file says {file}")?;
                    }
                    _ => write!(f, "{field} stays as {by}; the file says something else")?,
                }
            }
        }
        f.write_str(" (`up --reset` uses the file's)")
    }
}

/// Where a field is: `service api: desired_count`.
pub(super) enum Path<'p> {
    /// A kind of resource.
    Kind(&'static str),
    /// A resource of that kind.
    Resource(&'p Path<'p>, &'p dyn Display),
    /// A field of a resource, or of a field.
    Field(&'p Path<'p>, &'static str),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => f.write_str(kind),
            Self::Resource(kind, name) => write!(f, "{kind} {name}"),
            Self::Field(resource @ Path::Resource(..), name) => write!(f, "{resource}: {name}"),
            Self::Field(field, name) => write!(f, "{field}.{name}"),
        }
    }
}

impl<K: Ord + Clone + Display, V: Merge> Merge for BTreeMap<K, V> {
    fn merge(then: &Self, now: &Self, wanted: &Self) -> Self {
        let keys: BTreeSet<&K> = now.keys().chain(wanted.keys()).collect();
        let one = |key: &K| match (then.get(key), now.get(key), wanted.get(key)) {
            (Some(then), Some(now), Some(wanted)) => Some(V::merge(then, now, wanted)),
            (Some(then), Some(now), None) => (now != then).then(|| now.clone()),
            (None, Some(now), _) => Some(now.clone()),
            (None, None, wanted) => wanted.cloned(),
            // The file has deleted it, with all that was changed of it.
            (Some(_), None, _) => None,
        };
        keys.into_iter().filter_map(|key| Some((key.clone(), one(key)?))).collect()
    }

    fn compare(file: &Self, wanted: &Self, at: &Path<'_>, departures: &mut Vec<Departure>) {
        compare_each(file, wanted, at, K::to_string, departures);
    }
}

/// Resources that both have, and those that are gone. What others have created is not the file's concern.
fn compare_each<K: Ord, V: Merge>(
    file: &BTreeMap<K, V>,
    wanted: &BTreeMap<K, V>,
    kind: &Path<'_>,
    name: impl Fn(&K) -> String,
    departures: &mut Vec<Departure>,
) {
    for (key, of_file) in file {
        let name = name(key);
        let at = Path::Resource(kind, &name);
        match wanted.get(key) {
            Some(wanted) => V::compare(of_file, wanted, &at, departures),
            None => departures.push(Departure::Deleted { resource: at.to_string() }),
        }
    }
}

/// A service as resources keep it.
type ServiceSettings = Service<RevisionName>;

/// Takes a type apart into its fields. The compiler sees to it that none is forgotten.
macro_rules! by_field {
    ($type:ident { $($field:ident),* $(,)? }) => {
        impl Merge for $type {
            fn merge(then: &Self, now: &Self, wanted: &Self) -> Self {
                Self { $($field: Merge::merge(&then.$field, &now.$field, &wanted.$field)),* }
            }

            fn compare(file: &Self, wanted: &Self, at: &Path<'_>, departures: &mut Vec<Departure>) {
                $(Merge::compare(&file.$field, &wanted.$field, &Path::Field(at, stringify!($field)), departures);)*
            }
        }
    };
}

by_field!(LoadBalancer { name, internal, domains, security_groups, listeners, attributes, bind_address });
by_field!(LoadBalancerAttributes {
    idle_timeout,
    client_keep_alive,
    http2_enabled,
    preserve_host_header,
    xff_client_port,
    xff_mode,
    drop_invalid_header_fields,
    desync_mitigation_mode,
    tls_headers,
    access_logs,
    connection_logs,
    health_check_logs,
});
by_field!(Listener { port, bind_port, protocol, default_actions, rules, headers });
by_field!(Rule { priority, conditions, actions, transforms });
by_field!(TargetGroup { protocol, protocol_version, port, health_check, attributes, static_targets });
by_field!(HealthCheck { protocol, port, path, interval, timeout, healthy_threshold, unhealthy_threshold, matcher });
by_field!(TargetGroupAttributes {
    deregistration_delay,
    algorithm,
    anomaly_mitigation,
    slow_start,
    stickiness,
    unhealthy_state_routing,
    dns_failover,
});
by_field!(SecurityGroup { ingress });
by_field!(ScalableTarget { min_capacity, max_capacity, suspended, policies });
by_field!(ServiceSettings {
    task_definition,
    desired_count,
    security_groups,
    load_balancers,
    builds,
    images,
    watches,
    health_check_grace_period,
    deployment_configuration,
    availability_zone_rebalancing,
    service_registry,
    service_connect,
});

// Whose it is never changes.
impl Merge for OwnedListener {
    fn merge(then: &Self, now: &Self, wanted: &Self) -> Self {
        let listener = Merge::merge(&then.listener, &now.listener, &wanted.listener);
        Self { load_balancer: wanted.load_balancer.clone(), listener }
    }

    fn compare(file: &Self, wanted: &Self, at: &Path<'_>, departures: &mut Vec<Departure>) {
        Merge::compare(&file.listener, &wanted.listener, at, departures);
    }
}

impl Merge for OwnedRule {
    fn merge(then: &Self, now: &Self, wanted: &Self) -> Self {
        let rule = Merge::merge(&then.rule, &now.rule, &wanted.rule);
        Self { listener: wanted.listener.clone(), rule }
    }

    fn compare(file: &Self, wanted: &Self, at: &Path<'_>, departures: &mut Vec<Departure>) {
        Merge::compare(&file.rule, &wanted.rule, at, departures);
    }
}

/// What is wanted after the file has been applied again. What it registers now comes after all that was registered before.
pub(super) fn merge(then: &Resources, now: &Resources, wanted: &Resources) -> Resources {
    let mut merged = Resources {
        load_balancers: Merge::merge(&then.load_balancers, &now.load_balancers, &wanted.load_balancers),
        listeners: Merge::merge(&then.listeners, &now.listeners, &wanted.listeners),
        rules: Merge::merge(&then.rules, &now.rules, &wanted.rules),
        target_groups: Merge::merge(&then.target_groups, &now.target_groups, &wanted.target_groups),
        security_groups: Merge::merge(&then.security_groups, &now.security_groups, &wanted.security_groups),
        certificates: Merge::merge(&then.certificates, &now.certificates, &wanted.certificates),
        clusters: Merge::merge(&then.clusters, &now.clusters, &wanted.clusters),
        quotas: now.quotas.clone(),
        task_definitions: now.task_definitions.clone(),
        services: Merge::merge(&then.services, &now.services, &wanted.services),
        scalable_targets: Merge::merge(&then.scalable_targets, &now.scalable_targets, &wanted.scalable_targets),
    };
    merged.prune();
    merged
}

/// Where what is wanted differs from the file.
pub(super) fn departures(file: &Resources, wanted: &Resources) -> Vec<Departure> {
    let file = &shifts::with_weights_of(file, wanted);
    let mut found = Vec::new();
    let listener = |id: &ListenerId| file.name_of(id);
    let rule = |id: &RuleId| {
        let owned = &file.rules[id];
        format!("{} of listener {}", owned.rule.priority, file.name_of(&owned.listener))
    };
    let found_in = &mut found;
    Merge::compare(&file.load_balancers, &wanted.load_balancers, &Path::Kind("load balancer"), found_in);
    compare_each(&file.listeners, &wanted.listeners, &Path::Kind("listener"), listener, found_in);
    compare_each(&file.rules, &wanted.rules, &Path::Kind("rule"), rule, found_in);
    Merge::compare(&file.target_groups, &wanted.target_groups, &Path::Kind("target group"), found_in);
    Merge::compare(&file.security_groups, &wanted.security_groups, &Path::Kind("security group"), found_in);
    Merge::compare(&file.certificates, &wanted.certificates, &Path::Kind("certificate"), found_in);
    Merge::compare(&file.clusters, &wanted.clusters, &Path::Kind("cluster"), found_in);
    Merge::compare(&file.services, &wanted.services, &Path::Kind("service"), found_in);
    Merge::compare(&file.scalable_targets, &wanted.scalable_targets, &Path::Kind("scalable target"), found_in);
    for service in wanted.scalable_targets.keys() {
        let scaled = format!("service {service}: {DESIRED_COUNT}");
        found.iter_mut().for_each(|departure| departure.attribute_to_scaling(&scaled));
    }
    found
}

macro_rules! whole {
    ($($type:ty),* $(,)?) => { $(impl Merge for $type {})* };
}

// Lists of references and of conditions mean something only together; an action is one value or another; one
// percentage alone may be refused beside the other.
whole!(
    Actions,
    Algorithm,
    Build,
    Cluster,
    DeploymentConfiguration,
    DesyncMode,
    HeaderModification,
    HealthThreshold,
    IssuedCertificate,
    ListenerProtocol,
    LoadBalancerName,
    Matcher,
    ProtocolVersion,
    Suspended,
    TargetProtocol,
    TargetTracking,
    Transforms,
    Vec<Condition>,
    Vec<Listener>,
    Vec<LoadBalancerBinding>,
    Vec<Rule>,
    Vec<Watch>,
    Vec<crate::model::DomainName>,
    Vec<crate::model::SecurityGroupName>,
    XffMode,
);

impl<T: Clone + PartialEq> Merge for Option<T> {}

macro_rules! shown {
    ($($type:ty),*) => {
        $(impl Merge for $type {
            fn shown(&self) -> Option<String> {
                Some(self.to_string())
            }
        })*
    };
}

shown!(bool, u16, u32, String, IpAddr, RevisionName);

impl Merge for Duration {
    fn shown(&self) -> Option<String> {
        Some(format!("{} s", self.as_secs()))
    }
}

/// Lists whose order means nothing: each author adds and removes elements of its choice.
macro_rules! set {
    ($($type:ty),*) => {
        $(impl Merge for Vec<$type> {
            fn merge(then: &Self, now: &Self, wanted: &Self) -> Self {
                let kept = wanted.iter().filter(|element| now.contains(element) || !then.contains(element));
                let kept: Self = kept.cloned().collect();
                let added = now.iter().filter(|element| !then.contains(element) && !kept.contains(element));
                let added: Self = added.cloned().collect();
                [kept, added].concat()
            }

            /// What others have added is not the file's concern.
            fn compare(file: &Self, wanted: &Self, at: &Path<'_>, departures: &mut Vec<Departure>) {
                if file.iter().any(|element| !wanted.contains(element)) {
                    departures.push(Departure::Changed { field: at.to_string(), wanted: None, file: None });
                }
            }
        })*
    };
}

set!(IngressRule, StaticTarget);
