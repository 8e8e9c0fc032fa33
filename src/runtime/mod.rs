//! Who really runs the tasks.

pub mod docker;
