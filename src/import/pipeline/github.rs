//! GitHub workflows: jobs in the order of their needs, once for each combination of their matrix; reusable workflows
//! and composite actions of the repository with the inputs that they are called with.

use std::collections::BTreeMap;

use super::actions::{self, Inputs};
use super::found::{Pipeline, line_of};
use super::scope::{Scope, entries, items, text_of};
use super::shell;
use super::stage::Wanted;
use super::text::{self, Text};
use crate::pipeline::scope::MAX_DEPTH;
use crate::repository::Repository;
use neargate_config::init_support::yaml;
use neargate_config::text::tree::{Node, Value};

/// Combinations of a matrix that are followed.
const MAX_COMBINATIONS: usize = 40;
type Values = BTreeMap<String, Text>;

/// Every workflow of the repository.
pub(super) fn follow(repository: &Repository, wanted: &Wanted, pipeline: &mut Pipeline) {
    let mut workflows: Vec<(&str, Node)> = Vec::new();
    for (path, text) in repository.texts_below(".github/workflows") {
        if (path.ends_with(".yml") || path.ends_with(".yaml"))
            && let Some(root) = yaml(text)
        {
            workflows.push((path, root));
        }
    }
    // First what is triggered by something; what is only called is followed where that happens.
    for skips in [true, false] {
        for (path, root) in &workflows {
            if !only_called(root) {
                let workflow = Workflow { path, root, repository, wanted };
                workflow.run(&Values::new(), &[], skips, 0, pipeline);
            }
        }
        if !pipeline.deploys.is_empty() {
            break;
        }
    }
    for (path, root) in &workflows {
        let known = pipeline.sources().contains(path);
        if only_called(root) && !known {
            Workflow { path, root, repository, wanted }.run(&Values::new(), &[], false, 0, pipeline);
        }
    }
}

fn only_called(root: &Node) -> bool {
    // YAML 1.1 reads `on` as true; this reader does not.
    let Some(on) = root.get("on") else { return false };
    match &on.value {
        Value::Scalar(_) => on.text() == Some("workflow_call"),
        Value::List(list) => list.iter().all(|item| item.text() == Some("workflow_call")),
        Value::Map(entries) => entries.iter().all(|entry| entry.key == "workflow_call"),
    }
}

struct Workflow<'w> {
    path: &'w str,
    root: &'w Node,
    repository: &'w Repository,
    wanted: &'w Wanted,
}

impl Workflow<'_> {
    /// Follows it, and gives its outputs.
    fn run(&self, given: &Values, stages: &[String], skips: bool, depth: usize, pipeline: &mut Pipeline) -> Values {
        let mut values = self.inputs(given);
        let jobs = in_order(entries(self.root.get("jobs")).iter().map(|job| (job.key.as_str(), &job.value)).collect());
        for (name, job) in jobs {
            let outputs = self.job(name, job, &values, stages, skips, depth, pipeline);
            for (output, value) in outputs {
                values.insert(format!("jobs.{name}.outputs.{output}"), value.clone());
                values.insert(format!("needs.{name}.outputs.{output}"), value);
            }
        }
        let mut scope = Scope::new(self.path, self.repository, self.wanted, pipeline);
        scope.values = values;
        let called = self.root.get("on").and_then(|on| on.get("workflow_call"));
        entries(called.and_then(|called| called.get("outputs")))
            .iter()
            .map(|output| (output.key.clone(), scope.resolve(text_of(&output.value, "value").unwrap_or_default())))
            .collect()
    }

    /// `inputs.x`: as given, by default, or the option that names the wanted stage.
    fn inputs(&self, given: &Values) -> Values {
        let mut values = Values::new();
        let Some(on) = self.root.get("on") else { return values };
        for trigger in ["workflow_dispatch", "workflow_call"] {
            for input in entries(on.get(trigger).and_then(|trigger| trigger.get("inputs"))) {
                let mut options = items(input.value.get("options")).iter().filter_map(Node::text).rev();
                let wanted = options.find(|option| self.wanted.is_meant_by(option) == Some(true));
                let value = wanted.or_else(|| text_of(&input.value, "default"));
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    values.insert(format!("inputs.{}", input.key), value.to_owned());
                }
            }
        }
        values.extend(given.iter().map(|(name, value)| (format!("inputs.{name}"), value.clone())));
        values
    }

    #[expect(clippy::too_many_arguments, reason = "what surrounds a job is what it is")]
    fn job(
        &self,
        name: &str,
        job: &Node,
        values: &Values,
        stages: &[String],
        skips: bool,
        depth: usize,
        pipeline: &mut Pipeline,
    ) -> Values {
        let mut outputs = Values::new();
        let mut scope = Scope::new(self.path, self.repository, self.wanted, pipeline);
        scope.values.clone_from(values);
        scope.add_env(self.root.get("env"));
        let combinations = combinations(job.get("strategy").and_then(|strategy| strategy.get("matrix")), &scope);
        for combination in combinations {
            let mut scope = Scope::new(self.path, self.repository, self.wanted, pipeline);
            scope.skips = skips;
            scope.depth = depth;
            scope.values.clone_from(values);
            scope.values.extend(combination);
            scope.add_env(self.root.get("env"));
            scope.add_env(job.get("env"));
            scope.stages = self.stages(name, job, stages, &scope);
            scope.folder = folder(job.get("defaults"), &scope)
                .or_else(|| folder(self.root.get("defaults"), &scope))
                .unwrap_or_default();
            match text_of(job, "uses") {
                Some(uses) => outputs.extend(self.call(uses, job, &mut scope)),
                None => {
                    steps(items(job.get("steps")), &mut scope);
                    for output in entries(job.get("outputs")) {
                        let value = scope.resolve(output.value.text().unwrap_or_default());
                        outputs.insert(output.key.clone(), value);
                    }
                }
            }
        }
        outputs
    }

    /// A job that is a workflow: of this repository, or one whose inputs may speak for themselves.
    fn call(&self, uses: &str, job: &Node, scope: &mut Scope<'_>) -> Values {
        let inputs = Inputs::read(job.get("with"), scope);
        let path = uses.strip_prefix("./").map(|path| path.split('@').next().unwrap_or_default());
        let Some((path, root)) = path.and_then(|path| Some((path, yaml(scope.repository.text(path)?)?))) else {
            scope.line = self.line(job);
            actions::act(uses, &inputs, scope);
            return Values::new();
        };
        if scope.depth >= MAX_DEPTH {
            return Values::new();
        }
        let called = Workflow { path, root: &root, repository: self.repository, wanted: self.wanted };
        let stages = scope.stages.clone();
        called.run(&inputs.into_values(), &stages, scope.skips, scope.depth + 1, scope.pipeline)
    }

    fn line(&self, node: &Node) -> usize {
        line_of(self.repository.text(self.path).unwrap_or_default(), node.span.range().start)
    }

    /// What tells the stage of a job: its environment, its condition, its name, the file, the branches.
    fn stages(&self, name: &str, job: &Node, outer: &[String], scope: &Scope<'_>) -> Vec<String> {
        let environment = job.get("environment");
        let environment = environment.and_then(|e| e.text().or_else(|| text_of(e, "name")));
        let mut stages: Vec<String> = environment.map(|name| scope.resolve(name)).into_iter().collect();
        stages
            .extend(scope.values.iter().filter(|(key, _)| key.starts_with("matrix.")).map(|(_, value)| value.clone()));
        stages.extend(text_of(job, "if").map(branches_in));
        stages.push(name.to_owned());
        stages.extend(outer.iter().cloned());
        stages.push(self.path.rsplit('/').next().unwrap_or_default().to_owned());
        let push = self.root.get("on").and_then(|on| on.get("push")).and_then(|push| push.get("branches"));
        stages.extend(items(push).iter().filter_map(Node::text).map(branches_in));
        stages
    }
}

/// The branch that production is deployed from says so.
fn branches_in(text: &str) -> String {
    let trunk = super::stage::words(text).iter().any(|word| matches!(word.as_str(), "main" | "master"));
    if trunk { "production".to_owned() } else { text.to_owned() }
}

fn folder(defaults: Option<&Node>, scope: &Scope<'_>) -> Option<String> {
    let folder = text_of(defaults?.get("run")?, "working-directory")?;
    Some(scope.path("", &scope.resolve(folder)))
}

/// Jobs after those that they need.
fn in_order<'j>(mut jobs: Vec<(&'j str, &'j Node)>) -> Vec<(&'j str, &'j Node)> {
    let mut ordered: Vec<(&str, &Node)> = Vec::new();
    while !jobs.is_empty() {
        let ready = |job: &Node| {
            let mut needs = items(job.get("needs")).iter().filter_map(Node::text);
            needs.all(|need| ordered.iter().any(|(name, _)| *name == need))
        };
        // Jobs that need each other are followed as they stand.
        let next = jobs.iter().position(|(_, job)| ready(job)).unwrap_or(0);
        ordered.push(jobs.remove(next));
    }
    ordered
}

/// The combinations of a matrix; one without values if there is none.
fn combinations(matrix: Option<&Node>, scope: &Scope<'_>) -> Vec<Values> {
    let Some(matrix) = matrix else { return vec![Values::new()] };
    let parsed = matrix.text().and_then(|text| yaml(text::known(&scope.resolve(text))?));
    let matrix = parsed.as_ref().unwrap_or(matrix);
    let mut combinations = vec![Values::new()];
    for entry in entries(Some(matrix)) {
        if matches!(entry.key.as_str(), "include" | "exclude") {
            continue;
        }
        let list = entry.value.text().and_then(|text| yaml(text::known(&scope.resolve(text))?));
        let list = items(Some(list.as_ref().unwrap_or(&entry.value)));
        let several: Vec<Values> = combinations
            .iter()
            .flat_map(|known| {
                list.iter().map(|item| {
                    let mut values = known.clone();
                    flatten(&format!("matrix.{}", entry.key), item, scope, &mut values);
                    values
                })
            })
            .take(MAX_COMBINATIONS)
            .collect();
        combinations = several;
    }
    let included: Vec<Values> = items(matrix.get("include"))
        .iter()
        .map(|item| {
            let mut values = Values::new();
            flatten("matrix", item, scope, &mut values);
            values
        })
        .collect();
    let excluded: Vec<Values> = items(matrix.get("exclude"))
        .iter()
        .map(|item| {
            let mut values = Values::new();
            flatten("matrix", item, scope, &mut values);
            values
        })
        .collect();
    combinations
        .retain(|values| !excluded.iter().any(|out| out.iter().all(|(key, value)| values.get(key) == Some(value))));
    include(&mut combinations, included);
    combinations.truncate(MAX_COMBINATIONS);
    combinations
}

/// An inclusion adds to the combinations that it does not contradict; if there is none, it is one itself.
fn include(combinations: &mut Vec<Values>, included: Vec<Values>) {
    let original: Vec<String> = combinations.iter().flat_map(|values| values.keys().cloned()).collect();
    if original.is_empty() && !included.is_empty() {
        *combinations = included;
        return;
    }
    for more in included {
        let mut added = false;
        for values in combinations.iter_mut() {
            let fits = more.iter().all(|(key, value)| !original.contains(key) || values.get(key) == Some(value));
            if fits {
                values.extend(more.clone());
                added = true;
            }
        }
        if !added {
            combinations.push(more);
        }
    }
}

fn flatten(name: &str, node: &Node, scope: &Scope<'_>, values: &mut Values) {
    match &node.value {
        Value::Map(entries) => {
            entries.iter().for_each(|entry| flatten(&format!("{name}.{}", entry.key), &entry.value, scope, values));
        }
        Value::List(_) => {}
        Value::Scalar(_) => {
            values.insert(name.to_owned(), scope.resolve(node.text().unwrap_or_default()));
        }
    }
}

/// Steps of a job or of a composite action.
pub(super) fn steps(steps: &[Node], scope: &mut Scope<'_>) {
    for step in steps {
        let skipped = text_of(step, "if").is_some_and(|condition| scope.holds(condition) == Some(false));
        if skipped && scope.skips {
            continue;
        }
        let text = scope.repository.text(&scope.file).unwrap_or_default();
        scope.line = line_of(text, step.span.range().start);
        scope.step = text_of(step, "id").map(str::to_owned);
        let before = scope.env.clone();
        scope.add_env(step.get("env"));
        let own: Vec<String> = entries(step.get("env")).iter().map(|entry| entry.key.clone()).collect();
        if let Some(run) = text_of(step, "run") {
            let folder = text_of(step, "working-directory").map(|folder| scope.path("", &scope.resolve(folder)));
            let folder = folder.unwrap_or_else(|| scope.folder.clone());
            shell::run(&scope.resolve(run), &folder, scope);
        } else if let Some(uses) = text_of(step, "uses") {
            let inputs = Inputs::read(step.get("with"), scope);
            match uses.strip_prefix("./") {
                Some(path) => composite(path, inputs, scope),
                None => actions::act(uses, &inputs, scope),
            }
        }
        // The step's own variables end with it; what it wrote to GITHUB_ENV stays.
        for name in own {
            match before.get(&name) {
                Some(value) => scope.env.insert(name, value.clone()),
                None => scope.env.remove(&name),
            };
        }
    }
}

/// An action of the repository that consists of steps.
fn composite(path: &str, inputs: Inputs, scope: &mut Scope<'_>) {
    let found = ["action.yml", "action.yaml"].map(|name| format!("{}/{name}", path.trim_end_matches('/')));
    let Some((file, root)) = found.into_iter().find_map(|file| {
        let root = yaml(scope.repository.text(&file)?)?;
        Some((file, root))
    }) else {
        return;
    };
    if scope.depth >= MAX_DEPTH {
        return;
    }
    let mut values: Values = entries(root.get("inputs"))
        .iter()
        .filter_map(|input| Some((format!("inputs.{}", input.key), text_of(&input.value, "default")?.to_owned())))
        .collect();
    values.extend(inputs.into_values().into_iter().map(|(name, value)| (format!("inputs.{name}"), value)));
    let (outer_values, outer_file) =
        (std::mem::replace(&mut scope.values, values), std::mem::replace(&mut scope.file, file));
    let outer = (scope.step.take(), scope.line);
    scope.depth += 1;
    steps(items(root.get("runs").and_then(|runs| runs.get("steps"))), scope);
    scope.depth -= 1;
    let outputs: Vec<(String, Text)> = entries(root.get("outputs"))
        .iter()
        .map(|output| (output.key.clone(), scope.resolve(text_of(&output.value, "value").unwrap_or_default())))
        .collect();
    (scope.values, scope.file) = (outer_values, outer_file);
    (scope.step, scope.line) = outer;
    for (name, value) in outputs {
        scope.set_output(&name, value);
    }
}
