//! The workflow file: [`model`] is what it says, [`read`] reads it and reports every mistake at once, [`check`] looks into
//! its expressions, [`matrix`] makes jobs of a matrix, [`order`] puts them in the order of their needs.

pub mod check;
mod jobs;
mod keys;
pub mod matrix;
pub mod model;
pub mod order;
pub mod read;
mod steps;

pub(crate) use keys::Mistakes;
pub(crate) use steps::composite_steps;
