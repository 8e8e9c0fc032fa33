//! What is told of a run while it goes on. Secrets are masked already.

use std::time::Duration;

use crate::pipeline::job::Outcome;
use crate::pipeline::protocol::commands::Annotation;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A job begins.
    Job(String),
    /// A job does not begin, and why.
    JobSkipped(String, String),
    /// A job is over.
    JobDone(String, Outcome, Duration),
    /// A step begins.
    Step(String),
    /// A step does not begin, and why.
    StepSkipped(String, String),
    /// A step is over: its outcome, and what counts for the job.
    StepDone(String, Outcome, Outcome, Duration),
    /// A line of output.
    Line(String),
    /// Debug output.
    Debug(String),
    /// A group of lines begins.
    Group(String),
    /// It ends.
    EndGroup,
    /// A message with its place.
    Annotation(Annotation),
    /// What neargate does otherwise than GitHub.
    Note(String),
    /// The summary of a step, in Markdown.
    Summary(String),
}
