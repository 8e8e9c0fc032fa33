//! What RegisterTaskDefinition refuses, against the cases of `fixtures/ecs/register` and `fixtures/ecs/cpu-memory`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use neargate_fixture::each;
use neargate_model::registration::Registration;

use super::definition::definition;
use super::judgement::refusals;
use super::written::judge;
use super::{environment_file, sizes};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader, and for docs/ecs.md")]
    source: String,
    /// Fields in place of those of a small definition; null takes a field away.
    #[serde(default)]
    task: Map<String, Value>,
    /// The same for its container.
    #[serde(default)]
    container: Map<String, Value>,
    /// More containers.
    #[serde(default)]
    others: Vec<Value>,
    /// Place and message of each refusal.
    refused: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum SizeCase {
    Row {
        name: String,
        #[expect(dead_code, reason = "for the reader, and for docs/ecs.md")]
        source: String,
        cpu: u32,
        memory: Vec<u32>,
    },
    Spelling {
        name: String,
        #[expect(dead_code, reason = "for the reader, and for docs/ecs.md")]
        source: String,
        written: Written,
        means: (u32, u32),
    },
}

#[derive(Deserialize)]
struct Written {
    cpu: String,
    memory: String,
}

fn registration(case: &Case) -> Registration {
    let mut whole = json!({
        "family": "shop",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
        "containerDefinitions": [{ "name": "web", "image": "nginx:1.27", "portMappings": [{ "containerPort": 80 }] }],
    });
    replace(&mut whole["containerDefinitions"][0], &case.container);
    if let Value::Array(containers) = &mut whole["containerDefinitions"] {
        containers.extend(case.others.iter().cloned());
    }
    replace(&mut whole, &case.task);
    serde_json::from_value(whole).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

fn replace(object: &mut Value, fields: &Map<String, Value>) {
    for (key, value) in fields {
        match (object.as_object_mut(), value) {
            (Some(object), Value::Null) => drop(object.remove(key)),
            (Some(object), value) => drop(object.insert(key.clone(), value.clone())),
            (None, _) => panic!("{key} of something without fields"),
        }
    }
}

#[test]
fn a_definition_is_refused_in_the_words_of_the_api() {
    each("ecs/register", |case: Case| {
        let registration = registration(&case);
        let found = refusals(&registration);
        let said: Vec<String> =
            found.iter().map(|refusal| format!("{}: {}", refusal.place, refusal.violation)).collect();
        assert_eq!(said, case.refused, "{}", case.name);
        if found.is_empty() {
            let definition = definition(&registration).unwrap_or_else(|| panic!("{}: unusable", case.name));
            assert_eq!(judge(&definition), Ok(()), "{}: what was registered can be registered again", case.name);
        }
    });
}

#[test]
fn fargate_has_these_sizes_and_no_others() {
    let mut pairs = 0;
    each("ecs/cpu-memory", |case: SizeCase| match case {
        SizeCase::Row { name, cpu, memory, .. } => {
            pairs += memory.len();
            let exist: Vec<u32> = (0..=300_000).filter(|memory| sizes::exists(cpu, *memory)).collect();
            assert_eq!(exist, memory, "{name}");
        }
        SizeCase::Spelling { name, written: Written { cpu, memory }, means, .. } => {
            assert_eq!(sizes::parse_cpu(&cpu).zip(sizes::parse_memory(&memory)), Some(means), "{name}");
        }
    });
    assert_eq!(pairs, 74, "as many as a call for each of them has found");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileCase {
    name: String,
    #[expect(dead_code, reason = "for the reader, and for docs/ecs.md")]
    source: String,
    file: String,
    variables: BTreeMap<String, String>,
}

#[test]
fn environment_files_are_read_as_the_agent_reads_them() {
    each("ecs/environment-files", |case: FileCase| {
        let read = environment_file::variables(&case.file);
        let read: BTreeMap<String, String> = read.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(read, case.variables, "{}", case.name);
    });
}
