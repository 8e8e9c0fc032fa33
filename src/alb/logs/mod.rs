//! The three logs of a load balancer: the format of lines and the names of files.
//!
//! ```text
//!  access        one line per request              33 fields
//!  connection    one line per client connection    15 fields, file names begin with conn_log_
//!  health_check  one line per health check          8 fields, file names begin with health_check_log_
//! ```
//!
//! Lines are formatted from plain values; other code collects the values and owns the files.

pub mod access;
pub mod connection;
pub mod health_check;
pub mod key;

pub mod line;
#[cfg(test)]
pub(crate) mod parse;
