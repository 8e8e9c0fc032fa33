//! PutImage: how a pipeline gives an image another tag.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::invalid;
use super::repository::Repository;
use crate::aws::action::{Decision, Effect, Input, State};
use crate::aws::registry::{Storage, is_tag};
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    registry_id: Option<String>,
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

pub(super) fn put(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let repository = Repository::find(state, &given.repository_name, given.registry_id.as_deref())?;
    let name = repository.repository_name.clone();
    let storage = &state.registry.storage;
    let manifest: Value = serde_json::from_str(&given.image_manifest).unwrap_or_default();
    if manifest["schemaVersion"] != 2 {
        return Err(invalid("ImageManifest", "must be a manifest of schema version 2"));
    }
    if let Some(tag) = given.image_tag.as_deref().filter(|tag| !is_tag(tag)) {
        return Err(invalid("imageTag", &format!("'{tag}' is no tag")));
    }
    let digest = Storage::digest_of(&given.image_manifest);
    if let Some(wrong) = given.image_digest.as_deref().filter(|given| *given != digest) {
        let message = format!("Provided digest '{wrong}' does not match the digest '{digest}' of the manifest");
        return Err(Fault::new("ImageDigestDoesNotMatchException", message));
    }
    let missing = storage.missing(&name, &manifest);
    if !missing.is_empty() {
        let code = if manifest["manifests"].is_array() {
            "ReferencedImagesNotFoundException"
        } else {
            "LayersNotFoundException"
        };
        let message = format!(
            "The repository with name '{name}' in registry with id '{ACCOUNT}' does not have what the manifest names: {}",
            missing.join(", ")
        );
        return Err(Fault::new(code, message));
    }
    let known = storage.images(&name).into_iter().find(|image| image.digest == digest);
    let is_there = known.is_some_and(|image| given.image_tag.as_ref().is_none_or(|tag| image.tags.contains(tag)));
    if is_there {
        let tag = given.image_tag.as_deref().unwrap_or("null");
        let message = format!(
            "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in registry \
             with id '{ACCOUNT}'"
        );
        return Err(Fault::new("ImageAlreadyExistsException", message));
    }
    if let Some(tag) = given.image_tag.as_deref().filter(|tag| repository.keeps(tag))
        && storage.tagged(&name, tag).is_some()
    {
        return Err(Fault::new("ImageTagAlreadyExistsException", tag_is_kept(&name, tag)));
    }
    let mut image = json!({
        "registryId": ACCOUNT,
        "repositoryName": name,
        "imageId": { "imageDigest": digest },
        "imageManifest": given.image_manifest,
    });
    let media_type = given.image_manifest_media_type.as_deref().or_else(|| manifest["mediaType"].as_str());
    if let Some(media_type) = media_type {
        image["imageManifestMediaType"] = json!(media_type);
    }
    if let Some(tag) = &given.image_tag {
        image["imageId"]["imageTag"] = json!(tag);
    }
    let effect = Effect::PutImage { repository: name, manifest: given.image_manifest, tag: given.image_tag };
    Ok(Decision::then(effect, move |_| Ok(json!({ "image": image }))))
}

/// Why a tag cannot have another image.
pub(in crate::aws) fn tag_is_kept(repository: &str, tag: &str) -> String {
    format!(
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the tag is \
         immutable."
    )
}
