//! Targets: which of them takes a request, which are fit to, and how they are spoken to.

pub mod anomaly;
pub mod balancing;
pub mod health;
pub mod protocols;
pub mod slow_start;
pub mod target_tls;
