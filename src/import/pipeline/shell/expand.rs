//! Words, expanded: quotes, variables, what commands print.

use super::state::Shell;
use super::syntax;
use super::tokens::substitution_length;
use crate::pipeline::paths::{WORKSPACE, parent};
use crate::pipeline::text;
use crate::pipeline::text::{Text, unknown};

/// `NAME=value`, as the first words of a command.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    is_name(name).then_some((name, value))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Shell<'_, '_> {
    /// The words that a word becomes: none if it is empty without quotes, several if a value has blanks.
    pub(super) fn expand(&mut self, word: &str) -> Vec<Text> {
        let mut words = Vec::new();
        let mut current: Option<String> = None;
        let mut rest = word;
        while let Some(c) = rest.chars().next() {
            let length = match c {
                '\'' => {
                    let end = rest[1..].find('\'').map_or(rest.len(), |end| end + 1);
                    current.get_or_insert_default().push_str(&rest[1..end]);
                    (end + 1).min(rest.len())
                }
                '"' => {
                    let end = quote_end(rest);
                    let inside = rest.get(1..end).unwrap_or_default().to_owned();
                    let value = self.quoted(&inside);
                    current.get_or_insert_default().push_str(&value);
                    (end + 1).min(rest.len())
                }
                '\\' => {
                    let escaped = rest[1..].chars().next();
                    current.get_or_insert_default().extend(escaped);
                    1 + escaped.map_or(0, char::len_utf8)
                }
                '$' | '`' => {
                    let (value, length) = self.reference(rest);
                    // Outside of quotes a value is split at its blanks.
                    let mut parts = value.split_whitespace();
                    if value.starts_with(char::is_whitespace) {
                        words.extend(current.take());
                    }
                    if let Some(first) = parts.next() {
                        current.get_or_insert_default().push_str(first);
                    }
                    for part in parts {
                        words.extend(current.take());
                        current = Some(part.to_owned());
                    }
                    length
                }
                c => {
                    current.get_or_insert_default().push(c);
                    c.len_utf8()
                }
            };
            rest = &rest[length..];
        }
        words.extend(current);
        words
    }

    /// A word as the value of an assignment: not split.
    pub(super) fn quoted_word(&mut self, word: &str) -> Text {
        let mut out = String::new();
        let mut rest = word;
        while let Some(c) = rest.chars().next() {
            let length = match c {
                '\'' | '"' | '\\' => {
                    let end = match c {
                        '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
                        '"' => (quote_end(rest) + 1).min(rest.len()),
                        _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                    };
                    out.push_str(&self.expand(&rest[..end]).concat());
                    end
                }
                _ => self.push(rest, &mut out),
            };
            rest = &rest[length..];
        }
        out
    }

    /// Appends what the beginning of the text stands for, a reference or a character, and returns its length.
    fn push(&mut self, rest: &str, out: &mut Text) -> usize {
        match rest.chars().next() {
            Some('$' | '`') => {
                let (value, length) = self.reference(rest);
                out.push_str(&value);
                length
            }
            Some(c) => {
                out.push(c);
                c.len_utf8()
            }
            None => 0,
        }
    }

    /// Text between double quotes, or of a document: references are replaced, blanks stay.
    pub(super) fn quoted(&mut self, inside: &str) -> Text {
        let mut out = String::new();
        let mut rest = inside;
        while let Some(c) = rest.chars().next() {
            let length = match c {
                '\\' => {
                    let next = rest[1..].chars().next();
                    if !next.is_some_and(|next| "$`\"\\\n".contains(next)) {
                        out.push('\\');
                    }
                    out.extend(next);
                    1 + next.map_or(0, char::len_utf8)
                }
                _ => self.push(rest, &mut out),
            };
            rest = &rest[length..];
        }
        out
    }

    /// The value of the reference that begins the text, and its length.
    fn reference(&mut self, text: &str) -> (Text, usize) {
        if text.starts_with("$((") {
            return (unknown("a number"), substitution_length(text));
        }
        if text.starts_with("$(") {
            let length = substitution_length(text);
            let script = text.get(2..length - 1).unwrap_or_default().to_owned();
            return (self.printed_by(&script), length);
        }
        if let Some(inside) = text.strip_prefix('`') {
            let length = inside.find('`').map_or(text.len(), |end| end + 2);
            let script = text.get(1..length - 1).unwrap_or_default().to_owned();
            return (self.printed_by(&script), length);
        }
        if text.starts_with("${") {
            let length = substitution_length(text);
            let inside = text.get(2..length - 1).unwrap_or_default().to_owned();
            return (self.braced(&inside), length);
        }
        let after = &text[1..];
        let length = match after.chars().next() {
            Some(c) if c.is_ascii_digit() || "@*#?!$".contains(c) => 1,
            _ => after.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count(),
        };
        if length == 0 {
            return ("$".to_owned(), 1);
        }
        (self.variable(&after[..length]), 1 + length)
    }

    /// What a command in a word prints, without the line end.
    fn printed_by(&mut self, script: &str) -> Text {
        if self.scope.depth >= crate::pipeline::scope::MAX_DEPTH + 3 {
            return unknown("$(…)");
        }
        self.scope.depth += 1;
        let folder = self.folder.clone();
        let printed = self.items(&syntax::parse(script));
        self.folder = folder;
        self.scope.depth -= 1;
        printed.trim_end_matches('\n').to_owned()
    }

    fn variable(&mut self, name: &str) -> Text {
        if let Some(value) = self.variables.get(name).or_else(|| self.scope.env.get(name)) {
            return value.clone();
        }
        match name {
            "PWD" => format!("{WORKSPACE}/{}", self.folder),
            "GITHUB_WORKSPACE" | "CODEBUILD_SRC_DIR" | "CI_PROJECT_DIR" | "WORKSPACE" | "BITBUCKET_CLONE_DIR" => {
                WORKSPACE.to_owned()
            }
            "@" | "*" => {
                let numbered = (1..10).map_while(|index: usize| self.variables.get(&index.to_string()));
                numbered.cloned().collect::<Vec<_>>().join(" ")
            }
            name => unknown(&format!("${name}")),
        }
    }

    /// `${NAME…}`
    fn braced(&mut self, inside: &str) -> Text {
        let length = inside.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let (name, operation) = inside.split_at(length);
        if name.is_empty() {
            return unknown(&format!("${{{inside}}}"));
        }
        let value = self.variable(name);
        let missing = text::unknowns(&value).any(|what| what == format!("${name}"));
        let operand = |prefix: &str| operation.strip_prefix(prefix).map(str::to_owned);
        if let Some(default) = operand(":-").or_else(|| operand("-")).or_else(|| operand(":=")).or_else(|| operand("="))
        {
            // A variable of the script with a default: the pipeline's settings may have another value.
            return if missing || value.is_empty() { self.quoted_word(&default) } else { value };
        }
        if operation.is_empty() || operation.starts_with(":?") || operation.starts_with('?') {
            return value;
        }
        if !text::is_known(&value) {
            return unknown(&format!("${{{inside}}}"));
        }
        match operation {
            "##*/" => value.rsplit('/').next().unwrap_or_default().to_owned(),
            "%/*" => parent(&value).to_owned(),
            ",," => value.to_lowercase(),
            "^^" => value.to_uppercase(),
            _ => match (operand("//").or_else(|| operand("/")), operand("%")) {
                (Some(replacement), _) if replacement.contains('/') => {
                    let (from, to) = replacement.split_once('/').unwrap_or((&replacement, ""));
                    value.replace(from, to)
                }
                (_, Some(end)) => value.strip_suffix(end.as_str()).unwrap_or(&value).to_owned(),
                _ => unknown(&format!("${{{inside}}}")),
            },
        }
    }
}

/// Where the closing quote is.
fn quote_end(text: &str) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        match c {
            '"' => return at,
            '\\' => at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '$' if rest.starts_with("$(") || rest.starts_with("${") => at += substitution_length(rest),
            c => at += c.len_utf8(),
        }
    }
    text.len()
}
