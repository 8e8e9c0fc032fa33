//! Lists in pages. Services call the members that ask for them by different names (`maxResults` and `nextToken`, `PageSize` and
//! `Marker`, `MaxItems`), and mean the same.

use serde::Serialize;
use serde_json::{Value, json};

/// The most on one page, and what a request that says nothing gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) largest: usize,
    pub(super) default: usize,
}

impl Sizes {
    /// Every request gets as many as it may.
    pub(super) const fn up_to(largest: usize) -> Self {
        Self { largest, default: largest }
    }
}

/// Why there is no such page. Each service says so in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPage {
    /// Fewer than one, or more than the service gives.
    Size,
    /// Nobody was given this token.
    Token,
}

/// A page, and the token of the next one unless it is the last. A token is the place where its page begins.
pub(super) fn page<'a, T>(
    all: &'a [T],
    sizes: Sizes,
    most: Option<usize>,
    token: Option<&str>,
) -> Result<(&'a [T], Option<String>), NoPage> {
    let most = most.unwrap_or(sizes.default);
    if !(1..=sizes.largest).contains(&most) {
        return Err(NoPage::Size);
    }
    let start = match token.filter(|token| !token.is_empty()) {
        Some(token) => token.parse().map_err(|_| NoPage::Token)?,
        None => 0,
    };
    let rest = all.get(start..).unwrap_or_default();
    let page = &rest[..rest.len().min(most)];
    Ok((page, (page.len() < rest.len()).then(|| (start + page.len()).to_string())))
}

/// A reply with the token of the next page under this name, if there is one: an empty token would be one.
pub(super) fn with_token(mut reply: Value, name: &str, next: Option<impl Serialize>) -> Value {
    if let (Some(members), Some(next)) = (reply.as_object_mut(), next) {
        members.insert(name.to_owned(), json!(next));
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_until_all_was_seen() {
        let all: Vec<u32> = (0..5).collect();
        let sizes = Sizes { largest: 10, default: 3 };
        assert_eq!(page(&all, sizes, None, None), Ok((&all[..3], Some("3".to_owned()))));
        assert_eq!(page(&all, sizes, None, Some("3")), Ok((&all[3..], None)));
        assert_eq!(page(&all, sizes, Some(5), Some("")), Ok((&all[..], None)));
        assert_eq!(page(&all, sizes, Some(2), Some("9")), Ok((&all[..0], None)), "what was there is gone");
        assert_eq!(page(&all, sizes, Some(0), None), Err(NoPage::Size));
        assert_eq!(page(&all, sizes, Some(11), None), Err(NoPage::Size));
        assert_eq!(page(&all, sizes, None, Some("x")), Err(NoPage::Token));
    }
}
