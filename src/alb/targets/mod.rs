//! Targets: choosing one for a request, their health, and their protocols.

pub mod anomaly;
pub mod balancing;
pub mod health;
pub mod limits;
pub mod protocols;
pub mod slow_start;
pub mod target_tls;
