//! The load balancer's data plane.
