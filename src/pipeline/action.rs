//! `action.yml`: what an action takes, gives and runs (GitHub docs, "Metadata syntax for GitHub Actions").

use neargate_config::Diagnostics;
use neargate_config::init_support::{self, Document};
use neargate_config::text::tree::Node;

use crate::expression::contexts::Contexts;
use crate::expression::template;
use crate::workflow::model::{Pairs, Step, Template};
use crate::workflow::{check, composite_steps};

/// An action.
#[derive(Clone, Debug)]
pub struct Action {
    /// `name`
    pub name: String,
    /// `inputs`, with their defaults.
    pub inputs: Vec<(String, Option<Template>)>,
    /// `outputs` of a composite action, with their values.
    pub outputs: Pairs,
    /// `runs`
    pub runs: Runs,
}

/// How it runs.
#[derive(Clone, Debug)]
pub enum Runs {
    /// `node20` and its like: all run under the node of this machine.
    Node(JavaScript),
    /// Steps of its own.
    Composite(Vec<Step>),
    /// In a container.
    Docker,
}

/// The files of a JavaScript action.
#[derive(Clone, Debug)]
pub struct JavaScript {
    /// `using`
    pub using: String,
    /// `main`
    pub main: String,
    /// `pre`, at the beginning of the job, and its condition.
    pub pre: Option<(String, Option<String>)>,
    /// `post`, at its end, and its condition.
    pub post: Option<(String, Option<String>)>,
}

/// Reads an action.yml, or reports every mistake.
pub fn read(path: &str, text: &str) -> Result<Action, Diagnostics> {
    let Document { root, sources } = init_support::document(path, text)?;
    let mut mistakes = crate::workflow::Mistakes::default();
    let text_of = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
    let mut inputs = Vec::new();
    for input in root.get("inputs").map_or(&[][..], |inputs| mistakes.map(inputs)) {
        let default = input.value.get("default").and_then(|default| mistakes.template(default));
        inputs.push((input.key.clone(), default));
    }
    let mut outputs = Pairs::new();
    for output in root.get("outputs").map_or(&[][..], |outputs| mistakes.map(outputs)) {
        let value = output.value.get("value").and_then(|value| mistakes.template(value));
        outputs.extend(value.map(|value| (output.key.clone(), value)));
    }
    let mut action = Action { name: text_of(&root, "name").unwrap_or_default(), inputs, outputs, runs: Runs::Docker };
    let Some(runs) = root.get("runs") else {
        mistakes.add(root.head, "Required property is missing: runs");
        return Err(failed(sources, mistakes));
    };
    match text_of(runs, "using").map(|using| using.to_lowercase()).unwrap_or_default() {
        using if using == "docker" => {}
        using if using == "composite" => match runs.get("steps") {
            Some(steps) => {
                let steps = composite_steps(steps, &mut mistakes);
                check::steps(&steps, &mut mistakes);
                action.runs = Runs::Composite(steps);
            }
            None => mistakes.add(runs.head, "Required property is missing: steps"),
        },
        using if using.starts_with("node") => {
            let with_condition = |key: &str| Some((text_of(runs, key)?, text_of(runs, &format!("{key}-if"))));
            match text_of(runs, "main") {
                Some(main) => {
                    action.runs = Runs::Node(JavaScript {
                        using,
                        main,
                        pre: with_condition("pre"),
                        post: with_condition("post"),
                    });
                }
                None => mistakes.add(
                    runs.head,
                    "You are using a JavaScript Action but there is not an entry JavaScript file provided in 'main'",
                ),
            }
        }
        using => mistakes.add(
            runs.head,
            format!(
                "'using: {using}' is not supported, use 'docker', 'node12', 'node16', 'node20' or 'node24' instead."
            ),
        ),
    }
    if mistakes.found.is_empty() { Ok(action) } else { Err(failed(sources, mistakes)) }
}

fn failed(sources: neargate_config::Sources, mistakes: crate::workflow::Mistakes) -> Diagnostics {
    init_support::diagnostics(sources, mistakes.found.into_iter().map(|mistake| (mistake.span, mistake.message)))
}

/// The inputs of one use of an action: as given, or by default. What it does not know is passed on all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// By name, as the action spells it.
    pub values: Vec<(String, String)>,
    /// GitHub's warning about inputs that the action does not have.
    pub warning: Option<String>,
}

impl Inputs {
    /// Of an action, given evaluated texts.
    pub fn of(action: &Action, with: &[(String, String)], contexts: &Contexts<'_>) -> Result<Self, String> {
        let mut values = Vec::new();
        for (name, default) in &action.inputs {
            let given = with.iter().rfind(|(known, _)| known.eq_ignore_ascii_case(name));
            let value = match (given, default) {
                (Some((_, value)), _) => value.clone(),
                (None, Some(default)) => template::substitute(&default.text, contexts)?,
                (None, None) => String::new(),
            };
            values.push((name.clone(), value));
        }
        let is_known = |name: &str| action.inputs.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        let unknown: Vec<&(String, String)> = with.iter().filter(|(name, _)| !is_known(name)).collect();
        let quoted = |names: Vec<&str>| names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let warning = (!unknown.is_empty()).then(|| {
            format!(
                "Unexpected input(s) {}, valid inputs are [{}]",
                quoted(unknown.iter().map(|(name, _)| name.as_str()).collect()),
                quoted(action.inputs.iter().map(|(name, _)| name.as_str()).collect()),
            )
        });
        values.extend(unknown.into_iter().cloned());
        Ok(Self { values, warning })
    }

    /// "GitHub creates an environment variable for the input with the name INPUT_<VARIABLE_NAME>. The environment variable
    /// created converts input names to uppercase letters and replaces spaces with _ characters."
    pub fn variables(&self) -> Vec<(String, String)> {
        let name = |name: &str| format!("INPUT_{}", name.replace(' ', "_").to_uppercase());
        self.values.iter().map(|(input, value)| (name(input), value.clone())).collect()
    }
}
