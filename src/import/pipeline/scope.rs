//! What is known at one point of a job: variables, inputs, outputs of steps, the folder that commands run in.

use std::collections::BTreeMap;

use super::expression::{self, Names};
use super::found::{Pipeline, Place};
use super::paths::{WORKSPACE, join};
use super::stage::Wanted;
use super::text::{Text, from_file, unknown};
use crate::repository::Repository;
use neargate_config::text::tree::{Entry, Node, Value};

/// Commands that are followed in all pipelines together.
const MAX_COMMANDS: usize = 50_000;

/// A job that is being followed.
pub(super) struct Scope<'a> {
    pub(super) repository: &'a Repository,
    pub(super) wanted: &'a Wanted,
    pub(super) pipeline: &'a mut Pipeline,
    /// Its file.
    pub(super) file: String,
    /// Its number.
    pub(super) job: usize,
    /// What may tell the stage that it deploys to, the most telling first.
    pub(super) stages: Vec<String>,
    /// Environment variables.
    pub(super) env: BTreeMap<String, Text>,
    /// Values of contexts by their whole name: `inputs.x`, `matrix.x`, `steps.x.outputs.y`, `needs.x.outputs.y`.
    pub(super) values: BTreeMap<String, Text>,
    /// Files that the job has written and that stand for something.
    pub(super) files: BTreeMap<String, Text>,
    /// Folder that commands start in.
    pub(super) folder: String,
    /// Folder that the repository is checked out to.
    pub(super) checkout: String,
    /// `id` of the step.
    pub(super) step: Option<String>,
    /// Its line.
    pub(super) line: usize,
    /// Actions, scripts and makefiles inside each other.
    pub(super) depth: usize,
    /// Whether steps whose condition does not hold are left out.
    pub(super) skips: bool,
}

impl<'a> Scope<'a> {
    /// A new job of a file.
    pub(super) fn new(file: &str, repository: &'a Repository, wanted: &'a Wanted, pipeline: &'a mut Pipeline) -> Self {
        pipeline.jobs += 1;
        Self {
            repository,
            wanted,
            file: file.to_owned(),
            job: pipeline.jobs,
            pipeline,
            stages: Vec::new(),
            env: BTreeMap::new(),
            values: BTreeMap::new(),
            files: BTreeMap::new(),
            folder: String::new(),
            checkout: String::new(),
            step: None,
            line: 1,
            depth: 0,
            skips: true,
        }
    }

    /// The text with its expressions replaced by what they are worth here.
    pub(super) fn resolve(&self, text: &str) -> Text {
        let lookup = |name: &str| self.lookup(name);
        expression::substitute(&from_file(text), &Names { lookup: &lookup, wanted: self.wanted })
    }

    /// Whether the condition of a step or job holds; `None` if only the runner knows.
    pub(super) fn holds(&self, condition: &str) -> Option<bool> {
        let lookup = |name: &str| self.lookup(name);
        let names = Names { lookup: &lookup, wanted: self.wanted };
        let condition = from_file(condition.trim());
        let value = match condition.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) {
            Some(inside) => expression::evaluate(inside, &names),
            None => expression::evaluate(&condition, &names),
        };
        super::text::is_known(&value).then_some(!matches!(value.as_str(), "" | "false"))
    }

    fn lookup(&self, name: &str) -> Option<Text> {
        if let Some(variable) = name.strip_prefix("env.") {
            return self.env.get(variable).cloned();
        }
        if name == "github.workspace" {
            return Some(WORKSPACE.to_owned());
        }
        let name = name.strip_prefix("github.event.").filter(|rest| rest.starts_with("inputs.")).unwrap_or(name);
        if let Some(value) = self.values.get(name) {
            return Some(value.clone());
        }
        // What a step of this job gives is not what a step of the same name gives in another one.
        name.starts_with("steps.").then(|| unknown(&format!("job{}.{name}", self.job)))
    }

    /// What the current step gives to later ones.
    pub(super) fn set_output(&mut self, name: &str, value: Text) {
        if let Some(step) = &self.step {
            self.values.insert(format!("steps.{step}.outputs.{name}"), value);
        }
    }

    /// Adds variables, resolved with those that are there.
    pub(super) fn add_env(&mut self, node: Option<&Node>) {
        let added: Vec<(String, Text)> = entries(node)
            .iter()
            .map(|entry| (entry.key.clone(), self.resolve(entry.value.text().unwrap_or_default())))
            .collect();
        self.env.extend(added);
    }

    /// A path as seen from a folder, from the root of the repository.
    pub(super) fn path(&self, folder: &str, path: &str) -> String {
        let joined = join(folder, path);
        if self.checkout.is_empty() {
            return joined;
        }
        match joined.strip_prefix(&self.checkout) {
            Some("") => String::new(),
            Some(rest) => rest.strip_prefix('/').map_or_else(|| joined.clone(), str::to_owned),
            None => joined,
        }
    }

    /// Where the current step stands.
    pub(super) fn place(&self) -> Place {
        Place { file: self.file.clone(), line: self.line }
    }

    /// Counts a command; `false` when there were too many.
    pub(super) fn may_go_on(&mut self) -> bool {
        self.pipeline.commands += 1;
        self.pipeline.commands < MAX_COMMANDS
    }
}

/// The entries of a mapping, none for anything else.
pub(super) fn entries(node: Option<&Node>) -> &[Entry] {
    match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}

/// The items of a list, the value itself if it is no list.
pub(super) fn items(node: Option<&Node>) -> &[Node] {
    match node {
        Some(Node { value: Value::List(items), .. }) => items,
        Some(node) if !node.is_null() => std::slice::from_ref(node),
        _ => &[],
    }
}

/// The text of a key of a mapping.
pub(super) fn text_of<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::text)
}

/// Workflows, actions and scripts inside each other.
pub(crate) const MAX_DEPTH: usize = 5;
