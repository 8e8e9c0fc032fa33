//! A template as a tree. Scalars stay text: what `010` is depends on the property. Short tags become functions' long names.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, StrInput};

/// Line and column, from 1.
pub(super) type At = (usize, usize);

/// A value of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) yaml: Yaml,
}

/// The kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// Text, and whether it stands without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Functions that have a short tag.
const TAGS: &[&str] = &[
    "GetAtt",
    "Sub",
    "Join",
    "Select",
    "Split",
    "If",
    "Equals",
    "And",
    "Or",
    "Not",
    "FindInMap",
    "ImportValue",
    "Base64",
    "Cidr",
    "GetAZs",
    "Transform",
    "ToJsonString",
    "Length",
    "GetStackOutput",
    "Contains",
    "EachMemberIn",
    "EachMemberEquals",
    "RefAll",
    "ValueOf",
    "ValueOfAll",
];
/// Aliases repeat parts of a file; the result must not explode.
const MAX_NODES: usize = 1_000_000;

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|(known, _)| known == key).map(|(_, node)| node)
    }

    pub(super) fn entries(&self) -> &[(String, Self)] {
        match &self.yaml {
            Yaml::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match &self.yaml {
            Yaml::List(items) => items,
            _ => &[],
        }
    }

    /// Its elements, or itself.
    pub(super) fn one_or_more(&self) -> &[Self] {
        match &self.yaml {
            Yaml::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.yaml {
            Yaml::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    pub(super) fn of(at: At, text: &str) -> Self {
        Self { at, yaml: Yaml::Scalar(text.to_owned(), false) }
    }
}

/// The tree of YAML or JSON; otherwise what is wrong and where.
pub(super) fn parse(text: &str) -> Result<Node, (String, At)> {
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut builder = Builder { text, lines, parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0 };
    loop {
        match builder.next()? {
            (Event::DocumentStart(..), _) => break,
            (Event::StreamEnd, at) => return Err(("it is empty".to_owned(), at)),
            _ => {}
        }
    }
    let (event, at) = builder.next()?;
    builder.node(event, at)
}

struct Builder<'t> {
    text: &'t str,
    lines: Vec<usize>,
    parser: Parser<'t, StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
}

impl<'t> Builder<'t> {
    fn at(&self, byte: usize) -> At {
        let line = self.lines.partition_point(|start| *start <= byte);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        (line, self.text.get(start..byte).map_or(1, |before| before.chars().count() + 1))
    }

    fn next(&mut self) -> Result<(Event<'t>, At), (String, At)> {
        loop {
            match self.parser.next_event() {
                None => return Ok((Event::StreamEnd, (1, 1))),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    let at = self.at(span.byte_range().map_or(0, |range| range.start));
                    return Ok((event, at));
                }
                Some(Err(error)) => {
                    let at = self.at(error.marker().byte_offset().unwrap_or_default());
                    let json = self.text.trim_start().starts_with('{');
                    return Err((format!("not valid {}: {}", if json { "JSON" } else { "YAML" }, error.info()), at));
                }
            }
        }
    }

    fn node(&mut self, event: Event<'t>, at: At) -> Result<Node, (String, At)> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(("the file is too large".to_owned(), at));
        }
        let tag = match &event {
            Event::Scalar(_, _, _, tag) | Event::SequenceStart(_, _, tag) | Event::MappingStart(_, _, tag) => {
                tag.as_ref().map(|tag| tag.suffix().to_owned())
            }
            _ => None,
        };
        let (anchor, yaml) = match event {
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain && tag.as_deref() != Some("str");
                (anchor, Yaml::Scalar(text.into_owned(), plain))
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list()?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map()?),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err(("an alias inside its own anchor".to_owned(), at));
                };
                let node = node.clone();
                self.nodes += size(&node);
                (0, node.yaml)
            }
            _ => (0, Yaml::Scalar(String::new(), true)),
        };
        let node = tagged(tag.as_deref(), Node { at, yaml });
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self) -> Result<Yaml, (String, At)> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Yaml::List(items)),
                (event, at) => items.push(self.node(event, at)?),
            }
        }
    }

    fn map(&mut self) -> Result<Yaml, (String, At)> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                merged.retain(|(key, _)| !entries.iter().any(|(known, _)| known == key));
                entries.extend(merged);
                return Ok(Yaml::Map(entries));
            }
            let key = self.node(event, at)?;
            let (event, at) = self.next()?;
            let value = self.node(event, at)?;
            let Yaml::Scalar(key, _) = key.yaml else { return Err(("a key that is not text".to_owned(), key.at)) };
            if key == "<<" {
                value.one_or_more().iter().for_each(|map| merged.extend(map.entries().iter().cloned()));
                continue;
            }
            // CloudFormation takes the last of equal keys.
            entries.retain(|(known, _)| *known != key);
            entries.push((key, value));
        }
    }
}

fn size(node: &Node) -> usize {
    1 + node.list().iter().map(size).sum::<usize>() + node.entries().iter().map(|(_, node)| size(node)).sum::<usize>()
}

/// `!Sub x` is `{"Fn::Sub": x}`.
fn tagged(tag: Option<&str>, node: Node) -> Node {
    let Some(tag) = tag else { return node };
    let at = node.at;
    let function = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        tag if TAGS.contains(&tag) => format!("Fn::{tag}"),
        _ => return node,
    };
    let split = node.text().filter(|_| tag == "GetAtt").and_then(|text| text.split_once('.'));
    let argument = match split {
        Some((id, attribute)) => Node { at, yaml: Yaml::List(vec![Node::of(at, id), Node::of(at, attribute)]) },
        None => node,
    };
    Node { at, yaml: Yaml::Map(vec![(function, argument)]) }
}
