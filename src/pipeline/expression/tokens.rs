//! An expression as tokens.

use super::value::{Value, number};

/// A token, and where it begins: from 1, as GitHub counts.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Name(String),
    Literal(Value),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: &[&str] = &["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "(", ")", "[", "]", ",", ".", "*"];

/// The tokens; or GitHub's words for what is none.
pub(super) fn tokens(expression: &str) -> Result<Vec<Token>, String> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut rest = expression;
    loop {
        rest = rest.trim_start();
        let at = expression[..expression.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let unexpected = |what: &str| {
            format!("Unexpected symbol: '{what}'. Located at position {at} within expression: {}", expression.trim())
        };
        let after_dot = matches!(tokens.last(), Some(Token { kind: Kind::Sign("."), .. }));
        let (kind, length) = if first == '\'' {
            let (text, length) = literal(rest).ok_or_else(|| unexpected(rest))?;
            (Kind::Literal(Value::Text(text)), length)
        } else if (first.is_ascii_digit() || (".+-".contains(first) && begins_number(rest))) && !after_dot {
            let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".+-".contains(c))).unwrap_or(rest.len());
            let number = number(&rest[..length]);
            if number.is_nan() {
                return Err(unexpected(&rest[..length]));
            }
            (Kind::Literal(Value::Number(number)), length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length =
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            (word(&rest[..length], after_dot), length)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Kind::Sign(sign), sign.len())
        } else {
            let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
            return Err(unexpected(&rest[..length]));
        };
        tokens.push(Token { at, kind });
        rest = &rest[length..];
    }
}

fn word(word: &str, after_dot: bool) -> Kind {
    match word {
        _ if after_dot => Kind::Name(word.to_owned()),
        "true" => Kind::Literal(Value::Bool(true)),
        "false" => Kind::Literal(Value::Bool(false)),
        "null" => Kind::Literal(Value::Null),
        "NaN" => Kind::Literal(Value::Number(f64::NAN)),
        "Infinity" => Kind::Literal(Value::Number(f64::INFINITY)),
        _ => Kind::Name(word.to_owned()),
    }
}

/// A sign or a point, and then a digit.
fn begins_number(text: &str) -> bool {
    text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit())
}

/// The text between single quotes, of which two stand for one, and its length with the quotes.
fn literal(text: &str) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut at = 1;
    loop {
        let end = text[at..].find('\'')?;
        out.push_str(&text[at..at + end]);
        at += end + 1;
        if !text[at..].starts_with('\'') {
            return Some((out, at));
        }
        out.push('\'');
        at += 1;
    }
}
