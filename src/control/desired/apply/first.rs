//! Judgements of the API: it answers with one violation, although there may be several.

use crate::alb::violation::Violation;

/// The first violation.
pub(super) fn judged(violations: impl IntoIterator<Item = Violation>) -> Result<(), Violation> {
    violations.into_iter().next().map_or(Ok(()), Err)
}
