//! One step: its condition, its variables, what it does.

use std::path::Path;
use std::time::{Duration, Instant};

use super::event::Event;
use super::execute::Call;
use super::hash::hash_files;
use super::process::End;
use super::state::{Ended, JobRun, Level, Run};
use crate::pipeline::expression::contexts::Contexts;
use crate::pipeline::expression::{condition, template};
use crate::pipeline::job::{Done, Outcome};
use crate::pipeline::shell::Shell;
use crate::pipeline::workflow::model::{Action, Step, Template};

/// A step whose expressions have values.
pub(super) struct Ready<'s, 'c> {
    pub(super) step: &'s Step,
    pub(super) name: String,
    pub(super) env: Vec<(String, String)>,
    pub(super) time: Option<Duration>,
    pub(super) contexts: Contexts<'c>,
}

impl JobRun<'_> {
    /// Runs steps one after the other.
    pub(super) async fn steps(&mut self, run: &mut Run<'_>, steps: &[Step], level: &mut Level) {
        for step in steps {
            let began = Instant::now();
            let workspace = self.places.workspace.clone();
            let hash = move |patterns: &[String]| hash_files(Path::new(&workspace), patterns);
            let (outcome, conclusion, outputs) = match self.ready(run, step, level, &hash) {
                Ok(Ok(ready)) => {
                    let name = ready.name.clone();
                    run.out.tell(Event::Step(name.clone()));
                    let (outcome, outputs) = self.one(run, &ready, level).await.unwrap_or_else(|why| {
                        run.error(why);
                        (Outcome::Failure, Vec::new())
                    });
                    // It may depend on what the step has said in its variables.
                    let forgiven = step.continue_on_error.as_ref();
                    let forgiven = forgiven.map(|text| template::substitute(&text.text, &ready.contexts));
                    let conclusion = outcome.conclusion(matches!(forgiven, Some(Ok(text)) if text == "true"));
                    run.out.tell(Event::StepDone(name, outcome, conclusion, began.elapsed()));
                    (outcome, conclusion, outputs)
                }
                Ok(Err(why)) => {
                    run.out.tell(Event::StepSkipped(step.title(), why));
                    (Outcome::Skipped, Outcome::Skipped, Vec::new())
                }
                Err(why) => {
                    run.out.tell(Event::Step(step.title()));
                    run.error(why);
                    let failure = Outcome::Failure;
                    run.out.tell(Event::StepDone(step.title(), failure, failure, began.elapsed()));
                    (failure, failure, Vec::new())
                }
            };
            level.scope.finish(step.id.as_deref(), Done { outcome, conclusion, outputs });
        }
    }

    /// Its variables first, since its condition may ask for them; or why it is skipped.
    fn ready<'s, 'c>(
        &self,
        run: &Run<'_>,
        step: &'s Step,
        level: &Level,
        hash: &'c dyn Fn(&[String]) -> Result<String, String>,
    ) -> Result<Result<Ready<'s, 'c>, String>, String> {
        let mut contexts = self.contexts(run, level, &[], hash);
        let evaluated = values(&step.env, &contexts);
        if let Ok(env) = &evaluated {
            contexts = self.contexts(run, level, env, hash);
        }
        let written = step.condition.as_ref().map(|text| text.text.as_str());
        if !condition::holds(written, &contexts)? {
            return Ok(Err(match written {
                _ if contexts.status.cancelled => "the run was cancelled".to_owned(),
                Some(written) => format!("`{}` is false", written.trim()),
                None => "a step before it failed".to_owned(),
            }));
        }
        let env = evaluated?;
        let name = template::substitute(&step.title(), &contexts).unwrap_or_else(|_| step.title());
        let minutes = step.timeout_minutes.as_ref().map(|text| template::value(&text.text, &contexts)).transpose()?;
        let seconds = minutes.map(|minutes| minutes.to_number() * 60.0).filter(|seconds| *seconds > 0.0);
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Ok(Ready { step, name, env, time, contexts }))
    }

    async fn one(&mut self, run: &mut Run<'_>, ready: &Ready<'_, '_>, level: &Level) -> Result<Ended, String> {
        match &ready.step.action {
            Action::Run { script, shell, working_directory } => {
                self.script(run, ready, level, script, shell.as_ref(), working_directory.as_ref()).await
            }
            Action::Uses { action, with } => {
                let with = values(with, &ready.contexts)?;
                // It may hold steps in turn.
                Box::pin(self.uses(run, ready, level, &action.text, &with)).await
            }
        }
    }

    async fn script(
        &mut self,
        run: &mut Run<'_>,
        ready: &Ready<'_, '_>,
        level: &Level,
        script: &Template,
        shell: Option<&Template>,
        folder: Option<&Template>,
    ) -> Result<Ended, String> {
        // Defaults are the job's: the steps of an action have none.
        let defaults = level.folder.is_none().then_some(&self.defaults);
        let text_of =
            |text: Option<&Template>| text.map(|text| template::substitute(&text.text, &ready.contexts)).transpose();
        let shell = text_of(shell.or_else(|| defaults.and_then(|defaults| defaults.shell.as_ref())))?;
        let folder = text_of(folder.or_else(|| defaults.and_then(|defaults| defaults.working_directory.as_ref())))?;
        let shell = Shell::of(shell.as_deref())?;
        let text = template::substitute(&script.text, &ready.contexts)?;
        self.count += 1;
        let file = Path::new(&self.places.temp).join(format!("script-{}{}", self.count, shell.extension));
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        let call = Call {
            name: ready.name.clone(),
            words: shell.command(&file.display().to_string()),
            folder: Path::new(&self.places.workspace).join(folder.unwrap_or_default()),
            variables: self.step_variables(ready, level),
            time: ready.time,
        };
        let ran = self.execute(run, &call).await?;
        if let End::Code(code) = ran.end
            && code != 0
        {
            run.error(format!("Process completed with exit code {code}."));
        }
        Ok(ran.ended())
    }

    /// The variables of the level and the step.
    pub(super) fn step_variables(&self, ready: &Ready<'_, '_>, level: &Level) -> Vec<(String, String)> {
        let mut variables = level.env.clone();
        variables.extend(ready.env.iter().cloned());
        let id = ready.step.id.clone().unwrap_or_else(|| "__run".to_owned());
        variables.push(("GITHUB_ACTION".to_owned(), id));
        if let Some(folder) = &level.folder {
            variables.push(("GITHUB_ACTION_PATH".to_owned(), folder.display().to_string()));
        }
        variables
    }
}

/// Texts with their values.
pub(super) fn values(pairs: &[(String, Template)], contexts: &Contexts<'_>) -> Result<Vec<(String, String)>, String> {
    pairs.iter().map(|(name, text)| Ok((name.clone(), template::substitute(&text.text, contexts)?))).collect()
}
