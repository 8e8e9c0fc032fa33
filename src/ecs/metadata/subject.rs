//! Who asks.

use neargate_model::ClusterName;

use super::credentials::Given;
use crate::moment::Now;
use crate::usage::TaskUsage;
use crate::world::Task;

/// The task that asks, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The task.
    pub task: &'a Task,
    /// Its cluster.
    pub cluster: &'a ClusterName,
    /// The time.
    pub now: Now,
    /// What it uses, if that has been measured.
    pub measured: Option<Measured<'a>>,
    /// What is known of its role's credentials.
    pub credentials: Given<'a>,
}

/// Two looks at a task, between which rates are known.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The earlier one.
    pub before: &'a TaskUsage,
    /// The later one.
    pub now: &'a TaskUsage,
}
