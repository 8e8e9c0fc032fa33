//! The nouns: plain data, spelled as AWS spells it.
//!
//! Everything here is a value that has already been validated: references are known to exist, numbers are in
//! range, text is in the form AWS accepts. Nothing here does I/O, reads a clock, or knows a wire format; `config`
//! makes these values from text, `engine` decides with them, the edges act on them.
//!
//! Read [`topology::Topology`] first: it is the whole desired world, and every other type hangs off it.

pub mod arn;
pub mod ids;
pub mod image;
pub mod listener;
pub mod redacted;
pub mod rule;
pub mod security_group;
pub mod service;
pub mod target_group;
pub mod target_health;
pub mod task;
pub mod task_definition;
pub mod topology;

pub use ids::{
    ClusterName, ContainerName, DomainName, ProjectName, SecurityGroupName, ServiceName, TargetGroupName, TaskId,
};
pub use redacted::Redacted;
pub use topology::Topology;
