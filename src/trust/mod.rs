//! stub
pub mod environment;
