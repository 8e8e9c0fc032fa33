//! Reads a workflow file.

use neargate_config::init_support::{self, Document};
use neargate_config::text::tree::{Node, Value};
use neargate_config::{Diagnostics, Sources, Span};

use super::check;
use super::jobs;
use super::keys::Mistakes;
use super::model::{Input, Workflow};
use super::order;

const KEYS: &[&str] = &["name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"];

/// A workflow, and the text that its places refer to.
#[derive(Debug)]
pub struct Read {
    /// What it says.
    pub workflow: Workflow,
    /// Its text.
    pub sources: Sources,
}

impl Read {
    /// The line of a place.
    pub fn line(&self, span: Span) -> usize {
        self.sources.location(span).line
    }
}

/// Reads it, or reports every mistake in it.
pub fn workflow(path: &str, text: &str) -> Result<Read, Diagnostics> {
    let Document { root, sources } = init_support::document(path, text)?;
    let mut mistakes = Mistakes::default();
    let mut workflow = Workflow::default();
    let mut has = (false, false);
    for entry in mistakes.entries(&root, KEYS) {
        let value = &entry.value;
        match entry.key.as_str() {
            "name" => workflow.name = mistakes.template(value).map(|name| name.text),
            "on" => {
                has.0 = true;
                on(value, &mut workflow, &mut mistakes);
            }
            "permissions" => workflow.id_token = jobs::may_identify(value),
            "env" => workflow.env = mistakes.pairs(value),
            "defaults" => workflow.defaults = jobs::defaults(value, &mut mistakes),
            "jobs" => {
                has.1 = true;
                workflow.jobs = mistakes.map(value).iter().map(|job| jobs::job(job, &mut mistakes)).collect();
            }
            _ => {}
        }
    }
    for (there, name) in [(has.0, "on"), (has.1, "jobs")] {
        if !there {
            mistakes.add(root.head, format!("Required property is missing: {name}"));
        }
    }
    order::check(&workflow, &mut mistakes);
    check::workflow(&workflow, &mut mistakes);
    if mistakes.found.is_empty() {
        return Ok(Read { workflow, sources });
    }
    Err(init_support::diagnostics(sources, mistakes.found.into_iter().map(|mistake| (mistake.span, mistake.message))))
}

fn on(node: &Node, workflow: &mut Workflow, mistakes: &mut Mistakes) {
    match &node.value {
        Value::Scalar(scalar) => workflow.events.push(scalar.text.clone()),
        Value::List(items) => workflow.events.extend(items.iter().filter_map(Node::text).map(str::to_owned)),
        Value::Map(entries) => {
            for entry in entries {
                workflow.events.push(entry.key.clone());
                if entry.key == "workflow_dispatch"
                    && let Some(inputs) = entry.value.get("inputs")
                {
                    workflow.inputs = mistakes
                        .map(inputs)
                        .iter()
                        .map(|input| {
                            let text = |key: &str| input.value.get(key).and_then(Node::text);
                            Input {
                                name: input.key.clone(),
                                default: text("default").map(str::to_owned),
                                required: text("required") == Some("true"),
                                is_boolean: text("type") == Some("boolean"),
                            }
                        })
                        .collect();
                }
            }
        }
    }
}
