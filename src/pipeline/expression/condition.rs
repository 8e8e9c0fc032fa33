//! Whether an `if` holds.

use super::contexts::Contexts;
use super::evaluate;
use super::parts::{Part, parts};
use super::template;
use super::tree::{self, Tree};
use super::value::Value;

/// Whether an `if` holds. "A default status check of success() is applied unless you include one of these functions."
///
/// An `if` need not be enclosed in `${{ }}`. Where text stands beside them, all of it is text, and not empty: true.
pub fn holds(written: Option<&str>, contexts: &Contexts<'_>) -> Result<bool, String> {
    let success = !contexts.status.failed && !contexts.status.cancelled && !contexts.status.skipped;
    let Some(written) = written.map(str::trim).filter(|written| !written.is_empty()) else { return Ok(success) };
    let (tree, text) = match parts(written)?.as_slice() {
        [] => return Ok(success),
        [Part::Text(expression)] => (tree::parse(expression)?, None),
        [Part::Expression(expression)] => (tree::parse(expression)?, None),
        parts => {
            // All expressions count for the question of whether a status is asked for.
            let mut asked = Tree::Literal(Value::Null);
            for part in parts {
                if let Part::Expression(expression) = part {
                    asked = Tree::And(Box::new(asked), Box::new(tree::parse(expression)?));
                }
            }
            (asked, Some(template::substitute(written, contexts)?))
        }
    };
    if !tree.asks_status() && !success {
        return Ok(false);
    }
    Ok(match text {
        Some(text) => !text.is_empty(),
        None => evaluate::value(&tree, contexts)?.is_true(),
    })
}
