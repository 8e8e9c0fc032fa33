//! Recognises what a supposed task definition really is: removes wrappers around a task definition, and reports anything
//! else once, instead of the seven mistakes that would follow.

use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::tree::{Entry, Node, Value};

/// What AWS's tools put around or next to a definition when they print one.
const WRAPPER: &str = "taskDefinition";

/// The node with the fields. `None` after reporting what the file is instead.
pub(super) fn definition<'n>(root: &'n Node, reader: &mut Reader) -> Option<&'n Node> {
    if root.is_null() {
        reader.report(Diagnostic::error("the file is empty", root.span, "").help(DESCRIBE));
        return None;
    }
    let problem = match &root.value {
        Value::Map(entries) => {
            let has = |key: &str| entries.iter().any(|entry| entry.key == key);
            if has("containerDefinitions") {
                return Some(root);
            }
            // `aws ecs describe-task-definition`, and boto3's answers with ResponseMetadata beside it.
            if let Some(inner) = root.get(WRAPPER).filter(|inner| matches!(inner.value, Value::Map(_))) {
                return Some(inner);
            }
            if FIELDS.iter().any(|field| has(field)) {
                return Some(root);
            }
            something_else(entries, root)
        }
        Value::List(items) => list(items, root),
        Value::Scalar(_) => not_one(root),
    };
    reader.report(problem);
    None
}

/// Fields that show that a file is meant to be a task definition.
const FIELDS: &[&str] = &["family", "networkMode", "requiresCompatibilities", "executionRoleArn", "taskRoleArn"];

const DESCRIBE: &str =
    "to get the one that is running: aws ecs describe-task-definition --task-definition FAMILY --query taskDefinition";

fn not_one(root: &Node) -> Diagnostic {
    Diagnostic::error("this is not a task definition", root.head, "")
        .note("it has no `containerDefinitions`")
        .help(DESCRIBE)
}

fn something_else(entries: &[Entry], root: &Node) -> Diagnostic {
    let find = |keys: &[&str]| entries.iter().find(|entry| keys.contains(&entry.key.as_str()));
    if let Some(entry) = find(&["Resources", "AWSTemplateFormatVersion"]) {
        return Diagnostic::error("this is a CloudFormation template, not a task definition", entry.key_span, "")
            .help(DESCRIBE);
    }
    if let Some(entry) = find(&["ContainerDefinitions", "Family"]) {
        return Diagnostic::error("these are CloudFormation's names, not those of the ECS API", entry.key_span, "")
            .help("start every key with a lowercase letter, as in `containerDefinitions`");
    }
    if let Some(entry) = find(&["container_definitions"]) {
        return Diagnostic::error("these are Terraform's names, not those of the ECS API", entry.key_span, "")
            .help("write the keys as in `containerDefinitions`");
    }
    if let Some(entry) = find(&["services"]) {
        return Diagnostic::error("this is a Compose file, not a task definition", entry.key_span, "").help(DESCRIBE);
    }
    if entries.iter().any(|entry| entry.key == "image") {
        return Diagnostic::error("this is one container, not a task definition", root.head, "").help(AROUND);
    }
    not_one(root)
}

const AROUND: &str = "put it into a task definition: {\"family\": \"NAME\", \"networkMode\": \"awsvpc\", \"cpu\": \"256\", \"memory\": \
                      \"512\", \"containerDefinitions\": [ … ]}";

fn list(items: &[Node], root: &Node) -> Diagnostic {
    let is_definition = |item: &Node| item.get("containerDefinitions").is_some() || item.get(WRAPPER).is_some();
    if items.iter().any(is_definition) {
        let what =
            if items.len() == 1 { "a list around the task definition" } else { "several task definitions in one file" };
        let help = if items.len() == 1 { "remove the outer brackets" } else { "put each in a separate file" };
        return Diagnostic::error(what, root.span, "").help(help);
    }
    if items.iter().any(|item| item.get("image").is_some() || item.get("name").is_some()) {
        return Diagnostic::error("these are the containers alone, not a task definition", root.span, "").help(AROUND);
    }
    not_one(root)
}
