//! Wildcard patterns and regular expressions in conditions (ALB user guide, "Condition types for listener rules").
//!
//! `*` matches any run of characters, including `/`; `?` matches exactly one; both ends are anchored. Control characters
//! are removed from the text before it is compared.

use std::borrow::Cow;

use regex::bytes::Regex;

use super::expression::{self, Refused};
use neargate_model::rule::Patterns;

/// Maximum compiled size of an expression in bytes: enough for any 128 characters. AWS names no limit.
const LARGEST_PROGRAM: usize = 10 << 20;

/// Whether case matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// It does, as in paths.
    Sensitive,
    /// It does not, as in hosts, headers and query strings.
    Insensitive,
}

/// Whether `\*`, `\?` and `\\` mean the characters themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// No: a backslash is an ordinary character.
    None,
    /// Yes, as in query strings.
    Backslash,
}

/// A compiled wildcard pattern.
#[derive(Clone, Debug)]
pub struct Glob {
    case: Case,
    shape: Shape,
}

/// Most patterns in real rule sets are one of the first two kinds, which need no search.
#[derive(Clone, Debug)]
enum Shape {
    /// No wildcard at all.
    Literal(Box<[u8]>),
    /// One `*`, at the end: `/api/*`.
    Prefix(Box<[u8]>),
    /// Anything else.
    General(Box<[Token]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Run,
}

impl Glob {
    /// Compiles a pattern. Every text is a valid pattern.
    pub fn new(pattern: &str, case: Case, escapes: Escapes) -> Self {
        let mut tokens = Vec::with_capacity(pattern.len());
        let mut bytes = pattern.bytes();
        while let Some(byte) = bytes.next() {
            tokens.push(match byte {
                b'*' => Token::Run,
                b'?' => Token::One,
                b'\\' if escapes == Escapes::Backslash => Token::Byte(fold(case, bytes.next().unwrap_or(b'\\'))),
                _ => Token::Byte(fold(case, byte)),
            });
        }
        let wildcards = tokens.iter().filter(|token| !matches!(token, Token::Byte(_))).count();
        let literal = || tokens.iter().filter_map(|token| if let Token::Byte(b) = token { Some(*b) } else { None });
        let shape = match (wildcards, tokens.last()) {
            (0, _) => Shape::Literal(literal().collect()),
            (1, Some(Token::Run)) => Shape::Prefix(literal().collect()),
            _ => Shape::General(tokens.into()),
        };
        Self { case, shape }
    }

    /// Whether the whole text matches. The text has been through [`visible`] already.
    pub fn matches(&self, text: &[u8]) -> bool {
        match &self.shape {
            Shape::Literal(literal) => self.same(literal, text),
            Shape::Prefix(prefix) => text.len() >= prefix.len() && self.same(prefix, &text[..prefix.len()]),
            Shape::General(tokens) => self.search(tokens, text),
        }
    }

    /// Prefix of every text that matches; in lower case if case does not matter.
    fn beginning(&self) -> Vec<u8> {
        match &self.shape {
            Shape::Literal(literal) | Shape::Prefix(literal) => literal.to_vec(),
            Shape::General(tokens) => {
                let bytes =
                    tokens.iter().map_while(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None });
                bytes.collect()
            }
        }
    }

    /// Suffix of every text that matches, reversed; in lower case if case does not matter.
    fn ending(&self) -> Vec<u8> {
        match &self.shape {
            Shape::Literal(literal) => literal.iter().rev().copied().collect(),
            Shape::Prefix(_) => Vec::new(),
            Shape::General(tokens) => {
                let backwards = tokens.iter().rev();
                let bytes = backwards.map_while(|token| if let Token::Byte(byte) = token { Some(*byte) } else { None });
                bytes.collect()
            }
        }
    }

    fn same(&self, pattern: &[u8], text: &[u8]) -> bool {
        match self.case {
            Case::Sensitive => pattern == text,
            Case::Insensitive => pattern.eq_ignore_ascii_case(text),
        }
    }

    /// Scans the text once; after a mismatch the last `*` takes one more character. The worst case is the product of
    /// the two lengths, never exponential.
    fn search(&self, tokens: &[Token], text: &[u8]) -> bool {
        let (mut at_token, mut at_text) = (0, 0);
        let mut last_run: Option<(usize, usize)> = None;
        while at_text < text.len() {
            match tokens.get(at_token) {
                Some(Token::Run) => {
                    last_run = Some((at_token, at_text));
                    at_token += 1;
                }
                Some(Token::One) => {
                    at_token += 1;
                    at_text += 1;
                }
                Some(Token::Byte(byte)) if *byte == fold(self.case, text[at_text]) => {
                    at_token += 1;
                    at_text += 1;
                }
                _ => {
                    let Some((run, taken)) = last_run else { return false };
                    last_run = Some((run, taken + 1));
                    at_token = run + 1;
                    at_text = taken + 1;
                }
            }
        }
        tokens[at_token..].iter().all(|token| *token == Token::Run)
    }
}

fn fold(case: Case, byte: u8) -> u8 {
    match case {
        Case::Sensitive => byte,
        Case::Insensitive => byte.to_ascii_lowercase(),
    }
}

/// The compiled values of one condition.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// `Values`
    Globs(Vec<Glob>),
    /// `RegexValues`
    Regexes(Vec<Regex>),
}

impl Matcher {
    /// Compiles the values. An invalid regular expression matches nothing; configuration refuses it with
    /// [`check_regex`] before it gets here.
    pub fn new(patterns: &Patterns, case: Case) -> Self {
        match patterns {
            Patterns::Wildcards(values) => {
                Self::Globs(values.iter().map(|value| Glob::new(value, case, Escapes::None)).collect())
            }
            Patterns::Regexes(values) => {
                let ignores_case = case == Case::Insensitive;
                let compile = |value: &String| expression::compile(value, ignores_case, LARGEST_PROGRAM).ok();
                Self::Regexes(values.iter().filter_map(compile).collect())
            }
        }
    }

    /// Prefix common to every text that matches, whichever value it matches.
    pub fn beginning(&self) -> Vec<u8> {
        match self {
            Self::Globs(globs) => {
                let common = |one: Vec<u8>, other: Vec<u8>| {
                    let pairs = one.into_iter().zip(other).take_while(|(one, other)| one == other);
                    pairs.map(|(byte, _)| byte).collect()
                };
                globs.iter().map(Glob::beginning).reduce(common).unwrap_or_default()
            }
            Self::Regexes(_) => Vec::new(),
        }
    }

    /// For each value, the prefix and the reversed suffix of every text that it matches. For regular expressions
    /// neither is known.
    pub(crate) fn ends(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Globs(globs) => globs.iter().map(|glob| (glob.beginning(), glob.ending())).collect(),
            Self::Regexes(_) => vec![Default::default()],
        }
    }

    /// Whether any of the values matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Globs(globs) => globs.iter().any(|glob| glob.matches(text)),
            Self::Regexes(regexes) => regexes.iter().any(|regex| regex.is_match(text)),
        }
    }
}

/// Checks that conditions can use a regular expression; the error says in one line why not.
pub fn check_regex(expression: &str) -> Result<(), String> {
    match expression::compile(expression, false, LARGEST_PROGRAM) {
        Ok(_) => Ok(()),
        Err(Refused::Syntax(why)) => Err(why),
        Err(Refused::TooBig) => Err("it becomes too large".to_owned()),
    }
}

/// The text without control characters, which take no part in matching. Bytes from 0x80 on stay.
pub fn visible(text: &[u8]) -> Cow<'_, [u8]> {
    let hidden = u8::is_ascii_control;
    if text.iter().any(hidden) {
        Cow::Owned(text.iter().copied().filter(|byte| !hidden(byte)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition in its plainest form: exponential, and obviously right.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) => slow(rest, text) || (!text.is_empty() && slow(pattern, &text[1..])),
            (Some((b'?', rest)), Some((_, tail))) => slow(rest, tail),
            (Some((byte, rest)), Some((head, tail))) => byte == head && slow(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab/*?]{0,8}", text in "[ab/]{0,10}") {
            let glob = Glob::new(&pattern, Case::Sensitive, Escapes::None);
            prop_assert_eq!(glob.matches(text.as_bytes()), slow(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn case_is_folded_on_both_sides(pattern in "[aAbB*?]{0,6}", text in "[aAbB]{0,8}") {
            let glob = Glob::new(&pattern, Case::Insensitive, Escapes::None);
            let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
            prop_assert_eq!(glob.matches(text.to_uppercase().as_bytes()), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn a_backslash_escapes_wildcards_in_query_strings_only() {
        let query = Glob::new(r"a\*b", Case::Insensitive, Escapes::Backslash);
        assert!(query.matches(b"a*b") && !query.matches(b"axxb"));
        let path = Glob::new(r"a\*b", Case::Sensitive, Escapes::None);
        assert!(path.matches(br"a\xxb"));
    }

    #[test]
    fn a_long_hostile_text_is_answered_at_once() {
        let glob = Glob::new("*a*a*a*a*a*b", Case::Sensitive, Escapes::None);
        assert!(!glob.matches(&vec![b'a'; 16 * 1024]));
    }
}
