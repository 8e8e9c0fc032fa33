//! Errors of IAM (AWS IAM API reference, Errors of each action).

use crate::iam::document::{Document, Purpose};
use crate::protocols::fault::Fault;

/// Something is not there.
pub(super) fn none(message: impl Into<String>) -> Fault {
    Fault::new("NoSuchEntity", message).with_status(404)
}

/// The name is taken.
pub(super) fn exists(message: impl Into<String>) -> Fault {
    Fault::new("EntityAlreadyExists", message).with_status(409)
}

/// Something else must go first.
pub(super) fn conflict(message: impl Into<String>) -> Fault {
    Fault::new("DeleteConflict", message).with_status(409)
}

/// There are as many as there may be.
pub(super) fn limit(message: impl Into<String>) -> Fault {
    Fault::new("LimitExceeded", message).with_status(409)
}

/// Only the file can change it.
pub(super) fn of_the_file(what: &str, name: &str) -> Fault {
    let message = format!("The {what} {name} is declared in neargate.yaml, and can be deleted only there.");
    Fault::new("UnmodifiableEntity", message)
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidInput", message)
}

/// A member that is missing or has no valid form.
pub(super) fn validation(member: &str, value: &str, constraint: &str) -> Fault {
    let message = match value {
        "" => format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ),
        value => format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ),
    };
    Fault::new("ValidationError", message)
}

/// A name as IAM takes it.
pub(super) fn judge_name(member: &str, name: &str, longest: usize) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(validation(member, "", ""));
    }
    if name.len() > longest {
        let constraint = format!("Member must have length less than or equal to {longest}");
        return Err(validation(member, name, &constraint));
    }
    if !name.chars().all(|symbol| symbol.is_ascii_alphanumeric() || "_+=,.@-".contains(symbol)) {
        let message = format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        );
        return Err(Fault::new("ValidationError", message));
    }
    Ok(())
}

/// A document as IAM takes it.
pub(super) fn judge_document(text: &str, purpose: Purpose) -> Result<(), Fault> {
    let judged = Document::parse(text, purpose);
    judged.map(drop).map_err(|malformed| Fault::new("MalformedPolicyDocument", malformed.0))
}
