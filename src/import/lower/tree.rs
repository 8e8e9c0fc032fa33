//! The file that is being made, as a tree whose parts know their places in the source.

use crate::objects::Place;
use crate::yaml;

/// A value of the file.
#[derive(Clone, Debug)]
pub(super) enum Out {
    /// A scalar as YAML writes it.
    Scalar(String),
    /// A list.
    List(Vec<Part>),
    /// A mapping.
    Map(Vec<(String, Part)>),
}

/// A value with its place and a comment.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) value: Out,
    pub(super) place: Option<Place>,
    pub(super) comment: Option<String>,
}

impl From<Out> for Part {
    fn from(value: Out) -> Self {
        Self { value, place: None, comment: None }
    }
}

impl Part {
    pub(super) fn at(value: Out, place: &Place) -> Self {
        Self { value, place: Some(place.clone()), comment: None }
    }

    pub(super) fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }
}

/// Text as a scalar.
pub(super) fn text(text: &str) -> Out {
    Out::Scalar(yaml::text(text))
}

/// A number, `true` or `false`.
pub(super) fn raw(value: impl ToString) -> Out {
    Out::Scalar(value.to_string())
}

/// A mapping that is being made.
#[derive(Clone, Debug, Default)]
pub(super) struct Map(pub(super) Vec<(String, Part)>);

impl Map {
    pub(super) fn put(&mut self, key: &str, part: impl Into<Part>) {
        self.0.push((key.to_owned(), part.into()));
    }

    pub(super) fn out(self) -> Out {
        Out::Map(self.0)
    }
}

/// The text, and the place behind each of its lines that has one, by number from 1.
pub(super) fn write(root: &Map, head: &str) -> (String, Vec<(usize, Place)>) {
    let mut writer = Writer { text: head.to_owned(), places: Vec::new() };
    writer.map(&root.0, 0, false);
    (writer.text, writer.places)
}

struct Writer {
    text: String,
    places: Vec<(usize, Place)>,
}

impl Writer {
    fn line(&mut self, indent: usize, line: &str) {
        self.text.push_str(&" ".repeat(indent));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn note(&mut self, part: &Part) {
        if let Some(place) = &part.place {
            let line = self.text.matches('\n').count() + 1;
            self.places.push((line, place.clone()));
        }
    }

    fn comment(&mut self, part: &Part, indent: usize) {
        for line in part.comment.iter().flat_map(|comment| comment.lines()) {
            self.line(indent, &yaml::comment(line));
        }
    }

    /// `first` continues a line that has a dash already.
    fn map(&mut self, entries: &[(String, Part)], indent: usize, mut first: bool) {
        for (key, part) in entries {
            if !first {
                if indent == 0 && !self.text.is_empty() && !matches!(part.value, Out::Scalar(_)) {
                    self.text.push('\n');
                }
                self.comment(part, indent);
            }
            self.note(part);
            let key = yaml::key(key);
            let at = if first { 0 } else { indent };
            first = false;
            match self.flow(&part.value) {
                Some(value) => self.line(at, &format!("{key}: {value}")),
                None => {
                    self.line(at, &format!("{key}:"));
                    self.block(&part.value, indent + 2);
                }
            }
        }
    }

    fn block(&mut self, value: &Out, indent: usize) {
        match value {
            Out::Map(entries) => self.map(entries, indent, false),
            Out::List(items) => {
                for item in items {
                    self.comment(item, indent);
                    self.note(item);
                    match (&item.value, self.flow(&item.value)) {
                        (Out::Map(entries), None) => {
                            self.text.push_str(&" ".repeat(indent));
                            self.text.push_str("- ");
                            self.map(entries, indent + 2, true);
                        }
                        (_, Some(flow)) => self.line(indent, &format!("- {flow}")),
                        (_, None) => {}
                    }
                }
            }
            Out::Scalar(scalar) => self.line(indent, scalar),
        }
    }

    /// On one line, if it is short and has no comments inside.
    fn flow(&self, value: &Out) -> Option<String> {
        const WIDTH: usize = 100;
        let flow = match value {
            Out::Scalar(scalar) => return Some(scalar.clone()),
            Out::List(items) => {
                let items: Option<Vec<String>> = items
                    .iter()
                    .map(|item| if item.comment.is_some() { None } else { self.flow(&item.value) })
                    .collect();
                format!("[{}]", items?.join(", "))
            }
            Out::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Out::Map(entries) => {
                let entries: Option<Vec<String>> = entries
                    .iter()
                    .map(|(key, part)| {
                        let value = if part.comment.is_some() { None } else { self.flow(&part.value) };
                        Some(format!("{}: {}", yaml::key(key), value?))
                    })
                    .collect();
                format!("{{ {} }}", entries?.join(", "))
            }
        };
        let many = matches!(value, Out::Map(entries) if entries.len() > 5);
        (flow.len() <= WIDTH && !many).then_some(flow)
    }
}
