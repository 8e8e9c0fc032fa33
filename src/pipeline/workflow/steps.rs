//! Reads the steps of a job or of a composite action.

use std::collections::BTreeSet;

use neargate_config::text::tree::Node;

use super::keys::Mistakes;
use super::model::{Action, Pairs, Step, Template};

const KEYS: &[&str] = &[
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
];

pub(crate) fn steps(node: &Node, mistakes: &mut Mistakes) -> Vec<Step> {
    let mut ids = BTreeSet::new();
    let mut steps = Vec::new();
    for item in mistakes.list(node) {
        let Some(step) = step(item, mistakes) else { continue };
        if let Some(id) = &step.id
            && !ids.insert(id.to_lowercase())
        {
            mistakes
                .add(step.span, format!("The identifier '{id}' may not be used more than once within the same scope"));
        }
        steps.push(step);
    }
    steps
}

/// The same for an action: a `run` there "must" name its shell.
pub(crate) fn composite_steps(node: &Node, mistakes: &mut Mistakes) -> Vec<Step> {
    let steps = steps(node, mistakes);
    for step in &steps {
        if matches!(&step.action, Action::Run { shell: None, .. }) {
            mistakes.add(step.span, "Required property is missing: shell");
        }
    }
    steps
}

fn step(node: &Node, mistakes: &mut Mistakes) -> Option<Step> {
    let mut step = Step {
        span: node.head,
        id: None,
        name: None,
        condition: None,
        env: Pairs::new(),
        continue_on_error: None,
        timeout_minutes: None,
        action: Action::Uses { action: Template { text: String::new(), span: node.head }, with: Pairs::new() },
    };
    let (mut run, mut uses, mut with) = (None, None, None);
    let (mut the_shell, mut folder) = (None, None);
    for entry in mistakes.entries(node, KEYS) {
        let value = &entry.value;
        match entry.key.as_str() {
            "id" => step.id = mistakes.template(value).map(|id| id.text),
            "name" => step.name = mistakes.template(value),
            "if" => step.condition = mistakes.template(value),
            "env" => step.env = mistakes.pairs(value),
            "continue-on-error" => step.continue_on_error = mistakes.template(value),
            "timeout-minutes" => step.timeout_minutes = mistakes.template(value),
            "run" => run = mistakes.template(value),
            "uses" => uses = mistakes.template(value),
            "with" => with = Some((entry.key_span, mistakes.pairs(value))),
            "shell" => the_shell = mistakes.template(value).map(|shell| (entry.key_span, shell)),
            "working-directory" => folder = mistakes.template(value).map(|folder| (entry.key_span, folder)),
            _ => {}
        }
    }
    step.action = match (run, uses) {
        (Some(script), None) => {
            if let Some((span, _)) = with {
                mistakes.add(span, "Unexpected value 'with'");
            }
            let shell = the_shell.map(|(_, shell)| shell);
            Action::Run { script, shell, working_directory: folder.map(|(_, folder)| folder) }
        }
        (None, Some(action)) => {
            for (span, _) in the_shell.into_iter().chain(folder) {
                mistakes.add(span, "only a step with `run` has this");
            }
            Action::Uses { action, with: with.map(|(_, with)| with).unwrap_or_default() }
        }
        (Some(script), Some(_)) => {
            mistakes.add(script.span, "a step has either `uses` or `run`");
            return None;
        }
        (None, None) => {
            mistakes.add(node.head, "Required property is missing: run, or uses");
            return None;
        }
    };
    Some(step)
}
