//! `${VAR}` in values, as Compose has it (Compose specification, "Interpolation").
//!
//! | written | meaning |
//! |---|---|
//! | `$VAR`, `${VAR}` | the value; a mistake if it is not set (Compose warns and inserts nothing) |
//! | `${VAR:-text}` | `text` when not set or empty |
//! | `${VAR-text}` | `text` when not set |
//! | `${VAR:?message}`, `${VAR?message}` | a mistake with that message when not set (or, with `:`, empty) |
//! | `${VAR:+text}`, `${VAR+text}` | `text` when set (and, with `:`, not empty), else nothing |
//! | `$$` | `$` |
//!
//! `text` may contain variables itself. A `$` before anything else is literal, so that regular expressions in conditions
//! need no doubling: `^/v[0-9]+$`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::input::Tasks;
use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::{Sources, Span};
use crate::text::suggest::all_of;
use crate::text::tree::{Entry, Node, Scalar, Value};

/// A mistake in one value; `at` is in bytes of the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    at: Range<usize>,
    kind: ProblemKind,
}

#[derive(Debug, PartialEq, Eq)]
enum ProblemKind {
    /// Not set, and without a default.
    Missing { name: String },
    /// `:?`
    Demanded { name: String, message: String },
    /// `${` without `}`, or unexpected characters between them.
    Malformed { why: &'static str },
}

/// Replaces every reference in every value of the file. Keys are left alone, as in Compose.
pub(crate) fn interpolate(
    root: &mut Node,
    sources: &Sources,
    env: &dyn Fn(&str) -> Option<String>,
    tasks: Tasks,
    reader: &mut Reader,
) {
    let lint = tasks == Tasks::Lint;
    let mut walk = Walk { sources, env, reader, unset_is_fine: false, lint, unset: Vec::new() };
    match &mut root.value {
        Value::Map(entries) if tasks == Tasks::DoNotRun => {
            for entry in entries {
                walk.unset_is_fine = matches!(entry.key.as_str(), "services" | "secrets");
                walk.entry(entry);
            }
        }
        _ => walk.node(root),
    }
    let unset = walk.unset;
    if let Some(warning) = without_values(&unset) {
        reader.diagnostics.push(warning);
    }
}

/// One warning for all variables that were replaced by placeholders.
fn without_values(unset: &[(String, Span)]) -> Option<Diagnostic> {
    let (_, first) = unset.first()?;
    let names: BTreeSet<&str> = unset.iter().map(|(name, _)| name.as_str()).collect();
    let noun = if names.len() == 1 { "a variable" } else { "variables" };
    Some(
        Diagnostic::warning(format!("{noun} without a value: {}", all_of(names)), *first, "")
            .note("placeholders are used instead, and anything that depends on their values is not checked"),
    )
}

struct Walk<'w> {
    sources: &'w Sources,
    env: &'w dyn Fn(&str) -> Option<String>,
    reader: &'w mut Reader,
    unset_is_fine: bool,
    /// Unset variables become placeholders.
    lint: bool,
    /// Variables that are not set, in lint.
    unset: Vec<(String, Span)>,
}

impl Walk<'_> {
    fn node(&mut self, node: &mut Node) {
        match &mut node.value {
            Value::Scalar(scalar) => self.scalar(node.span, scalar),
            Value::List(items) => items.iter_mut().for_each(|item| self.node(item)),
            Value::Map(entries) => entries.iter_mut().for_each(|entry| self.entry(entry)),
        }
    }

    fn entry(&mut self, entry: &mut Entry) {
        // Extensions are for other tools and for anchors: an anchor's value was copied to where it is used.
        if !entry.key.starts_with("x-") {
            self.node(&mut entry.value);
        }
    }

    fn scalar(&mut self, span: Span, scalar: &mut Scalar) {
        if !scalar.text.contains('$') {
            return;
        }
        let (text, problems) = expand_with(&scalar.text, self.env, self.lint);
        if !problems.is_empty() {
            // Not null, whatever is left: it was given. Reporting its other mistakes would not help.
            scalar.plain = false;
            self.reader.silence(span);
        }
        for problem in problems {
            if self.unset_is_fine && !matches!(problem.kind, ProblemKind::Malformed { .. }) {
                continue;
            }
            let place = place(self.sources, span, &scalar.text, problem.at.clone());
            if self.lint
                && let ProblemKind::Missing { name } | ProblemKind::Demanded { name, .. } = problem.kind
            {
                scalar.placeholder = true;
                self.unset.push((name, place));
                continue;
            }
            self.reader.diagnostics.push(problem.diagnostic(place));
        }
        scalar.text = text;
    }
}

/// The position of the part of the value in the file: exact if the value is written without escapes.
fn place(sources: &Sources, span: Span, value: &str, part: Range<usize>) -> Span {
    let written = sources.text(span.file()).get(span.range()).unwrap_or_default();
    match written.find(value) {
        Some(offset) => span.slice(part.start + offset..part.end + offset),
        None => span,
    }
}

/// The value with its references replaced, and the mistakes in it.
pub(crate) fn expand(value: &str, env: &dyn Fn(&str) -> Option<String>) -> (String, Vec<Problem>) {
    expand_with(value, env, false)
}

/// The same, with a replacement for unset variables.
fn expand_with(value: &str, env: &dyn Fn(&str) -> Option<String>, placeholders: bool) -> (String, Vec<Problem>) {
    let mut expander = Expander { env, placeholders, problems: Vec::new() };
    let text = expander.text(value, 0);
    (text, expander.problems)
}

struct Expander<'e> {
    env: &'e dyn Fn(&str) -> Option<String>,
    placeholders: bool,
    problems: Vec<Problem>,
}

impl Expander<'_> {
    /// `offset` is the position of `value` in the whole value.
    fn text(&mut self, value: &str, offset: usize) -> String {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            let at = offset + value.len() - rest.len() + dollar;
            let after = &rest[dollar + 1..];
            let taken = if after.starts_with('$') {
                out.push('$');
                1
            } else if let Some(inside) = after.strip_prefix('{') {
                match closing_brace(inside) {
                    Some(end) => {
                        out.push_str(&self.reference(&inside[..end], at..at + end + 3));
                        end + 2
                    }
                    None => {
                        self.malformed(at..at + 2, "`${` is not closed with `}`");
                        out.push('$');
                        0
                    }
                }
            } else {
                let name = name_length(after);
                if name == 0 {
                    out.push('$');
                } else {
                    out.push_str(&self.plain(&after[..name], at..at + name + 1));
                }
                name
            };
            rest = &after[taken..];
        }
        out.push_str(rest);
        out
    }

    /// The text between `${` and `}`.
    fn reference(&mut self, inside: &str, at: Range<usize>) -> String {
        let (name, rest) = inside.split_at(name_length(inside));
        if name.is_empty() {
            self.malformed(at, "a name begins with a letter or `_`");
            return String::new();
        }
        if rest.is_empty() {
            return self.plain(name, at);
        }
        let value = (self.env)(name);
        let (value, operator) = match rest.strip_prefix(':') {
            Some(operator) => (value.filter(|value| !value.is_empty()), operator),
            None => (value, rest),
        };
        // `${` and the name, the colon if there is one, and the operator come before the text.
        let Some(text) = operator.get(1..) else {
            self.malformed(at, "`:` is followed by `-`, `?` or `+`");
            return String::new();
        };
        let offset = at.start + 2 + inside.len() - text.len();
        match (operator.as_bytes()[0], value) {
            (b'-', Some(value)) => value,
            (b'-', None) => self.text(text, offset),
            (b'?', Some(value)) => value,
            (b'?', None) => {
                let message = self.text(text, offset);
                self.problems.push(Problem { at, kind: ProblemKind::Demanded { name: name.to_owned(), message } });
                self.placeholder(name)
            }
            (b'+', Some(_)) => self.text(text, offset),
            (b'+', None) => String::new(),
            _ => {
                self.malformed(at, "a name is followed by `}`, `:-`, `-`, `:?`, `?`, `:+` or `+`");
                String::new()
            }
        }
    }

    fn plain(&mut self, name: &str, at: Range<usize>) -> String {
        (self.env)(name).unwrap_or_else(|| {
            self.problems.push(Problem { at, kind: ProblemKind::Missing { name: name.to_owned() } });
            self.placeholder(name)
        })
    }

    /// `APP_DOMAIN` as `app-domain`, which is valid in most fields.
    fn placeholder(&self, name: &str) -> String {
        if self.placeholders { name.to_lowercase().replace('_', "-") } else { String::new() }
    }

    fn malformed(&mut self, at: Range<usize>, why: &'static str) {
        self.problems.push(Problem { at, kind: ProblemKind::Malformed { why } });
    }
}

impl Problem {
    fn diagnostic(self, span: Span) -> Diagnostic {
        match self.kind {
            ProblemKind::Missing { name } => Diagnostic::error(format!("the variable `{name}` is not set"), span, "")
                .help(format!(
                    "set it in the environment or in `.env` next to this file, or give a default: ${{{name}:-value}}"
                )),
            ProblemKind::Demanded { name, message } => {
                let message = if message.is_empty() {
                    format!("the variable `{name}` is not set")
                } else {
                    format!("the variable `{name}` is not set: {message}")
                };
                Diagnostic::error(message, span, "demanded here")
                    .help("set it in the environment or in `.env` next to this file")
            }
            ProblemKind::Malformed { why } => Diagnostic::error("a variable reference that cannot be read", span, why)
                .help("write `$$` for a literal `$`"),
        }
    }
}

/// Length of the variable name at the start of the text.
fn name_length(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

/// The position of the `}` that closes the reference; references inside it are skipped.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'$' if bytes.peek().is_some_and(|(_, next)| *next == b'{') => {
                depth += 1;
                bytes.next();
            }
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    /// One line per case: written, read. `!` is a mistake.
    #[test]
    fn the_table_of_compose() {
        let cases = [
            ("plain", "plain"),
            ("$SET-${SET}", "value-value"),
            ("$$SET $$", "$SET $"),
            ("${UNSET:-a}${EMPTY:-b}${SET:-c}", "abvalue"),
            ("${UNSET-a}${EMPTY-b}${SET-c}", "avalue"),
            ("${UNSET:+a}${EMPTY:+b}${SET:+c}", "c"),
            ("${UNSET+a}${EMPTY+b}${SET+c}", "bc"),
            ("${UNSET:-${SET}/x}", "value/x"),
            ("${UNSET:-${ALSO_UNSET:-deep}}", "deep"),
            ("${UNSET:-}", ""),
            ("${SET:?needed}", "value"),
            ("${EMPTY?needed}", ""),
            ("^/v[0-9]+$", "^/v[0-9]+$"),
            ("a$ b $1 $.", "a$ b $1 $."),
            ("$SET.example.com", "value.example.com"),
            ("#{host}:#{port}", "#{host}:#{port}"),
        ];
        for (written, read) in cases {
            let (text, problems) = expand(written, &env);
            assert_eq!((text.as_str(), problems.len()), (read, 0), "{written}: {problems:?}");
        }
    }

    #[test]
    fn mistakes_stand_where_they_are_written() {
        let cases = [
            ("a${UNSET}b", 1..9),
            ("a$UNSET b", 1..7),
            ("${UNSET:?why}", 0..13),
            ("${EMPTY:?why}", 0..13),
            ("ab${", 2..4),
            ("${}", 0..3),
            ("${1A}", 0..5),
            ("${SET!x}", 0..8),
            ("${SET:}", 0..7),
            ("${UNSET:-x${OTHER}}", 10..18),
        ];
        for (written, at) in cases {
            let (_, problems) = expand(written, &env);
            assert_eq!(problems.into_iter().map(|problem| problem.at).collect::<Vec<_>>(), [at], "{written}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[a-zA-Z0-9${}:?+_ é-]{0,40}") {
            let (_, problems) = expand(&text, &env);
            for problem in problems {
                prop_assert!(text.get(problem.at).is_some());
            }
        }

        #[test]
        fn text_without_dollars_is_untouched(text in "[^$]*") {
            prop_assert_eq!(expand(&text, &env).0, text);
        }
    }
}
