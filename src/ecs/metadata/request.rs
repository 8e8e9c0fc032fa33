//! A request, and what answering it takes.

use super::ids::credentials_id;
use super::path::Path;
use neargate_model::task::TaskSpec;

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `PUT`, …
    pub method: &'a str,
    /// Begins with `/`.
    pub path: &'a str,
    /// What follows `?`.
    pub query: Option<&'a str>,
}

/// What must be measured before a request can be answered in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// How much the task uses.
    Usage,
    /// How much it uses, twice, some time apart.
    Rates,
}

/// Whether a request is one for the credentials of this task's role; then that role.
pub fn role_asked_for<'t>(request: &Request<'_>, task: &'t TaskSpec) -> Option<&'t str> {
    let role = task.definition.task_role_arn.as_deref()?;
    match Path::parse(request.path, request.query)? {
        Path::Credentials(Some(id)) if id == credentials_id(&task.id) => Some(role),
        _ => None,
    }
}

impl Request<'_> {
    /// What to measure for it.
    pub fn need(&self) -> Need {
        match Path::parse(self.path, self.query) {
            Some(Path::ContainerStats(..) | Path::TaskStats(..)) => Need::Rates,
            Some(Path::Task(..) | Path::TaskWithTags(..)) => Need::Usage,
            _ => Need::Nothing,
        }
    }
}
