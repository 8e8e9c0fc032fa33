//! Conditions in three-valued logic: yes, no, or why it is not known.

use super::scope::Scope;
use super::tree::Node;
use super::value::What;

/// A truth, or why it is not known.
pub(super) type Truth = Result<bool, String>;

/// Whether a condition of the template holds.
pub(super) fn named(scope: Scope<'_>, name: &str) -> Truth {
    let scope = scope.deeper()?;
    match scope.stack().root.get("Conditions").and_then(|all| all.get(name)) {
        Some(node) => holds(scope, node),
        None => Err(format!("the template has no condition `{name}`")),
    }
}

/// Whether an expression holds.
pub(super) fn holds(scope: Scope<'_>, node: &Node) -> Truth {
    let scope = scope.deeper()?;
    let [(function, argument)] = node.entries() else {
        return match node.text() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(name) => named(scope, name),
            None => Err("a condition has one function".to_owned()),
        };
    };
    match function.as_str() {
        "Condition" => named(scope, argument.text().unwrap_or_default()),
        "Fn::Equals" => equals(scope, argument.list()),
        "Fn::Not" => argument
            .list()
            .first()
            .map_or(Err("`Fn::Not` takes one condition".to_owned()), |node| holds(scope, node).map(|truth| !truth)),
        "Fn::And" => all(argument.list().iter().map(|node| holds(scope, node)), false),
        "Fn::Or" => all(argument.list().iter().map(|node| holds(scope, node)), true),
        function => Err(format!("`{function}` is no function of a condition")),
    }
}

/// One operand with the value `decides` decides; otherwise what is not known stays unknown.
pub(super) fn all(operands: impl Iterator<Item = Truth>, decides: bool) -> Truth {
    let mut unknown = None;
    for operand in operands {
        match operand {
            Ok(truth) if truth == decides => return Ok(decides),
            Ok(_) => {}
            Err(why) => unknown = unknown.or(Some(why)),
        }
    }
    unknown.map_or(Ok(!decides), Err)
}

fn equals(scope: Scope<'_>, operands: &[Node]) -> Truth {
    let [a, b] = operands else { return Err("`Fn::Equals` takes two values".to_owned()) };
    let (a, b) = (scope.evaluate(a), scope.evaluate(b));
    match (&a.what, &b.what) {
        (What::Text(a, _), What::Text(b, _)) => Ok(a == b),
        (What::Missing(why), _) | (_, What::Missing(why)) => Err(why.clone()),
        (What::Rope(a), What::Rope(b)) if a == b => Ok(true),
        (What::Rope(_), _) | (_, What::Rope(_)) => Err("it depends on an attribute that only AWS knows".to_owned()),
        (What::List(_), What::List(_)) => Ok(texts(&a) == texts(&b)),
        _ => Ok(false),
    }
}

fn texts(value: &super::value::Evaluated) -> Vec<Option<&str>> {
    value.list().iter().map(super::value::Evaluated::as_text).collect()
}
