//! The known state of an image.

use std::collections::BTreeSet;

use jiff::Timestamp;

use neargate_model::NodeName;
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
    /// The nodes that have this last image; none where there is only one node.
    pub nodes: BTreeSet<NodeName>,
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
            nodes: BTreeSet::new(),
            again: false,
            began_at: None,
            ready_at: None,
        }
    }

    /// Whether a container can be started from it on this node. A completed deployment keeps its image whatever happens
    /// to a newer one; a new deployment waits for the image for which it was created.
    pub fn is_usable(&self, node: Option<&NodeName>, deployment_is_complete: bool) -> bool {
        self.is_on(node) && (self.state == ImageState::Ready || (deployment_is_complete && self.provided.is_some()))
    }

    /// Whether a node has the last image.
    fn is_on(&self, node: Option<&NodeName>) -> bool {
        node.is_none_or(|node| self.nodes.contains(node))
    }

    /// The image was provided on these nodes. The other nodes still have it, unless it has changed.
    pub(crate) fn is_provided(&mut self, provided: ProvidedImage, on: Vec<NodeName>) {
        if self.provided.as_ref().is_none_or(|before| before.id != provided.id) {
            self.nodes.clear();
        }
        self.nodes.extend(on);
        self.provided = Some(provided);
        self.state = ImageState::Ready;
    }
}
