//! Rust source as tokens: enough to see what a file declares, names and calls. Comments are dropped, strings are single
//! tokens, and test-only code is kept separate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A word (identifier, keyword, number), a mark (`::` or one character), or the contents of a string literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Word,
    Mark,
    Text,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Token {
    pub(super) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

/// A file that a `mod` line reaches.
#[derive(Clone)]
pub(super) struct Source {
    /// Path from the top of the repository, e.g. `src/proxy/answer/respond.rs`.
    pub(super) path: String,
    /// Path of the module, e.g. `["proxy", "respond"]`; empty for `src/lib.rs` and `src/main.rs`. A crate below `src/`
    /// counts as the module of its folder.
    pub(super) module: Vec<String>,
    /// The meaning of `crate`: the module of the crate's folder, or nothing.
    pub(super) root: Vec<String>,
    pub(super) text: String,
    /// Code that is always compiled.
    pub(super) code: Vec<Token>,
    /// Code that only tests compile. In a test file that is everything, and `code` is empty.
    pub(super) tests: Vec<Token>,
}

/// Every file that these roots reach through `mod` lines, in the order of the lines.
pub(super) fn reachable(top: &Path, roots: &[String]) -> Vec<Source> {
    let mut sources = Vec::new();
    for path in roots {
        let of_tests = path.starts_with("tests/");
        let folder = path.strip_prefix("src/").and_then(|path| path.strip_suffix("/lib.rs"));
        let root: Vec<String> = folder.into_iter().flat_map(|folder| folder.split('/').map(str::to_owned)).collect();
        reach(top, &PathBuf::from(path), root.clone(), &root, of_tests, &mut sources);
    }
    sources
}

fn reach(top: &Path, path: &Path, module: Vec<String>, root: &[String], of_tests: bool, sources: &mut Vec<Source>) {
    // A `mod` line without a file is the compiler's business.
    let Ok(text) = std::fs::read_to_string(top.join(path)) else { return };
    let (code, tests) = apart(tokens(&text), of_tests);
    let stem = path.file_stem().unwrap().to_str().unwrap();
    let folder = match stem {
        "lib" | "main" | "mod" => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    let children = [(declared(&code), of_tests), (declared(&tests), true)];
    let path = path.to_str().unwrap().to_owned();
    sources.push(Source { path, module: module.clone(), root: root.to_vec(), text, code, tests });
    for (child, of_tests) in
        children.into_iter().flat_map(|(names, mark)| names.into_iter().map(move |name| (name, mark)))
    {
        let inner = [module.as_slice(), std::slice::from_ref(&child)].concat();
        let file = folder.join(format!("{child}.rs"));
        let file = if top.join(&file).exists() { file } else { folder.join(child).join("mod.rs") };
        reach(top, &file, inner, root, of_tests, sources);
    }
}

/// The names of `mod name;` lines outside blocks.
fn declared(tokens: &[Token]) -> Vec<String> {
    let mut depth = 0;
    let mut names = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            depth -= 1;
        } else if depth == 0 && token.is("mod") && tokens.get(index + 2).is_some_and(|end| end.is(";")) {
            names.push(tokens[index + 1].text.clone());
        }
    }
    names
}

/// Splits off every item under `#[cfg(test)]`, or everything if the file is one of tests.
fn apart(tokens: Vec<Token>, of_tests: bool) -> (Vec<Token>, Vec<Token>) {
    if of_tests {
        return (Vec::new(), tokens);
    }
    let (mut code, mut tests) = (Vec::new(), Vec::new());
    let mut rest = tokens.as_slice();
    while let Some(first) = rest.first() {
        let only_tests = starts_with(rest, &["#", "[", "cfg", "(", "test", ")"])
            || starts_with(rest, &["#", "[", "cfg", "(", "all", "(", "test", ","]);
        let length = if only_tests { item_length(rest) } else { 0 };
        if length > 0 {
            tests.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
        } else {
            code.push(first.clone());
            rest = &rest[1..];
        }
    }
    (code, tests)
}

fn starts_with(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| token.is(word))
}

/// Up to the `;` or closing brace that ends the item, including its attributes.
fn item_length(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        let closes = [")", "]", "}"].iter().any(|mark| token.is(mark));
        if ["(", "[", "{"].iter().any(|mark| token.is(mark)) {
            depth += 1;
        } else if closes {
            depth -= 1;
        }
        if depth < 0 {
            return index;
        }
        if depth == 0 && (token.is(";") || token.is("}")) {
            return index + 1;
        }
    }
    tokens.len()
}

/// Every path that is named, from its first segment: `["crate", "model", "TaskId"]`. Groups in `use` are expanded.
pub(super) fn paths(tokens: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        if tokens[at].is("use") && !before.is_some_and(|token| token.is(",") || token.is("+")) {
            at += 1;
            use_tree(tokens, &mut at, &mut Vec::new(), &mut found);
        } else if tokens[at].kind == Kind::Word && tokens.get(at + 1).is_some_and(|next| next.is("::")) {
            let (start, line) = (at, tokens[at].line);
            let mut path = vec![tokens[at].text.clone()];
            while tokens.get(at + 1).is_some_and(|next| next.is("::"))
                && tokens.get(at + 2).is_some_and(|next| next.kind == Kind::Word)
            {
                path.push(tokens[at + 2].text.clone());
                at += 2;
            }
            // `<T as Trait>::name` and `::name` continue a path that was named before; `pub(in …)` imports nothing.
            let is_visibility = start >= 2 && tokens[start - 1].is("in") && tokens[start - 2].is("(");
            if !is_visibility && !before.is_some_and(|token| token.is("::")) {
                found.push((line, path));
            }
            at += 1;
        } else {
            at += 1;
        }
    }
    found
}

fn use_tree(tokens: &[Token], at: &mut usize, prefix: &mut Vec<String>, found: &mut Vec<(usize, Vec<String>)>) {
    let length = prefix.len();
    while let Some(token) = tokens.get(*at) {
        match token.text.as_str() {
            "," | "}" | ";" => break,
            "{" => {
                *at += 1;
                while tokens.get(*at).is_some_and(|token| !token.is("}")) {
                    use_tree(tokens, at, prefix, found);
                    *at += usize::from(tokens.get(*at).is_some_and(|token| token.is(",")));
                }
                *at += 1;
                prefix.truncate(length);
                return;
            }
            "as" => *at += 2,
            "::" => *at += 1,
            segment => {
                prefix.push(segment.to_owned());
                *at += 1;
            }
        }
    }
    found.push((tokens[at.saturating_sub(1)].line, prefix.clone()));
    prefix.truncate(length);
}

/// The module for a crate of this workspace: `alb` for `neargate_alb`.
pub(super) fn module_of_crate(name: &str) -> Option<&str> {
    name.strip_prefix("neargate_")
}

/// The modules that a file declares itself: names that could be mistaken for crates.
pub(super) fn own_modules(tokens: &[Token]) -> BTreeSet<&str> {
    tokens.windows(2).filter(|pair| pair[0].is("mod")).map(|pair| pair[1].text.as_str()).collect()
}

/// The tokens of a file.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: text, line: 1, tokens: Vec::new() };
    while !lexer.rest.is_empty() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let after_word = &rest[word..];
        let is_string_prefix = matches!(&rest[..word], "" | "b" | "c" | "r" | "br" | "cr");
        let is_byte = &rest[..word] == "b" && after_word.starts_with('\'');
        let is_raw = rest[..word].ends_with('r');
        let hashes = if is_raw { after_word.bytes().take_while(|&byte| byte == b'#').count() } else { 0 };
        if rest.starts_with("//") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(comment_length(rest));
        } else if is_string_prefix && after_word[hashes..].starts_with('"') {
            let begin = word + hashes + 1;
            let length = string_length(&rest[begin..], is_raw, hashes);
            self.push(Kind::Text, &rest[begin..begin + length]);
            self.skip(begin + length + 1 + hashes);
        } else if word > 0 && !is_byte {
            self.push(Kind::Word, &rest[..word]);
            self.skip(word);
        } else if after_word.starts_with('\'') {
            self.skip(word + quote_length(after_word));
        } else if rest.starts_with("::") {
            self.push(Kind::Mark, "::");
            self.skip(2);
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            if !rest.starts_with(char::is_whitespace) {
                self.push(Kind::Mark, &rest[..length]);
            }
            self.skip(length);
        }
    }

    fn push(&mut self, kind: Kind, text: &str) {
        self.tokens.push(Token { line: self.line, kind, text: text.to_owned() });
    }

    fn skip(&mut self, length: usize) {
        let length = length.min(self.rest.len());
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }
}

/// Length of a block comment, including nested ones.
fn comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match text.as_bytes().get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Length up to the closing quote.
fn string_length(text: &str, is_raw: bool, hashes: usize) -> usize {
    if is_raw {
        return text.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(text.len());
    }
    let mut escaped = false;
    text.bytes()
        .position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })
        .unwrap_or(text.len())
}

/// Length of a character literal, or of the `'` of a lifetime.
fn quote_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), _) => text[3..].find('\'').map_or(text.len(), |end| end + 4),
        (_, Some((end, '\''))) => end + 1,
        _ => 1,
    }
}

#[test]
fn words_are_found_and_comments_strings_and_lifetimes_are_not_mistaken_for_them() {
    let text = r##"
        // use a;
        /* use b; /* nested */ */
        fn f<'a>(x: &'a str) -> char { let q = '"'; let e = '\''; x.replace(r#"use "c""#, "d\"") }
        #[cfg(test)]
        mod tests { use e::f; }
        use g::{h::{i, j as k}, l};
        const B: u8 = b'x';
    "##;
    let (code, tests) = apart(tokens(text), false);
    let strings: Vec<&str> =
        code.iter().filter(|token| token.kind == Kind::Text).map(|token| token.text.as_str()).collect();
    assert_eq!(strings, [r#"use "c""#, r#"d\""#]);
    let named: Vec<String> =
        paths(&code).into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
    assert_eq!(named, ["7 g::h::i", "7 g::h::j", "7 g::l"]);
    assert_eq!(paths(&tests).into_iter().map(|(_, path)| path.join("::")).collect::<Vec<_>>(), ["e::f"]);
    assert!(!code.iter().any(|token| token.is("x") && token.line == 8), "a byte is not a word");
}
