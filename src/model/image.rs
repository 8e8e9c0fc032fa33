//! Images on this machine.

use strum::{Display, EnumString, IntoStaticStr};

/// An image that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvidedImage {
    /// The engine's id of it: the same id is the same content.
    pub id: String,
    /// What was done for it.
    pub origin: ImageOrigin,
}

/// What was done so that an image is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ImageOrigin {
    /// Built, and it differs from what was built before.
    Built,
    /// Built again, and nothing had changed: the builder had all of it in its cache.
    Cached,
    /// Pulled from its registry.
    Pulled,
    /// Nothing: it was there.
    #[strum(serialize = "there already")]
    Present,
}
