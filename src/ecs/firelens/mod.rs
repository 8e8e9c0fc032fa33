//! FireLens: a container of the task, the log router, gets the output of the others and sends it on (ECS developer guide,
//! "Send Amazon ECS logs to an AWS service or AWS Partner").

pub mod configuration;
#[cfg(test)]
mod tests;
