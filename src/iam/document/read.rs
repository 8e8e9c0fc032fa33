//! From text to statements. Messages are those of IAM's MalformedPolicyDocument.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::statement::{Document, Effect, Listed, PrincipalPattern, Principals, Purpose, Statement};
use crate::conditions::Condition;
use crate::version::Version;

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

const SYNTAX: &str = "Syntax errors in policy.";

fn malformed<T>(message: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed(message.into()))
}

fn syntax<T>() -> Result<T, Malformed> {
    malformed(SYNTAX)
}

pub(super) fn document(text: &str, purpose: Purpose) -> Result<Document, Malformed> {
    let Ok(Value::Object(document)) = serde_json::from_str(text) else {
        return match purpose {
            Purpose::Identity => syntax(),
            Purpose::Trust => malformed("This policy contains invalid Json"),
        };
    };
    if document.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return syntax();
    }
    let version = match document.get("Version").map(Value::as_str) {
        None | Some(Some("2008-10-17")) => Version::Y2008,
        Some(Some("2012-10-17")) => Version::Y2012,
        Some(_) => return syntax(),
    };
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => return syntax(),
    };
    let read: Vec<Statement> =
        statements.into_iter().map(|value| statement(value, purpose)).collect::<Result<_, _>>()?;
    let mut sids = BTreeSet::new();
    let mut named = read.iter().filter_map(|statement| statement.sid.as_deref()).filter(|sid| !sid.is_empty());
    if !named.all(|sid| sids.insert(sid)) {
        return malformed("Statement IDs (SID) in a single policy must be unique.");
    }
    Ok(Document { version, statements: read })
}

const ELEMENTS: &[&str] =
    &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn statement(value: &Value, purpose: Purpose) -> Result<Statement, Malformed> {
    let Value::Object(statement) = value else { return syntax() };
    if statement.keys().any(|key| !ELEMENTS.contains(&key.as_str())) {
        return syntax();
    }
    let sid = match statement.get("Sid") {
        None => None,
        Some(Value::String(sid)) => Some(sid.clone()),
        Some(_) => return syntax(),
    };
    let effect = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return syntax(),
    };
    let principals = principals(statement)?;
    let actions = listed(statement, "Action", "NotAction")?;
    let resources = listed(statement, "Resource", "NotResource")?;
    match purpose {
        Purpose::Identity if principals.is_some() => {
            return malformed("Policy document should not specify a principal.");
        }
        Purpose::Trust if resources.is_some() => {
            return malformed("Has prohibited field Resource");
        }
        Purpose::Trust if principals.is_none() => return malformed("Missing required field Principal"),
        _ => {}
    }
    let Some(actions) = actions.filter(|actions| !actions.texts().is_empty()) else {
        return malformed("Policy statement must contain actions.");
    };
    for action in actions.texts() {
        judge_action(action, purpose)?;
    }
    match (&resources, purpose) {
        (None, Purpose::Identity) => return malformed("Policy statement must contain resources."),
        (Some(resources), _) if resources.texts().is_empty() => {
            return malformed("Policy statement must contain resources.");
        }
        (Some(resources), _) => resources.texts().iter().try_for_each(|resource| judge_resource(resource))?,
        (None, Purpose::Trust) => {}
    }
    Ok(Statement { sid, effect, principals, actions, resources, conditions: conditions(statement)? })
}

impl Listed {
    /// The patterns.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Only(texts) | Self::AllBut(texts) => texts,
        }
    }
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Result<Vec<String>, Malformed> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) => {
            let read: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            read.ok_or_else(|| Malformed(SYNTAX.to_owned()))
        }
        _ => syntax(),
    }
}

fn listed(statement: &Map<String, Value>, only: &str, all_but: &str) -> Result<Option<Listed>, Malformed> {
    match (statement.get(only), statement.get(all_but)) {
        (None, None) => Ok(None),
        (Some(value), None) => texts(value).map(Listed::Only).map(Some),
        (None, Some(value)) => texts(value).map(Listed::AllBut).map(Some),
        (Some(_), Some(_)) => syntax(),
    }
}

fn principals(statement: &Map<String, Value>) -> Result<Option<Principals>, Malformed> {
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (None, None) => Ok(None),
        (Some(value), None) => principal_patterns(value).map(Principals::Only).map(Some),
        (None, Some(value)) => principal_patterns(value).map(Principals::AllBut).map(Some),
        (Some(_), Some(_)) => syntax(),
    }
}

fn principal_patterns(value: &Value) -> Result<Vec<PrincipalPattern>, Malformed> {
    let kinds = match value {
        Value::String(text) if text == "*" => return Ok(vec![PrincipalPattern::Everyone]),
        Value::Object(kinds) => kinds,
        _ => return malformed("Invalid principal in policy"),
    };
    let mut patterns = Vec::new();
    for (kind, value) in kinds {
        for text in texts(value)? {
            patterns.push(match kind.as_str() {
                "AWS" if text == "*" => PrincipalPattern::Everyone,
                "AWS" if !is_account(&text) && !text.starts_with("arn:") && !is_unique_id(&text) => {
                    return malformed(format!("Invalid principal in policy: \"AWS\":\"{text}\""));
                }
                "AWS" => PrincipalPattern::Aws(text),
                "Service" => PrincipalPattern::Service(text),
                "Federated" => PrincipalPattern::Federated(text),
                "CanonicalUser" => PrincipalPattern::CanonicalUser(text),
                _ => return malformed("Invalid principal in policy"),
            });
        }
    }
    Ok(patterns)
}

/// Twelve digits.
fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What IAM writes in place of a principal that was deleted: `AIDA…`, `AROA…`.
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn judge_action(action: &str, purpose: Purpose) -> Result<(), Malformed> {
    if action == "*" {
        return match purpose {
            Purpose::Identity => Ok(()),
            Purpose::Trust => malformed("AssumeRole policy may only specify STS AssumeRole actions."),
        };
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    };
    if name.contains(':') {
        return malformed("Actions/Condition can contain only one colon.");
    }
    let is_good = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '-' || symbol == '.';
    if !vendor.chars().all(is_good) {
        return malformed(format!("Vendor {vendor} is not valid"));
    }
    if purpose == Purpose::Trust && !vendor.eq_ignore_ascii_case("sts") {
        return malformed("AssumeRole policy may only specify STS AssumeRole actions.");
    }
    Ok(())
}

fn judge_resource(resource: &str) -> Result<(), Malformed> {
    if resource == "*" || resource.starts_with("${") {
        return Ok(());
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    match parts[..] {
        [_] => malformed(format!("Resource {resource} must be in ARN format or \"*\".")),
        ["arn", partition, ..] if !partition.starts_with("aws") && !partition.contains(['*', '$']) => {
            malformed(format!("Partition \"{partition}\" is not valid for resource \"{resource}\"."))
        }
        ["arn", _, "*", ..] | ["arn", _] => {
            malformed("Resource vendor must be fully qualified and cannot contain regexes.")
        }
        ["arn", _, "iam", region, ..] if !region.is_empty() && region != "*" => {
            malformed(format!("IAM resource {resource} cannot contain region information."))
        }
        ["arn", _, "s3", region, ..] if !region.is_empty() && region != "*" => {
            malformed(format!("Resource {resource} can not contain region information."))
        }
        ["arn", ..] => Ok(()),
        _ => malformed(format!("Resource {resource} must be in ARN format or \"*\".")),
    }
}

fn conditions(statement: &Map<String, Value>) -> Result<Vec<Condition>, Malformed> {
    let operators = match statement.get("Condition") {
        None => return Ok(Vec::new()),
        Some(Value::Object(operators)) => operators,
        Some(_) => return syntax(),
    };
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return syntax() };
        for (key, values) in keys {
            let values = condition_values(values)?;
            let Some(condition) = Condition::new(operator, key, values) else { return syntax() };
            conditions.push(condition);
        }
    }
    Ok(conditions)
}

/// Booleans and numbers are written with or without quotes.
fn condition_values(value: &Value) -> Result<Vec<String>, Malformed> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => syntax(),
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    }
}
