//! Progress of an image that is being built or pulled.

use tokio::sync::mpsc;

use crate::control::runtime::ImageProgress;

/// Reports the progress of one image. Updates that come too fast are dropped.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(super) image: String,
    pub(super) sender: mpsc::Sender<ImageProgress>,
}

impl Progress {
    /// Reports a line worth showing.
    pub(crate) fn tell(&self, message: String) {
        let _ = self.sender.try_send(ImageProgress { image: self.image.clone(), message, detail: false });
    }

    /// Reports output of the build.
    pub(crate) fn detail(&self, message: String) {
        let _ = self.sender.try_send(ImageProgress { image: self.image.clone(), message, detail: true });
    }
}
