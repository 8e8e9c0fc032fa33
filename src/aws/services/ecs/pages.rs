//! Lists in pages: `maxResults` and `nextToken`.

use serde::Serialize;
use serde_json::Value;

use super::names::invalid;
use crate::protocols::fault::Fault;

/// The most on one page, and what a request without `maxResults` gets (ECS API: ListTasks and its like).
const LARGEST: usize = 100;

/// A page, and the token of the next one unless it is the last. A token is the place where its page begins.
pub(super) fn page<'a, T>(
    all: &'a [T],
    most: Option<usize>,
    token: Option<&str>,
) -> Result<(&'a [T], Option<String>), Fault> {
    let most = most.unwrap_or(LARGEST);
    if !(1..=LARGEST).contains(&most) {
        return Err(invalid("maxResults must be between 1 and 100"));
    }
    let start = match token {
        Some(token) => token.parse().map_err(|_| invalid("Invalid token"))?,
        None => 0,
    };
    let rest = all.get(start..).unwrap_or_default();
    let page = &rest[..rest.len().min(most)];
    Ok((page, (page.len() < rest.len()).then(|| (start + page.len()).to_string())))
}

/// A reply with the token of the next page, if there is one.
pub(super) fn with_token(mut reply: Value, next: Option<impl Serialize>) -> Value {
    if let (Some(members), Some(next)) = (reply.as_object_mut(), next) {
        members.insert("nextToken".to_owned(), serde_json::json!(next));
    }
    reply
}
