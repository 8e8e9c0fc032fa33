//! What the API's model does not allow.

use crate::protocols::fault::Fault;

/// A member that the API's model does not allow.
pub(super) fn validation(member: &str, value: &str, constraint: &str) -> Fault {
    Fault::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ),
    )
}
