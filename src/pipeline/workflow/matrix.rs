//! A matrix makes several jobs of one (GitHub docs, "Running variations of jobs in a workflow").

use neargate_config::text::tree::{Node, ScalarKind, Value as Kind};

use crate::expression::contexts::Contexts;
use crate::expression::template;
use crate::expression::value::Value;

/// "A matrix will generate a maximum of 256 jobs per workflow run."
const MOST: usize = 256;

/// One of the jobs: its values by name.
pub type Combination = Vec<(String, Value)>;

/// The jobs of a matrix, in GitHub's order.
pub fn combinations(matrix: &Node, contexts: &Contexts<'_>) -> Result<Vec<Combination>, String> {
    let Value::Map(matrix) = value(matrix, contexts)? else { return Err("a matrix is a mapping".to_owned()) };
    let mut combinations: Vec<Combination> = vec![Vec::new()];
    let mut has_values = false;
    for (name, values) in matrix.entries() {
        if matches!(name.as_str(), "include" | "exclude") {
            continue;
        }
        has_values = true;
        let Value::List(values) = values else { return Err(format!("`{name}` of a matrix is a list")) };
        combinations = combinations
            .iter()
            .flat_map(|known| {
                values.iter().map(move |value| {
                    known.iter().cloned().chain(std::iter::once((name.clone(), value.clone()))).collect()
                })
            })
            .take(MOST + 1)
            .collect();
    }
    if !has_values {
        combinations.clear();
    }
    // "An excluded configuration only has to be a partial match for it to be excluded."
    for excluded in objects(matrix.get("exclude"), "exclude")? {
        combinations
            .retain(|known| !excluded.iter().all(|(name, value)| find(known, name).is_some_and(|it| same(it, value))));
    }
    // "All `include` combinations are processed after `exclude`."
    let original = combinations.clone();
    for included in objects(matrix.get("include"), "include")? {
        let mut is_added = false;
        for (known, original) in combinations.iter_mut().zip(&original) {
            let overwrites = |(name, value): &(String, Value)| find(original, name).is_some_and(|it| !same(it, value));
            if included.iter().any(overwrites) {
                continue;
            }
            is_added = true;
            for (name, value) in &included {
                known.retain(|(known, _)| known != name || find(original, name).is_some());
                if find(known, name).is_none() {
                    known.push((name.clone(), value.clone()));
                }
            }
        }
        if !is_added {
            combinations.push(included);
        }
    }
    match combinations.len() {
        0 => Err("Matrix vector does not contain any values".to_owned()),
        more if more > MOST => Err(format!("Strategy expansion exceeded {MOST} results")),
        _ => Ok(combinations),
    }
}

fn objects(value: Option<&Value>, name: &str) -> Result<Vec<Combination>, String> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::List(items)) => items
            .iter()
            .map(|item| match item {
                Value::Map(map) => Ok(map.entries().to_vec()),
                _ => Err(format!("`{name}` of a matrix is a list of mappings")),
            })
            .collect(),
        Some(_) => Err(format!("`{name}` of a matrix is a list of mappings")),
    }
}

fn find<'c>(combination: &'c Combination, name: &str) -> Option<&'c Value> {
    combination.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// By content: here GitHub looks into arrays and objects.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.entries().len() == right.entries().len()
                && left.entries().iter().all(|(name, value)| right.get(name).is_some_and(|right| same(value, right)))
        }
        (left, right) => left.equals(right),
    }
}

/// What a node says, with the types of YAML, and the values of expressions.
pub fn value(node: &Node, contexts: &Contexts<'_>) -> Result<Value, String> {
    Ok(match &node.value {
        Kind::Scalar(scalar) => match scalar.kind() {
            ScalarKind::Null => Value::Null,
            ScalarKind::Bool => Value::Bool(scalar.text.eq_ignore_ascii_case("true")),
            ScalarKind::Integer | ScalarKind::Float => Value::Number(scalar.text.parse().unwrap_or(f64::NAN)),
            ScalarKind::Text => template::value(&scalar.text, contexts)?,
        },
        Kind::List(items) => {
            Value::list(items.iter().map(|item| value(item, contexts)).collect::<Result<Vec<_>, String>>()?)
        }
        Kind::Map(entries) => {
            let members = entries.iter().map(|entry| Ok((entry.key.clone(), value(&entry.value, contexts)?)));
            Value::map(members.collect::<Result<Vec<_>, String>>()?)
        }
    })
}

/// The job's name with the values in brackets, as GitHub shows it.
pub fn name(of: &str, combination: &Combination) -> String {
    if combination.is_empty() {
        return of.to_owned();
    }
    let values: Vec<String> = combination.iter().map(|(_, value)| value.to_text()).collect();
    format!("{of} ({})", values.join(", "))
}
