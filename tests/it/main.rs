//! The integration tests, one binary. Each module, and what it proves:
//!
//! - `alb`: a load balancer on loopback with scripted targets; builders, no tests.
//! - `answers`: what the load balancer answers itself, to the byte.
//! - `forwarding`: what targets and clients see of each other over HTTP/1.
//! - `failures`: targets that refuse, close, lie or keep silent; clients that go away.
//! - `http2`: clients of HTTP/2 over TLS.
//! - `lifecycle`: tables that change, connections that last, draining.
//! - `websocket`: upgrades, with a real WebSocket client and server.

mod alb;
mod answers;
mod failures;
mod forwarding;
mod http2;
mod lifecycle;
mod websocket;
