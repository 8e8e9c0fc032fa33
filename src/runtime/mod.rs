//! Who really runs the tasks.
