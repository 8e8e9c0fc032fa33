//! Images: found, built or pulled.

pub(crate) mod build;
pub(crate) mod buildkit;
pub(crate) mod context;
pub(crate) mod credentials;
pub(crate) mod dockerfile;
pub(crate) mod image;
pub(crate) mod layers;
pub(crate) mod progress;
pub(crate) mod protobuf;
pub(crate) mod pull;
pub(crate) mod recipe;
pub(crate) mod reference;
pub(crate) mod session;
