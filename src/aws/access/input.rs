//! Members of inputs, in JSON or as the tree that a form is.

use serde_json::Value;

/// A text, if the member has one. Empty texts are as good as none.
pub(super) fn text<'v>(input: &'v Value, member: &str) -> Option<&'v str> {
    input[member].as_str().filter(|text| !text.is_empty())
}

/// The elements of a list: an array, or what `member.N` and `N` of a form become. A single value is its own list.
pub(super) fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => {
            let members = match members.get("member") {
                Some(Value::Object(numbered)) => numbered,
                _ => members,
            };
            let mut numbered: Vec<(u32, &Value)> =
                members.iter().filter_map(|(number, value)| Some((number.parse().ok()?, value))).collect();
            numbered.sort_by_key(|(number, _)| *number);
            numbered.into_iter().map(|(_, value)| value).collect()
        }
        Value::String(text) if !text.is_empty() => vec![value],
        _ => Vec::new(),
    }
}

/// The texts of a list.
pub(super) fn texts(input: &Value, member: &str) -> Vec<String> {
    list(&input[member]).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Tags, whichever way the service spells them.
pub(super) fn tags(input: &Value) -> Vec<(String, String)> {
    let of = |value: &Value| -> Vec<(String, String)> {
        let pair = |one: &Value| {
            let member = |upper: &str, lower: &str| one[upper].as_str().or(one[lower].as_str()).map(str::to_owned);
            Some((member("Key", "key")?, member("Value", "value").unwrap_or_default()))
        };
        let listed: Vec<_> = list(value).into_iter().filter_map(pair).collect();
        match value {
            Value::Object(map) if listed.is_empty() => {
                map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
            }
            _ => listed,
        }
    };
    ["Tags", "tags", "Tag"].iter().flat_map(|member| of(&input[*member])).collect()
}

/// Keys of tags to remove.
pub(super) fn tag_keys(input: &Value) -> Vec<String> {
    ["TagKeys", "tagKeys"].iter().flat_map(|member| texts(input, member)).collect()
}
