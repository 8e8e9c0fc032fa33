//! The control socket, through which `ps`, `down`, a second `up` and other commands reach the process that runs the stack.
//!
//! A Unix socket in the state folder, only for the owner. Each connection carries one request, as a line of JSON; replies
//! are lines of JSON. `Watch` replies with a view at once and with another after each change, until either side hangs up.

pub mod client;
pub mod diagnosis;
pub mod server;
pub mod view;
pub mod wire;
