//! Pages over HTTP on loopback, for whoever was given their address.

pub mod metrics;
