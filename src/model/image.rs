//! Images on this machine.

use strum::{Display, EnumString, IntoStaticStr};

/// An image that is available on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvidedImage {
    /// The engine's ID for it; equal IDs mean equal content.
    pub id: String,
    /// How it got here.
    pub origin: ImageOrigin,
}

/// How an image got onto this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ImageOrigin {
    /// Built, with content that differs from the previous build.
    Built,
    /// Built again with no change: the builder had everything in its cache.
    Cached,
    /// Pulled from its registry.
    Pulled,
    /// It was already there.
    #[strum(serialize = "there already")]
    Present,
}
