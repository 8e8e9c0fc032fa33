//! Logs as files: the containers' output, and what the load balancer writes about requests, connections and health checks.

pub mod containers;
pub mod load_balancer;
