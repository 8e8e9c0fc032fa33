//! Patterns of `hashFiles`, as `@actions/glob` reads them.

use regex::Regex;

/// Several patterns: a file counts if the last one that matches it does not begin with `!`.
#[derive(Debug)]
pub struct Patterns {
    patterns: Vec<(bool, Regex)>,
}

impl Patterns {
    /// Reads patterns, each with as many lines as it likes; they are relative to the workspace.
    pub fn new(patterns: &[String]) -> Result<Self, String> {
        let lines = patterns.iter().flat_map(|text| text.lines()).map(str::trim);
        let mut read = Vec::new();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let negations = line.chars().take_while(|c| *c == '!').count();
            let pattern = line[negations..].trim().trim_start_matches("./").trim_start_matches('/');
            let regex = Regex::new(&regex_of(pattern)).map_err(|error| error.to_string())?;
            read.push((negations % 2 == 0, regex));
        }
        Ok(Self { patterns: read })
    }

    /// Whether the file at this path, relative to the workspace, counts.
    pub fn has(&self, path: &str) -> bool {
        let last = self.patterns.iter().rfind(|(_, regex)| regex.is_match(path));
        last.is_some_and(|(counts, _)| *counts)
    }
}

fn regex_of(pattern: &str) -> String {
    let mut out = "^".to_owned();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            out.push_str("(?:.*/)?");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            out.push_str(".*");
            rest = after;
        } else {
            match c {
                '*' => out.push_str("[^/]*"),
                '?' => out.push_str("[^/]"),
                // A set of characters, if it is closed.
                '[' if rest[1..].contains(']') => {
                    let end = rest[1..].find(']').unwrap_or(0) + 1;
                    let (negation, set) = match rest[1..end].strip_prefix(['!', '^']) {
                        Some(set) => ("^", set),
                        None => ("", &rest[1..end]),
                    };
                    out.push_str(&format!("[{negation}{}]", regex::escape(set).replace("\\-", "-")));
                    rest = &rest[end + 1..];
                    continue;
                }
                c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    // A folder stands for what is in it.
    out.push_str("(?:/.*)?$");
    out
}
