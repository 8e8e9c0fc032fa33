//! The nouns: plain data, spelled as AWS spells it.
//!
//! All values here have already been validated: references exist, numbers are in range, text has a form that AWS accepts.
//! Nothing here does I/O, reads a clock, or knows a wire format; `config` creates these values from text, `alb` and `ecs`
//! decide with them, the edges act on them.
//!
//! Read [`topology::Topology`] first: it is the whole desired state, and contains every other type.

pub mod alarm;
pub mod arn;
pub mod certificate;
pub mod deployment;
pub mod discovery;
pub mod dns;
pub mod iam;
pub mod ids;
pub mod image;
pub mod key_algorithm;
pub mod listener;
pub mod node;
pub mod overrides;
pub mod quota;
pub mod redacted;
pub mod registration;
pub mod rule;
pub mod scaling;
pub mod security_group;
pub mod service;
pub mod service_connect;
pub mod settled_request;
pub mod strategy;
pub mod target_group;
pub mod target_health;
pub mod task;
pub mod task_definition;
pub mod topology;

pub use ids::{
    AlarmName, CertificateId, ClusterName, ContainerName, DeploymentId, DomainName, ListenerId, LoadBalancerName,
    NodeName, ProfileName, ProjectName, RuleId, ScalingPolicyName, SecurityGroupName, ServiceName, TargetGroupName,
    TaskId, Zone,
};
pub use redacted::Redacted;
pub use topology::Topology;
