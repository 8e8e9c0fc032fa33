//! The known state of an image.

use jiff::Timestamp;

use neargate_model::image::ProvidedImage;

/// An image and its progress.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Whether the requested image exists.
    pub state: ImageState,
    /// The last line of progress, for people.
    pub progress: Option<String>,
    /// Whether it is built rather than pulled.
    pub built: bool,
    /// The last image that existed, which is kept while it is provided again, and if that fails.
    pub provided: Option<ProvidedImage>,
    /// Whether it was requested again while it was being provided, in which case the result may already be outdated.
    pub again: bool,
    /// When it was last requested.
    pub began_at: Option<Timestamp>,
    /// When it was provided.
    pub ready_at: Option<Timestamp>,
}

/// Whether an image exists.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageState {
    /// Not requested.
    Missing,
    /// Being built or pulled.
    Providing,
    /// Exists.
    Ready,
    /// The build or pull failed.
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

    /// Whether a container can be started from it. A completed deployment keeps its image whatever happens to a newer
    /// one; a new deployment waits for the image for which it was created.
    pub fn is_usable(&self, deployment_is_complete: bool) -> bool {
        self.state == ImageState::Ready || (deployment_is_complete && self.provided.is_some())
    }
}
