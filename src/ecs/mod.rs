//! What Fargate decides: which tasks there are, what each of them does next, which of them are targets. Pure functions
//! from values to values: time and random numbers arrive as arguments. [`plan`] decides, `control` carries it out, and
//! `observe` and `apply` change what is known ([`world`]).

pub mod world;

// From what is known to what is to be done.
pub mod images;
pub mod plan;
pub mod registration;
pub mod retry;
mod service;
mod task;

// From what was done and seen to what is known.
pub(crate) mod apply;
mod observe;
pub mod step;
