//! Images: found here, built here, or pulled.

use bollard::models::ImageInspect;
use tokio::sync::mpsc;

use crate::control::runtime::{ImagePolicy, ImageProgress, ImageRequest, RuntimeError};

use super::error::{self, runtime_error};
use super::reference::Reference;
use super::{DockerRuntime, build, pull};

/// Tells people what happens to one image. What nobody has time to read is dropped.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    image: String,
    sender: mpsc::Sender<ImageProgress>,
}

impl Progress {
    /// A line worth showing.
    pub(super) fn tell(&self, message: String) {
        let _ = self.sender.try_send(ImageProgress { image: self.image.clone(), message, detail: false });
    }

    /// Output of the build.
    pub(super) fn detail(&self, message: String) {
        let _ = self.sender.try_send(ImageProgress { image: self.image.clone(), message, detail: true });
    }
}

impl DockerRuntime {
    pub(super) async fn provide(
        &self,
        request: &ImageRequest,
        sender: mpsc::Sender<ImageProgress>,
    ) -> Result<(), RuntimeError> {
        let progress = Progress { image: request.image.clone(), sender };
        if request.policy == ImagePolicy::Missing
            && let Some(found) = self.find_image(&request.image).await?
        {
            self.remember_digest(&request.image, &found);
            return Ok(());
        }
        match &request.build {
            Some(recipe) => build::build(&self.engine, self.options.builder, request, recipe, &progress).await?,
            None => pull::pull(&self.engine, request, &progress).await?,
        }
        if let Some(found) = self.find_image(&request.image).await? {
            self.remember_digest(&request.image, &found);
        }
        Ok(())
    }

    async fn find_image(&self, image: &str) -> Result<Option<ImageInspect>, RuntimeError> {
        match self.engine.docker().inspect_image(image).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error::is_not_found(&error) => Ok(None),
            // What is no reference is found nowhere; the pull will say so.
            Err(error) if error::status(&error) == Some(400) => Ok(None),
            Err(error) => Err(runtime_error(&error, &format!("looking for the image {image}"))),
        }
    }

    /// `imageDigest` of ECS is the registry's; an image built here has none.
    fn remember_digest(&self, image: &str, found: &ImageInspect) {
        let repository = Reference::parse(image).repository();
        let digest = found.repo_digests.iter().flatten().find_map(|text| {
            let reference = Reference::parse(text);
            (reference.repository() == repository).then_some(reference.digest).flatten()
        });
        let mut digests = self.digests();
        match digest {
            Some(digest) => digests.insert(image.to_owned(), digest),
            None => digests.remove(image),
        };
    }
}
