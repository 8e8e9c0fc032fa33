//! What a run, a job and a list of steps keep while they go on; the files beside this one say how they go on.

use std::path::PathBuf;

use tokio::sync::watch;

use super::event::Event;
use super::identity::Identity;
use super::settings::Settings;
use crate::pipeline::expression::value::Value;
use crate::pipeline::github::Places;
use crate::pipeline::job::{Outcome, Scope, Variables};
use crate::pipeline::protocol::commands::{Annotation, Level as Severity};
use crate::pipeline::protocol::masks::Masks;
use crate::pipeline::workflow::model::{Defaults, Job, Step};

/// What all jobs of a run have in common.
pub(super) struct Run<'r> {
    pub(super) settings: &'r Settings,
    pub(super) out: Out<'r>,
    pub(super) cancelled: watch::Receiver<u32>,
    pub(super) identity: Identity,
}

/// Where everything is told, with secrets masked.
pub(super) struct Out<'r> {
    pub(super) masks: Masks,
    pub(super) tell: &'r mut dyn FnMut(Event),
}

impl Out<'_> {
    pub(super) fn tell(&mut self, event: Event) {
        let hide = |text: String| self.masks.hide(&text);
        let event = match event {
            Event::Line(text) => Event::Line(hide(text)),
            Event::Debug(text) => Event::Debug(hide(text)),
            Event::Group(text) => Event::Group(hide(text)),
            Event::Summary(text) => Event::Summary(hide(text)),
            Event::Note(text) => Event::Note(hide(text)),
            Event::Job(name) => Event::Job(hide(name)),
            Event::Step(name) => Event::Step(hide(name)),
            Event::StepSkipped(name, why) => Event::StepSkipped(hide(name), hide(why)),
            Event::StepDone(name, outcome, conclusion, took) => Event::StepDone(hide(name), outcome, conclusion, took),
            Event::Annotation(mut annotation) => {
                annotation.message = hide(annotation.message);
                annotation.title = annotation.title.map(hide);
                Event::Annotation(annotation)
            }
            event => event,
        };
        (self.tell)(event);
    }
}

impl Run<'_> {
    /// Whether its end was asked for.
    pub(super) fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow() > 0
    }

    /// An error of the runner, told as one of the step.
    pub(super) fn error(&mut self, text: String) {
        self.out.tell(message(Severity::Error, text));
    }
}

/// A message without a place.
pub(super) fn message(level: Severity, message: String) -> Event {
    Event::Annotation(Annotation { level, message, title: None, file: None, line: None, column: None })
}

/// A job that runs.
pub(super) struct JobRun<'j> {
    pub(super) job: &'j Job,
    pub(super) steps: &'j [Step],
    pub(super) places: Places,
    pub(super) variables: Variables,
    /// What GITHUB_PATH has put before PATH, the last first.
    pub(super) paths: Vec<String>,
    pub(super) posts: Vec<Post>,
    pub(super) defaults: Defaults,
    /// What lets it ask for tokens of identity, if it may.
    pub(super) identity: Vec<(String, String)>,
    /// Numbers the files of its steps.
    pub(super) count: usize,
    pub(super) fixed: Vec<(&'static str, Value)>,
    pub(super) token: String,
    pub(super) failed: bool,
}

/// The end of an action, when the steps are done.
pub(super) struct Post {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) condition: Option<String>,
    /// The variables of its step, with its inputs.
    pub(super) variables: Vec<(String, String)>,
    pub(super) state: Vec<(String, String)>,
    pub(super) env: Vec<(String, String)>,
}

/// Where a list of steps stands: in a job, or in a composite action.
#[derive(Default)]
pub(super) struct Level {
    pub(super) scope: Scope,
    /// The variables of the step that uses the composite action.
    pub(super) env: Vec<(String, String)>,
    /// Its inputs.
    pub(super) inputs: Option<Value>,
    /// Its folder.
    pub(super) folder: Option<PathBuf>,
    pub(super) depth: usize,
}

/// How a step ended, and its outputs.
pub(super) type Ended = (Outcome, Vec<(String, String)>);
