//! The value of an expression.

use super::contexts::Contexts;
use super::functions;
use super::tree::{self, Tree};
use super::value::Value;

/// The value of a written expression.
pub fn evaluate(expression: &str, contexts: &Contexts<'_>) -> Result<Value, String> {
    value(&tree::parse(expression)?, contexts)
}

/// The value of a tree.
pub fn value(tree: &Tree, contexts: &Contexts<'_>) -> Result<Value, String> {
    Ok(match find(tree, contexts)? {
        Found::One(value) => value,
        Found::Filtered(values) => Value::list(values),
    })
}

/// What a filter has selected is indexed item by item.
enum Found {
    One(Value),
    Filtered(Vec<Value>),
}

fn find(tree: &Tree, contexts: &Contexts<'_>) -> Result<Found, String> {
    let one = |tree: &Tree| value(tree, contexts);
    Ok(Found::One(match tree {
        Tree::Literal(value) => value.clone(),
        Tree::Context(name, _) => contexts.get(name),
        Tree::Index(of, key) => {
            let key = one(key)?;
            match find(of, contexts)? {
                Found::One(value) => value.index(&key).cloned().unwrap_or_default(),
                Found::Filtered(values) => {
                    return Ok(Found::Filtered(values.iter().filter_map(|item| item.index(&key).cloned()).collect()));
                }
            }
        }
        Tree::All(of) => {
            return Ok(Found::Filtered(match find(of, contexts)? {
                Found::One(value) => members(&value),
                Found::Filtered(values) => values.iter().flat_map(members).collect(),
            }));
        }
        Tree::Not(of) => Value::Bool(!one(of)?.is_true()),
        Tree::Compare(sign, left, right) => {
            let (left, right) = (one(left)?, one(right)?);
            Value::Bool(match *sign {
                "==" => left.equals(&right),
                "!=" => !left.equals(&right),
                "<" => left.compare(&right).is_some_and(std::cmp::Ordering::is_lt),
                "<=" => left.compare(&right).is_some_and(std::cmp::Ordering::is_le),
                ">" => left.compare(&right).is_some_and(std::cmp::Ordering::is_gt),
                _ => left.compare(&right).is_some_and(std::cmp::Ordering::is_ge),
            })
        }
        // Both give a value, not a boolean: `a && b || c` is how workflows choose.
        Tree::And(left, right) => {
            let left = one(left)?;
            if left.is_true() { one(right)? } else { left }
        }
        Tree::Or(left, right) => {
            let left = one(left)?;
            if left.is_true() { left } else { one(right)? }
        }
        Tree::Call(function, arguments) => functions::call(*function, arguments, contexts, &one)?,
    }))
}

fn members(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.to_vec(),
        Value::Map(map) => map.entries().iter().map(|(_, value)| value.clone()).collect(),
        _ => Vec::new(),
    }
}
