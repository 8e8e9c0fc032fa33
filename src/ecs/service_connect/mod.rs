//! Service Connect: which endpoints a task finds, which tasks are behind each, and which of them gets a connection or a
//! request (ECS developer guide, "Amazon ECS Service Connect components").

pub mod balancer;
pub mod endpoints;
pub mod limits;
pub mod servers;
#[cfg(test)]
mod tests;
