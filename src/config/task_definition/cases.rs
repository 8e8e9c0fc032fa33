//! AWS's answers to task definitions, as data: `fixtures/config/task-definitions/`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::read::reader::Reader;
use crate::task_definition;
use crate::text::diagnostics::{Diagnostic, Severity};
use crate::text::source::Sources;
use crate::text::syntax;
use neargate_fixture::each;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// Fields that replace those of a small valid task; null removes a field.
    #[serde(default)]
    task: Map<String, Value>,
    /// Fields that replace those of its only container, likewise.
    #[serde(default)]
    container: Map<String, Value>,
    /// More containers.
    #[serde(default)]
    others: Vec<Value>,
    /// The whole file, instead of the fields above.
    text: Option<String>,
    /// The name of the file.
    #[serde(default = "default_file")]
    file: String,
    /// All diagnostics; empty if the definition is accepted.
    #[serde(default)]
    says: Vec<Said>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    error: Option<String>,
    warning: Option<String>,
    /// All quotations of AWS.
    #[serde(default)]
    aws: Vec<String>,
    /// A part of the other notes and of the help.
    hint: Option<String>,
    /// Line and column.
    at: Option<String>,
}

fn default_file() -> String {
    "task-definition.json".to_owned()
}

fn small() -> Value {
    json!({
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
        "containerDefinitions": [{ "name": "web", "image": "nginx:1.27", "portMappings": [{ "containerPort": 80 }] }],
    })
}

fn merge(into: &mut Value, fields: &Map<String, Value>) {
    let Value::Object(into) = into else { panic!("fields of an object") };
    for (key, value) in fields {
        match value {
            Value::Null => _ = into.remove(key),
            value => _ = into.insert(key.clone(), value.clone()),
        }
    }
}

fn text(case: &Case) -> String {
    if let Some(text) = &case.text {
        return text.clone();
    }
    let mut definition = small();
    merge(&mut definition["containerDefinitions"][0], &case.container);
    if let Value::Array(containers) = &mut definition["containerDefinitions"] {
        containers.extend(case.others.iter().cloned());
    }
    merge(&mut definition, &case.task);
    serde_json::to_string_pretty(&definition).unwrap()
}

/// AWS's words in a diagnostic: the quoted text of each note that gives an answer.
fn words(diagnostic: &Diagnostic) -> Vec<String> {
    let answer = |note: &String| {
        let answers = note.contains(" answers \"") || note.contains(" fails with \"");
        let (_, rest) = note.split_once('"').filter(|_| answers)?;
        Some(rest.rsplit_once('"')?.0.to_owned())
    };
    diagnostic.notes().iter().filter_map(answer).collect()
}

fn matches(said: &Said, diagnostic: &Diagnostic, sources: &Sources) -> bool {
    let message = match diagnostic.severity() {
        Severity::Error => &said.error,
        Severity::Warning | Severity::Note => &said.warning,
    };
    let place = diagnostic.location(sources);
    let mut hints = diagnostic.notes().iter().chain(diagnostic.helps());
    message.as_deref() == Some(diagnostic.message())
        && said.aws == words(diagnostic)
        && said.hint.as_ref().is_none_or(|hint| hints.any(|text| text.contains(hint)))
        && said.at.as_ref().is_none_or(|at| *at == format!("{}:{}", place.line, place.column))
}

#[test]
fn task_definitions_are_taken_and_refused_as_aws_does() {
    let mut problems = Vec::new();
    each("config/task-definitions", |case: Case| {
        let mut sources = Sources::default();
        let file = sources.add(Path::new(&case.file), &text(&case));
        let mut reader = Reader::default();
        let read = syntax::parse_definition(&sources, file, &mut reader)
            .and_then(|root| task_definition::read(&root, &|_| false, &mut reader));
        assert!(!case.source.is_empty(), "{}: a case says where it comes from", case.name);
        let mut said = reader.diagnostics;
        said.sort_by_key(|diagnostic| diagnostic.location(&sources));
        let right = said.len() == case.says.len()
            && case.says.iter().zip(&said).all(|(expected, said)| matches(expected, said, &sources));
        let refused = said.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
        if !right || (read.is_none() && !refused) {
            let shown: String = said
                .iter()
                .map(|said| {
                    format!(
                        "{}words: {:#?}\n",
                        said.render(&sources, crate::text::diagnostics::Style::Plain),
                        words(said)
                    )
                })
                .collect();
            problems.push(format!("{}\n-- expected {:#?}\n-- said\n{shown}", case.name, case.says));
        }
    });
    assert!(problems.is_empty(), "{} differ\n\n{}", problems.len(), problems.join("\n\n"));
}
