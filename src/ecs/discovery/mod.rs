//! Service discovery: what the DNS of the tasks' network answers, from the tasks that are registered at the moment (Cloud
//! Map API, DnsConfig; ECS developer guide, "Use service discovery to connect Amazon ECS services with DNS names").

pub mod files;
pub mod limits;
#[cfg(test)]
mod tests;
pub mod zone;
