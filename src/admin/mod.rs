//! The control socket: how `ps`, `down`, a second `up` and the rest talk to the process that runs the stack.
//!
//! A Unix socket in the state folder, for the owner only. One request per connection, as a line of JSON; answers are
//! lines of JSON. `Watch` answers with a view at once and with another after each change, until either side hangs up.

pub mod client;
pub mod server;
pub mod wire;
