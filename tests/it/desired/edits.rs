//! Edits as written in cases: an action and names. Their settings come from a file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use neargate::control::desired::edit::Edit;
use neargate::control::desired::records::Record;
use neargate::model::certificate::IssuedCertificate;
use neargate::model::listener::{Listener, LoadBalancer};
use neargate::model::overrides::TaskOverride;
use neargate::model::rule::Rule;
use neargate::model::target_group::StaticTarget;
use neargate::model::task_definition::RevisionName;
use neargate::model::{
    ClusterName, DomainName, ListenerId, LoadBalancerName, RuleId, SecurityGroupName, ServiceName, TargetGroupName,
    TaskId, Topology, arn,
};
use serde::Deserialize;

/// One edit. It names a load balancer only if there are several.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) enum Change {
    CreateLoadBalancer {
        load_balancer: String,
    },
    ModifyLoadBalancerAttributes {
        load_balancer: String,
    },
    SetSecurityGroups {
        load_balancer: String,
    },
    DeleteLoadBalancer {
        load_balancer: String,
    },
    CreateListener(At),
    ModifyListener(Listens),
    ModifyListenerAttributes(At),
    DeleteListener(At),
    CreateRule(RuleAt),
    ModifyRule(RuleAt),
    SetRulePriorities {
        listener: u16,
        priorities: BTreeMap<u32, u32>,
    },
    DeleteRule(RuleAt),
    CreateTargetGroup {
        target_group: String,
    },
    ModifyTargetGroup {
        target_group: String,
    },
    ModifyTargetGroupAttributes {
        target_group: String,
    },
    RegisterTargets {
        target_group: String,
        targets: Vec<SocketAddr>,
    },
    DeregisterTargets {
        target_group: String,
        targets: Vec<SocketAddr>,
    },
    DeleteTargetGroup {
        target_group: String,
    },
    CreateSecurityGroup {
        security_group: String,
    },
    AuthorizeSecurityGroupIngress {
        security_group: String,
    },
    RevokeSecurityGroupIngress {
        security_group: String,
    },
    DeleteSecurityGroup {
        security_group: String,
    },
    RequestCertificate {
        names: Vec<String>,
    },
    DeleteCertificate {
        names: Vec<String>,
    },
    CreateCluster {
        cluster: String,
    },
    DeleteCluster {
        cluster: String,
    },
    /// The task definition of a service of the file.
    RegisterTaskDefinition {
        service: String,
    },
    DeregisterTaskDefinition {
        task_definition: RevisionName,
    },
    CreateService {
        service: String,
        #[serde(default = "the_first")]
        task_definition: RevisionName,
    },
    /// Everything that UpdateService can change, from the file; or only the task definition.
    UpdateService {
        service: String,
        task_definition: Option<RevisionName>,
    },
    DeleteService {
        service: String,
        #[serde(default)]
        force: bool,
    },
    RegisterScalableTarget {
        service: String,
        min_capacity: Option<u32>,
        max_capacity: Option<u32>,
    },
    DeregisterScalableTarget {
        service: String,
    },
    /// With the settings of the file.
    PutScalingPolicy {
        service: String,
        policy: String,
    },
    DeleteScalingPolicy {
        service: String,
        policy: String,
    },
    PutRecord {
        record: String,
        value: serde_json::Value,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    },
    DeleteRecord {
        record: String,
    },
    Together(Vec<Change>),
    RunTask {
        task_definition: RevisionName,
        #[serde(default = "one")]
        count: u32,
        #[serde(default)]
        overrides: TaskOverride,
    },
}

/// `ec2/vpc vpc-1`
fn kind_and_id(record: &str) -> (&str, &str) {
    record.split_once(' ').expect("a kind and an id")
}

fn one() -> u32 {
    1
}

/// A listener, by the port that it was created with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct At {
    listener: u16,
    #[serde(default = "the_only_one")]
    load_balancer: String,
}

/// The same, with its new port.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listens {
    listener: u16,
    port: Option<u16>,
}

/// A rule, by the priority that it was created with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleAt {
    listener: u16,
    rule: u32,
    #[serde(default = "the_only_one")]
    load_balancer: String,
}

/// The load balancer of a file without a name for it: the project's name.
fn the_only_one() -> String {
    "p".to_owned()
}

/// The revision, in cases with a single one.
fn the_first() -> RevisionName {
    "f:1".parse().expect("a name")
}

impl At {
    fn id(&self) -> ListenerId {
        arn::listener_id(&LoadBalancerName::new(&self.load_balancer), self.listener)
    }

    fn owner(&self) -> LoadBalancerName {
        LoadBalancerName::new(&self.load_balancer)
    }

    fn settings(&self, file: &Topology) -> Listener {
        listener(file, &self.load_balancer, self.listener)
    }
}

impl RuleAt {
    fn id(&self) -> RuleId {
        arn::rule_id(&LoadBalancerName::new(&self.load_balancer), self.listener, self.rule)
    }

    fn at(&self) -> At {
        At { listener: self.listener, load_balancer: self.load_balancer.clone() }
    }

    fn settings(&self, file: &Topology) -> Rule {
        let listener = file.load_balancers[self.load_balancer.as_str()]
            .listeners
            .iter()
            .find(|listener| listener.port == self.listener)
            .expect("the file has the listener");
        listener.rules.iter().find(|rule| rule.priority == self.rule).expect("the file has the rule").clone()
    }
}

fn load_balancer(file: &Topology, name: &str) -> LoadBalancer {
    LoadBalancer { listeners: Vec::new(), ..file.load_balancers[name].clone() }
}

fn listener(file: &Topology, load_balancer: &str, port: u16) -> Listener {
    let mut listeners = file.load_balancers[load_balancer].listeners.iter();
    let listener = listeners.find(|listener| listener.port == port).expect("the file has the listener");
    Listener { rules: Vec::new(), ..listener.clone() }
}

fn targets(addresses: &[SocketAddr]) -> Vec<StaticTarget> {
    addresses.iter().map(|at| StaticTarget { address: at.ip(), port: at.port() }).collect()
}

fn domains(names: &[String]) -> Vec<DomainName> {
    names.iter().map(DomainName::new).collect()
}

impl Change {
    /// Converts the edit, with settings from the file.
    pub(super) fn edit(&self, file: Option<&Topology>) -> Edit {
        let settings = || file.expect("a step whose change has settings says `wanted` or `with`");
        match self {
            Self::CreateLoadBalancer { load_balancer: name } => {
                Edit::CreateLoadBalancer { settings: load_balancer(settings(), name) }
            }
            Self::ModifyLoadBalancerAttributes { load_balancer: name } => Edit::ModifyLoadBalancerAttributes {
                load_balancer: LoadBalancerName::new(name),
                attributes: load_balancer(settings(), name).attributes,
            },
            Self::SetSecurityGroups { load_balancer: name } => Edit::SetSecurityGroups {
                load_balancer: LoadBalancerName::new(name),
                security_groups: load_balancer(settings(), name).security_groups,
            },
            Self::DeleteLoadBalancer { load_balancer } => {
                Edit::DeleteLoadBalancer { load_balancer: LoadBalancerName::new(load_balancer) }
            }
            Self::CreateListener(at) => {
                Edit::CreateListener { listener: at.id(), load_balancer: at.owner(), settings: at.settings(settings()) }
            }
            Self::ModifyListener(Listens { listener: created, port }) => {
                let at = At { listener: *created, load_balancer: the_only_one() };
                let new = listener(settings(), &at.load_balancer, port.unwrap_or(*created));
                Edit::ModifyListener {
                    listener: at.id(),
                    port: *port,
                    protocol: Some(new.protocol),
                    default_actions: Some(new.default_actions),
                }
            }
            Self::ModifyListenerAttributes(at) => {
                Edit::ModifyListenerAttributes { listener: at.id(), attributes: at.settings(settings()).headers }
            }
            Self::DeleteListener(at) => Edit::DeleteListener { listener: at.id() },
            Self::CreateRule(at) => {
                Edit::CreateRule { rule: at.id(), listener: at.at().id(), settings: at.settings(settings()) }
            }
            Self::ModifyRule(at) => {
                let new = at.settings(settings());
                Edit::ModifyRule {
                    rule: at.id(),
                    conditions: Some(new.conditions),
                    actions: Some(new.actions),
                    transforms: Some(new.transforms),
                }
            }
            Self::SetRulePriorities { listener, priorities } => {
                let id = |rule: u32| RuleAt { listener: *listener, rule, load_balancer: the_only_one() }.id();
                Edit::SetRulePriorities { priorities: priorities.iter().map(|(old, new)| (id(*old), *new)).collect() }
            }
            Self::DeleteRule(at) => Edit::DeleteRule { rule: at.id() },
            Self::CreateTargetGroup { target_group } => Edit::CreateTargetGroup {
                target_group: TargetGroupName::new(target_group),
                settings: settings().target_groups[target_group.as_str()].clone(),
            },
            Self::ModifyTargetGroup { target_group } => Edit::ModifyTargetGroup {
                target_group: TargetGroupName::new(target_group),
                health_check: settings().target_groups[target_group.as_str()].health_check.clone(),
            },
            Self::ModifyTargetGroupAttributes { target_group } => Edit::ModifyTargetGroupAttributes {
                target_group: TargetGroupName::new(target_group),
                attributes: settings().target_groups[target_group.as_str()].attributes.clone(),
            },
            Self::RegisterTargets { target_group, targets: addresses } => {
                Edit::RegisterTargets { target_group: TargetGroupName::new(target_group), targets: targets(addresses) }
            }
            Self::DeregisterTargets { target_group, targets: addresses } => Edit::DeregisterTargets {
                target_group: TargetGroupName::new(target_group),
                targets: targets(addresses),
            },
            Self::DeleteTargetGroup { target_group } => {
                Edit::DeleteTargetGroup { target_group: TargetGroupName::new(target_group) }
            }
            Self::CreateSecurityGroup { security_group } => {
                Edit::CreateSecurityGroup { security_group: SecurityGroupName::new(security_group) }
            }
            Self::AuthorizeSecurityGroupIngress { security_group } => Edit::AuthorizeSecurityGroupIngress {
                security_group: SecurityGroupName::new(security_group),
                rules: settings().security_groups[security_group.as_str()].ingress.clone(),
            },
            Self::RevokeSecurityGroupIngress { security_group } => Edit::RevokeSecurityGroupIngress {
                security_group: SecurityGroupName::new(security_group),
                rules: settings().security_groups[security_group.as_str()].ingress.clone(),
            },
            Self::DeleteSecurityGroup { security_group } => {
                Edit::DeleteSecurityGroup { security_group: SecurityGroupName::new(security_group) }
            }
            Self::RequestCertificate { names } => {
                Edit::RequestCertificate { certificate: IssuedCertificate::new(domains(names)) }
            }
            Self::DeleteCertificate { names } => {
                Edit::DeleteCertificate { certificate: IssuedCertificate::new(domains(names)).id() }
            }
            Self::CreateCluster { cluster } => {
                Edit::CreateCluster { cluster: ClusterName::new(cluster), hosts_services: false }
            }
            Self::DeleteCluster { cluster } => Edit::DeleteCluster { cluster: ClusterName::new(cluster) },
            Self::RegisterTaskDefinition { service } => Edit::RegisterTaskDefinition {
                definition: Arc::clone(&settings().services[service.as_str()].task_definition.definition),
            },
            Self::DeregisterTaskDefinition { task_definition } => {
                Edit::DeregisterTaskDefinition { task_definition: task_definition.clone() }
            }
            Self::CreateService { service, task_definition } => Edit::CreateService {
                service: ServiceName::new(service),
                settings: settings().services[service.as_str()].clone().with(task_definition.clone()),
            },
            Self::UpdateService { service, task_definition: Some(task_definition) } => {
                Edit::deploy(ServiceName::new(service), task_definition.clone())
            }
            Self::UpdateService { service, task_definition: None } => {
                let new = settings().services[service.as_str()].clone();
                Edit::UpdateService {
                    service: ServiceName::new(service),
                    desired_count: Some(new.desired_count),
                    task_definition: Some(new.task_definition.name()),
                    security_groups: Some(new.security_groups),
                    load_balancers: Some(new.load_balancers),
                    health_check_grace_period: Some(new.health_check_grace_period),
                    builds: None,
                    images: None,
                    deployment_configuration: Some(new.deployment_configuration),
                    availability_zone_rebalancing: None,
                    force_new_deployment: false,
                }
            }
            Self::PutRecord { record, value, tags } => {
                let (kind, id) = kind_and_id(record);
                Edit::put(kind, id, Record::new(value.clone()).with(tags.clone()))
            }
            Self::DeleteRecord { record } => {
                let (kind, id) = kind_and_id(record);
                Edit::forget(kind, id)
            }
            Self::Together(changes) => {
                Edit::Together { edits: changes.iter().map(|change| change.edit(file)).collect() }
            }
            Self::RunTask { task_definition, count, overrides } => Edit::RunTask {
                tasks: (0..*count).map(|number| TaskId::new(format!("{number:032x}"))).collect(),
                task_definition: task_definition.clone(),
                overrides: overrides.clone(),
                started_by: None,
                images: BTreeMap::new(),
            },
            Self::DeleteService { service, force } => {
                Edit::DeleteService { service: ServiceName::new(service), force: *force }
            }
            Self::RegisterScalableTarget { service, min_capacity, max_capacity } => Edit::RegisterScalableTarget {
                service: ServiceName::new(service),
                min_capacity: *min_capacity,
                max_capacity: *max_capacity,
                suspended: None,
            },
            Self::DeregisterScalableTarget { service } => {
                Edit::DeregisterScalableTarget { service: ServiceName::new(service) }
            }
            Self::PutScalingPolicy { service, policy } => Edit::PutScalingPolicy {
                service: ServiceName::new(service),
                policy: policy.as_str().into(),
                settings: settings().scalable_targets[service.as_str()].policies[policy.as_str()].clone(),
            },
            Self::DeleteScalingPolicy { service, policy } => {
                Edit::DeleteScalingPolicy { service: ServiceName::new(service), policy: policy.as_str().into() }
            }
        }
    }
}
