//! Regular expressions in conditions and transforms: AWS accepts RE2's syntax, without Unicode classes.
//!
//! The regex crate itself refuses everything that needs backtracking: look-around, back-references, atomic groups,
//! recursion. This module also refuses two things that the crate accepts and AWS does not: `\p{…}`, and a quantifier
//! after a quantifier, which elsewhere is possessive (`a++`) and means something else in the crate.

use regex::bytes::{Regex, RegexBuilder};

/// Why an expression is refused, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// AWS does not accept it.
    Syntax(String),
    /// The compiled expression would exceed the limit.
    TooBig,
}

/// Compiles an expression: on bytes, with ASCII classes, case-insensitively if requested. It matches anywhere in a text
/// unless it has anchors.
pub(crate) fn compile(expression: &str, ignores_case: bool, largest_program: usize) -> Result<Regex, Refused> {
    if let Some(piece) = unsupported(expression) {
        return Err(Refused::Syntax(format!("`{piece}` is not supported")));
    }
    let mut builder = RegexBuilder::new(expression);
    builder.unicode(false).case_insensitive(ignores_case).size_limit(largest_program);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => Refused::TooBig,
        error => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or("cannot be parsed").trim_start_matches("error: ");
            Refused::Syntax(last.to_owned())
        }
    })
}

/// The first construct that AWS lists as not supported.
fn unsupported(expression: &str) -> Option<&str> {
    const GROUPS: [&str; 6] = ["(?=", "(?!", "(?<=", "(?<!", "(?>", "(?R"];
    let bytes = expression.as_bytes();
    let (mut at, mut quantified) = (0, Quantified::No);
    while let Some(&byte) = bytes.get(at) {
        let rest = &expression[at..];
        let (length, now) = match byte {
            b'\\' => {
                if rest.starts_with("\\p") || rest.starts_with("\\P") {
                    return Some(&rest[..2]);
                }
                (1 + rest[1..].chars().next().map_or(0, char::len_utf8), Quantified::No)
            }
            b'[' => (class(rest), Quantified::No),
            b'(' => {
                if let Some(group) = GROUPS.iter().find(|group| rest.starts_with(**group)) {
                    return Some(&rest[..group.len()]);
                }
                // The question mark of `(?:` is not a quantifier.
                (if rest.starts_with("(?") { 2 } else { 1 }, Quantified::No)
            }
            b'*' | b'+' | b'?' | b'{' => {
                let length = if byte == b'{' { rest.find('}').map_or(rest.len(), |end| end + 1) } else { 1 };
                match (quantified, byte) {
                    (Quantified::No, _) => (length, Quantified::Greedily),
                    (Quantified::Greedily, b'?') => (length, Quantified::Lazily),
                    // The preceding quantifier is a single character, or ends with `}`.
                    _ => return Some(&expression[at - 1..at + length]),
                }
            }
            _ => (rest.chars().next().map_or(1, char::len_utf8), Quantified::No),
        };
        (at, quantified) = (at + length, now);
    }
    None
}

/// What precedes a position in an expression.
#[derive(Clone, Copy)]
enum Quantified {
    No,
    Greedily,
    Lazily,
}

/// Length of the bracketed class that a text begins with. A `]` in first position is a member of the class.
fn class(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = if text.starts_with("[^") { 2 } else { 1 };
    at += usize::from(bytes.get(at) == Some(&b']'));
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b']' => return at + 1,
            // A named class, `[:alpha:]`, or a nested one.
            b'[' => at += class(&text[at..]),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(expression: &str) -> Option<Refused> {
        compile(expression, false, 1 << 20).err()
    }

    #[test]
    fn constructs_that_need_backtracking_are_refused_by_name() {
        for (expression, piece) in [
            ("^/(?!admin)", "(?!"),
            ("(?<=a)b", "(?<="),
            ("(?>a)b", "(?>"),
            ("a++b", "++"),
            ("a*+", "*+"),
            ("a?+", "?+"),
            ("a{2}+", "}+"),
            ("a**", "**"),
            ("a+{2}", "+{2}"),
            ("a??+", "?+"),
            (r"\p{L}", r"\p"),
            (r"x\PN", r"\P"),
        ] {
            assert_eq!(
                refusal(expression),
                Some(Refused::Syntax(format!("`{piece}` is not supported"))),
                "{expression}"
            );
        }
        for expression in [r"(a)\1", "(?R)", "(?1)", "(?(1)a|b)", "a(b", "*a"] {
            assert!(matches!(refusal(expression), Some(Refused::Syntax(_))), "{expression}");
        }
        assert_eq!(refusal(r"(\w{1000}){1000}"), Some(Refused::TooBig));
    }

    #[test]
    fn similar_constructs_are_accepted() {
        for expression in [
            "a+?",
            "a??",
            "a{2,3}?",
            r"a+\+",
            "[+*]+",
            "[]+]+",
            "[^]+]+",
            r"[\]+]+",
            "(?:a+)+",
            r"\\p",
            "[(?=]",
            r"\(?=",
            "(?i)a",
            "(?P<n>a+)b*",
            "[[:alpha:]]+",
            "é+",
            r"\é",
        ] {
            let refused = refusal(expression);
            assert!(!matches!(&refused, Some(Refused::Syntax(why)) if why.ends_with("not supported")), "{refused:?}");
        }
    }

    proptest! {
        #[test]
        fn no_expression_is_too_strange(expression in r"[\\a-c?*+{}\[\]()^$|é:=!<>pP1-3,]{0,24}") {
            let _ = compile(&expression, false, 1 << 16);
        }
    }
}
