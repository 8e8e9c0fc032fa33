//! The known state of an image.

use jiff::Timestamp;

use neargate_model::image::ProvidedImage;

/// An image and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Whether it is there as it was asked for.
    pub state: ImageState,
    /// The last line of progress, for people.
    pub progress: Option<String>,
    /// Made here rather than pulled.
    pub built: bool,
    /// What was there last. It stays while the image is had again, and if that fails.
    pub provided: Option<ProvidedImage>,
    /// Asked for again while it was being had: what comes of that may be outdated already.
    pub again: bool,
    /// When it was asked for last.
    pub began_at: Option<Timestamp>,
    /// When it was there.
    pub ready_at: Option<Timestamp>,
}

/// Whether an image is there.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageState {
    /// Not asked for yet.
    Missing,
    /// Being built or pulled.
    Providing,
    /// There.
    Ready,
    /// Could not be built or pulled.
    Failed(String),
}

impl Image {
    /// An image that has not been requested.
    pub fn missing(built: bool) -> Self {
        Self {
            state: ImageState::Missing,
            progress: None,
            built,
            provided: None,
            again: false,
            began_at: None,
            ready_at: None,
        }
    }

    /// Whether a container can be started from it. A deployment that has come up goes on with the image that it came up
    /// with, whatever happens to a newer one; a new deployment waits for what it was made for.
    pub fn is_usable(&self, deployment_is_complete: bool) -> bool {
        self.state == ImageState::Ready || (deployment_is_complete && self.provided.is_some())
    }
}
