//! The decisions: pure functions from values to values. No async, no I/O, no clock, no randomness: time and random
//! numbers arrive as arguments. What is decided here is carried out by the edges and remembered by `control`.

pub mod health;
pub mod routing;
pub mod security_group;
