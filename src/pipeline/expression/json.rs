//! `fromJSON` and `toJSON`.

use serde_json::Value as Json;

use super::value::Value;

/// The value that JSON says.
pub fn read(text: &str) -> Result<Value, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("Error parsing fromJson: {error}"))?;
    Ok(from(&json))
}

/// JSON as a value.
pub fn from(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(items) => Value::list(items.iter().map(from).collect()),
        Json::Object(members) => Value::map(members.iter().map(|(name, value)| (name.clone(), from(value)))),
    }
}

/// "Returns a pretty-print JSON representation of `value`."
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    put(value, 0, &mut out);
    out
}

fn put(value: &Value, depth: usize, out: &mut String) {
    let quoted = |text: &str| Json::String(text.to_owned()).to_string();
    let line = |depth: usize, out: &mut String| out.push_str(&format!("\n{}", "  ".repeat(depth)));
    match value {
        Value::Null => out.push_str("null"),
        Value::Text(text) => out.push_str(&quoted(text)),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_text()),
        Value::List(items) if items.is_empty() => out.push_str("[]"),
        Value::Map(map) if map.entries().is_empty() => out.push_str("{}"),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                line(depth + 1, out);
                put(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (name, value)) in map.entries().iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                line(depth + 1, out);
                out.push_str(&quoted(name));
                out.push_str(": ");
                put(value, depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
    }
}
