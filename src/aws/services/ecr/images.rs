//! Images, as the registry has them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::faults::invalid;
use super::repository::Repository;
use crate::aws::action::{Decision, Effect, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::aws::registry::{Image, Removed};
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageId>,
    layer_digests: Vec<String>,
    filter: Filter,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    tag_status: Option<String>,
}

impl Filter {
    fn takes(&self, image: &Image) -> bool {
        match self.tag_status.as_deref() {
            Some("TAGGED") => !image.tags.is_empty(),
            Some("UNTAGGED") => image.tags.is_empty(),
            _ => true,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ImageId {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tag: Option<String>,
}

impl ImageId {
    /// With both, both must hold.
    fn names(&self, image: &Image) -> bool {
        self.image_digest.as_ref().is_none_or(|digest| *digest == image.digest)
            && self.image_tag.as_ref().is_none_or(|tag| image.tags.contains(tag))
    }

    fn find<'i>(&self, images: &'i [Image]) -> Option<&'i Image> {
        images.iter().find(|image| self.names(image))
    }
}

/// An empty id is no id (API reference, BatchGetImage: `ImageFailure`).
fn failure(id: &ImageId) -> Value {
    let (code, reason) = match (&id.image_digest, &id.image_tag) {
        (None, None) => ("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"),
        _ => ("ImageNotFound", "Requested image not found"),
    };
    json!({ "imageId": id, "failureCode": code, "failureReason": reason })
}

fn read(state: &State, input: &Input<'_>) -> Result<(Given, Repository), Fault> {
    let given: Given = input.read()?;
    let repository = Repository::find(state, &given.repository_name, given.registry_id.as_deref())?;
    Ok((given, repository))
}

pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (given, repository) = read(state, input)?;
    let all = state.registry.storage.images(&repository.repository_name);
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for id in &given.image_ids {
        let is_id = id.image_digest.is_some() || id.image_tag.is_some();
        let Some(image) = id.find(&all).filter(|_| is_id) else {
            failures.push(failure(id));
            continue;
        };
        let id = ImageId { image_digest: Some(image.digest.clone()), image_tag: id.image_tag.clone() };
        images.push(json!({
            "registryId": ACCOUNT,
            "repositoryName": repository.repository_name,
            "imageId": id,
            "imageManifest": image.manifest,
            "imageManifestMediaType": image.media_type,
        }));
    }
    Ok(Decision::reply(json!({ "images": images, "failures": failures })))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (given, repository) = read(state, input)?;
    let name = &repository.repository_name;
    let all = state.registry.storage.images(name);
    for id in &given.image_ids {
        if id.find(&all).is_none() {
            let or_null = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".to_owned());
            let message = format!(
                "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name \
                 '{name}' in the registry with id '{ACCOUNT}'",
                or_null(&id.image_digest),
                or_null(&id.image_tag)
            );
            return Err(Fault::new("ImageNotFoundException", message));
        }
    }
    let is_wanted = |image: &&Image| given.image_ids.is_empty() || given.image_ids.iter().any(|id| id.names(image));
    let wanted = all.iter().filter(is_wanted).filter(|image| given.filter.takes(image));
    let details: Vec<Value> = wanted.map(|image| detail(&repository, image)).collect();
    page("imageDetails", &details, &given)
}

fn detail(repository: &Repository, image: &Image) -> Value {
    let mut detail = json!({
        "registryId": ACCOUNT,
        "repositoryName": repository.repository_name,
        "imageDigest": image.digest,
        "imageSizeInBytes": image.size,
        "imagePushedAt": EpochSeconds(image.pushed),
        "imageManifestMediaType": image.media_type,
    });
    if !image.tags.is_empty() {
        detail["imageTags"] = json!(image.tags);
    }
    if let Some(artifact) = &image.artifact_type {
        detail["artifactMediaType"] = json!(artifact);
    }
    detail
}

fn page(member: &str, all: &[Value], given: &Given) -> Result<Decision, Fault> {
    let sizes = Sizes { largest: 1000, default: 100 };
    let (page, next) = pages::page(all, sizes, given.max_results, given.next_token.as_deref())
        .map_err(|_| invalid("nextToken", "must be one that was returned"))?;
    Ok(Decision::reply(pages::with_token(json!({ member: page }), "nextToken", next)))
}

/// One id for each tag; an image without one has its digest.
fn ids(image: &Image) -> Vec<ImageId> {
    let of = |tag: Option<&String>| ImageId { image_digest: Some(image.digest.clone()), image_tag: tag.cloned() };
    match image.tags.is_empty() {
        true => vec![of(None)],
        false => image.tags.iter().map(|tag| of(Some(tag))).collect(),
    }
}

pub(super) fn list(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (given, repository) = read(state, input)?;
    let all = state.registry.storage.images(&repository.repository_name);
    let wanted = all.iter().filter(|image| given.filter.takes(image));
    let listed: Vec<Value> = wanted.flat_map(ids).map(|id| json!(id)).collect();
    page("imageIds", &listed, &given)
}

/// By tag, the tag goes, and the image with its last one; by digest, the image with all its tags.
pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (given, repository) = read(state, input)?;
    let all = state.registry.storage.images(&repository.repository_name);
    let (mut removed, mut deleted, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for id in &given.image_ids {
        match (id.find(&all), &id.image_tag, &id.image_digest) {
            (Some(image), Some(tag), _) => {
                removed.push(Removed::Tag(tag.clone()));
                deleted.push(ImageId { image_digest: Some(image.digest.clone()), image_tag: Some(tag.clone()) });
            }
            (Some(image), None, Some(digest)) => {
                removed.push(Removed::Digest(digest.clone()));
                deleted.extend(ids(image));
            }
            _ => failures.push(failure(id)),
        }
    }
    let reply = json!({ "imageIds": deleted, "failures": failures });
    Ok(Decision::then(Effect::RemoveImages(repository.repository_name, removed), |_| Ok(reply)))
}

pub(super) fn layers(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let (given, repository) = read(state, input)?;
    let layer = |digest: &String| match state.registry.storage.layer(&repository.repository_name, digest) {
        Some(size) => json!({ "layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size }),
        None => json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" }),
    };
    let layers: Vec<Value> = given.layer_digests.iter().map(layer).collect();
    Ok(Decision::reply(json!({ "layers": layers, "failures": [] })))
}
