//! `.env` beside the file, as Compose reads it (Compose documentation, "Set, use and manage variables in a Compose
//! file with interpolation"): `KEY=value`, quotes, comments, `export`. The process's environment wins over it.

use std::collections::BTreeMap;

use super::interpolate::expand;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::{FileId, Sources, Span};

/// The variables of the file and of the files before it, which it may use and override. Values never appear in
/// messages, because `.env` is where secrets are kept.
pub(crate) fn parse(
    sources: &mut Sources,
    file: FileId,
    env: &dyn Fn(&str) -> Option<String>,
    earlier: BTreeMap<String, String>,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<String, String> {
    let text = sources.text(file).to_owned();
    let mut variables = earlier;
    let mut at = 0;
    while at < text.len() {
        let line = text[at..].split('\n').next().unwrap_or_default();
        let start = at;
        at += line.len() + 1;
        let content = line.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let content = content.strip_prefix("export ").map_or(content, str::trim_start);
        let Some((key, value)) = content.split_once('=') else {
            sources.hide(Span::new(file, start..start + line.len()));
            let span = Span::new(file, start..start + line.len());
            diagnostics.push(
                Diagnostic::error("a line that is neither `KEY=value` nor a comment", span, "the text is not shown")
                    .help("write KEY=value, or begin the line with `#`"),
            );
            continue;
        };
        let key = key.trim_end();
        let value_start = start + line.len() - line.trim_start().len() + content.find('=').unwrap_or(0) + 1;
        let value_at = text.len().min(value_start.max(start));
        sources.hide(Span::new(file, value_at.min(start + line.len())..start + line.len()));
        if key.is_empty() || key.contains(char::is_whitespace) {
            let span = Span::new(file, start..start + line.find('=').unwrap_or(0));
            diagnostics.push(Diagnostic::error("not the name of a variable", span, ""));
            continue;
        }
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let read = match quote {
            None => unquoted(value),
            Some(quote) => {
                // A quoted value may run over several lines.
                let opening = start + line.len() - value.len() - trailing(line);
                let body = &text[opening.min(text.len()) + 1..];
                let Some(end) = closing(body, quote) else {
                    let span = Span::new(file, start..start + line.find('=').unwrap_or(0));
                    diagnostics.push(Diagnostic::error(
                        format!("the quote of `{key}` is not closed"),
                        span,
                        "the value is not shown",
                    ));
                    continue;
                };
                at = at.max(match text[opening + 1 + end..].find('\n') {
                    Some(newline) => opening + 1 + end + newline + 1,
                    None => text.len(),
                });
                if quote == '"' { unescape(&body[..end]) } else { body[..end].to_owned() }
            }
        };
        let value = if quote == Some('\'') {
            read
        } else {
            // Earlier lines may be used in later ones; unknown ones are empty, as in Compose.
            let known = |name: &str| Some(env(name).or_else(|| variables.get(name).cloned()).unwrap_or_default());
            expand(&read, &known).0
        };
        variables.insert(key.to_owned(), value);
    }
    variables
}

/// The text before ` #`, without surrounding white space.
fn unquoted(value: &str) -> String {
    let end = value
        .char_indices()
        .find(|(at, c)| *c == '#' && (*at == 0 || value[..*at].ends_with([' ', '\t'])))
        .map_or(value.len(), |(at, _)| at);
    value[..end].trim_end().to_owned()
}

fn trailing(line: &str) -> usize {
    line.len() - line.trim_end().len()
}

fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    body.char_indices().find_map(|(at, c)| {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            return Some(at);
        }
        None
    })
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('r')) => out.push('\r'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('$')) => out.push_str("$$"),
            ('\\', Some(other @ ('"' | '\\'))) => out.push(other),
            ('\\', Some(other)) => {
                out.push('\\');
                out.push(other);
            }
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn read(text: &str) -> (BTreeMap<String, String>, usize) {
        let mut sources = Sources::default();
        let file = sources.add(Path::new(".env"), text);
        let mut diagnostics = Vec::new();
        let variables = parse(&mut sources, file, &|_| None, BTreeMap::new(), &mut diagnostics);
        (variables, diagnostics.len())
    }

    #[test]
    fn the_forms_compose_knows() {
        let text = "# comment\nA=1\nexport B = two words # note\nC=\"x\\ny $A\" # note\nD='$A #'\nE=\nF=a#b\nG=\"1\n2\"\r\nH=${A}0\n";
        let (variables, mistakes) = read(text);
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "x\ny 1"),
            ("D", "$A #"),
            ("E", ""),
            ("F", "a#b"),
            ("G", "1\n2"),
            ("H", "10"),
        ];
        assert_eq!(mistakes, 0);
        assert_eq!(variables, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_broken_line_does_not_hide_the_others() {
        let (variables, mistakes) = read("what is this\nA=1\nB=\"open\n");
        assert_eq!((variables.len(), mistakes), (1, 2));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[A-C= \"'\\\\#$\n\r\té]{0,40}") {
            let _ = read(&text);
        }
    }
}
