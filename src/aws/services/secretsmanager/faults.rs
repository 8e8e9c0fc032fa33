//! Errors of Secrets Manager.

use crate::protocols::fault::Fault;

pub(super) fn not_found() -> Fault {
    Fault::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

pub(super) fn no_value(what: &str) -> Fault {
    let message = format!("Secrets Manager can't find the specified secret value for {what}");
    Fault::new("ResourceNotFoundException", message)
}

pub(super) fn marked() -> Fault {
    invalid("You can't perform this operation on the secret because it was marked for deletion.")
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidRequestException", message)
}

pub(super) fn parameter(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterException", message)
}
