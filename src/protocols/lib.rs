//! The protocols of AWS's APIs, without I/O: which action a request asks for ([`route`]), who signed it ([`signature`]), its
//! input as serde reads it ([`query`], or JSON), and answers and errors in the form that clients of the service read
//! ([`answer`]).
//!
//! Nothing here knows what an action does.

pub mod answer;
pub mod fault;
pub mod percent;
pub mod properties;
pub mod query;
pub mod request;
pub mod rest;
pub mod route;
pub mod service;
pub mod signature;
pub mod timestamp;
mod xml;

#[cfg(test)]
mod cases;
