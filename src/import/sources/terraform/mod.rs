//! States and plans of Terraform and OpenTofu.
//!
//! ```text
//!  state v4 ──────state──┐
//!  show -json ────show───┼──► Resource ──convert──► Object
//!  plan ──────────plan───┘      │ values with marks: sensitive, unknown
//!                               └ references of unknown links (plans only)
//! ```

mod balancer;
mod convert;
mod ecs;
mod group;
pub(crate) mod outer;
mod plan;
mod references;
mod resource;
mod security;
mod shape;
mod show;
mod state;

pub(crate) use plan::read as read_plan;
pub(crate) use show::read as read_show;
pub(crate) use state::read as read_state;
