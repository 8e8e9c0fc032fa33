//! The jobs of a workflow, in the order of their needs.

use std::os::unix::fs::DirBuilderExt as _;
use std::time::Instant;

use tokio::sync::watch;

use super::event::Event;
use super::identity::Identity;
use super::settings::Settings;
use super::shim;
use super::state::{JobRun, Out, Run};
use crate::pipeline::expression::contexts::{Contexts, Status};
use crate::pipeline::expression::value::Value;
use crate::pipeline::expression::{condition, template};
use crate::pipeline::job::{self, Finished, Outcome};
use crate::pipeline::protocol::masks::Masks;
use crate::pipeline::workflow::model::{Job, Work};
use crate::pipeline::workflow::{matrix, order};

/// A run without its files, tokens or hashes: what conditions of jobs ask for.
fn no_files(_: &[String]) -> Result<String, String> {
    Err("Unrecognized function: 'hashFiles'".to_owned())
}

/// Runs the jobs. The outcome is that of the run: a failure if any job failed.
pub async fn run(
    settings: &Settings,
    cancelled: watch::Receiver<u32>,
    tell: &mut dyn FnMut(Event),
) -> Result<Outcome, String> {
    let jobs = order::wanted(&settings.workflow, &settings.jobs)?;
    // Files of steps may hold secrets, and others may write to the folder for temporary files.
    let made = std::fs::DirBuilder::new().mode(0o700).create(&settings.scratch);
    made.map_err(|error| format!("{}: {error}", settings.scratch.display()))?;
    let path = settings.base.iter().find(|(name, _)| name == "PATH").map_or("", |(_, path)| path.as_str());
    let made = shim::make(&settings.scratch.join("bin"), path);
    made.map_err(|error| format!("{}: {error}", settings.scratch.display()))?;
    let identity = Identity::start(&settings.facts).await.map_err(|error| format!("tokens of identity: {error}"))?;
    let mut masks = Masks::default();
    settings.secrets.values().for_each(|secret| masks.add(secret));
    masks.add(identity.secret());
    let mut run = Run { settings, out: Out { masks, tell }, cancelled, identity };
    let mut finished: Vec<Finished> = Vec::new();
    for job in jobs {
        let done = run.job(job, &finished).await;
        finished.push(done);
    }
    let has = |outcome| finished.iter().any(|finished| finished.result == outcome);
    Ok(match () {
        () if run.is_cancelled() => Outcome::Cancelled,
        () if has(Outcome::Failure) => Outcome::Failure,
        () => Outcome::Success,
    })
}

impl Run<'_> {
    /// All jobs of its matrix.
    async fn job(&mut self, job: &Job, finished: &[Finished]) -> Finished {
        let mut done = Finished { id: job.id.clone(), result: Outcome::Skipped, outputs: Vec::new() };
        let shown = job.name.as_ref().map_or(job.id.as_str(), |name| name.text.as_str()).to_owned();
        let settings = self.settings;
        let mut contexts = Contexts::new(&no_files);
        contexts.set("github", settings.facts.context(&Default::default(), &job.id, "", &[]));
        contexts.set("vars", Settings::texts(&settings.vars));
        contexts.set("inputs", settings.facts.inputs.clone());
        contexts.set("needs", job::needs(job, finished));
        contexts.status = job::status(&settings.workflow, job, finished, self.is_cancelled());
        let written = job.condition.as_ref().map(|text| text.text.as_str());
        let why = match condition::holds(written, &contexts) {
            Ok(true) => None,
            Ok(false) => Some(why_not(written, contexts.status)),
            Err(why) => {
                self.out.tell(Event::Note(format!("{shown}: {why}")));
                done.result = Outcome::Failure;
                Some(why)
            }
        };
        if let Some(why) = why {
            self.out.tell(Event::JobSkipped(shown, why));
            return done;
        }
        if let Work::Workflow(uses) = &job.work {
            let why = format!("it calls {}: run that workflow itself", uses.text);
            self.out.tell(Event::JobSkipped(shown, why));
            return done;
        }
        contexts.status = Status::default();
        let combinations = match job.matrix.as_ref().map(|node| matrix::combinations(node, &contexts)).transpose() {
            Ok(combinations) => combinations.unwrap_or_else(|| vec![Vec::new()]),
            Err(why) => {
                self.out.tell(Event::JobSkipped(shown, why));
                done.result = Outcome::Failure;
                return done;
            }
        };
        let total = combinations.len();
        for (index, combination) in combinations.into_iter().enumerate() {
            let fail_fast = job.fail_fast.as_ref().is_none_or(|text| text.text.trim() != "false");
            if index > 0 && done.result == Outcome::Failure && fail_fast {
                self.out.tell(Event::JobSkipped(matrix::name(&shown, &combination), "fail-fast".to_owned()));
                continue;
            }
            let mut contexts = contexts.clone();
            contexts.set("matrix", Value::map(combination.iter().cloned()));
            let name = match &job.name {
                Some(name) => template::substitute(&name.text, &contexts).unwrap_or_else(|_| shown.clone()),
                None => matrix::name(&shown, &combination),
            };
            let began = Instant::now();
            self.out.tell(Event::Job(name.clone()));
            for (_, remark) in &job.unsupported {
                self.out.tell(Event::Note(remark.clone()));
            }
            let (result, outputs) = match JobRun::new(self, job, &contexts, (index, total)) {
                Ok(mut run) => run.run(self).await,
                Err(why) => {
                    self.out.tell(Event::Note(why));
                    (Outcome::Failure, Vec::new())
                }
            };
            let forgiven = job.continue_on_error.as_ref().map(|text| template::substitute(&text.text, &contexts));
            let conclusion = result.conclusion(matches!(forgiven, Some(Ok(text)) if text == "true"));
            self.out.tell(Event::JobDone(name, result, began.elapsed()));
            done.join(Finished { id: job.id.clone(), result: conclusion, outputs });
        }
        done
    }
}

fn why_not(condition: Option<&str>, status: Status) -> String {
    match condition {
        _ if status.cancelled => "the run was cancelled".to_owned(),
        Some(condition) => format!("`{}` is false", condition.trim()),
        None if status.failed => "a job that it needs failed".to_owned(),
        None => "a job that it needs was skipped".to_owned(),
    }
}
