//! The values of functions.

use super::contexts::Contexts;
use super::function::Function;
use super::json;
use super::tree::Tree;
use super::value::Value;

pub(super) fn call(
    function: Function,
    arguments: &[Tree],
    contexts: &Contexts<'_>,
    one: &dyn Fn(&Tree) -> Result<Value, String>,
) -> Result<Value, String> {
    let status = contexts.status;
    if function == Function::Case {
        return case(arguments, one);
    }
    let arguments = arguments.iter().map(one).collect::<Result<Vec<Value>, String>>()?;
    let compare = |holds: fn(&str, &str) -> bool| {
        let both = arguments[0].is_primitive() && arguments[1].is_primitive();
        Value::Bool(both && holds(&arguments[0].to_text().to_lowercase(), &arguments[1].to_text().to_lowercase()))
    };
    Ok(match function {
        Function::Contains => match &arguments[0] {
            Value::List(items) => Value::Bool(items.iter().any(|item| item.equals(&arguments[1]))),
            _ => compare(|all, part| all.contains(part)),
        },
        Function::StartsWith => compare(|all, part| all.starts_with(part)),
        Function::EndsWith => compare(|all, part| all.ends_with(part)),
        Function::Format => Value::Text(format(&arguments[0].to_text(), &arguments[1..])?),
        Function::Join => {
            let separator = arguments.get(1).filter(|separator| separator.is_primitive());
            let separator = separator.map_or(",".to_owned(), Value::to_text);
            match &arguments[0] {
                Value::List(items) => {
                    Value::Text(items.iter().map(Value::to_text).collect::<Vec<_>>().join(&separator))
                }
                Value::Map(_) => Value::Text(String::new()),
                one => Value::Text(one.to_text()),
            }
        }
        Function::ToJson => Value::Text(json::write(&arguments[0])),
        Function::FromJson => json::read(&arguments[0].to_text())?,
        Function::HashFiles => Value::Text(contexts.hash(&arguments.iter().map(Value::to_text).collect::<Vec<_>>())?),
        Function::Success => Value::Bool(!status.failed && !status.cancelled && !status.skipped),
        Function::Failure => Value::Bool(status.failed && !status.cancelled),
        Function::Always => Value::Bool(true),
        Function::Cancelled => Value::Bool(status.cancelled),
        Function::Case => Value::Null,
    })
}

/// "Evaluates predicates in order and returns the value corresponding to the first predicate that evaluates to true."
fn case(arguments: &[Tree], one: &dyn Fn(&Tree) -> Result<Value, String>) -> Result<Value, String> {
    let [pairs @ .., default] = arguments else { return Ok(Value::Null) };
    if pairs.len() % 2 == 1 {
        return Err("case requires an odd number of arguments: predicates with values, and a default".to_owned());
    }
    for pair in pairs.chunks(2) {
        match one(&pair[0])? {
            Value::Bool(true) => return one(&pair[1]),
            Value::Bool(false) => {}
            _ => return Err("case: a predicate must be a boolean".to_owned()),
        }
    }
    one(default)
}

/// "Escape curly braces using double braces."
fn format(text: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let number = after.split_once('}').filter(|_| brace == "{");
        let number = number.and_then(|(number, after)| Some((number.parse::<usize>().ok()?, after)));
        let Some((number, after)) = number else {
            return Err(format!("The following format string is invalid: {text}"));
        };
        let value = values.get(number).ok_or_else(|| {
            format!("The following format string references more arguments than were supplied: {text}")
        })?;
        out.push_str(&value.to_text());
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
