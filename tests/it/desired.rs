//! The desired state and its authors: `fixtures/desired/`. After each step of a case the journal is written and read
//! back, as if the process had been killed just then: nothing may be different after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use neargate::config::{Source, Style, Tasks, load};
use neargate::control::desired::edit::Edit;
use neargate::control::desired::journal;
use neargate::control::desired::state::Desired;
use neargate::model::{ServiceName, Topology};
use serde::Deserialize;

use crate::support::expected::{cases, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    steps: Vec<Step>,
}

/// `up` with this file, or a command.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    file: Option<BTreeMap<String, u32>>,
    #[serde(default)]
    reset: bool,
    update_service: Option<String>,
    desired_count: Option<u32>,
    #[serde(default)]
    refused: bool,
    wanted: BTreeMap<String, u32>,
    #[serde(default)]
    left_alone: Vec<String>,
}

const TASK_DEFINITION: &str = r#"{"family":"f","networkMode":"awsvpc","cpu":"256","memory":"512",
    "containerDefinitions":[{"name":"app","image":"i","portMappings":[{"containerPort":80}]}]}"#;

/// A file with these services and this many tasks of each.
fn topology(counts: &BTreeMap<String, u32>) -> Arc<Topology> {
    let service =
        |(name, count): (&String, &u32)| format!("  {name}: {{ task_definition: td.json, desired_count: {count} }}\n");
    let text =
        "name: p\ndomain: app.example.com\nload_balancer: { listeners: [ { port: 80, protocol: HTTP, default_action: \
                { fixed_response: { content_type: text/plain, status_code: 200 } } } ] }\nservices:\n"
            .to_owned()
            + &counts.iter().map(service).collect::<String>();
    let source = Source {
        path: Path::new("neargate.yaml"),
        folder: Path::new("/p"),
        text: &text,
        overrides: &[],
        env_files: Some(&[]),
        read_file: &|_| Ok(TASK_DEFINITION.to_owned()),
        unusable_certificate: &|_, _| None,
        env: &|_| None,
        tasks: Tasks::Run,
    };
    let loaded = load(source).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(Style::Plain)));
    Arc::new(loaded.topology)
}

/// The step, and what must be appended to the journal because of it.
fn act(desired: Option<&Desired>, step: &Step, at: &str) -> Desired {
    match (desired, &step.file, &step.update_service) {
        (None, Some(file), None) => Desired::from(topology(file)),
        (Some(desired), Some(file), None) => {
            let mut desired = desired.clone();
            desired.declare(topology(file), step.reset);
            desired
        }
        (Some(desired), None, Some(service)) => {
            let mut desired = desired.clone();
            let done = desired.update_service(&ServiceName::new(service), step.desired_count);
            assert_eq!(done, !step.refused, "{at}");
            desired
        }
        _ => panic!("{at}: a file first, then either a file or a command"),
    }
}

fn check(case: &Case) {
    let mut desired: Option<Desired> = None;
    let mut written = String::new();
    let mut edits: Vec<Edit> = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let at = format!("{}, step {}", case.name, index + 1);
        let next = act(desired.as_ref(), step, &at);
        written.extend(journal::appended(&edits, &next.edits()).iter().map(journal::line));
        edits = next.edits();

        let restored = Desired::restored(Arc::clone(next.declared()), journal::read(written.as_bytes()));
        for (desired, who) in [(&next, "as it is"), (&restored, "after a crash")] {
            let topology = desired.derive();
            let counts: BTreeMap<String, u32> =
                topology.services.iter().map(|(name, service)| (name.to_string(), service.desired_count)).collect();
            assert_eq!(counts, step.wanted, "{at}, {who}");
        }
        if step.file.is_some() {
            let told: Vec<String> = next.left_alone().iter().map(ToString::to_string).collect();
            assert_eq!(told, step.left_alone, "{at}");
        }
        desired = Some(next);
    }
}

#[test]
fn every_author_has_a_say() {
    for path in cases("desired", "yaml") {
        read::<Vec<Case>>(&path).iter().for_each(check);
    }
}
