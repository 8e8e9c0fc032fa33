//! Output for people: on a terminal, in a pipe, in a log.

pub(crate) mod checks;
pub(crate) mod findings;
pub(crate) mod follow;
pub(crate) mod health_lines;
pub(crate) mod live;
pub(crate) mod picture;
pub(crate) mod printer;
pub(crate) mod sanitise;
pub(crate) mod scaling_lines;
pub(crate) mod terminal;
pub(crate) mod welcome;
