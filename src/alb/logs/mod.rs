//! The three logs of a load balancer: what a line says, and what the file is called that it stands in.
//!
//! ```text
//!  access        one line per request              33 fields
//!  connection    one line per client connection    15 fields, file names begin with conn_log_
//!  health_check  one line per health check          8 fields, file names begin with health_check_log_
//! ```
//!
//! Lines are written from plain values; who collects those and who owns the files is not known here.

pub mod access;
pub mod connection;
pub mod health_check;
pub mod key;

pub mod line;
#[cfg(test)]
pub(crate) mod parse;
