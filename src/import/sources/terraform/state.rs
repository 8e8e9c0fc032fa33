//! A raw state, version 4: `terraform.tfstate`.

use serde_json::Value as Json;

use super::convert;
use super::outer::{Raw, StateFile};
use super::resource::{Resource, mark_paths, tree};
use crate::objects::{Objects, Place};
use crate::sources::source::Refusal;

/// The objects of a state.
pub(crate) fn read(file: &str, text: &str) -> Result<Objects, Refusal> {
    let state: StateFile = serde_json::from_str(text).map_err(|error| Refusal::json(file, &error))?;
    let resources: Vec<Resource> = state.resources.into_iter().flat_map(|raw| instances(file, raw)).collect();
    Ok(convert::objects(&resources))
}

fn instances(file: &str, raw: Raw) -> Vec<Resource> {
    let Some(kind) = raw.kind else { return Vec::new() };
    let is_data = raw.mode == "data";
    let mut found = Vec::new();
    // A deposed instance is what is left of one that was replaced.
    for instance in raw.instances.into_iter().filter(|instance| instance.deposed.is_none()) {
        let index = index_text(&instance.index_key);
        let module = if raw.module.is_empty() { String::new() } else { format!("{}.", raw.module) };
        let data = if is_data { "data." } else { "" };
        let key = match &instance.index_key {
            Json::String(key) => format!("[{}]", Json::from(key.as_str())),
            Json::Number(key) => format!("[{key}]"),
            _ => String::new(),
        };
        let address = format!("{module}{data}{kind}.{}{key}", raw.name);
        let place = Place::of(file, &address);
        let mut values = tree(instance.attributes, &Json::Null, &Json::Null, &place);
        mark_paths(&mut values, &instance.sensitive_attributes);
        found.push(Resource {
            address,
            module: raw.module.clone(),
            kind,
            name: raw.name.clone(),
            index,
            is_data,
            is_tainted: instance.status.as_deref() == Some("tainted"),
            values,
        });
    }
    found
}

/// An index as text.
pub(super) fn index_text(index: &Json) -> Option<String> {
    match index {
        Json::String(key) => Some(key.clone()),
        Json::Number(key) => Some(key.to_string()),
        _ => None,
    }
}
