//! The functions of templates.

use super::scope::Scope;
use super::tree::{At, Node, Yaml};
use super::value::{Evaluated, Piece, Token, What};

/// An attribute of a resource; an output of a nested stack is its value.
pub(super) fn get_att(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let parts: Vec<String> = match argument.text() {
        Some(text) => text.splitn(2, '.').map(str::to_owned).collect(),
        None => argument.list().iter().filter_map(|node| scope.evaluate(node).as_text().map(str::to_owned)).collect(),
    };
    match &parts[..] {
        [id, attribute @ ..] if !attribute.is_empty() => attribute_of(scope, at, id, &attribute.join(".")),
        _ => Evaluated::missing(at, "`Fn::GetAtt` takes a resource and an attribute"),
    }
}

fn attribute_of(scope: Scope<'_>, at: At, id: &str, attribute: &str) -> Evaluated {
    if let (Some(output), Some(child)) = (attribute.strip_prefix("Outputs."), scope.stacks.child(scope.at, id)) {
        let inner = scope.other(child);
        let value = inner.stack().root.get("Outputs").and_then(|all| all.get(output)).and_then(|out| out.get("Value"));
        return value.map_or_else(
            || Evaluated::missing(at, format!("the nested stack `{id}` has no output `{output}`")),
            |value| inner.evaluate(value).moved(at),
        );
    }
    if attribute.starts_with("Outputs.") {
        return Evaluated::missing(at, format!("the template of the nested stack `{id}` is not among the files"));
    }
    let token = Token { stack: scope.at, id: id.to_owned(), attribute: attribute.to_owned() };
    Evaluated::new(at, What::Rope(vec![Piece::Token(token)]))
}

/// `${X}`, `${X.Attribute}` and `${!Literal}` in text.
pub(super) fn sub(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let (text, map) = match argument.list() {
        [] => (argument, None),
        [text] => (text, None),
        [text, map, ..] => (text, Some(map)),
    };
    let Some(text) = text.text() else { return Evaluated::missing(at, "`Fn::Sub` takes text") };
    let mut pieces = Vec::new();
    let mut secret = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        pieces.push(Piece::Text(before.to_owned()));
        let Some((name, after)) = after.split_once('}') else {
            pieces.push(Piece::Text("${".to_owned()));
            rest = after;
            continue;
        };
        rest = after;
        if let Some(literal) = name.strip_prefix('!') {
            pieces.push(Piece::Text(format!("${{{literal}}}")));
            continue;
        }
        let name = name.trim();
        let value = match (map.and_then(|map| map.get(name)), name.split_once('.')) {
            (Some(node), _) => scope.evaluate(node),
            (None, Some((id, attribute))) => attribute_of(scope, at, id, attribute),
            (None, None) => scope.reference(at, name),
        };
        secret |= value.secret;
        match value.pieces() {
            Ok(more) => pieces.extend(more),
            Err(why) => return Evaluated::missing(at, why).secret(secret),
        }
    }
    pieces.push(Piece::Text(rest.to_owned()));
    resolved(Evaluated::rope(at, pieces)).secret(secret)
}

/// Text that functions made may itself refer to a secret.
fn resolved(value: Evaluated) -> Evaluated {
    match value.as_text() {
        Some(text) if text.contains("{{resolve:") => dynamic(value.at, text, false).secret(value.secret),
        _ => value,
    }
}

pub(super) fn join(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let [separator, items] = argument.list() else {
        return Evaluated::missing(at, "`Fn::Join` takes a separator and a list");
    };
    let Some(separator) = separator.text() else {
        return Evaluated::missing(at, "the separator of `Fn::Join` is text");
    };
    let list = scope.evaluate(items);
    if let What::Missing(why) = &list.what {
        return Evaluated::missing(at, why.clone());
    }
    let mut pieces = Vec::new();
    let mut secret = list.secret;
    for (index, item) in list.list().iter().enumerate() {
        if index > 0 {
            pieces.push(Piece::Text(separator.to_owned()));
        }
        secret |= item.secret;
        match item.pieces() {
            Ok(more) => pieces.extend(more),
            Err(why) => return Evaluated::missing(at, why).secret(secret),
        }
    }
    if list.token().is_some() {
        return list;
    }
    resolved(Evaluated::rope(at, pieces)).secret(secret)
}

pub(super) fn split(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let [separator, text] = argument.list() else {
        return Evaluated::missing(at, "`Fn::Split` takes a separator and text");
    };
    let separator = separator.text().unwrap_or_default();
    let text = scope.evaluate(text);
    if separator.is_empty() {
        return Evaluated::missing(at, "the separator of `Fn::Split` is empty");
    }
    match text.pieces() {
        Ok(pieces) => {
            let mut items = vec![Vec::new()];
            for piece in pieces {
                match piece {
                    Piece::Token(_) => items.last_mut().into_iter().for_each(|item| item.push(piece.clone())),
                    Piece::Text(text) => {
                        for (index, part) in text.split(separator).enumerate() {
                            if index > 0 {
                                items.push(Vec::new());
                            }
                            items.last_mut().into_iter().for_each(|item| item.push(Piece::Text(part.to_owned())));
                        }
                    }
                }
            }
            let secret = text.secret;
            let items = items.into_iter().map(|pieces| Evaluated::rope(at, pieces).secret(secret)).collect();
            Evaluated::new(at, What::List(items)).secret(secret)
        }
        Err(why) => Evaluated::missing(at, why),
    }
}

pub(super) fn select(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let [index, list] = argument.list() else {
        return Evaluated::missing(at, "`Fn::Select` takes an index and a list");
    };
    let index = scope.evaluate(index);
    let Some(index) = index.as_text().and_then(|text| text.parse::<usize>().ok()) else {
        return Evaluated::missing(at, "the index of `Fn::Select` is not known");
    };
    let list = scope.evaluate(list);
    match &list.what {
        What::List(items) => items.get(index).cloned().unwrap_or_else(|| {
            Evaluated::missing(at, format!("`Fn::Select` takes element {index} of a list of {}", items.len()))
        }),
        What::Missing(why) => Evaluated::missing(at, why.clone()),
        _ => Evaluated::missing(at, "an element of a list that only AWS knows"),
    }
}

pub(super) fn find_in_map(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let keys = argument.list();
    let mut names = Vec::new();
    for key in keys.iter().take(3) {
        let key = scope.evaluate(key);
        match (&key.what, key.as_text()) {
            (_, Some(text)) => names.push(text.to_owned()),
            (What::Missing(why), _) => return Evaluated::missing(at, why.clone()),
            _ => return Evaluated::missing(at, "a key of `Fn::FindInMap` is only known to AWS"),
        }
    }
    let [map, top, second] = &names[..] else { return Evaluated::missing(at, "`Fn::FindInMap` takes three keys") };
    let maps = scope.stack().root.get("Mappings");
    let found = maps.and_then(|maps| maps.get(map)?.get(top)?.get(second));
    let default = keys.get(3).and_then(|options| options.get("DefaultValue"));
    match found.or(default) {
        Some(node) => scope.evaluate(node),
        None => Evaluated::missing(at, format!("the mapping `{map}` has no `{top}`, `{second}`")),
    }
}

/// What another stack exports.
pub(super) fn import(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    let argument = argument.list().first().unwrap_or(argument);
    let name = scope.evaluate(argument);
    let Some(name) = name.as_text() else {
        return match name.what {
            What::Missing(why) => Evaluated::missing(at, why),
            _ => Evaluated::missing(at, "the name of an import is only known to AWS"),
        };
    };
    for (index, stack) in scope.stacks.list.iter().enumerate() {
        let inner = scope.other(index);
        for (_, output) in stack.root.get("Outputs").map_or(&[][..], Node::entries) {
            let export = output.get("Export").and_then(|export| export.get("Name"));
            let Some((export, value)) = export.zip(output.get("Value")) else { continue };
            if inner.evaluate(export).as_text() == Some(name) {
                return inner.evaluate(value).moved(at);
            }
        }
    }
    // Names often begin with the name of the stack, which is a parameter here and the file's name there.
    let mut same: Vec<(usize, &Node)> = Vec::new();
    for (index, stack) in scope.stacks.list.iter().enumerate() {
        for (_, output) in stack.root.get("Outputs").map_or(&[][..], Node::entries) {
            let export = output.get("Export").and_then(|export| export.get("Name"));
            let Some((export, value)) = export.zip(output.get("Value")) else { continue };
            let exported = scope.other(index).evaluate(export);
            let rest = exported.as_text().and_then(|text| text.strip_prefix(stack.name.as_str()));
            if rest.is_some_and(|rest| rest.starts_with(|c: char| !c.is_alphanumeric()) && name.ends_with(rest)) {
                same.push((index, value));
            }
        }
    }
    if let [(index, value)] = same[..] {
        return scope.other(index).evaluate(value).moved(at);
    }
    match scope.stack().exports.get(name) {
        Some(value) => Evaluated::text(at, value),
        None => {
            Evaluated::missing(at, format!("no template here exports `{name}`; import the template that does as well"))
        }
    }
}

pub(super) fn to_json(scope: Scope<'_>, at: At, argument: &Node) -> Evaluated {
    fn json(value: &Evaluated) -> Result<serde_json::Value, String> {
        use serde_json::Value as Json;
        Ok(match &value.what {
            What::Text(text, true) => serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str())),
            What::Text(text, false) => Json::from(text.as_str()),
            What::List(items) => Json::Array(items.iter().map(json).collect::<Result<_, _>>()?),
            What::Map(entries) => Json::Object(
                entries.iter().map(|(key, value)| Ok((key.clone(), json(value)?))).collect::<Result<_, String>>()?,
            ),
            What::Missing(why) => return Err(why.clone()),
            What::Rope(_) => return Err("it has an attribute that only AWS knows".to_owned()),
            What::Removed => Json::Null,
        })
    }
    match json(&scope.evaluate(argument)) {
        Ok(json) => Evaluated::text(at, json.to_string()),
        Err(why) => Evaluated::missing(at, why),
    }
}

/// Text with `{{resolve:…}}`: what SSM holds is not known, and a secret is one.
pub(super) fn dynamic(at: At, text: &str, plain: bool) -> Evaluated {
    let found = text.split_once("{{resolve:").and_then(|(_, rest)| rest.split_once("}}")).map(|(inside, _)| inside);
    match found {
        None => Evaluated::new(at, What::Text(text.to_owned(), plain)),
        Some(inside) if inside.starts_with("ssm:") => {
            Evaluated::missing(at, format!("SSM's parameter `{}` is not read", inside.trim_start_matches("ssm:")))
        }
        Some(_) => Evaluated::text(at, text).secret(true),
    }
}

/// Entries of a map, with those of `Fn::ForEach` once for each element.
pub(super) fn expanded(scope: Scope<'_>, entries: &[(String, Node)]) -> Vec<(String, Node)> {
    let mut all = Vec::new();
    for (key, node) in entries {
        let ([variable, items, body], true) = (node.list(), key.starts_with("Fn::ForEach::")) else {
            all.push((key.clone(), node.clone()));
            continue;
        };
        let Some(variable) = variable.text() else { continue };
        let items = scope.evaluate(items);
        for item in items.list().iter().filter_map(Evaluated::as_text) {
            let turn: Vec<(String, Node)> = body
                .entries()
                .iter()
                .map(|(key, node)| (named(key, variable, item), bound(node, variable, item)))
                .collect();
            all.extend(expanded(scope, &turn));
        }
    }
    all
}

fn named(text: &str, variable: &str, item: &str) -> String {
    let plain: String = item.chars().filter(char::is_ascii_alphanumeric).collect();
    text.replace(&format!("${{{variable}}}"), item).replace(&format!("&{{{variable}}}"), &plain)
}

/// A node of a turn: `Ref` and `${…}` of the variable are the element.
fn bound(node: &Node, variable: &str, item: &str) -> Node {
    let yaml = match &node.yaml {
        Yaml::Scalar(text, plain) => Yaml::Scalar(named(text, variable, item), *plain),
        Yaml::List(items) => Yaml::List(items.iter().map(|node| bound(node, variable, item)).collect()),
        Yaml::Map(entries) => match &entries[..] {
            [(name, argument)] if name == "Ref" && argument.text() == Some(variable) => {
                Yaml::Scalar(item.to_owned(), false)
            }
            _ => Yaml::Map(
                entries.iter().map(|(key, node)| (named(key, variable, item), bound(node, variable, item))).collect(),
            ),
        },
    };
    Node { at: node.at, yaml }
}
