//! What is expected of a reply.

use std::collections::BTreeMap;

use serde_json::Value;

/// Puts what was kept in place of `$name`.
pub(super) fn fill_in(value: &mut Value, kept: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => *text = filled_in(text, kept),
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, kept)),
        Value::Object(members) => members.values_mut().for_each(|member| fill_in(member, kept)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text with what was kept. The longest name comes first, so that `$rule` does not take a part of `$rule2`.
pub(super) fn filled_in(text: &str, kept: &BTreeMap<String, String>) -> String {
    let mut names: Vec<&String> = kept.keys().collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("${name}"), &kept[name]))
}

/// Every expected member is there.
pub(super) fn assert_holds(reply: &Value, expected: &Value, at: &str) {
    if let Some(difference) = difference(Some(reply), expected, "reply") {
        panic!("{at}: {difference}\n{reply:#}");
    }
}

fn difference(reply: Option<&Value>, expected: &Value, path: &str) -> Option<String> {
    match (reply, expected) {
        (None, Value::Null) => None,
        (Some(Value::Object(members)), Value::Object(expected)) => expected
            .iter()
            .find_map(|(name, expected)| difference(members.get(name), expected, &format!("{path}.{name}"))),
        (Some(Value::Array(items)), Value::Array(expected)) if items.len() == expected.len() => {
            let pairs = items.iter().zip(expected).enumerate();
            pairs
                .into_iter()
                .find_map(|(index, (item, expected))| difference(Some(item), expected, &format!("{path}[{index}]")))
        }
        (Some(value), expected) if value == expected => None,
        (Some(value), expected) => Some(format!("{path} is {value}, not {expected}")),
        (None, expected) => Some(format!("{path} is missing, which should be {expected}")),
    }
}
