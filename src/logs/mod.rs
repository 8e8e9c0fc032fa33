//! Logs as files: the containers' output, and the load balancer's logs of requests, connections and health checks.

pub mod containers;
pub mod load_balancer;
