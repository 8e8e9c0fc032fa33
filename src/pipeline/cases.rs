//! GitHub's rules as data: `fixtures/pipeline/`, a folder for each part, each case with the page that it is from.

use std::collections::BTreeMap;

use neargate_fixture as fixture;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::action::{self, Inputs};
use crate::expression::contexts::{Contexts, Status};
use crate::expression::value::Value;
use crate::expression::{condition, evaluate, json};
use crate::glob::Patterns;
use crate::plan;
use crate::protocol::commands::{Annotation, Commands, Level, Line};
use crate::protocol::files;
use crate::protocol::masks::Masks;
use crate::reference::Reference;
use crate::shell::Shell;
use crate::workflow::{matrix, order, read};

fn hash(patterns: &[String]) -> Result<String, String> {
    Ok(format!("hash of {}", patterns.join(" ")))
}

fn contexts(given: &BTreeMap<String, Json>) -> Contexts<'static> {
    let mut contexts = Contexts::new(&hash);
    for name in crate::expression::contexts::NAMES {
        if let Some(value) = given.get(*name) {
            contexts.set(name, json::from(value));
        }
    }
    contexts
}

/// What JSON can say of a value.
fn plain(value: &Value) -> Json {
    match value {
        Value::Number(number) => serde_json::json!(number),
        other => serde_json::from_str(&json::write(other)).expect("what it writes is JSON"),
    }
}

fn number_or(json: &Json) -> Json {
    json.as_f64().map_or_else(|| json.clone(), |number| serde_json::json!(number))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expressions {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default)]
    contexts: BTreeMap<String, Json>,
    #[serde(default)]
    values: BTreeMap<String, Json>,
    #[serde(default)]
    errors: BTreeMap<String, String>,
}

#[test]
fn expressions_have_the_value_that_github_gives_them() {
    fixture::each("pipeline/expressions", |case: Expressions| {
        assert!(!case.values.is_empty() || !case.errors.is_empty(), "{}", case.name);
        let contexts = contexts(&case.contexts);
        for (expression, expected) in &case.values {
            let value = evaluate::evaluate(expression, &contexts);
            let value = value.unwrap_or_else(|error| panic!("{}: {expression}: {error}", case.name));
            assert_eq!(plain(&value), number_or(expected), "{}: {expression}", case.name);
        }
        for (expression, expected) in &case.errors {
            let error = evaluate::evaluate(expression, &contexts).expect_err(expression);
            assert_eq!(error, *expected, "{}: {expression}", case.name);
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Conditions {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    #[serde(default)]
    failed: bool,
    #[serde(default)]
    cancelled: bool,
    conditions: BTreeMap<String, bool>,
}

#[test]
fn conditions_hold_as_on_github() {
    fixture::each("pipeline/conditions", |case: Conditions| {
        let mut contexts = Contexts::new(&hash);
        contexts.set("github", Value::texts([("ref", "refs/heads/main")]));
        contexts.status = Status { failed: case.failed, cancelled: case.cancelled, skipped: false };
        for (written, holds) in &case.conditions {
            assert_eq!(condition::holds(Some(written), &contexts), Ok(*holds), "{}: {written}", case.name);
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    lines: Vec<String>,
    read: Vec<String>,
}

fn told(line: Line) -> String {
    match line {
        Line::Text(text) => format!("text {text}"),
        Line::Debug(text) => format!("debug {text}"),
        Line::Annotation(Annotation { level, message, title, file, line, column }) => {
            let level = match level {
                Level::Notice => "notice",
                Level::Warning => "warning",
                Level::Error => "error",
            };
            let place = [file, line, column].into_iter().flatten().collect::<Vec<_>>().join(":");
            let place = if place.is_empty() { place } else { format!("{place} ") };
            let title = title.map(|title| format!("[{title}] ")).unwrap_or_default();
            format!("{level} {place}{title}{message}")
        }
        Line::Group(title) => format!("group {title}"),
        Line::EndGroup => "end".to_owned(),
        Line::Mask(value) => format!("mask {value}"),
        Line::Output(name, value) => format!("output {name}={value}"),
        Line::State(name, value) => format!("state {name}={value}"),
        Line::Ignored => "ignored".to_owned(),
        Line::Refused(why) => format!("refused {why}"),
    }
}

#[test]
fn lines_of_output_are_commands_or_text() {
    fixture::each("pipeline/commands", |case: Lines| {
        let mut commands = Commands::default();
        let read: Vec<String> = case.lines.iter().map(|line| told(commands.read(line))).collect();
        assert_eq!(read, case.read, "{}", case.name);
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    text: String,
    pairs: Option<Vec<(String, String)>>,
    error: Option<String>,
}

#[test]
fn files_of_a_step_are_read_as_the_runner_reads_them() {
    fixture::each("pipeline/files", |case: File| {
        let expected = match (case.pairs, case.error) {
            (Some(pairs), None) => Ok(pairs),
            (None, Some(error)) => Err(error),
            _ => panic!("{}: pairs, or an error", case.name),
        };
        assert_eq!(files::pairs(&case.text), expected, "{}", case.name);
    });
}

#[test]
fn a_file_of_variables_leaves_the_runners_own_alone() {
    let text = "GITHUB_SHA=x\nRUNNER_OS=y\nA=1\n";
    assert_eq!(files::variables(text), Ok(vec![("A".to_owned(), "1".to_owned())]));
    assert!(files::variables("NODE_OPTIONS=--require x\n").is_err());
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hidden {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    secrets: Vec<String>,
    shown: BTreeMap<String, String>,
}

#[test]
fn secrets_are_masked() {
    fixture::each("pipeline/masks", |case: Hidden| {
        let mut masks = Masks::default();
        case.secrets.iter().for_each(|secret| masks.add(secret));
        for (text, shown) in &case.shown {
            assert_eq!(masks.hide(text), *shown, "{}: {text}", case.name);
        }
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Matrix {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    matrix: Json,
    jobs: Option<Vec<String>>,
    error: Option<String>,
}

#[test]
fn a_matrix_makes_the_jobs_that_github_makes() {
    fixture::each("pipeline/matrix", |case: Matrix| {
        let mut contexts = Contexts::new(&hash);
        contexts.set("github", Value::texts([("services", "[\"api\", \"web\"]")]));
        let node = neargate_config::init_support::yaml(&case.matrix.to_string()).expect("JSON is YAML");
        let made = matrix::combinations(&node, &contexts).map(|jobs| {
            let values =
                |job: &matrix::Combination| job.iter().map(|(_, value)| value.to_text()).collect::<Vec<_>>().join(", ");
            jobs.iter().map(values).collect::<Vec<_>>()
        });
        assert_eq!(made, case.jobs.ok_or_else(|| case.error.expect("jobs, or an error")), "{}", case.name);
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Use {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    action: String,
    #[serde(default)]
    with: BTreeMap<String, String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    warning: Option<String>,
    error: Option<String>,
}

#[test]
fn actions_get_their_inputs_as_variables() {
    fixture::each("pipeline/inputs", |case: Use| {
        let action = match action::read("action.yml", &case.action) {
            Ok(action) => action,
            Err(mistakes) => {
                let told: Vec<&str> = mistakes.items().iter().map(|item| item.message()).collect();
                assert_eq!(told, [case.error.as_deref().unwrap_or_default()], "{}", case.name);
                return;
            }
        };
        let mut contexts = Contexts::new(&hash);
        contexts.set("github", Value::texts([("token", "t0ken")]));
        let with: Vec<(String, String)> = case.with.into_iter().collect();
        let inputs = Inputs::of(&action, &with, &contexts).expect("its defaults can be read");
        assert_eq!(inputs.variables().into_iter().collect::<BTreeMap<_, _>>(), case.variables, "{}", case.name);
        assert_eq!(inputs.warning, case.warning, "{}", case.name);
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Uses {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    uses: String,
    read: Option<String>,
    error: Option<String>,
}

#[test]
fn what_a_step_uses_is_read_as_github_reads_it() {
    fixture::each("pipeline/references", |case: Uses| {
        let read = Reference::parse(&case.uses).map(|reference| match reference {
            Reference::Repository { repository, path, version } => format!("{repository} {path} {version}"),
            Reference::Local(path) => format!("local {path}"),
            Reference::Image(image) => format!("image {image}"),
        });
        assert_eq!(read, case.read.ok_or_else(|| case.error.expect("read, or an error")), "{}", case.name);
    });
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workflows {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    workflow: String,
    #[serde(default)]
    jobs: Vec<String>,
    plan: Option<String>,
    #[serde(default)]
    secrets: Vec<String>,
    #[serde(default)]
    mistakes: Vec<String>,
}

#[test]
fn a_workflow_is_planned_or_its_mistakes_are_told() {
    fixture::each("pipeline/workflows", |case: Workflows| {
        let read = match read::workflow("deploy.yml", &case.workflow) {
            Ok(read) => read,
            Err(found) => {
                let line = |item: &neargate_config::Diagnostic| item.location(found.sources()).line;
                let told = found.items().iter().map(|item| format!("{}: {}", line(item), item.message()));
                assert_eq!(told.collect::<Vec<_>>(), case.mistakes, "{}", case.name);
                return;
            }
        };
        assert!(case.mistakes.is_empty(), "{}: no mistake was found", case.name);
        let mut contexts = Contexts::new(&hash);
        contexts.set("github", Value::texts([("ref", "refs/heads/main"), ("event_name", "push")]));
        let jobs = order::wanted(&read.workflow, &case.jobs).expect("the jobs are there");
        let planned = plan::plan(&read.workflow, &jobs, &contexts).to_string();
        assert_eq!(planned, case.plan.unwrap_or_default(), "{}", case.name);
        let asked = plan::asked(&read.workflow, &jobs, &contexts, "secrets");
        assert_eq!(asked.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), case.secrets, "{}", case.name);
    });
}

#[test]
fn patterns_of_hash_files_match_as_their_examples_say() {
    let matches = |patterns: &[&str], path: &str| {
        let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        Patterns::new(&patterns).expect("they can be read").has(path)
    };
    for (patterns, path, expected) in [
        (&["**/package-lock.json"][..], "package-lock.json", true),
        (&["**/package-lock.json"], "a/b/package-lock.json", true),
        (&["/src/*.js"], "src/a.js", true),
        (&["/src/*.js"], "src/b/a.js", false),
        (&["/lib/**/*.rb"], "lib/a.rb", true),
        (&["/lib/**/*.rb", "!/lib/foo/*.rb"], "lib/foo/a.rb", false),
        (&["/lib/**/*.rb", "!/lib/foo/*.rb"], "lib/foo/b/a.rb", true),
        (&["go.sum\n**/go.mod"], "x/go.mod", true),
        (&["a[0-9].txt"], "a7.txt", true),
        (&["a?.txt"], "ab.txt", true),
        (&["*.txt"], "a+txt", false),
    ] {
        assert_eq!(matches(patterns, path), expected, "{patterns:?} {path}");
    }
}

#[test]
fn shells_are_called_as_github_calls_them() {
    for (name, command) in [
        (None, "bash|-e|/s"),
        (Some("bash"), "bash|--noprofile|--norc|-eo|pipefail|/s"),
        (Some("sh"), "sh|-e|/s"),
        (Some("python"), "python|/s"),
        (Some("perl {0}"), "perl|/s"),
        (Some("pwsh"), "pwsh|-command|. '/s'"),
    ] {
        assert_eq!(Shell::of(name).expect("it is known").command("/s").join("|"), command);
    }
    assert!(Shell::of(Some("cmd")).is_err());
}

#[test]
fn no_text_makes_the_parser_panic() {
    use proptest::prelude::*;
    proptest!(|(text in "[a-z0-9 .*\\[\\](){}!<>=&|',\"$:\n-]{0,60}")| {
        let _ = evaluate::evaluate(&text, &Contexts::new(&hash));
        let _ = condition::holds(Some(&text), &Contexts::new(&hash));
        let _ = files::pairs(&text);
        let _ = Commands::default().read(&text);
        let mut masks = Masks::default();
        masks.add(&text);
        let hidden = masks.hide(&format!("x{text}y"));
        prop_assert!(text.trim().is_empty() || !hidden.contains(text.trim()) || "***".contains(text.trim()));
    });
}
