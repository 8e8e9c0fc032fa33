//! The context for checking the parts of a task definition: references to AWS's pages, and the valid names.

use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::help_for;

/// The page that documents AWS's answers to a registration.
pub(crate) const REGISTER: &str = "ECS API reference, RegisterTaskDefinition";

/// The page that documents Fargate's rules.
pub(crate) const FARGATE: &str = "ECS developer guide, Task definition differences for Fargate";

/// A secret that must have a value.
#[derive(Clone, Debug)]
pub(crate) struct WantedSecret {
    /// ARN or name, with the version if one is requested.
    pub(crate) secret: String,
    /// The position of the reference.
    pub(crate) span: Span,
    /// The variable that receives it; `None` for registry credentials.
    pub(crate) variable: Option<String>,
    /// The key, if the value must be a JSON object.
    pub(crate) json_key: Option<String>,
}

/// The mistake of naming a container that does not exist.
pub(crate) fn unknown_container(name: &Spanned<String>, known: &[&str], what: &str) -> Diagnostic {
    Diagnostic::error(format!("{what} has no container `{}`", name.value), name.span, "").maybe_help(help_for(
        name,
        "its containers are",
        known.iter().copied(),
    ))
}
