//! Output of containers, in files by log group and stream, as in CloudWatch Logs.
//!
//! `collector` and `keeper` write them in the process that runs the stack; `reader` merges them for `neargate logs`, which
//! needs no running process. A line on disk is `<RFC 3339 timestamp> <stream> <text>`, the stream being `stdout` or `stderr`.

pub mod collector;
pub mod files;
mod keeper;
pub mod reader;
