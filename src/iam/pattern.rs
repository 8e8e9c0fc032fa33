//! Patterns of policies: `*`, `?` and variables (IAM user guide, "IAM policy elements: Variables and tags").

use crate::context::Context;
use crate::version::Version;

/// What a pattern is made of once its variables are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

impl Pattern {
    /// With the variables that documents of this version may have. `None` if one of them has no value: then it matches
    /// nothing.
    pub(crate) fn new(text: &str, version: Version, context: &Context) -> Option<Self> {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(symbol) = rest.chars().next() {
            let variable = rest.strip_prefix("${").filter(|_| version == Version::Y2012);
            if let Some((inside, after)) = variable.and_then(|inside| inside.split_once('}')) {
                tokens.extend(value(inside, context)?.chars().map(Token::Literal));
                rest = after;
                continue;
            }
            tokens.push(match symbol {
                '*' => Token::Any,
                '?' => Token::One,
                other => Token::Literal(other),
            });
            rest = &rest[symbol.len_utf8()..];
        }
        Some(Self(tokens))
    }

    /// Without variables.
    pub(crate) fn plain(text: &str) -> Self {
        let token = |symbol| match symbol {
            '*' => Token::Any,
            '?' => Token::One,
            other => Token::Literal(other),
        };
        Self(text.chars().map(token).collect())
    }

    /// Whether the whole text is of this form.
    pub(crate) fn matches(&self, text: &str) -> bool {
        matches(&self.0, text)
    }

    /// The same, part by part between colons: a `*` does not reach into the next of an ARN's six parts.
    pub(crate) fn matches_arn(&self, arn: &str) -> bool {
        let parts: Vec<&[Token]> = self.0.splitn(6, |token| *token == Token::Literal(':')).collect();
        let of_arn: Vec<&str> = arn.splitn(6, ':').collect();
        match parts[..] {
            // `*` alone stands for every ARN.
            [[Token::Any]] => true,
            _ => parts.len() == of_arn.len() && parts.iter().zip(of_arn).all(|(part, text)| matches(part, text)),
        }
    }

    /// Whether it equals the text: wildcards are symbols as any other.
    pub(crate) fn equals(&self, text: &str) -> bool {
        let mut symbols = text.chars();
        self.0.iter().all(|token| symbols.next() == Some(token.symbol())) && symbols.next().is_none()
    }

    /// Its text with variables replaced.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|token| token.symbol()).collect()
    }
}

impl Token {
    fn symbol(self) -> char {
        match self {
            Self::Literal(symbol) => symbol,
            Self::One => '?',
            Self::Any => '*',
        }
    }
}

/// Greedy, with one place to return to: linear in the pattern times the text at worst.
fn matches(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut token) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(token) {
            Some(Token::Any) => {
                back = Some((token + 1, at));
                token += 1;
            }
            Some(Token::One) => (at, token) = (at + 1, token + 1),
            Some(Token::Literal(symbol)) if *symbol == text[at] => (at, token) = (at + 1, token + 1),
            _ => {
                let Some((after, from)) = back else { return false };
                (at, token) = (from + 1, after);
                back = Some((after, from + 1));
            }
        }
    }
    pattern[token..].iter().all(|token| *token == Token::Any)
}

/// The value of `${…}`.
fn value(inside: &str, context: &Context) -> Option<String> {
    if let "*" | "?" | "$" = inside {
        return Some(inside.to_owned());
    }
    let (key, default) = match inside.split_once(',') {
        Some((key, default)) => (key, Some(default.trim().trim_matches('\''))),
        None => (inside, None),
    };
    // Keys with several values are no variables.
    let found = match context.get(key.trim()) {
        Some([one]) => Some(one.as_str()),
        _ => None,
    };
    found.or(default).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_matches_itself_and_star_matches_all(text in "\\PC{0,40}") {
            let literal = Pattern(text.chars().map(Token::Literal).collect());
            prop_assert!(literal.matches(&text) && literal.equals(&text));
            prop_assert!(Pattern::plain("*").matches(&text));
        }

        /// The same answer as the definition: a `*` is any split.
        #[test]
        fn matching_agrees_with_its_definition(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            fn defined(pattern: &[Token], text: &[char]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((Token::Any, rest)) => (0..=text.len()).any(|at| defined(rest, &text[at..])),
                    Some((Token::One, rest)) => !text.is_empty() && defined(rest, &text[1..]),
                    Some((Token::Literal(symbol), rest)) => text.first() == Some(symbol) && defined(rest, &text[1..]),
                }
            }
            let pattern = Pattern::plain(&pattern);
            let symbols: Vec<char> = text.chars().collect();
            prop_assert_eq!(pattern.matches(&text), defined(&pattern.0, &symbols));
        }

        #[test]
        fn no_variable_makes_the_reader_panic(text in "[${}a-z:,'*?]{0,20}") {
            let context = Context::default();
            let _ = Pattern::new(&text, Version::Y2012, &context).map(|pattern| pattern.text());
        }
    }
}
