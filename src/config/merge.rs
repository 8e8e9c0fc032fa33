//! Merges several files of one project: later files override earlier ones, as in Compose ("Merge Compose files").
//!
//! | present in both | becomes |
//! |---|---|
//! | mappings | one mapping, key by key |
//! | an action, `conditions`, a transform, `domain`, a list of patterns | the later one |
//! | `listeners`, `rules`, `load_balancers` | merged by `port`, `priority`, `target_group` |
//! | other lists | the earlier elements, then later elements that are not among them |
//! | single values | the later one |
//!
//! `!reset` removes a key, `!override` replaces instead of merging.

use std::collections::HashMap;

use super::text::tree::{Entry, Mark, Node, Value};

/// Keys whose value is replaced as a whole, because parts of two actions do not make an action.
const WHOLE: &[&str] = &["action", "default_action", "conditions", "transform", "domain", "certificate"];

/// Lists whose elements have a key that identifies them.
const NAMED: &[(&str, &str)] = &[("listeners", "port"), ("rules", "priority"), ("load_balancers", "target_group")];

/// Merges the later file over the earlier one.
pub(crate) fn merge(base: &mut Node, over: Node) {
    node("", base, over);
}

fn node(key: &str, base: &mut Node, over: Node) {
    // `key:` without a value changes nothing, as in Compose.
    if over.is_null() && over.mark.is_none() {
        return;
    }
    let replaced = WHOLE.contains(&key) || over.mark == Some(Mark::Override);
    match (&mut base.value, over.value) {
        (Value::Map(entries), Value::Map(more)) if !replaced => {
            more.into_iter().for_each(|entry| self::entry(entries, entry));
        }
        (Value::List(items), Value::List(more)) if !replaced => {
            let name = NAMED.iter().find(|(list, _)| *list == key).map(|(_, name)| *name);
            list(items, more, name);
        }
        (_, value) => *base = Node { value, ..over },
    }
}

fn entry(entries: &mut Vec<Entry>, over: Entry) {
    if over.value.mark == Some(Mark::Reset) {
        entries.retain(|known| known.key != over.key);
        return;
    }
    match entries.iter_mut().find(|known| known.key == over.key) {
        Some(known) => node(&over.key, &mut known.value, over.value),
        None => entries.push(over),
    }
}

fn list(items: &mut Vec<Node>, more: Vec<Node>, name: Option<&str>) {
    let name_of = |node: &Node| node.get(name?)?.text().map(str::to_owned);
    let mut named: HashMap<String, usize> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        if let Some(name) = name_of(item) {
            named.entry(name).or_insert(place);
        }
    }
    for over in more {
        let own = name_of(&over);
        let same = match &own {
            Some(name) => named.get(name).copied(),
            None => items.iter().position(|known| known.says_the_same(&over)),
        };
        match (same, own) {
            (Some(place), _) => node("", &mut items[place], over),
            (None, own) => {
                named.extend(own.map(|name| (name, items.len())));
                items.push(over);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::parse;
    use crate::text::source::Sources;
    use std::path::Path;

    fn parsed(text: &str) -> Node {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("f"), text);
        parse::parse(&sources, file).unwrap()
    }

    /// The merged text, in a form like JSON.
    fn merged(base: &str, over: &str) -> String {
        let mut node = parsed(base);
        merge(&mut node, parsed(over));
        written(&node)
    }

    fn written(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => scalar.text.clone(),
            Value::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
            Value::Map(entries) => {
                let entries = entries.iter().map(|entry| format!("{}: {}", entry.key, written(&entry.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The file, the file to merge over it, and the result.
    #[test]
    fn the_rules_of_merging() {
        for (base, over, result) in [
            ("a: {x: 1, y: 2}", "a: {y: 3, z: 4}", "{a: {x: 1, y: 3, z: 4}}"),
            ("a: 1", "a: {x: 1}", "{a: {x: 1}}"),
            ("ingress: [{port: 80}]", "ingress: [{port: 443}, {port: 80}]", "{ingress: [{port: 80}, {port: 443}]}"),
            (
                "listeners: [{port: 80, protocol: HTTP}, {port: 443}]",
                "listeners: [{port: 443, protocol: HTTPS}, {port: 8080}]",
                "{listeners: [{port: 80, protocol: HTTP}, {port: 443, protocol: HTTPS}, {port: 8080}]}",
            ),
            (
                "rules: [{priority: 1, conditions: [{a: [x]}], action: {forward: tg}}]",
                "rules: [{priority: 1, conditions: [{b: [y]}], action: {redirect: {port: 443}}}]",
                "{rules: [{priority: 1, conditions: [{b: [y]}], action: {redirect: {port: 443}}}]}",
            ),
            ("domain: a.test", "domain: [b.test, c.test]", "{domain: [b.test, c.test]}"),
            ("a: [1, 2]", "a: !override [3]", "{a: [3]}"),
            ("a: {x: 1}\nb: 2", "a: !reset null", "{b: 2}"),
            ("a: 1", "a:", "{a: 1}"),
        ] {
            assert_eq!(merged(base, over), result, "{base} and {over}");
        }
    }
}
