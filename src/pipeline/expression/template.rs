//! The value of text with `${{ … }}` in it.

use super::contexts::Contexts;
use super::evaluate::evaluate;
use super::parts::{Part, parts};
use super::value::Value;

/// The text with every expression replaced by its value as text.
pub fn substitute(text: &str, contexts: &Contexts<'_>) -> Result<String, String> {
    let mut out = String::new();
    for part in parts(text)? {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Expression(expression) => out.push_str(&evaluate(expression, contexts)?.to_text()),
        }
    }
    Ok(out)
}

/// The value of the text: of its only expression, if it is nothing else, and otherwise text.
pub fn value(text: &str, contexts: &Contexts<'_>) -> Result<Value, String> {
    match parts(text)?.as_slice() {
        [Part::Expression(expression)] => evaluate(expression, contexts),
        _ => substitute(text, contexts).map(Value::Text),
    }
}
