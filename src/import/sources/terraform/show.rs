//! `terraform show -json` of a state.

use serde_json::Value as Json;

use super::convert;
use super::outer::{Module, Raw, ShowFile};
use super::resource::{Resource, tree};
use super::state::index_text;
use crate::objects::{Objects, Place};
use crate::sources::source::Refusal;

/// The objects of a state.
pub(crate) fn read(file: &str, text: &str) -> Result<Objects, Refusal> {
    let show: ShowFile = serde_json::from_str(text).map_err(|error| Refusal::json(file, &error))?;
    version(file, &show)?;
    let mut raw = Vec::new();
    flatten(show.values.unwrap_or_default().root_module, &mut raw);
    let resources: Vec<Resource> = raw.into_iter().filter_map(|raw| resource(file, raw, &Json::Null)).collect();
    Ok(convert::objects(&resources))
}

/// Refuses versions of the format that may mean something else.
pub(super) fn version(file: &str, show: &ShowFile) -> Result<(), Refusal> {
    let version = show.format_version.as_deref().unwrap_or("1.0");
    match version.split('.').next() {
        Some("0" | "1") => Ok(()),
        _ => Err(Refusal::new(
            file,
            format!("its format_version is {version}"),
            "versions 0.1 to 1.x are known; a newer neargate may read it",
        )),
    }
}

/// All resources of a module and those below it.
pub(super) fn flatten(module: Module, all: &mut Vec<Raw>) {
    let Module { address, resources, child_modules } = module;
    all.extend(resources.into_iter().map(|raw| Raw { module: address.clone(), ..raw }));
    child_modules.into_iter().for_each(|child| flatten(child, all));
}

/// A resource as `values` has it; `unknown` mirrors what is not known yet.
pub(super) fn resource(file: &str, raw: Raw, unknown: &Json) -> Option<Resource> {
    let kind = raw.kind?;
    let place = Place::of(file, &raw.address);
    Some(Resource {
        module: raw.module,
        kind,
        name: raw.name,
        index: index_text(&raw.index),
        is_data: raw.mode == "data",
        is_tainted: false,
        values: tree(raw.values, &raw.sensitive, unknown, &place),
        address: raw.address,
    })
}
