//! Answers that several actions have.

use serde_json::json;

use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

/// What an action answers that has nothing to say.
pub(super) fn done() -> Members {
    Members(json!({ "return": true }))
}

/// A parameter that must be given.
pub(super) fn missing(parameter: &str) -> Fault {
    Fault::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
}
