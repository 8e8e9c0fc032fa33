//! Lists in pages: `maxResults` and `nextToken`.

use serde::Serialize;
use serde_json::Value;

use super::names::invalid;
use crate::aws::pages::{self, NoPage, Sizes};
use crate::protocols::fault::Fault;

/// The most on one page, and what a request without `maxResults` gets (ECS API: ListTasks and its like).
const SIZES: Sizes = Sizes::up_to(100);

/// A page, and the token of the next one unless it is the last.
pub(super) fn page<'a, T>(
    all: &'a [T],
    most: Option<usize>,
    token: Option<&str>,
) -> Result<(&'a [T], Option<String>), Fault> {
    pages::page(all, SIZES, most, token).map_err(|no_page| match no_page {
        NoPage::Size => invalid("maxResults must be between 1 and 100"),
        NoPage::Token => invalid("Invalid token"),
    })
}

/// A reply with the token of the next page, if there is one.
pub(super) fn with_token(reply: Value, next: Option<impl Serialize>) -> Value {
    pages::with_token(reply, "nextToken", next)
}
