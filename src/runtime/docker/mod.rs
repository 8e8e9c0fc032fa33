//! Tasks on a container engine, through the Docker API (Docker Engine 20.10 and later, Podman's service).
//!
//! ```text
//!  network neargate-<project>                      one bridge: the VPC
//!  └─ neargate-<project>-<service>-<task>-pause    the task's network namespace: address, host name, /etc/hosts,
//!     │                                            published ports
//!     ├─ neargate-<project>-<service>-<task>-web   members join it (`container:<pause>`)
//!     └─ neargate-<project>-<service>-<task>-api
//!  └─ neargate-<project>-door                     opens sockets of ours in that network; see `door`
//! ```
//!
//! [`DockerRuntime`] implements [`Runtime`](crate::control::runtime::Runtime); its steps are in `task` and `close`, images in `image`, `build`, `buildkit` and
//! `pull`, what the engine reports in `watch` and `logs`, cleaning up in `sweep`. `container_config` is the pure
//! translation of a task definition. Only this module knows bollard.

mod watch;

mod door;
pub mod engine;
pub mod images;
mod runtime;
pub mod sweep;
pub mod tasks;

pub use engine::connect::{Engine, EngineInfo, EngineKind};
pub use engine::options::{BuilderMode, DockerOptions, ReachMode};
pub use runtime::DockerRuntime;
pub use sweep::ProjectOnEngine;
pub use tasks::exec::{ExecRequest, ExecSettings, Streams};
