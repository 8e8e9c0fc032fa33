//! Reads the jobs of a workflow.

use neargate_config::text::tree::{Entry, Node, Value};

use super::keys::Mistakes;
use super::model::{Defaults, Job, Pairs, Template, Work};
use super::steps::steps;

const KEYS: &[&str] = &[
    "name",
    "permissions",
    "needs",
    "if",
    "runs-on",
    "snapshot",
    "environment",
    "concurrency",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "strategy",
    "continue-on-error",
    "container",
    "services",
    "uses",
    "with",
    "secrets",
];

pub(super) fn job(entry: &Entry, mistakes: &mut Mistakes) -> Job {
    let mut job = Job {
        id: entry.key.clone(),
        span: entry.key_span,
        name: None,
        needs: Vec::new(),
        condition: None,
        runs_on: None,
        env: Pairs::new(),
        defaults: Defaults::default(),
        environment: None,
        id_token: None,
        matrix: None,
        fail_fast: None,
        outputs: Pairs::new(),
        continue_on_error: None,
        timeout_minutes: None,
        work: Work::Steps(Vec::new()),
        unsupported: Vec::new(),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !entry.key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !entry.key.chars().all(is_name) {
        mistakes.add(
            entry.key_span,
            format!(
                "The identifier '{}' is invalid. IDs may only contain alphanumeric characters, '_', and '-'. IDs must \
                 start with a letter or '_' and must be less than 100 characters.",
                entry.key
            ),
        );
    }
    let mut does = None;
    for member in mistakes.entries(&entry.value, KEYS) {
        let value = &member.value;
        match member.key.as_str() {
            "name" => job.name = mistakes.template(value),
            "if" => job.condition = mistakes.template(value),
            "needs" => job.needs = one_or_more(value, mistakes),
            "runs-on" => job.runs_on = Some(runner(value)),
            "env" => job.env = mistakes.pairs(value),
            "defaults" => job.defaults = defaults(value, mistakes),
            "environment" => {
                job.environment = mistakes_of_environment(value, mistakes);
            }
            "permissions" => job.id_token = Some(may_identify(value)),
            "outputs" => job.outputs = mistakes.pairs(value),
            "continue-on-error" => job.continue_on_error = mistakes.template(value),
            "timeout-minutes" => job.timeout_minutes = mistakes.template(value),
            "strategy" => strategy(value, &mut job, mistakes),
            "steps" => does = Some(Work::Steps(steps(value, mistakes))),
            "uses" => does = mistakes.template(value).map(Work::Workflow),
            "services" if !value.is_empty() && !value.is_null() => job.unsupported.push((
                member.key_span,
                "`services` are not started: start what the steps need before, or leave the job out with `--job`"
                    .to_owned(),
            )),
            "container" if !value.is_null() => job.unsupported.push((
                member.key_span,
                "`container` is not used: the steps run on this machine, with the programs that it has".to_owned(),
            )),
            _ => {}
        }
    }
    match does {
        None => mistakes.add(entry.key_span, "Required property is missing: steps, or uses"),
        Some(Work::Steps(steps)) if steps.is_empty() => mistakes.add(entry.key_span, "a job has at least one step"),
        Some(work) => {
            if matches!(work, Work::Steps(_)) && job.runs_on.is_none() {
                mistakes.add(entry.key_span, "Required property is missing: runs-on");
            }
            job.work = work;
        }
    }
    job
}

fn one_or_more(node: &Node, mistakes: &mut Mistakes) -> Vec<Template> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| mistakes.template(item)).collect(),
        _ => mistakes.template(node).into_iter().collect(),
    }
}

/// A label, labels, or a group: only shown.
fn runner(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.clone(),
        Value::List(items) => items.iter().map(runner).collect::<Vec<_>>().join(", "),
        Value::Map(entries) => entries.iter().map(|entry| runner(&entry.value)).collect::<Vec<_>>().join(", "),
    }
}

fn mistakes_of_environment(node: &Node, mistakes: &mut Mistakes) -> Option<Template> {
    match &node.value {
        Value::Map(_) => {
            mistakes.entries(node, &["name", "url", "deployment"]);
            node.get("name").and_then(|name| mistakes.template(name))
        }
        _ => mistakes.template(node),
    }
}

pub(super) fn defaults(node: &Node, mistakes: &mut Mistakes) -> Defaults {
    let mut defaults = Defaults::default();
    for entry in mistakes.entries(node, &["run"]) {
        for member in mistakes.entries(&entry.value, &["shell", "working-directory"]) {
            let value = mistakes.template(&member.value);
            match member.key.as_str() {
                "shell" => defaults.shell = value,
                _ => defaults.working_directory = value,
            }
        }
    }
    defaults
}

/// `id-token: write`, alone or as part of `write-all`.
pub(super) fn may_identify(node: &Node) -> bool {
    node.text() == Some("write-all") || node.get("id-token").and_then(Node::text) == Some("write")
}

fn strategy(node: &Node, job: &mut Job, mistakes: &mut Mistakes) {
    for entry in mistakes.entries(node, &["matrix", "fail-fast", "max-parallel"]) {
        match entry.key.as_str() {
            "matrix" => job.matrix = Some(entry.value.clone()),
            "fail-fast" => job.fail_fast = mistakes.template(&entry.value),
            _ => {}
        }
    }
}
