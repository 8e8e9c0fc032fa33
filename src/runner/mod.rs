//! Runs the jobs of a GitHub workflow on this machine: what `neargate pipeline` does. `crate::pipeline` decides what a
//! workflow means; here is what touches the machine.
//!
//! ```text
//!  repository  the facts of a run, from git; the working tree in a copy (actions/checkout)
//!  cache       actions, in a folder; fetched once
//!  identity    GitHub's tokens of identity (OIDC), signed by a key of this run
//!  workflow    jobs in the order of their needs, each in a folder of its own
//!  job         the steps of a job, and then the ends of its actions, last first
//!  step        one step: its condition, its variables, its script
//!  uses        an action: its JavaScript, its steps, or what stands in for it
//!  execute     a program of a step, and what it says to its runner
//!  process     one program: its lines as they come, its time, its end
//!  shim        docker push and docker login, which are left out
//!  build       docker/build-push-action, on the engine of this machine
//! ```
//!
//! Jobs run one after the other: on a laptop they share its cores, and the output is in one order. Steps do not see the
//! variables of the shell that neargate was called from, as on a runner, so that a workflow that works here does not
//! depend on them; nor do they find AWS's credentials of the person who calls it.

mod build;
mod cache;
mod event;
mod execute;
mod hash;
mod identity;
mod job;
mod process;
mod repository;
mod settings;
mod shim;
mod state;
mod step;
mod uses;
mod workflow;

pub use cache::{Cache, Missing};
pub use event::Event;
pub use repository::Repository;
pub use settings::Settings;
pub use workflow::run;

#[cfg(test)]
mod cases;
