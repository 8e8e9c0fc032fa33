//! A route in source, the files that are looked through for it, and how arguments are taken out of text.

/// A route of the application.
#[derive(Clone, Debug)]
pub(crate) struct Route<'r> {
    pub(super) path: String,
    pub(super) file: &'r str,
    pub(super) text: &'r str,
    pub(super) at: usize,
    /// Whether every prefix is known that it is mounted under.
    pub(super) is_certain: bool,
    pub(super) matcher: Option<&'static str>,
    pub(super) why: &'static str,
}

/// Files that become part of the container.
pub(crate) struct Scope<'r> {
    pub(super) files: Vec<(&'r str, &'r str)>,
    /// Every file there, read or not.
    pub(super) paths: Vec<&'r str>,
    /// What the Dockerfile copies by its name.
    pub(super) named: Vec<String>,
    /// The final stage's base and command.
    pub(super) base: String,
    pub(super) command: String,
    /// The folder of the application.
    pub(super) root: String,
}

pub(crate) const ROUTE: &str = "from a route in its source";

/// A prefix and a path behind it.
pub(crate) fn joined(prefix: &str, path: &str) -> String {
    let mut whole = format!("/{prefix}/{path}");
    while whole.contains("//") {
        whole = whole.replace("//", "/");
    }
    if whole.len() > 1 && whole.ends_with('/') && !path.ends_with('/') {
        whole.pop();
    }
    whole
}

/// What stands between a bracket at `open` and the one that closes it.
pub(crate) fn bracketed(text: &str, open: usize) -> &str {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, c) in text[open..].char_indices().take(4000) {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '{' | '[') => depth += 1,
            (None, ')' | '}' | ']') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return &text[open + 1..open + at];
                }
            }
            _ => {}
        }
    }
    &text[text.len()..]
}

/// Arguments of a call, split at commas outside brackets and quotes.
pub(crate) fn arguments(inside: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut quote, mut start) = (0_usize, None, 0);
    for (at, c) in inside.char_indices() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '(' | '{' | '[') => depth += 1,
            (None, ')' | '}' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                found.push(inside[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(inside[start..].trim());
    found.retain(|argument| !argument.is_empty());
    found
}

/// The text of a string literal.
pub(crate) fn literal(expression: &str) -> Option<&str> {
    let expression = expression.trim().trim_start_matches(['f', 'r', 'b', '@']);
    let quote = expression.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let inside = expression[1..].strip_suffix(quote)?;
    (!inside.contains(quote)).then_some(inside)
}
