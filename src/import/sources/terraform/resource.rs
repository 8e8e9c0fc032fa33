//! A resource of Terraform, with what is marked in its values.

use serde_json::Value as Json;

use crate::objects::{Item, Origin, Place, Value};

/// A resource.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// `module.alb.aws_lb.this[0]`
    pub(super) address: String,
    /// `module.alb`, or nothing.
    pub(super) module: String,
    /// Without the alias: `aws_lb`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// `["api"]` as `api`, `[0]` as `0`.
    pub(super) index: Option<String>,
    pub(super) is_data: bool,
    pub(super) is_tainted: bool,
    pub(super) values: Item,
}

impl Resource {
    /// A short name for it, which its author chose: `svc-api`, `back` for `this["back"]`.
    pub(super) fn label(&self) -> String {
        let generic = |name: &str| matches!(name, "this" | "main" | "default" | "self" | "");
        let index = self.index.as_deref().filter(|index| !index.bytes().all(|byte| byte.is_ascii_digit()));
        let module = self.module.rsplit("module.").next().unwrap_or_default().replace(['[', ']', '"'], "-");
        let base = if generic(&self.name) { index.map_or(module.as_str(), |_| "") } else { self.name.as_str() };
        let label = match (base, index) {
            ("", Some(index)) => index.to_owned(),
            (base, Some(index)) => format!("{base}-{index}"),
            ("", None) => self.name.clone(),
            (base, None) => base.to_owned(),
        };
        label.trim_matches('-').to_owned()
    }
}

/// The values of a resource as a tree. `sensitive` and `unknown` mirror them, with `true` at what is so.
pub(super) fn tree(values: Json, sensitive: &Json, unknown: &Json, place: &Place) -> Item {
    let mut item = Item::from_json(values, place);
    if !matches!(item.value, Value::Map(_)) {
        item = Item::map(place);
    }
    mark_unknown(&mut item, unknown);
    mark_sensitive(&mut item, sensitive);
    item
}

fn mark_unknown(item: &mut Item, mirror: &Json) {
    match mirror {
        Json::Bool(true) => {
            item.value = Value::Null;
            item.origin = Origin::Unknown {
                why: "it is known only after the plan is applied".to_owned(),
                candidates: Vec::new(),
            };
        }
        Json::Object(entries) => {
            if matches!(item.value, Value::Null) {
                item.value = Value::Map(Vec::new());
            }
            for (key, mirror) in entries {
                if !says_true(mirror) {
                    continue;
                }
                if !item.entries().iter().any(|(known, _)| known == key) {
                    let nothing = Item::known(Value::Null, item.place.key(key));
                    item.put(key, nothing);
                }
                if let Value::Map(known) = &mut item.value
                    && let Some((_, value)) = known.iter_mut().find(|(known, _)| known == key)
                {
                    mark_unknown(value, mirror);
                }
            }
        }
        Json::Array(mirrors) => {
            if let Value::List(items) = &mut item.value {
                items.iter_mut().zip(mirrors).for_each(|(item, mirror)| mark_unknown(item, mirror));
            }
        }
        _ => {}
    }
}

fn says_true(mirror: &Json) -> bool {
    match mirror {
        Json::Bool(yes) => *yes,
        Json::Array(items) => items.iter().any(says_true),
        Json::Object(entries) => entries.values().any(says_true),
        _ => false,
    }
}

/// Marks what `sensitive_values` says.
fn mark_sensitive(item: &mut Item, mirror: &Json) {
    match (mirror, &mut item.value) {
        (Json::Bool(true), _) => mark_whole(item),
        (Json::Object(mirrors), Value::Map(entries)) => {
            for (key, value) in entries {
                if let Some(mirror) = mirrors.get(key) {
                    mark_sensitive(value, mirror);
                }
            }
        }
        (Json::Array(mirrors), Value::List(items)) => {
            items.iter_mut().zip(mirrors).for_each(|(item, mirror)| mark_sensitive(item, mirror));
        }
        _ => {}
    }
}

fn mark_whole(item: &mut Item) {
    if !matches!(item.origin, Origin::Unknown { .. }) {
        item.origin = Origin::Sensitive;
    }
    match &mut item.value {
        Value::List(items) => items.iter_mut().for_each(mark_whole),
        Value::Map(entries) => entries.iter_mut().for_each(|(_, item)| mark_whole(item)),
        _ => {}
    }
}

/// Marks what `sensitive_attributes` of a raw state says: a list of paths, or of older versions, of names.
pub(super) fn mark_paths(item: &mut Item, paths: &Json) {
    for path in paths.as_array().into_iter().flatten() {
        let steps: Vec<&Json> = match path {
            Json::Array(steps) => steps.iter().collect(),
            other => vec![other],
        };
        mark_path(item, &steps);
    }
}

fn mark_path(item: &mut Item, steps: &[&Json]) {
    let Some((step, rest)) = steps.split_first() else { return mark_whole(item) };
    // An index is a typed value: {"type": "index", "value": {"value": 0, "type": "number"}}.
    let value = step.get("value").map(|value| value.get("value").unwrap_or(value)).unwrap_or(step);
    match &mut item.value {
        Value::Map(entries) => {
            let name = value.as_str().unwrap_or_default();
            entries.iter_mut().filter(|(key, _)| key == name).for_each(|(_, item)| mark_path(item, rest));
        }
        Value::List(items) => match value.as_u64().and_then(|at| usize::try_from(at).ok()) {
            Some(at) => items.get_mut(at).into_iter().for_each(|item| mark_path(item, rest)),
            // An element of a set has no index: all of them.
            None => items.iter_mut().for_each(|item| mark_path(item, rest)),
        },
        _ => mark_whole(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_what_the_author_chose() {
        let label = |module: &str, name: &str, index: Option<&str>| {
            let place = Place::of("f", "a");
            let (module, name, index) = (module.to_owned(), name.to_owned(), index.map(str::to_owned));
            let (is_data, is_tainted) = (false, false);
            Resource {
                address: String::new(),
                module,
                kind: "aws_lb",
                name,
                index,
                is_data,
                is_tainted,
                values: Item::map(&place),
            }
            .label()
        };
        assert_eq!(label("", "svc", Some("api")), "svc-api");
        assert_eq!(label("module.alb", "this", Some("back")), "back");
        assert_eq!(label("module.alb", "this", Some("0")), "alb");
        assert_eq!(label("module.ecs.module.service[\"web\"]", "this", Some("0")), "service--web");
        assert_eq!(label("", "this", None), "this");
    }

    #[test]
    fn marks_are_found_at_any_depth() {
        let place = Place::of("f", "a");
        let values = serde_json::json!({ "a": [{ "b": "x" }, { "b": "y" }], "c": "z" });
        let mut item = tree(values.clone(), &serde_json::json!({ "a": [{}, { "b": true }] }), &Json::Null, &place);
        let at = |item: &Item, index: usize| item.get("a").unwrap().list()[index].get("b").unwrap().is_sensitive();
        assert_eq!((at(&item, 0), at(&item, 1)), (false, true));
        item = tree(values, &Json::Null, &serde_json::json!({ "c": true, "d": [{ "e": true }] }), &place);
        assert!(matches!(item.get("c").unwrap().origin, Origin::Unknown { .. }));
        let path = serde_json::json!([[{ "type": "get_attr", "value": "a" },
            { "type": "index", "value": { "value": 1, "type": "number" } }]]);
        mark_paths(&mut item, &path);
        assert_eq!((at(&item, 0), at(&item, 1)), (false, true));
    }
}
