//! One job: its steps in order, and then the ends of its actions, last first.

use std::path::Path;

use super::event::Event;
use super::hash::hash_files;
use super::settings::Settings;
use super::state::{JobRun, Level, Post, Run};
use crate::pipeline::action::Runs;
use crate::pipeline::expression::contexts::{Contexts, HashFiles, Status};
use crate::pipeline::expression::value::Value;
use crate::pipeline::expression::{condition, template};
use crate::pipeline::github::Places;
use crate::pipeline::job::{Outcome, Variables};
use crate::pipeline::reference::Reference;
use crate::pipeline::workflow::model::{Action, Defaults, Job, Work};

/// Who has no token of GitHub's gets one that opens nothing.
const NO_TOKEN: &str = "ghs_000000000000000000000000000000000000";

impl<'j> JobRun<'j> {
    /// With its folders made, and its variables known. `contexts` is what its name could ask for.
    pub(super) fn new(
        run: &Run<'_>,
        job: &'j Job,
        contexts: &Contexts<'_>,
        (index, total): (usize, usize),
    ) -> Result<Self, String> {
        let Work::Steps(steps) = &job.work else { return Err("it has no steps".to_owned()) };
        let settings = run.settings;
        let folder = settings.scratch.join(format!("{}-{index}", job.id));
        let folder_of = |name: &str| folder.join(name).display().to_string();
        let places = Places {
            workspace: folder_of("workspace"),
            temp: folder_of("temp"),
            tool_cache: folder_of("tools"),
            event: folder_of("event.json"),
        };
        for folder in [&places.workspace, &places.temp, &places.tool_cache] {
            std::fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
        }
        let event = crate::pipeline::expression::json::write(&settings.facts.event());
        std::fs::write(&places.event, event).map_err(|error| format!("{}: {error}", places.event))?;
        let token = settings.secrets.get("GITHUB_TOKEN").cloned().unwrap_or_else(|| NO_TOKEN.to_owned());
        let mut secrets = settings.secrets.clone();
        secrets.entry("GITHUB_TOKEN".to_owned()).or_insert_with(|| token.clone());
        let strategy = Value::map([
            ("fail-fast", Value::Bool(true)),
            ("job-index", Value::Number(index as f64)),
            ("job-total", Value::Number(total as f64)),
            ("max-parallel", Value::Number(1.0)),
        ]);
        let fixed = vec![
            ("needs", contexts.get("needs")),
            ("matrix", contexts.get("matrix")),
            ("vars", contexts.get("vars")),
            ("inputs", contexts.get("inputs")),
            ("secrets", Settings::texts(&secrets)),
            ("strategy", strategy),
            ("runner", settings.facts.runner(&places)),
        ];
        let mut contexts = contexts.clone();
        for (name, value) in &fixed {
            contexts.set(name, value.clone());
        }
        contexts.set("github", settings.facts.context(&places, &job.id, &token, &[]));
        let mut variables = Variables::default();
        for (name, value) in settings.workflow.env.iter().chain(&job.env) {
            variables.set(name, &template::substitute(&value.text, &contexts)?);
        }
        let environment =
            job.environment.as_ref().map(|text| template::substitute(&text.text, &contexts)).transpose()?;
        let may_identify = job.id_token.unwrap_or(settings.workflow.id_token);
        let identity = if may_identify { run.identity.variables(environment.as_deref()) } else { Vec::new() };
        let or = |own: &Defaults, other: &Defaults| Defaults {
            shell: own.shell.clone().or_else(|| other.shell.clone()),
            working_directory: own.working_directory.clone().or_else(|| other.working_directory.clone()),
        };
        let defaults = or(&job.defaults, &settings.workflow.defaults);
        let (paths, posts) = (Vec::new(), Vec::new());
        Ok(Self {
            job,
            steps,
            places,
            variables,
            paths,
            posts,
            defaults,
            identity,
            count: 0,
            fixed,
            token,
            failed: false,
        })
    }

    /// Runs it; its outcome and outputs.
    pub(super) async fn run(&mut self, run: &mut Run<'_>) -> (Outcome, Vec<(String, String)>) {
        let mut level = Level::default();
        self.begin(run).await;
        self.steps(run, self.steps, &mut level).await;
        self.failed |= level.scope.failed;
        let outputs = self.outputs(run, &level);
        while let Some(post) = self.posts.pop() {
            self.end(run, post).await;
        }
        match () {
            () if run.is_cancelled() => (Outcome::Cancelled, outputs),
            () if self.failed => (Outcome::Failure, outputs),
            () => (Outcome::Success, outputs),
        }
    }

    fn outputs(&self, run: &mut Run<'_>, level: &Level) -> Vec<(String, String)> {
        let workspace = self.places.workspace.clone();
        let hash = move |patterns: &[String]| hash_files(Path::new(&workspace), patterns);
        let contexts = self.contexts(run, level, &[], &hash);
        let mut outputs = Vec::new();
        let mut notes = Vec::new();
        for (name, text) in &self.job.outputs {
            match template::substitute(&text.text, &contexts) {
                // GitHub: "Skip output 'x' since it may contain secret."
                Ok(value) if run.out.masks.hide(&value) != value => {
                    notes.push(format!("Skip output '{name}' since it may contain secret."));
                }
                Ok(value) => outputs.push((name.clone(), value)),
                Err(why) => notes.push(format!("output {name}: {why}")),
            }
        }
        notes.into_iter().for_each(|note| run.out.tell(Event::Note(note)));
        outputs
    }

    /// `pre` of the actions that the job names, before its first step.
    async fn begin(&mut self, run: &mut Run<'_>) {
        for step in self.steps {
            let Action::Uses { action, .. } = &step.action else { continue };
            let Ok(reference @ Reference::Repository { .. }) = Reference::parse(&action.text) else { continue };
            if reference.stand_in().is_some() {
                continue;
            }
            let found = run.settings.cache.find(&reference, Path::new(&self.places.workspace));
            if let Ok((folder, action)) = found
                && let Runs::Node(script) = &action.runs
                && let Some((file, condition)) = &script.pre
            {
                let post = Post {
                    name: format!("Pre {}", step.title()),
                    file: folder.join(file),
                    condition: condition.clone(),
                    variables: Vec::new(),
                    state: Vec::new(),
                    env: Vec::new(),
                };
                self.end(run, post).await;
            }
        }
    }

    /// Runs the `post` of an action. "post-if defaults to always()".
    async fn end(&mut self, run: &mut Run<'_>, post: Post) {
        let level = Level::default();
        let workspace = self.places.workspace.clone();
        let hash = move |patterns: &[String]| hash_files(Path::new(&workspace), patterns);
        let mut contexts = self.contexts(run, &level, &post.env, &hash);
        contexts.status = Status { failed: self.failed, cancelled: run.is_cancelled(), skipped: false };
        let condition = post.condition.as_deref().unwrap_or("always()");
        match condition::holds(Some(condition), &contexts) {
            Ok(true) => {}
            Ok(false) => return,
            Err(why) => run.out.tell(Event::Note(format!("{}: {why}", post.name))),
        }
        self.finish(run, post).await;
    }

    /// What expressions of a step may ask for.
    pub(super) fn contexts<'c>(
        &self,
        run: &Run<'_>,
        level: &Level,
        env: &[(String, String)],
        hash: HashFiles<'c>,
    ) -> Contexts<'c> {
        let mut contexts = Contexts::new(hash);
        for (name, value) in &self.fixed {
            contexts.set(name, value.clone());
        }
        let mut variables = self.variables.clone();
        for (name, value) in level.env.iter().chain(env) {
            variables.set(name, value);
        }
        contexts.set("env", variables.context());
        contexts.set("steps", level.scope.steps());
        let is_ok = !level.scope.failed && !self.failed;
        let word = if is_ok { Outcome::Success } else { Outcome::Failure }.word();
        contexts.set("job", Value::texts([("status", word)]));
        if let Some(inputs) = &level.inputs {
            contexts.set("inputs", inputs.clone());
        }
        let mut more = Vec::new();
        if let Some(folder) = &level.folder {
            more.push(("action_path", folder.display().to_string()));
        }
        contexts.set("github", run.settings.facts.context(&self.places, &self.job.id, &self.token, &more));
        contexts.status = Status { failed: level.scope.failed, cancelled: run.is_cancelled(), skipped: false };
        contexts
    }

    pub(super) fn id(&self) -> &str {
        &self.job.id
    }
}
