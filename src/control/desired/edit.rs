//! A change to the desired state by an author other than the file, named after AWS's action.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::records::{self, Record};
use crate::model::certificate::IssuedCertificate;
use crate::model::deployment::DeploymentConfiguration;
use crate::model::listener::{HeaderModification, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes};
use crate::model::overrides::TaskOverride;
use crate::model::rule::{Actions, Condition, Rule, Transforms};
use crate::model::scaling::{Suspended, TargetTracking};
use crate::model::security_group::IngressRule;
use crate::model::service::{Build, LoadBalancerBinding, Service};
use crate::model::target_group::{HealthCheck, StaticTarget, TargetGroup, TargetGroupAttributes};
use crate::model::task_definition::{RevisionName, TaskDefinition};
use crate::model::{
    CertificateId, ClusterName, ContainerName, ListenerId, LoadBalancerName, RuleId, ScalingPolicyName,
    SecurityGroupName, ServiceName, TargetGroupName, TaskId,
};

/// A change. Ids are chosen by its author; an absent field stays as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Edit {
    /// A load balancer without listeners.
    CreateLoadBalancer {
        /// With its name.
        settings: LoadBalancer,
    },
    /// Its attributes, all of them.
    ModifyLoadBalancerAttributes {
        /// Which one.
        load_balancer: LoadBalancerName,
        /// What applies from now on.
        attributes: LoadBalancerAttributes,
    },
    /// The groups that it is in.
    SetSecurityGroups {
        /// Which one.
        load_balancer: LoadBalancerName,
        /// In place of those before.
        security_groups: Vec<SecurityGroupName>,
    },
    /// With its listeners and their rules.
    DeleteLoadBalancer {
        /// Which one.
        load_balancer: LoadBalancerName,
    },
    /// A listener without rules but its default one.
    CreateListener {
        /// The last part of its ARN.
        listener: ListenerId,
        /// Whose it is.
        load_balancer: LoadBalancerName,
        /// The listener itself.
        settings: Listener,
    },
    /// Its port, protocol and default action.
    ModifyListener {
        /// Which one.
        listener: ListenerId,
        /// `Port`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        port: Option<u16>,
        /// `Protocol`, `SslPolicy`, `Certificates`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        protocol: Option<ListenerProtocol>,
        /// `DefaultActions`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        default_actions: Option<Actions>,
    },
    /// Its attributes, all of them.
    ModifyListenerAttributes {
        /// Which one.
        listener: ListenerId,
        /// What applies from now on.
        attributes: HeaderModification,
    },
    /// With its rules.
    DeleteListener {
        /// Which one.
        listener: ListenerId,
    },
    /// A rule of a listener.
    CreateRule {
        /// The last part of its ARN.
        rule: RuleId,
        /// Whose it is.
        listener: ListenerId,
        /// The rule itself.
        settings: Rule,
    },
    /// Everything but its priority.
    ModifyRule {
        /// Which one.
        rule: RuleId,
        /// `Conditions`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        conditions: Option<Vec<Condition>>,
        /// `Actions`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        actions: Option<Actions>,
        /// `Transforms`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        transforms: Option<Transforms>,
    },
    /// The priorities of several rules at once, so that two can change places.
    SetRulePriorities {
        /// Each with its new priority.
        priorities: Vec<(RuleId, u32)>,
    },
    /// A rule other than the default one.
    DeleteRule {
        /// Which one.
        rule: RuleId,
    },
    /// A target group.
    CreateTargetGroup {
        /// Its name.
        target_group: TargetGroupName,
        /// Everything else.
        settings: TargetGroup,
    },
    /// Its health check.
    ModifyTargetGroup {
        /// Which one.
        target_group: TargetGroupName,
        /// What applies from now on.
        health_check: HealthCheck,
    },
    /// Its attributes, all of them.
    ModifyTargetGroupAttributes {
        /// Which one.
        target_group: TargetGroupName,
        /// What applies from now on.
        attributes: TargetGroupAttributes,
    },
    /// Targets by address, beside those of services.
    RegisterTargets {
        /// Where.
        target_group: TargetGroupName,
        /// Those that are registered already stay.
        targets: Vec<StaticTarget>,
    },
    /// Targets that were registered by address.
    DeregisterTargets {
        /// Where.
        target_group: TargetGroupName,
        /// All of them must be registered.
        targets: Vec<StaticTarget>,
    },
    /// A target group that nothing forwards to.
    DeleteTargetGroup {
        /// Which one.
        target_group: TargetGroupName,
    },
    /// A security group that lets nothing in.
    CreateSecurityGroup {
        /// Its name.
        security_group: SecurityGroupName,
    },
    /// More that it lets in.
    AuthorizeSecurityGroupIngress {
        /// Which one.
        security_group: SecurityGroupName,
        /// None of them may be there already.
        rules: Vec<IngressRule>,
    },
    /// What it no longer lets in.
    RevokeSecurityGroupIngress {
        /// Which one.
        security_group: SecurityGroupName,
        /// All of them must be there.
        rules: Vec<IngressRule>,
    },
    /// A security group that nothing is in.
    DeleteSecurityGroup {
        /// Which one.
        security_group: SecurityGroupName,
    },
    /// A certificate for these names, issued by the local authority. Asked for again, it is the same one.
    RequestCertificate {
        /// `DomainName`, then `SubjectAlternativeNames`; `KeyAlgorithm`
        #[serde(flatten)]
        certificate: IssuedCertificate,
    },
    /// A certificate that no listener has.
    DeleteCertificate {
        /// The last part of its ARN.
        certificate: CertificateId,
    },
    /// A cluster. Created again, it is the same one.
    CreateCluster {
        /// Its name.
        cluster: ClusterName,
        /// Whether services are created in it from now on, of which there are none.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        hosts_services: bool,
    },
    /// A cluster without services.
    DeleteCluster {
        /// Which one.
        cluster: ClusterName,
    },
    /// The next revision of its family.
    RegisterTaskDefinition {
        /// With the name of the family.
        definition: Arc<TaskDefinition>,
    },
    /// A revision that nothing new may run. What runs it goes on.
    DeregisterTaskDefinition {
        /// Which one.
        task_definition: RevisionName,
    },
    /// A service.
    CreateService {
        /// Its name.
        service: ServiceName,
        /// Everything else.
        settings: Service<RevisionName>,
    },
    /// How many tasks of what.
    UpdateService {
        /// Which one.
        service: ServiceName,
        /// `desiredCount`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        desired_count: Option<u32>,
        /// `taskDefinition`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        task_definition: Option<RevisionName>,
        /// `networkConfiguration`: the groups of its tasks.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        security_groups: Option<Vec<SecurityGroupName>>,
        /// `loadBalancers`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        load_balancers: Option<Vec<LoadBalancerBinding>>,
        /// `healthCheckGracePeriodSeconds`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        health_check_grace_period: Option<Duration>,
        /// `deploymentConfiguration`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        deployment_configuration: Option<DeploymentConfiguration>,
        /// `availabilityZoneRebalancing`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        availability_zone_rebalancing: Option<bool>,
        /// What is built here, in place of all that was. No member of AWS's action: there is no image to build there.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        builds: Option<BTreeMap<ContainerName, Build>>,
        /// What is pulled here in place of the task definition's images, likewise.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        images: Option<BTreeMap<ContainerName, String>>,
        /// `forceNewDeployment`: a new deployment even if it runs the same as the last one.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        force_new_deployment: bool,
    },
    /// Tasks that belong to no service. They run once, and do not outlive the process that runs them, so that nothing of
    /// them is wanted later.
    RunTask {
        /// The ids of the tasks, as many as `count` says.
        tasks: Vec<TaskId>,
        /// `taskDefinition`
        task_definition: RevisionName,
        /// `overrides`
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        overrides: TaskOverride,
        /// `startedBy`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        started_by: Option<String>,
        /// What containers run here in place of the task definition's images.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        images: BTreeMap<ContainerName, String>,
    },
    /// A service that wants no tasks, or any with `force`.
    DeleteService {
        /// Which one.
        service: ServiceName,
        /// Whether its tasks are stopped with it.
        force: bool,
    },
    /// A service that is scaled. Registered again, it keeps its policies.
    RegisterScalableTarget {
        /// `ResourceId`
        service: ServiceName,
        /// `MinCapacity`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        min_capacity: Option<u32>,
        /// `MaxCapacity`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        max_capacity: Option<u32>,
        /// `SuspendedState`
        #[serde(skip_serializing_if = "Option::is_none", default)]
        suspended: Option<Suspended>,
    },
    /// A service that is scaled no longer. Its number of tasks stays.
    DeregisterScalableTarget {
        /// `ResourceId`
        service: ServiceName,
    },
    /// A target tracking policy, in place of the one with this name.
    PutScalingPolicy {
        /// `ResourceId`
        service: ServiceName,
        /// `PolicyName`
        policy: ScalingPolicyName,
        /// `TargetTrackingScalingPolicyConfiguration`
        settings: TargetTracking,
    },
    /// A policy.
    DeleteScalingPolicy {
        /// `ResourceId`
        service: ServiceName,
        /// `PolicyName`
        policy: ScalingPolicyName,
    },
    /// Remembers what the topology has no place for, in place of what was remembered before. (This one, the next and the
    /// last are no actions of AWS: they are what is left of most actions.)
    PutRecord {
        /// `ec2/vpc`
        kind: String,
        /// Unique in its kind.
        id: String,
        /// What is remembered.
        record: Arc<Record>,
    },
    /// Forgets it.
    DeleteRecord {
        /// Its kind.
        kind: String,
        /// Which one. Nothing needs to be remembered under it.
        id: String,
    },
    /// Several changes in this order: all of them are made, or none.
    Together {
        /// None of them is another one of these.
        edits: Vec<Edit>,
    },
}

impl Edit {
    /// The changes that it consists of.
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Together { edits } => edits,
            one => std::slice::from_ref(one),
        }
    }

    /// Whether it changes only what is remembered, so that nothing follows from it. Secrets are read by tasks.
    pub fn is_only_remembered(&self) -> bool {
        let is_read = |kind: &String| [records::SECRET, records::PARAMETER].contains(&kind.as_str());
        self.parts().iter().all(|part| match part {
            Self::PutRecord { kind, .. } | Self::DeleteRecord { kind, .. } => !is_read(kind),
            _ => false,
        })
    }

    /// The services that begin a deployment even if they run the same as before.
    pub fn redeployed(&self) -> BTreeSet<ServiceName> {
        let redeployed = self.parts().iter().filter_map(|part| match part {
            Self::UpdateService { service, force_new_deployment: true, .. } => Some(service.clone()),
            _ => None,
        });
        redeployed.collect()
    }

    /// The services that are told what to run.
    pub fn redefined(&self) -> BTreeSet<ServiceName> {
        let redefined = self.parts().iter().filter_map(|part| match part {
            Self::UpdateService { service, task_definition: Some(_), .. } => Some(service.clone()),
            _ => None,
        });
        redefined.collect()
    }

    /// The RunTask in it.
    pub fn run(&self) -> Option<&Self> {
        self.parts().iter().find(|part| matches!(part, Self::RunTask { .. }))
    }

    /// PutRecord.
    pub fn put(kind: &str, id: impl Into<String>, record: Record) -> Self {
        Self::PutRecord { kind: kind.to_owned(), id: id.into(), record: Arc::new(record) }
    }

    /// DeleteRecord.
    pub fn forget(kind: &str, id: impl Into<String>) -> Self {
        Self::DeleteRecord { kind: kind.to_owned(), id: id.into() }
    }

    /// UpdateService with another task definition, which is what `deploy` does.
    pub fn deploy(service: ServiceName, task_definition: RevisionName) -> Self {
        Self::UpdateService {
            service,
            desired_count: None,
            task_definition: Some(task_definition),
            security_groups: None,
            load_balancers: None,
            health_check_grace_period: None,
            deployment_configuration: None,
            availability_zone_rebalancing: None,
            builds: None,
            images: None,
            force_new_deployment: false,
        }
    }

    /// UpdateService with another number of tasks, which is what `scale` does.
    pub fn scale(service: ServiceName, desired_count: u32) -> Self {
        Self::UpdateService {
            service,
            desired_count: Some(desired_count),
            task_definition: None,
            security_groups: None,
            load_balancers: None,
            health_check_grace_period: None,
            deployment_configuration: None,
            availability_zone_rebalancing: None,
            builds: None,
            images: None,
            force_new_deployment: false,
        }
    }

    /// UpdateService with what a service ran `before`, where it is wanted otherwise now: what a rollback makes of it (ECS API,
    /// ServiceRevision).
    pub fn restore(service: ServiceName, before: &Service, now: &Service) -> Self {
        fn unless_same<T: Clone + PartialEq>(before: &T, now: &T) -> Option<T> {
            (before != now).then(|| before.clone())
        }
        Self::UpdateService {
            service,
            desired_count: None,
            task_definition: (before.task_definition != now.task_definition).then(|| before.task_definition.name()),
            security_groups: unless_same(&before.security_groups, &now.security_groups),
            load_balancers: unless_same(&before.load_balancers, &now.load_balancers),
            health_check_grace_period: None,
            deployment_configuration: None,
            availability_zone_rebalancing: None,
            builds: unless_same(&before.builds, &now.builds),
            images: unless_same(&before.images, &now.images),
            force_new_deployment: false,
        }
    }
}
