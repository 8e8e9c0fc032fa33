//! What a task is told about itself at 169.254.170.2: metadata, stats, credentials of its role, and the agent's API.
//!
//! [`answer`](answer::answer) is the whole of it: a request and the known state in, a response out. The members of the
//! responses, their order and formats are those of Fargate's platform version 1.4.0.
//!
//! Sources: ECS developer guide, "Task metadata endpoint version 4 for tasks on Fargate" with its examples;
//! amazon-ecs-agent, `ecs-agent/tmds` (paths, errors, and members that the guide leaves out).

pub mod address;
pub mod answer;
mod container;
pub mod credentials;
mod errors;
pub mod ids;
mod path;
pub mod protection;
pub mod request;
pub mod response;
mod stats;
pub mod subject;
mod task;
pub mod variables;

#[cfg(test)]
mod tests;
