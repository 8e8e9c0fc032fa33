//! Explains files that cannot be parsed: unresolved conflicts, comments in JSON, truncated files. Task definitions are JSON
//! for most tools and YAML for one, so this module tries both parsers.

use std::borrow::Cow;
use std::ops::Range;

use super::diagnostics::Diagnostic;
use super::parse;
use super::source::{FileId, Sources, Span};
use super::tree::Node;
use crate::read::reader::Reader;
use crate::text::unreadable::{conflict, too_deep};
use crate::variables::template;

/// Parses a task definition. `None` after reporting.
pub(crate) fn parse_definition(sources: &Sources, file: FileId, reader: &mut Reader) -> Option<Node> {
    let text = sources.text(file);
    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
        || sources.path(file).extension().is_some_and(|extension| extension == "json");
    if !is_json || conflict(text, file).is_some() {
        return parse::parse(sources, file).map_err(|diagnostic| reader.report(*diagnostic)).ok();
    }
    if text.trim().is_empty() {
        return parse::parse(sources, file).ok();
    }
    let scan = Scan::new(text);
    let text = scan.without_comments(text);
    if let [first, more @ ..] = scan.comments.as_slice() {
        reader.report(comment(Span::new(file, first.clone()), more.len()));
    }
    let json = serde_json::from_str::<serde::de::IgnoredAny>(text.trim_start_matches('\u{feff}'));
    match (parse::parse_text(sources, file, &text), json) {
        (Ok(node), Ok(_)) => Some(node),
        (Ok(node), Err(error)) => {
            let diagnostic = only_yaml(&text, file, &error);
            reader.report(diagnostic);
            Some(node)
        }
        (Err(_), Err(error)) => {
            reader.report(neither(&text, file, &error, &scan));
            None
        }
        (Err(diagnostic), Ok(_)) => {
            reader.report(*diagnostic);
            None
        }
    }
}

fn comment(at: Span, more: usize) -> Diagnostic {
    let diagnostic = Diagnostic::error("a comment: JSON has none", at, "");
    let diagnostic = if more > 0 { diagnostic.note(format!("and {more} more like it")) } else { diagnostic };
    diagnostic
        .note("no AWS tool reads it: text after a value would become part of the next key")
        .help("remove the comments, or move them to the commit message")
}

/// Reports a file that is YAML, or nearly JSON: only the deploy action can register it.
fn only_yaml(text: &str, file: FileId, error: &serde_json::Error) -> Diagnostic {
    let at = offset(text, error);
    let rest = text.get(at..).unwrap_or_default();
    let span = Span::new(file, at..at + rest.chars().next().map_or(0, char::len_utf8));
    let before = text.get(..at).unwrap_or_default().trim_end();
    if is_too_deep(error) {
        return too_deep(span);
    }
    let note = "the deploy action reads YAML; the AWS CLI and the render action want JSON, and fail here";
    let start = text.len() - text.trim_start().len();
    if !text[start..].starts_with(['{', '[', '\u{feff}']) {
        let line = text[start..].lines().next().unwrap_or_default();
        let span = Span::new(file, start..start + line.trim_end().len());
        return Diagnostic::warning("this is YAML, not JSON", span, "")
            .note(note)
            .help("name the file .yaml, or write JSON");
    }
    let (what, span, help) = match rest.chars().next() {
        Some('}' | ']') if before.ends_with(',') => {
            ("a comma after the last element", Span::new(file, before.len() - 1..before.len()), "remove the comma")
        }
        Some('#') => ("a comment", span, "remove it"),
        Some('\'') => ("single quotes", span, "use double quotes"),
        Some(c) if c.is_alphanumeric() => ("text without quotes", span, "put it in double quotes"),
        _ => ("invalid JSON", span, "write JSON"),
    };
    Diagnostic::warning(format!("{what}: this is YAML, not JSON"), span, "").note(note).help(help)
}

/// Why it is not valid JSON.
fn neither(text: &str, file: FileId, error: &serde_json::Error, scan: &Scan) -> Diagnostic {
    let at = offset(text, error);
    let rest = text.get(at..).unwrap_or_default();
    let span = Span::new(file, at..at + rest.chars().next().map_or(0, char::len_utf8));
    let line = rest.lines().next().unwrap_or_default();
    if is_too_deep(error) {
        return too_deep(span);
    }
    if line.starts_with(['$', '{', '<', '%', '@', '_', '#']) && template::is_one(Some(line)) {
        let length = line.find([',', '"', ' ', '\t']).unwrap_or(line.len());
        return Diagnostic::error("a template that has not been rendered", Span::new(file, at..at + length), "").help(
            "render it first, as your pipeline does (envsubst, sed, a template engine), and give the path of the result",
        );
    }
    let quote = scan.broken_quote.filter(|quote| *quote <= at).map(|quote| Span::new(file, quote..quote + 1));
    if let Some(quote) = quote {
        return Diagnostic::error("a quote that is not closed on its line", quote, "it opens here")
            .help("close it, and write a line break inside a text as \\n");
    }
    if error.is_eof() {
        let end = text.trim_end().len();
        let last = Span::new(file, end.saturating_sub(1)..end);
        let diagnostic = Diagnostic::error("the file ends too early", last, "it ends here");
        let diagnostic = match scan.open.last() {
            Some(open) => diagnostic.also(Span::new(file, *open..open + 1), "this is never closed"),
            None => diagnostic,
        };
        return diagnostic.help("a closing bracket is missing, or the file was cut off");
    }
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Diagnostic::error(format!("not valid JSON: {message}"), span, "reading stopped here")
        .help("a comma or a bracket is missing, or one too many, here or just before")
}

fn is_too_deep(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("recursion limit exceeded")
}

/// Where serde_json stopped, in bytes.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let mark = text.len() - text.trim_start_matches('\u{feff}').len();
    let text = &text[mark..];
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (line + error.column().saturating_sub(1)).min(text.len());
    mark + super::source::floor_char_boundary(text, at)
}

/// The result of scanning the brackets and quotes of a JSON text.
#[derive(Debug, Default)]
struct Scan {
    /// `// …` and `/* … */` outside strings.
    comments: Vec<Range<usize>>,
    /// Brackets that are not closed.
    open: Vec<usize>,
    /// The first quote that is not closed on its line.
    broken_quote: Option<usize>,
}

impl Scan {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut scan = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            match (bytes[at], bytes.get(at + 1)) {
                (b'"', _) => {
                    let (end, closed) = end_of_text(bytes, at + 1);
                    if !closed && scan.broken_quote.is_none() {
                        scan.broken_quote = Some(at);
                    }
                    at = end;
                    continue;
                }
                (b'/', Some(b'/')) if starts_a_comment(bytes, at) => {
                    let end = at + text[at..].find('\n').unwrap_or(text.len() - at);
                    scan.comments.push(at..end);
                    at = end;
                    continue;
                }
                (b'/', Some(b'*')) if starts_a_comment(bytes, at) => {
                    let end = text[at + 2..].find("*/").map_or(text.len(), |length| at + 2 + length + 2);
                    scan.comments.push(at..end);
                    at = end;
                    continue;
                }
                (b'{' | b'[', _) => scan.open.push(at),
                (b'}' | b']', _) => {
                    scan.open.pop();
                }
                _ => {}
            }
            at += 1;
        }
        scan
    }

    /// The text with the comments replaced by blanks, so that all positions stay the same.
    fn without_comments<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.comments.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut done = 0;
        for comment in &self.comments {
            clean.push_str(&text[done..comment.start]);
            clean.extend(text[comment.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            done = comment.end;
        }
        clean.push_str(&text[done..]);
        Cow::Owned(clean)
    }
}

/// Tells a comment from an unquoted `http://`, which is text in YAML.
fn starts_a_comment(bytes: &[u8], at: usize) -> bool {
    at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'\r' | b',' | b'{' | b'}' | b'[' | b']' | b'"' | b'/')
}

/// The end of a string, and whether it ends with a quote rather than with the line.
fn end_of_text(bytes: &[u8], mut at: usize) -> (usize, bool) {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'"' => return (at + 1, true),
            b'\n' => return (at, false),
            _ => {}
        }
        at += 1;
    }
    (bytes.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn said(text: &str) -> (bool, Vec<String>) {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("td.json"), text);
        let mut reader = Reader::default();
        let node = parse_definition(&sources, file, &mut reader);
        (node.is_some(), reader.diagnostics.iter().map(|diagnostic| diagnostic.message().to_owned()).collect())
    }

    #[test]
    fn a_comment_is_said_once_and_the_rest_is_read() {
        let (read, said) = said("{\n  \"a\": 1, // one\n  /* two\n lines */ \"b\": \"http://x\"\n}\n");
        assert!(read);
        assert_eq!(said, ["a comment: JSON has none"]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[a-z{}\\[\\]\n\"'\\\\/*,:#$ é<>=]{0,60}") {
            let _ = said(&text);
        }
    }
}
