//! A program of a step: the files that it writes for its runner, and the commands among its lines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::event::Event;
use super::process::{self, End, Program};
use super::state::{Ended, JobRun, Run, message};
use crate::pipeline::job::Outcome;
use crate::pipeline::protocol::commands::{Commands, Level, Line};
use crate::pipeline::protocol::files;

/// A program to run for a step.
pub(super) struct Call {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) folder: PathBuf,
    /// Those of the step, beside the job's.
    pub(super) variables: Vec<(String, String)>,
    pub(super) time: Option<Duration>,
}

/// What became of it.
pub(super) struct Ran {
    pub(super) end: End,
    pub(super) outputs: Vec<(String, String)>,
    pub(super) state: Vec<(String, String)>,
    /// It said something that is refused.
    refused: bool,
}

impl Ran {
    pub(super) fn ended(self) -> Ended {
        let outcome = match self.end {
            End::Code(0) if !self.refused => Outcome::Success,
            End::Code(_) | End::TimedOut => Outcome::Failure,
            End::Cancelled => Outcome::Cancelled,
        };
        (outcome, self.outputs)
    }
}

const FILES: [&str; 5] = ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"];

impl JobRun<'_> {
    /// Runs it, and takes what it has left for the steps after it.
    pub(super) async fn execute(&mut self, run: &mut Run<'_>, call: &Call) -> Result<Ran, String> {
        self.count += 1;
        let file_of = |name: &str, count: usize| Path::new(&self.places.temp).join(format!("{name}-{count}"));
        let files = FILES.map(|name| (name, file_of(name, self.count)));
        for (_, path) in &files {
            std::fs::write(path, "").map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let mut variables = self.variables_of(run, call);
        variables.extend(files.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string())));
        let program = Program { words: call.words.clone(), folder: call.folder.clone(), variables, time: call.time };
        let mut commands = Commands::default();
        let (mut outputs, mut state, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let out = &mut run.out;
        let mut heard = |line: &str| {
            let event = match commands.read(line) {
                Line::Text(text) => Event::Line(text),
                Line::Debug(text) => Event::Debug(text),
                Line::Annotation(annotation) => Event::Annotation(annotation),
                Line::Group(title) => Event::Group(title),
                Line::EndGroup => Event::EndGroup,
                Line::Mask(value) => return out.masks.add(&value),
                Line::Output(name, value) => return outputs.push((name, value)),
                Line::State(name, value) => return state.push((name, value)),
                Line::Ignored => return,
                Line::Refused(why) => {
                    refused.push(why.clone());
                    message(Level::Error, why)
                }
            };
            out.tell(event);
        };
        let end = process::run(&program, &mut run.cancelled, &mut heard).await;
        let end = end.map_err(|error| {
            let name = call.words.first().map_or("", String::as_str);
            format!("{name}: {error} (in {})", call.folder.display())
        })?;
        match end {
            End::TimedOut => {
                let minutes = call.time.unwrap_or_default().as_secs_f64() / 60.0;
                run.error(format!("The action '{}' has timed out after {minutes} minutes.", call.name));
            }
            End::Cancelled => run.error("The operation was canceled.".to_owned()),
            End::Code(_) => {}
        }
        let mut is_refused = !refused.is_empty();
        for (name, path) in &files {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let taken = match *name {
                "GITHUB_ENV" => files::variables(&text).map(|pairs| {
                    pairs.iter().for_each(|(name, value)| self.variables.set(name, value));
                }),
                "GITHUB_OUTPUT" => files::pairs(&text).map(|pairs| outputs.extend(pairs)),
                "GITHUB_STATE" => files::pairs(&text).map(|pairs| state.extend(pairs)),
                "GITHUB_PATH" => {
                    files::folders(&text).into_iter().for_each(|folder| self.paths.insert(0, folder));
                    Ok(())
                }
                _ => {
                    if !text.trim().is_empty() {
                        run.out.tell(Event::Summary(text));
                    }
                    Ok(())
                }
            };
            if let Err(why) = taken {
                run.error(format!("Unable to process file command '{}' successfully.\n{why}", command_of(name)));
                is_refused = true;
            }
        }
        Ok(Ran { end, outputs, state, refused: is_refused })
    }

    /// In the order in which later ones win: the person's, the runner's, the job's, the step's.
    fn variables_of(&self, run: &Run<'_>, call: &Call) -> Vec<(String, String)> {
        let settings = run.settings;
        let mut all = settings.base.clone();
        all.extend(settings.aws());
        all.extend(self.identity.iter().cloned());
        all.extend(self.variables.entries().iter().cloned());
        all.extend(call.variables.iter().cloned());
        all.extend(settings.facts.variables(&self.places, self.id()));
        let own = run.settings.scratch.join("bin").display().to_string();
        let path = all.iter().rfind(|(name, _)| name == "PATH").map(|(_, path)| path.clone()).unwrap_or_default();
        let paths: Vec<String> = std::iter::once(own).chain(self.paths.iter().cloned()).chain([path]).collect();
        all.push(("PATH".to_owned(), paths.join(":")));
        all
    }
}

fn command_of(file: &str) -> &'static str {
    match file {
        "GITHUB_ENV" => "env",
        "GITHUB_OUTPUT" => "output",
        "GITHUB_STATE" => "state",
        _ => "file",
    }
}
