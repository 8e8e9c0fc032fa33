//! Options for running tasks on an engine.

use std::path::PathBuf;

use crate::model::ProjectName;

/// The options of one run.
#[derive(Clone, Debug)]
pub struct DockerOptions {
    /// The project, which is part of all names and labels.
    pub project: ProjectName,
    /// How the load balancer reaches tasks.
    pub reach: ReachMode,
    /// `AWS_REGION` of the containers, and the domain of their host names.
    pub region: String,
    /// Gives tasks the name `host.docker.internal` for this machine. Off by default, because Fargate has no such name,
    /// and an application that needs it would work here and fail there. Turn it on for stand-ins for external services
    /// that run on this machine.
    pub host_gateway: bool,
    /// The builder of images.
    pub builder: BuilderMode,
    /// A folder for the socket through which the [door](crate::runtime::docker) hands out sockets; only this user may be
    /// able to reach it. `None`: tasks find nothing at 169.254.170.2.
    pub door: Option<PathBuf>,
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
            door: None,
        }
    }
}

/// How the load balancer reaches tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReachMode {
    /// Directly if this machine shares the engine's network stack, otherwise published.
    #[default]
    Auto,
    /// At the task's address.
    Direct,
    /// Through ports published on loopback.
    Published,
}

/// The builder of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuilderMode {
    /// The default of `docker build` with this engine, unless the Dockerfile needs BuildKit.
    #[default]
    Auto,
    /// The engine's classic builder.
    Classic,
    /// BuildKit inside the engine.
    BuildKit,
}
