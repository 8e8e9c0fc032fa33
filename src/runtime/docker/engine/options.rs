//! Options for running tasks on an engine.

use crate::model::ProjectName;

/// Choices of one run.
#[derive(Clone, Debug)]
pub struct DockerOptions {
    /// Names and labels everything.
    pub project: ProjectName,
    /// How the load balancer reaches tasks.
    pub reach: ReachMode,
    /// `AWS_REGION` of the containers, and the domain of their host names.
    pub region: String,
    /// Gives tasks the name `host.docker.internal` for this machine. Off unless asked for: on Fargate there is no
    /// such name, so an application that needs it would work here and fail there. Stand-ins for outside services
    /// that run on this machine are the reason to turn it on.
    pub host_gateway: bool,
    /// Who builds images.
    pub builder: BuilderMode,
}

impl DockerOptions {
    /// The defaults.
    pub fn new(project: ProjectName) -> Self {
        Self {
            project,
            reach: ReachMode::Auto,
            region: "us-east-1".to_owned(),
            host_gateway: false,
            builder: BuilderMode::Auto,
        }
    }
}

/// How the load balancer reaches tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReachMode {
    /// Directly where this machine shares the engine's network stack, else published.
    #[default]
    Auto,
    /// At the task's own address.
    Direct,
    /// Through ports published on loopback.
    Published,
}

/// Who builds images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuilderMode {
    /// What `docker build` would use with this engine, unless the Dockerfile needs BuildKit.
    #[default]
    Auto,
    /// The engine's first builder.
    Classic,
    /// BuildKit inside the engine.
    BuildKit,
}
