//! Images on this machine.

/// An image that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvidedImage {
    /// The engine's id of it: the same id is the same content.
    pub id: String,
    /// What was done for it.
    pub origin: ImageOrigin,
}

/// What was done so that an image is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageOrigin {
    /// Built, and it differs from what was built before.
    Built,
    /// Built again, and nothing had changed: the builder had all of it in its cache.
    Cached,
    /// Pulled from its registry.
    Pulled,
    /// Nothing: it was there.
    Present,
}

impl std::fmt::Display for ImageOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Built => "built",
            Self::Cached => "cached",
            Self::Pulled => "pulled",
            Self::Present => "there already",
        })
    }
}
