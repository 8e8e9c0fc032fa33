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
            && is_for(&found, request, &progress)
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

/// Whether an image that is here is for the platform that is asked for.
fn is_for(found: &ImageInspect, request: &ImageRequest, progress: &Progress) -> bool {
    let (Some(wanted), Some(os), Some(architecture)) = (&request.platform, &found.os, &found.architecture) else {
        return true;
    };
    let has = format!("{os}/{architecture}");
    // `linux/arm64/v8` is `linux/arm64`.
    if has == *wanted || wanted.starts_with(&format!("{has}/")) {
        return true;
    }
    progress.tell(format!("the image that is here is for {has}, the task definition wants {wanted}"));
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ContainerName;

    #[test]
    fn an_image_for_another_platform_will_not_do() {
        let (sender, mut told) = mpsc::channel(4);
        let progress = Progress { image: "app".to_owned(), sender };
        let found = ImageInspect {
            os: Some("linux".to_owned()),
            architecture: Some("arm64".to_owned()),
            ..ImageInspect::default()
        };
        let will_do = |platform: Option<&str>| {
            let request = ImageRequest {
                image: "app".to_owned(),
                container: ContainerName::new("web"),
                build: None,
                credentials: None,
                policy: ImagePolicy::Missing,
                platform: platform.map(str::to_owned),
            };
            is_for(&found, &request, &progress)
        };
        assert!(will_do(None) && will_do(Some("linux/arm64")) && will_do(Some("linux/arm64/v8")));
        assert!(told.try_recv().is_err());
        assert!(!will_do(Some("linux/amd64")));
        assert!(told.try_recv().unwrap().message.contains("is for linux/arm64"));
    }
}
