//! The single writer: owns all state, accepts commands and observations, publishes numbered snapshots.
//!
//! ```text
//!  cli ──Command──────────────┐                    ┌─> Routing: a table for each load balancer ─> proxy, probes
//!                             v                    │
//!  engine ──┐           ┌────────────┐  publish    ├─> watch<Arc<Snapshot>>     ─> views, logs
//!  probes ──┼Observation>│ controller │─────────────┘
//!  proxy  ──┘           └────────────┘
//!                          │      ^
//!                  effects v      │ outcomes
//!                       ┌────────────┐
//!                       │  executor  │──> Runtime (Docker; a fake world in tests)
//!                       └────────────┘
//! ```
//!
//! # The life of a task
//!
//! 1. `ecs::service::scheduler` finds that a task is missing and decides `CreateTask`; secrets are looked up.
//! 2. `ecs::task` requests its images and its network namespace concurrently (PROVISIONING, PENDING).
//! 3. Containers start in the order of `dependsOn`.
//! 4. When every essential container runs, its ports are registered as targets (ACTIVATING), and it is RUNNING.
//! 5. Probes find the targets; the first success makes them healthy; the service reaches a steady state.
//! 6. An essential container ends, the load balancer gives up on it, or it is no longer wanted: targets are
//!    deregistered (DEACTIVATING), containers stop in reverse order (STOPPING), the namespace is removed
//!    (DEPROVISIONING), STOPPED. The scheduler starts over at 1, at its own pace.
//!
//! All other parts send observations or read snapshots; only [`controller`] writes. Plans follow from the current state,
//! so the next inventory corrects a missed event.

pub mod changes;
mod clock;
pub mod command;
mod controller;
pub mod desired;
mod details;
mod executor;
pub mod handle;
pub(crate) mod identities;
pub mod ids;
pub mod image_request;
pub mod observation;
mod permissions;
pub mod routing;
pub mod runtime;
mod secrets;
pub(crate) mod service_deployments;
pub mod serving;
pub mod sink;
pub mod snapshot;
pub(crate) mod specs;
pub mod tap;
mod wanted_images;

pub use controller::start;
pub use handle::ControlHandle;
