//! Keys of target groups, services and security groups: names that people chose, never those that tools made up.

use std::collections::BTreeMap;

use crate::objects::Object;

/// Keys by the objects' own keys, all different.
pub(super) fn keys<'o>(objects: impl Iterator<Item = &'o Object>) -> BTreeMap<String, String> {
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    for object in objects {
        let base = clean(object.name.as_deref().unwrap_or(&object.label));
        let taken = |key: &String| keys.values().any(|known| known == key);
        let key = std::iter::once(base.clone())
            .chain((2..).map(|number| {
                let short: String = base.chars().take(29).collect();
                format!("{short}-{number}")
            }))
            .find(|key| !taken(key))
            .unwrap_or(base);
        keys.insert(object.key.clone(), key);
    }
    keys
}

/// At most 32 letters, digits and hyphens.
pub(super) fn clean(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
    let name: String = name.join("-").chars().take(32).collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() { "group".to_owned() } else { name }
}
