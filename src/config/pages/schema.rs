//! The JSON schema of `neargate.yaml`, for editors.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::file::File;

/// The schema that is checked in at `schema/neargate.schema.json`.
pub fn json() -> String {
    let mut text = serde_json::to_string_pretty(&value()).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema as a value.
pub(crate) fn value() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<File>().to_value();
    tidy(&mut schema);
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), "neargate.yaml".into());
        let either = [["load_balancer"], ["load_balancers"]].map(|keys| serde_json::json!({ "required": keys }));
        root.insert("oneOf".to_owned(), either.to_vec().into());
        root.insert("patternProperties".to_owned(), serde_json::json!({ "^x-": true }));
    }
    schema
}

/// Removes parts that follow from the Rust types but not from the file's format: null, and the widths of numbers.
/// Editors see values with `${…}` as text, so other scalars may also be text.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if object.get("required").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                object.remove("required");
            }
            for key in ["format", "minimum", "maximum"] {
                if object.get(key).is_some_and(|value| !value.is_object()) {
                    object.remove(key);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
                if choices.len() == 1
                    && let Some(Value::Object(only)) = choices.pop()
                {
                    object.remove("anyOf");
                    for (key, value) in only {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            if let Some(kind) = object.get("type").and_then(Value::as_str)
                && matches!(kind, "integer" | "number" | "boolean")
            {
                let variable = serde_json::json!({ "type": "string", "pattern": "\\$" });
                let plain = serde_json::json!({ "type": kind });
                object.remove("type");
                object.insert("anyOf".to_owned(), serde_json::json!([plain, variable]));
            } else if object.get("type").and_then(Value::as_str) == Some("string")
                && !object.contains_key("enum")
                && !object.contains_key("const")
                && !object.contains_key("pattern")
            {
                // 80 and true are text where text is wanted.
                object.insert("type".to_owned(), serde_json::json!(["string", "number", "boolean"]));
            }
            object.values_mut().for_each(tidy_value);
        }
        _ => {}
    }
}

/// Skips schemas that [`tidy`] made itself.
fn tidy_value(value: &mut Value) {
    let made_here = value
        .as_array()
        .is_some_and(|choices| choices.iter().any(|choice| choice.get("pattern") == Some(&Value::from("\\$"))));
    if !made_here {
        tidy(value);
    }
}
