//! Bytes, time and random numbers: everything that a worker lends to its connections.

pub(crate) mod buffer;
pub(crate) mod clock;
pub(crate) mod cork;
pub(crate) mod idle;
pub(crate) mod inflow;
pub(crate) mod stream;
pub(crate) mod wakers;
