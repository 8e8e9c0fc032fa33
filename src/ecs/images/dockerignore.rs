//! `.dockerignore`: decides which files of a build context are sent.
//!
//! The rules differ from gitignore's: a pattern is anchored at the context, matches a file if it matches any of its
//! parents, and the last matching pattern decides (Docker docs, "Build context", ".dockerignore files").

use regex::Regex;

/// The patterns of one file, in order.
#[derive(Clone, Debug, Default)]
pub struct Dockerignore {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    includes: bool,
    regex: Regex,
}

/// A line of the file that is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// Its number, from 1.
    pub line: usize,
    /// Its text.
    pub pattern: String,
}

impl std::fmt::Display for PatternError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, ".dockerignore:{}: {:?} is not a pattern", self.line, self.pattern)
    }
}

impl std::error::Error for PatternError {}

impl Dockerignore {
    /// Parses the file. The error names the line.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut patterns = Vec::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (includes, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            let regex = Regex::new(&to_regex(&pattern))
                .map_err(|_| PatternError { line: index + 1, pattern: line.to_owned() })?;
            patterns.push(Pattern { includes, regex });
        }
        Ok(Self { patterns })
    }

    /// Whether the path, relative to the context and with slashes, is excluded.
    pub fn excludes(&self, path: &str) -> bool {
        let mut excluded = false;
        for pattern in &self.patterns {
            // Only a pattern that would change the verdict needs a look.
            if pattern.includes == excluded && pattern.matches_it_or_a_parent(path) {
                excluded = !pattern.includes;
            }
        }
        excluded
    }

    /// Whether something inside an excluded folder may be included.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.includes)
    }
}

impl Pattern {
    fn matches_it_or_a_parent(&self, path: &str) -> bool {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.regex.is_match(path) || parents.into_iter().any(|parent| self.regex.is_match(parent))
    }
}

/// Removes `.`, inner `..`, and doubled, leading and trailing slashes.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            // Above the context there is nothing; such a pattern matches nothing.
            ".." if parts.last().is_none_or(|last| *last == "..") => parts.push(".."),
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn to_regex(pattern: &str) -> String {
    let mut regex = String::from("^");
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                // At the end it takes everything, elsewhere any number of whole folders.
                regex.push_str(if chars.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '\\' => regex.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string())),
            '[' | ']' | '^' | '-' => regex.push(char),
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns; excluded paths; included paths.
    const CASES: &[(&str, &[&str], &[&str])] = &[
        ("", &[], &["a", ".dockerignore"]),
        ("# a comment\n\n", &[], &["# a comment"]),
        ("node_modules", &["node_modules", "node_modules/x/y.js"], &["web/node_modules", "node_modules2"]),
        ("**/node_modules", &["node_modules", "web/node_modules/x", "a/b/node_modules"], &["web/node_modules2"]),
        ("/dist/", &["dist", "dist/a"], &["web/dist"]),
        ("./tmp//x", &["tmp/x"], &["tmp", "tmp/y"]),
        ("*.md\n!README.md", &["a.md"], &["README.md", "docs/a.md"]),
        ("!README.md\n*.md", &["README.md", "a.md"], &[]),
        (
            "docs\n!docs/keep\ndocs/keep/not.txt",
            &["docs", "docs/a", "docs/keep/not.txt"],
            &["docs/keep", "docs/keep/b"],
        ),
        ("*/temp*", &["a/temporary.txt", "a/temp"], &["temp", "a/b/temp"]),
        ("temp?", &["tempa", "tempb/x"], &["temp", "tempab"]),
        ("**", &["a", "a/b"], &[]),
        ("**\n!src/**", &["a", "Cargo.toml"], &["src/a", "src/b/c"]),
        ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a/zz", "z"]),
        ("**/*.pyc", &["a.pyc", "a/b.pyc"], &["a.py"]),
        ("[ab].txt", &["a.txt", "b.txt"], &["c.txt", "[ab].txt"]),
        ("[^ab].txt", &["c.txt"], &["a.txt"]),
        ("a.b+c(d)|e$", &["a.b+c(d)|e$"], &["axb+c(d)|e$"]),
        (r"\*.txt", &["*.txt"], &["a.txt"]),
        ("  spaced  ", &["spaced"], &["  spaced  "]),
        ("\u{feff}bom", &["bom"], &[]),
        ("../up", &[], &["up"]),
        ("a/../b", &["b"], &["a"]),
        (".", &[], &["a"]),
    ];

    #[test]
    fn the_last_pattern_that_matches_a_path_or_its_parents_decides() {
        for (text, stays, sent) in CASES {
            let ignore = Dockerignore::parse(text).unwrap();
            for path in *stays {
                assert!(ignore.excludes(path), "{text:?} should keep {path:?} at home");
            }
            for path in *sent {
                assert!(!ignore.excludes(path), "{text:?} should send {path:?}");
            }
        }
    }

    #[test]
    fn a_bad_pattern_is_named_by_its_line() {
        assert_eq!(Dockerignore::parse("ok\n[a").unwrap_err().to_string(), ".dockerignore:2: \"[a\" is not a pattern");
    }
}
