//! Images: found locally, built, or pulled.

use std::collections::HashMap;
use std::sync::PoisonError;

use bollard::models::ImageInspect;
use bollard::query_parameters::{ListImagesOptionsBuilder, RemoveImageOptions, RemoveImageOptionsBuilder};
use tokio::sync::mpsc;

use crate::control::runtime::{
    ImageOrigin, ImagePolicy, ImageProgress, ImageRequest, ProvidedImage, Pulled, RuntimeError,
};
use crate::ecs::images::naming;

use super::credentials::given;
use super::reference::Reference;
use super::{build, pull};
use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::runtime_error;
use crate::runtime::docker::images::progress::Progress;
use crate::runtime::docker::runtime::DockerRuntime;

impl DockerRuntime {
    pub(crate) async fn provide(
        &self,
        request: &ImageRequest,
        sender: mpsc::Sender<ImageProgress>,
    ) -> Result<ProvidedImage, RuntimeError> {
        let progress = Progress { image: request.image.clone(), sender };
        let local = self.registry.get().filter(|_| request.build.is_none() && request.policy != ImagePolicy::Never);
        if let Some(pulled) = local.and_then(|registry| registry.pull(&request.image)) {
            return self.provide_from(&pulled, request, &progress).await;
        }
        let before = self.find_image(&request.image).await?;
        if request.policy != ImagePolicy::Always
            && let Some(found) = before.as_ref().filter(|found| is_for(found, request, &progress))
        {
            return self.provided(&request.image, found, ImageOrigin::Present);
        }
        let id_before = before.and_then(|found| found.id);
        let origin = match (&request.build, request.policy) {
            (Some(_), ImagePolicy::Never) => {
                let text = format!("there is no image {}, and --no-build forbids building it", request.image);
                return Err(RuntimeError::BuildFailed(text.into()));
            }
            (Some(recipe), _) => {
                build::build(&self.engine, self.options.builder, request, recipe, &progress).await?;
                ImageOrigin::Built
            }
            (None, _) => {
                pull::pull(&self.engine, request, &progress).await?;
                ImageOrigin::Pulled
            }
        };
        let Some(found) = self.find_image(&request.image).await? else {
            return Err(RuntimeError::Other(format!("the image {} was removed at once", request.image).into()));
        };
        let origin = match (found.id == id_before, origin) {
            (true, ImageOrigin::Built) => ImageOrigin::Cached,
            (true, _) => ImageOrigin::Present,
            (false, origin) => origin,
        };
        if origin == ImageOrigin::Built {
            self.remove_superseded(id_before).await;
        }
        self.provided(&request.image, &found, origin)
    }

    /// From the registry of this machine. It is asked each time: what was pushed since has the same name.
    async fn provide_from(
        &self,
        pulled: &Pulled,
        request: &ImageRequest,
        progress: &Progress,
    ) -> Result<ProvidedImage, RuntimeError> {
        let reference = Reference::parse(&pulled.reference);
        let before = self.find_image(&pulled.reference).await?.and_then(|found| found.id);
        let credentials = given(&pulled.credentials, &reference.registry);
        pull::pull_reference(&self.engine, &reference, request.platform.as_deref(), Some(credentials), progress)
            .await?;
        let Some(mut found) = self.find_image(&pulled.reference).await? else {
            return Err(RuntimeError::Other(format!("the image {} was removed at once", pulled.reference).into()));
        };
        let origin = if found.id == before { ImageOrigin::Present } else { ImageOrigin::Pulled };
        // ECS tells the digest of the name in the task definition.
        let name = Reference::parse(&request.image).repository();
        for digest in found.repo_digests.iter_mut().flatten() {
            if let Some(rest) = digest.strip_prefix(&format!("{}@", reference.repository())) {
                *digest = format!("{name}@{rest}");
            }
        }
        self.provided(&request.image, &found, origin)
    }

    fn provided(&self, image: &str, found: &ImageInspect, origin: ImageOrigin) -> Result<ProvidedImage, RuntimeError> {
        self.remember_digest(image, found);
        let id =
            found.id.clone().ok_or_else(|| RuntimeError::Other(format!("the engine has no id for {image}").into()))?;
        Ok(ProvidedImage { id, origin })
    }

    /// Removes images that lost their name to a newer build, once no container uses them: `--watch` builds one after
    /// every change. The engine knows whether an image is in use and whether it has other names.
    pub(crate) async fn remove_superseded(&self, another: Option<String>) {
        let waiting: Vec<String> = {
            let mut waiting = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extend(another);
            waiting.iter().cloned().collect()
        };
        for id in waiting {
            // Its layers are the builder's cache, and that stays.
            let options = RemoveImageOptionsBuilder::new().force(false).noprune(true).build();
            let has_name = match self.engine.docker().inspect_image(&id).await {
                Ok(found) => found.repo_tags.is_some_and(|tags| !tags.is_empty()),
                Err(_) => false,
            };
            let is_gone = !has_name
                && match self.engine.docker().remove_image(&id, Some(options), None).await {
                    Ok(_) => true,
                    Err(error) => error::is_not_found(&error),
                };
            if is_gone {
                self.superseded.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            }
        }
    }

    /// Removes all images that were built for the project, by any process. Returns their names.
    pub async fn remove_built_images(&self) -> Result<Vec<String>, RuntimeError> {
        let pattern = format!("{}/{}/*/*", naming::REPOSITORY, naming::project_part(self.names.project()));
        let filters = HashMap::from([("reference".to_owned(), vec![pattern.clone()])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let listed = self.engine.docker().list_images(Some(options)).await;
        let listed = listed.map_err(|error| runtime_error(error, "listing the images that were built"))?;
        let begin = pattern.trim_end_matches("*/*");
        let names = listed.into_iter().flat_map(|image| image.repo_tags);
        let mut removed = Vec::new();
        for name in names.filter(|name| name.trim_start_matches("docker.io/").starts_with(begin)) {
            match self.engine.docker().remove_image(&name, None::<RemoveImageOptions>, None).await {
                Ok(_) => removed.push(name),
                Err(error) if error::is_not_found(&error) => {}
                Err(error) => return Err(runtime_error(error, &format!("removing the image {name}"))),
            }
        }
        Ok(removed)
    }

    async fn find_image(&self, image: &str) -> Result<Option<ImageInspect>, RuntimeError> {
        match self.engine.docker().inspect_image(image).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error::is_not_found(&error) => Ok(None),
            // An invalid reference is found nowhere; the pull will say so.
            Err(error) if error::status(&error) == Some(400) => Ok(None),
            Err(error) => Err(runtime_error(error, &format!("looking for the image {image}"))),
        }
    }

    /// ECS's `imageDigest` is the registry's digest; an image built here has none.
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

/// Whether a local image matches the requested platform.
fn is_for(found: &ImageInspect, request: &ImageRequest, progress: &Progress) -> bool {
    let (Some(wanted), Some(os), Some(architecture)) = (&request.platform, &found.os, &found.architecture) else {
        return true;
    };
    let has = format!("{os}/{architecture}");
    // `linux/arm64/v8` is `linux/arm64`.
    if has == *wanted || wanted.starts_with(&format!("{has}/")) {
        return true;
    }
    progress.tell(format!("the local image is for {has}, but the task definition asks for {wanted}"));
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::runtime::Fresh;
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
                fresh: Fresh::default(),
            };
            is_for(&found, &request, &progress)
        };
        assert!(will_do(None) && will_do(Some("linux/arm64")) && will_do(Some("linux/arm64/v8")));
        assert!(told.try_recv().is_err());
        assert!(!will_do(Some("linux/amd64")));
        assert!(told.try_recv().unwrap().message.contains("is for linux/arm64"));
    }
}
