//! The load balancer's data plane.
//!
//! # Life of a request
//!
//! ```text
//!  client                                                                                            target
//!    │ 1 accept ─ 2 TLS ─ 3 head ─┬─ 4 classify ─ 5 snapshot ─ 6 route ─ 7 act ─┬─ 8 choose ─ 9 headers ─┐
//!    │                            │                                             │                        │
//!    │                      malformed: 400                           redirect, fixed-response            │
//!    │                            │                                             │                        │
//!    │ <── 11 settle ─────────────┴─────────────────────────────────────────────┴──── 10 forward ────────┴──> │
//! ```
//!
//! 1. **Accept**: [`worker`] has a socket per listener; each connection is a task on its thread ([`connection`]).
//! 2. **TLS**: the configuration of the moment ([`tls`]); ALPN says whether [`downstream::http2`] or
//!    [`downstream::http1`] goes on.
//! 3. **Head**: read under the limits of an ALB; fields stay where they were read (`http1/head.rs`,
//!    `downstream/http2/head.rs`).
//! 4. **Classify**: what must not be forwarded is refused here ([`request`]).
//! 5. **Snapshot**: one routing table for the whole request ([`context::Snapshot`]).
//! 6. **Route**: the first rule that matches ([`crate::alb::routing`]).
//! 7. **Act**: redirects and fixed responses are answered now ([`answer::respond`]).
//! 8. **Choose**: a group by weight, then one of its eligible targets ([`upstream::load`],
//!    [`crate::alb::targets::balancing`]).
//! 9. **Headers**: the head as the target will see it ([`crate::alb::head::headers`]).
//! 10. **Forward**: a kept or a new connection, both directions at once ([`forward`], [`upstream`],
//!     [`forward::upgrade`]).
//! 11. **Settle**: an error becomes a response in one place ([`answer::respond::for_error`]); the account goes to whoever
//!     keeps logs ([`telemetry::transaction`]).
//!
//! Steps 4 to 9 need no waiting: they are one plain function, and so is the whole way; both are in [`request`].
//!
//! # Threads
//!
//! [`data_plane`] starts one thread per worker: a single-threaded runtime with its own listening sockets
//! (`SO_REUSEPORT`), its own connections to targets and its own buffers. A request never leaves its thread and takes
//! no lock; what workers share are two counters per request ([`upstream::load`]) and the table they look at.
//! [`listen::listeners`]
//! keeps the bound ports in step with the table; what a new table ends (a listener, the delay of a target) is noticed by
//! the requests and connections themselves, when [`io::wakers`] wakes them. What CloudWatch would count, each worker counts
//! for itself ([`telemetry::meters`]).
//!
//! # Why an HTTP/1 of our own
//!
//! What an ALB does to a request is visible to the byte: the order and case of header fields, reason phrases, what
//! happens to a head that is not quite HTTP. hyper hides all of these behind its own types. So HTTP/1 is read and
//! written here, on both sides; and because nothing is translated on the way, a small request costs two reads and two
//! writes. HTTP/2 leaves its frames no such freedom, so there the `h2` crate does the work; but what a head holds is as free
//! as in HTTP/1, so heads of clients are read here as well, below `h2`
//! (`downstream/http2/heads.rs`), and take the same form before
//! anything is decided. Targets of HTTP/2 get them out of that form again.

#![allow(rustdoc::private_intra_doc_links, reason = "the map above is for those who read this folder")]

mod answer;
mod client;
mod connection;
pub(crate) mod context;
mod data_plane;
mod downstream;
mod forward;
mod io;
mod listen;
mod request;
pub(crate) mod settled;
pub mod telemetry;
pub mod tls;
mod upstream;
mod worker;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use downstream::http2::properties as http2_properties;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use downstream::versions;

pub use data_plane::{CONNECT_TIMEOUT, DataPlane, DataPlaneConfig};
pub use listen::listeners::{PortTrouble, trouble_with};
pub use telemetry::meters::Meters;
pub use telemetry::transaction::{AccessSink, ConnectionSink, Transaction};
pub use tls::ListenerTls;
