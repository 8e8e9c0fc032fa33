//! Parses YAML into a tree. The same parser reads JSON: it is YAML, and the GitHub action that deploys task definitions
//! also parses them as YAML.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle};

use super::diagnostics::Diagnostic;
use super::source::{FileId, Sources, Span};
use super::tree::{Entry, Mark, Node, Scalar, Value};
use super::unreadable;

/// The maximum size of a file, roughly three hundred thousand lines.
const MAX_NODES: usize = 1_000_000;
/// Aliases may repeat parts of a file, but the result must not explode.
const MAX_REPEATED: usize = 200_000;

/// Parses a file with one document. An empty file is a null node.
pub(crate) fn parse(sources: &Sources, file: FileId) -> Result<Node, Box<Diagnostic>> {
    parse_text(sources, file, sources.text(file))
}

/// Parses a variant of the file's text with the same length: with parts of it blanked out.
pub(crate) fn parse_text(sources: &Sources, file: FileId, text: &str) -> Result<Node, Box<Diagnostic>> {
    debug_assert_eq!(text.len(), sources.text(file).len(), "places would be wrong");
    if let Some(conflict) = unreadable::conflict(text, file) {
        return Err(Box::new(conflict));
    }
    let mut builder =
        Builder { file, text, parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0, repeated: 0 };
    loop {
        match builder.next()? {
            (Event::DocumentStart(..), _) => break,
            (Event::StreamEnd, span) => return Ok(builder.scalar(span, "", true)),
            _ => {}
        }
    }
    let (event, span) = builder.next()?;
    let root = builder.node(event, span)?;
    loop {
        match builder.next()? {
            (Event::DocumentStart(..), span) => {
                return Err(Box::new(
                    Diagnostic::error("a second document in the file", span, "it starts here")
                        .help("one file describes one load balancer: put the other one in its own folder"),
                ));
            }
            (Event::StreamEnd, _) => return Ok(root),
            _ => {}
        }
    }
}

type Parsed<T> = Result<T, Box<Diagnostic>>;

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    /// The nodes that aliases repeat.
    repeated: usize,
}

impl<'t> Builder<'t> {
    /// The next event that is not a comment.
    fn next(&mut self) -> Parsed<(Event<'t>, Span)> {
        loop {
            match self.parser.next_event() {
                None => return Ok((Event::StreamEnd, self.at(self.text.len()..self.text.len()))),
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => {
                    let range = span.byte_range().unwrap_or(0..0);
                    return Ok((event, self.at(range)));
                }
                Some(Err(error)) => return Err(Box::new(self.syntax_error(&error))),
            }
        }
    }

    fn at(&self, range: std::ops::Range<usize>) -> Span {
        let covered = self.text.get(range.clone()).unwrap_or_default();
        Span::new(self.file, range.start..range.start + covered.trim_end().len())
    }

    fn scalar(&self, span: Span, text: &str, plain: bool) -> Node {
        let value = Value::Scalar(Scalar { text: text.to_owned(), plain, placeholder: false });
        Node { span, head: span, value, mark: None }
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Parsed<Node> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || self.repeated > MAX_REPEATED {
            return Err(Box::new(Diagnostic::error("the file is too large", span, "reading stopped here")));
        }
        let mark = match &event {
            Event::Scalar(_, _, _, tag) | Event::SequenceStart(_, _, tag) | Event::MappingStart(_, _, tag) => {
                tag.as_ref().and_then(|tag| match tag.suffix() {
                    "reset" => Some(Mark::Reset),
                    "override" => Some(Mark::Override),
                    _ => None,
                })
            }
            _ => None,
        };
        let (anchor, mut node) = match event {
            Event::Scalar(text, style, anchor, _) => (anchor, self.scalar(span, &text, style == ScalarStyle::Plain)),
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(span)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(span)?),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id) else {
                    return Err(Box::new(Diagnostic::error("an alias inside its own anchor", span, "")));
                };
                let node = node.clone();
                self.repeated += size(&node);
                (0, node)
            }
            _ => (0, self.scalar(span, "", true)),
        };
        node.mark = mark;
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: Span) -> Parsed<Node> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, end) => {
                    return Ok(Node {
                        span: self.join(start, end),
                        head: start,
                        value: Value::List(items),
                        mark: None,
                    });
                }
                (event, span) => items.push(self.node(event, span)?),
            }
        }
    }

    fn map(&mut self, start: Span) -> Parsed<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                // Last, because a key of the mapping's own wins wherever it stands.
                merged.into_iter().for_each(|from| merge(&mut entries, from));
                let whole = self.join(start, span);
                let block = self.text.as_bytes().get(start.range().start) != Some(&b'{');
                let head = entries.first().filter(|_| block).map_or(whole, |entry| entry.key_span);
                return Ok(Node { span: whole, head, value: Value::Map(entries), mark: None });
            }
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span)?;
            let Value::Scalar(Scalar { text, .. }) = key.value else {
                return Err(Box::new(Diagnostic::error("a key that is not text", key.span, "")));
            };
            if text == "<<" {
                merged.push(value);
                continue;
            }
            value.head = key.span;
            // A key without a value stands nowhere: point at the key.
            if value.span.range().is_empty() {
                value.span = key.span;
            }
            entries.push(Entry { key: text, key_span: key.span, value });
        }
    }

    fn join(&self, start: Span, end: Span) -> Span {
        self.at(start.range().start..end.range().end.max(start.range().end))
    }

    fn syntax_error(&self, error: &granit_parser::ScanError) -> Diagnostic {
        use granit_parser::ErrorKind;
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let width = self.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let span = Span::new(self.file, at..at + width);
        let json = self.text.trim_start().starts_with('{');
        if error.info().contains("recursion") {
            return unreadable::too_deep(span);
        }
        let what = if json { "not valid JSON" } else { "not valid YAML" };
        let diagnostic = Diagnostic::error(format!("{what}: {}", error.info()), span, "reading stopped here");
        match error.kind() {
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar => diagnostic.help("indent with spaces: YAML does not take tabs there"),
            ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator
                if self.text[self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)..]
                    .lines()
                    .next()
                    .is_some_and(|line| line.contains("${")) =>
            {
                diagnostic.help("inside braces and brackets, quote what contains `${…}`: \"${VARIABLE}\"")
            }
            ErrorKind::UnknownAnchor | ErrorKind::MissingAnchorOrAliasName => diagnostic
                .help("`*` starts an alias in YAML: quote a value that begins with it, as in \"*.example.com\""),
            ErrorKind::UnexpectedCharacter { .. } => {
                diagnostic.help("quote the value: this character has a special meaning in YAML")
            }
            ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidMappingValueWhitespace => diagnostic
                .help("quote a value that contains `: `, or check the indentation of this line and the one before"),
            _ if json => diagnostic.help("a comma or a bracket is missing, or one too many, here or just before"),
            _ => diagnostic,
        }
    }
}

/// `<<: *defaults`: existing keys win.
fn merge(entries: &mut Vec<Entry>, from: Node) {
    match from.value {
        Value::Map(more) => {
            for entry in more {
                if !entries.iter().any(|known| known.key == entry.key) {
                    entries.push(entry);
                }
            }
        }
        Value::List(maps) => maps.into_iter().for_each(|map| merge(entries, map)),
        Value::Scalar(_) => {}
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parsed(text: &str) -> Node {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("f"), text);
        parse(&sources, file).unwrap()
    }

    #[test]
    fn json_with_tabs_and_surrogates_is_yaml() {
        let node = parsed("{\n\t\"a\": \"\\ud83d\\ude00\\/\",\n\t\"b\": [1, true, null]\n}\n");
        assert_eq!(node.get("a").unwrap().text(), Some("😀/"));
        assert!(matches!(&node.get("b").unwrap().value, Value::List(items) if items[2].is_null()));
    }

    #[test]
    fn spans_are_the_text_itself() {
        let text = "a: b # c\nlist:\n  - {x: 'y z'}\n";
        let node = parsed(text);
        assert_eq!(&text[node.get("a").unwrap().span.range()], "b");
        let Value::List(items) = &node.get("list").unwrap().value else { panic!("a list") };
        assert_eq!(&text[items[0].span.range()], "{x: 'y z'}");
        assert_eq!(&text[items[0].get("x").unwrap().span.range()], "'y z'");
    }

    #[test]
    fn aliases_and_merges_are_followed_and_bounded() {
        let node = parsed("x-d: &d {a: 1, b: 2}\ny: {<<: *d, a: 3}\n");
        let y = node.get("y").unwrap();
        assert_eq!((y.get("a").unwrap().text(), y.get("b").unwrap().text()), (Some("3"), Some("2")));

        let mut bomb = "a0: &a0 [x, x]\n".to_owned();
        for level in 1..40 {
            bomb.push_str(&format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1));
        }
        let mut sources = Sources::default();
        let file = sources.add(Path::new("bomb"), &bomb);
        assert!(parse(&sources, file).is_err());
    }
}
