//! Runs as data: `fixtures/pipeline/runs/`, each a repository with a workflow, and what is told while it runs.

use std::collections::BTreeMap;
use std::path::Path;

use neargate_fixture as fixture;
use serde::Deserialize;
use tokio::sync::watch;

use super::cache::Cache;
use super::event::Event;
use super::repository::Repository;
use super::settings::Settings;
use super::workflow;
use crate::pipeline::job::Outcome;
use crate::pipeline::protocol::commands::Annotation;
use crate::pipeline::workflow::read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    workflow: String,
    /// Whether it needs node.
    #[serde(default)]
    node: bool,
    #[serde(default)]
    outcome: Option<String>,
    events: Vec<String>,
}

fn git(top: &Path, words: &[&str]) {
    let who = ["-c", "user.name=n", "-c", "user.email=e@example.com"];
    let status = std::process::Command::new("git").arg("-C").arg(top).args(who).args(words).status().unwrap();
    assert!(status.success(), "git {words:?}");
}

fn told(event: Event) -> Option<String> {
    Some(match event {
        Event::Job(name) => format!("job {name}"),
        Event::JobSkipped(name, why) => format!("skipped job {name}: {why}"),
        Event::JobDone(name, outcome, _) => format!("job {name} {}", outcome.word()),
        Event::Step(name) => format!("step {name}"),
        Event::StepSkipped(name, why) => format!("skipped {name}: {why}"),
        Event::StepDone(_, outcome, conclusion, _) if outcome == conclusion => outcome.word().to_owned(),
        Event::StepDone(_, outcome, conclusion, _) => format!("{} as {}", outcome.word(), conclusion.word()),
        // Where a copy is differs from run to run.
        Event::Line(text) if text.starts_with("the working tree as it is") => return None,
        Event::Line(text) => format!("  {text}"),
        Event::Annotation(Annotation { message, file: Some(file), line: Some(line), .. }) => {
            format!("  error: {file}:{line} {message}")
        }
        Event::Annotation(Annotation { message, .. }) => format!("  error: {message}"),
        Event::Note(text) => format!("note {text}"),
        Event::Summary(text) => format!("summary {text}"),
        Event::Debug(_) | Event::Group(_) | Event::EndGroup => return None,
    })
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn check(case: Case) {
    let has_node = std::process::Command::new("node").arg("--version").output().is_ok();
    if case.node && !has_node {
        eprintln!("skipped, since there is no node: {}", case.name);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().join("top");
    for (path, text) in &case.files {
        std::fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
        std::fs::write(top.join(path), text).unwrap();
    }
    std::fs::create_dir_all(&top).unwrap();
    std::fs::write(top.join("README"), "").unwrap();
    git(&top, &["init", "-q", "-b", "trunk"]);
    git(&top, &["add", "."]);
    git(&top, &["commit", "-q", "-m", "first"]);
    let workflow = read::workflow("w.yml", &case.workflow).unwrap_or_else(|found| panic!("{}: {found}", case.name));
    let repository = Repository::of(&top).unwrap();
    let settings = Settings {
        facts: repository.facts("push").unwrap(),
        repository: repository.top,
        workflow: workflow.workflow,
        jobs: Vec::new(),
        secrets: case.secrets,
        vars: BTreeMap::new(),
        cache: Cache { folder: folder.path().join("cache"), offline: true },
        scratch: folder.path().join("scratch"),
        aws_endpoint: None,
        base: vec![("PATH".to_owned(), std::env::var("PATH").unwrap())],
    };
    let mut events = Vec::new();
    let (_sender, cancelled) = watch::channel(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut tell = |event| events.extend(told(event));
    let outcome = runtime.block_on(workflow::run(&settings, cancelled, &mut tell)).unwrap();
    assert_eq!(events, case.events, "{}", case.name);
    assert_eq!(outcome.word(), case.outcome.as_deref().unwrap_or(Outcome::Success.word()), "{}", case.name);
}

#[test]
fn workflows_run_as_on_github() {
    fixture::each("pipeline/runs", check);
}
