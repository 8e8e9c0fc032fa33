//! Service auto scaling: from measurements, one a minute, to another desired count.
//!
//! ```text
//!   usage of tasks, requests ──> a datapoint per policy and minute ──> two alarms per policy ──> decision ──> UpdateService
//!        (utilization)                     (alarms)                                         (decision)     (desiredCount)
//! ```
//!
//! Everything but the length of a minute and of a cooldown, which `time_scale` divides, is as on AWS.
//!
//! Sources: ECS developer guide, "Automatically scale your Amazon ECS service" and "Use a target metric to scale Amazon ECS
//! services"; Application Auto Scaling user guide, "How target tracking scaling for Application Auto Scaling works".

pub mod alarms;
mod decision;
pub mod limits;
pub mod record;
pub mod utilization;
pub mod violation;
pub(crate) mod world;

#[cfg(test)]
mod tests;
