//! HTTP/1 with clients: connections, requests, responses.

pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod responder;
