//! The expressions of a workflow: whether they can be read, and whether they ask for what is there in their place (GitHub
//! docs, "Contexts reference", "Context availability").

use crate::expression::contexts::NAMES;
use crate::expression::function::Function;
use crate::expression::parts::{Part, parts};
use crate::expression::tree::{self, Tree};
use crate::expression::value::Value;

use super::keys::Mistakes;
use super::model::{Action, Job, Pairs, Step, Template, Work, Workflow};

/// What may be asked for in one place.
struct Place {
    contexts: &'static [&'static str],
    status: bool,
    hash_files: bool,
}

const WORKFLOW_ENV: Place = Place::of(&["github", "secrets", "inputs", "vars"]);
const JOB_IF: Place = Place { status: true, ..Place::of(&["github", "needs", "vars", "inputs"]) };
const JOB: Place = Place::of(&["github", "needs", "strategy", "matrix", "vars", "inputs"]);
const JOB_ENV: Place = Place::of(&["github", "needs", "strategy", "matrix", "vars", "secrets", "inputs"]);
const DEFAULTS: Place = Place::of(&["github", "needs", "strategy", "matrix", "env", "vars", "inputs"]);
const OUTPUTS: Place =
    Place::of(&["github", "needs", "strategy", "matrix", "job", "runner", "env", "vars", "secrets", "steps", "inputs"]);
const STEP_IF: Place = Place {
    status: true,
    hash_files: true,
    ..Place::of(&["github", "needs", "strategy", "matrix", "job", "runner", "env", "vars", "steps", "inputs"])
};
const STEP: Place = Place { hash_files: true, ..OUTPUTS };

impl Place {
    const fn of(contexts: &'static [&'static str]) -> Self {
        Self { contexts, status: false, hash_files: false }
    }
}

/// Adds the mistakes in the expressions of a workflow.
pub(super) fn workflow(workflow: &Workflow, mistakes: &mut Mistakes) {
    pairs(&workflow.env, &WORKFLOW_ENV, mistakes);
    for job in &workflow.jobs {
        one(job.condition.as_ref(), &JOB_IF, true, mistakes);
        for text in [&job.name, &job.environment, &job.fail_fast, &job.continue_on_error, &job.timeout_minutes] {
            one(text.as_ref(), &JOB, false, mistakes);
        }
        pairs(&job.env, &JOB_ENV, mistakes);
        pairs(&job.outputs, &OUTPUTS, mistakes);
        one(job.defaults.shell.as_ref(), &DEFAULTS, false, mistakes);
        one(job.defaults.working_directory.as_ref(), &DEFAULTS, false, mistakes);
        if let Work::Steps(of) = &job.work {
            steps(of, mistakes);
        }
    }
}

/// Adds the mistakes in the expressions of steps.
pub(crate) fn steps(steps: &[Step], mistakes: &mut Mistakes) {
    for step in steps {
        one(step.condition.as_ref(), &STEP_IF, true, mistakes);
        for text in templates(step).into_iter().filter(|text| !is_condition(step, text)) {
            one(Some(text), &STEP, false, mistakes);
        }
    }
}

fn is_condition(step: &Step, text: &Template) -> bool {
    step.condition.as_ref().is_some_and(|condition| std::ptr::eq(condition, text))
}

fn pairs(pairs: &Pairs, place: &Place, mistakes: &mut Mistakes) {
    pairs.iter().for_each(|(_, text)| one(Some(text), place, false, mistakes));
}

fn one(text: Option<&Template>, place: &Place, is_condition: bool, mistakes: &mut Mistakes) {
    let Some(text) = text else { return };
    let expressions = match expressions(&text.text, is_condition) {
        Ok(expressions) => expressions,
        Err(message) => return mistakes.add(text.span, message),
    };
    for expression in expressions {
        match tree::parse(expression) {
            Err(message) => mistakes.add(text.span, message),
            Ok(tree) => tree.visit(&mut |part| {
                if let Some(message) = unavailable(part, place, expression) {
                    mistakes.add(text.span, message);
                }
            }),
        }
    }
}

fn unavailable(part: &Tree, place: &Place, expression: &str) -> Option<String> {
    match part {
        Tree::Context(name, at) if !place.contexts.iter().any(|known| known.eq_ignore_ascii_case(name)) => {
            let mut message = format!(
                "Unrecognized named-value: '{name}'. Located at position {at} within expression: {}",
                expression.trim()
            );
            if NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                message.push_str(&format!(" (in this place there are only {})", place.contexts.join(", ")));
            }
            Some(message)
        }
        Tree::Call(function, _) if function.is_status() && !place.status => {
            Some(format!("a status function is only for `if`: {}", expression.trim()))
        }
        Tree::Call(Function::HashFiles, _) if !place.hash_files => {
            Some(format!("Unrecognized function: 'hashFiles': it is only for steps: {}", expression.trim()))
        }
        _ => None,
    }
}

fn expressions(text: &str, is_condition: bool) -> Result<Vec<&str>, String> {
    let pieces = parts(text)?;
    if is_condition && matches!(pieces.as_slice(), [Part::Text(_)]) {
        return Ok(vec![text]);
    }
    Ok(pieces
        .into_iter()
        .filter_map(|part| if let Part::Expression(expression) = part { Some(expression) } else { None })
        .collect())
}

/// Every text of a step.
fn templates(step: &Step) -> Vec<&Template> {
    let mut texts: Vec<&Template> =
        [&step.name, &step.condition, &step.continue_on_error, &step.timeout_minutes].into_iter().flatten().collect();
    texts.extend(step.env.iter().map(|(_, text)| text));
    match &step.action {
        Action::Run { script, shell, working_directory } => {
            texts.extend(std::iter::once(script).chain(shell).chain(working_directory));
        }
        Action::Uses { with, .. } => texts.extend(with.iter().map(|(_, text)| text)),
    }
    texts
}

/// The names that a step asks of a context, such as `secrets`, in their order.
pub fn names_of_step(step: &Step, context: &str) -> Vec<String> {
    let condition = step.condition.as_ref();
    templates(step)
        .into_iter()
        .flat_map(|text| names(&text.text, condition.is_some_and(|known| std::ptr::eq(known, text)), context))
        .collect()
}

/// The names that a job asks of a context, without its steps.
pub fn names_of_job(workflow: &Workflow, job: &Job, context: &str) -> Vec<String> {
    let env = workflow.env.iter().chain(&job.env).chain(&job.outputs).map(|(_, text)| (text, false));
    let condition = job.condition.iter().map(|text| (text, true));
    env.chain(condition).flat_map(|(text, is_condition)| names(&text.text, is_condition, context)).collect()
}

/// The names that a text asks of a context.
pub fn names(text: &str, is_condition: bool, context: &str) -> Vec<String> {
    let mut names = Vec::new();
    for expression in expressions(text, is_condition).unwrap_or_default() {
        let Ok(tree) = tree::parse(expression) else { continue };
        tree.visit(&mut |part| {
            if let Tree::Index(of, key) = part
                && let (Tree::Context(name, _), Tree::Literal(Value::Text(key))) = (of.as_ref(), key.as_ref())
                && name.eq_ignore_ascii_case(context)
            {
                names.push(key.clone());
            }
        });
    }
    names
}

/// Whether a text asks for a context at all.
pub fn asks_for(text: &str, is_condition: bool, contexts: &[&str]) -> bool {
    expressions(text, is_condition).unwrap_or_default().into_iter().filter_map(|text| tree::parse(text).ok()).any(|tree| {
        let mut asks = false;
        tree.visit(&mut |part| {
            asks |= matches!(part, Tree::Context(name, _) if contexts.iter().any(|known| known.eq_ignore_ascii_case(name)));
        });
        asks
    })
}
