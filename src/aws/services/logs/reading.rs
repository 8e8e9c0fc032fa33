//! FilterLogEvents, GetLogEvents.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::invalid;
use super::{events, groups, streams};
use crate::aws::action::{Decision, Input, State};
use crate::aws::output::Event;
use crate::aws::pages::{self, Sizes};
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    log_group_name: String,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
    start_from_head: bool,
}

impl Given {
    fn group(&self) -> &str {
        self.log_group_identifier.as_deref().map_or(&self.log_group_name, groups::name_in)
    }

    /// FilterLogEvents takes the end, GetLogEvents does not.
    fn takes(&self, event: &Event, with_end: bool) -> bool {
        self.start_time.is_none_or(|start| event.at >= start)
            && self.end_time.is_none_or(|end| event.at < end || (with_end && event.at == end))
    }
}

/// Terms that must all be there, in quotes or without, those with `-` in front not, and of those with `?` in front one. (User
/// guide, "Filter pattern syntax", unstructured log events.) Patterns for JSON and for columns match everything.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = pattern.trim();
    if pattern.is_empty() || pattern.starts_with(['{', '[', '%']) {
        return true;
    }
    let (mut optional, mut has_optional) = (false, false);
    for term in terms(pattern) {
        let (sign, word) = match term.as_bytes().first() {
            Some(b'?') => ('?', &term[1..]),
            Some(b'-') => ('-', &term[1..]),
            _ => ('+', term.as_str()),
        };
        let has = text.contains(word.trim_matches('"'));
        match sign {
            '?' => (optional, has_optional) = (optional || has, true),
            '-' if has => return false,
            '+' if !has => return false,
            _ => {}
        }
    }
    !has_optional || optional
}

/// Words, and what stands between quotes.
fn terms(pattern: &str) -> Vec<String> {
    let (mut terms, mut term, mut quoted) = (Vec::new(), String::new(), false);
    for symbol in pattern.chars() {
        match symbol {
            '"' => {
                quoted = !quoted;
                term.push(symbol);
            }
            ' ' if !quoted => terms.push(std::mem::take(&mut term)),
            _ => term.push(symbol),
        }
    }
    terms.push(term);
    terms.retain(|term| !term.is_empty());
    terms
}

pub(super) fn filter(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let group = given.group();
    groups::find(state, group)?;
    if given.log_stream_name_prefix.is_some() && !given.log_stream_names.is_empty() {
        return Err(invalid("logStreamNamePrefix and logStreamNames are mutually exclusive."));
    }
    let prefix = given.log_stream_name_prefix.as_deref().unwrap_or_default();
    let pattern = given.filter_pattern.as_deref().unwrap_or_default();
    let names = streams::of_group(state, group).into_keys();
    let is_wanted = |name: &String| {
        name.starts_with(prefix) && (given.log_stream_names.is_empty() || given.log_stream_names.contains(name))
    };
    let mut found: Vec<(i64, Value)> = Vec::new();
    for stream in names.filter(is_wanted) {
        for (number, event) in state.output.events(group, &stream).iter().enumerate() {
            if given.takes(event, true) && matches(pattern, &event.text) {
                found.push((event.at, events::filtered(group, &stream, number, event)));
            }
        }
    }
    found.sort_by_key(|(at, _)| *at);
    let found: Vec<Value> = found.into_iter().map(|(_, event)| event).collect();
    let (page, next) = pages::page(&found, Sizes::up_to(10_000), given.limit, given.next_token.as_deref())
        .map_err(|_| invalid("The specified nextToken is invalid."))?;
    Ok(Decision::reply(pages::with_token(json!({ "events": page, "searchedLogStreams": [] }), "nextToken", next)))
}

/// Tokens are `f/` or `b/` and the place of an event: the one that comes next, or the one that was first. A page without events
/// returns the token that it was asked with, by which clients know that this is the end.
pub(super) fn get(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let group = given.group();
    streams::find(state, group, &given.log_stream_name)?;
    let events = state.output.events(group, &given.log_stream_name);
    let events: Vec<&Event> = events.iter().filter(|event| given.takes(event, false)).collect();
    let most = given.limit.unwrap_or(10_000).clamp(1, 10_000);
    let place = |token: &str| token.parse::<usize>().map_err(|_| invalid("The specified nextToken is invalid."));
    let (from, to) = match given.next_token.as_deref().map(|token| token.split_at_checked(2)) {
        Some(Some(("f/", number))) => {
            let from = place(number)?.min(events.len());
            (from, events.len().min(from + most))
        }
        Some(Some(("b/", number))) => {
            let to = place(number)?.min(events.len());
            (to.saturating_sub(most), to)
        }
        Some(_) => return Err(invalid("The specified nextToken is invalid.")),
        None if given.start_from_head => (0, events.len().min(most)),
        None => (events.len().saturating_sub(most), events.len()),
    };
    let page: Vec<Value> = events[from..to].iter().map(|event| events::plain(event)).collect();
    Ok(Decision::reply(json!({
        "events": page,
        "nextForwardToken": format!("f/{to}"),
        "nextBackwardToken": format!("b/{from}"),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_terms() {
        for (pattern, text, expected) in [
            ("", "anything", true),
            ("ERROR", "[ERROR] bad", true),
            ("ERROR", "error", false),
            ("ERROR timeout", "ERROR: timeout", true),
            ("ERROR timeout", "ERROR", false),
            ("\"not found\"", "page not found", true),
            ("\"not found\"", "found not", false),
            ("?ERROR ?WARN", "WARN x", true),
            ("?ERROR ?WARN", "INFO x", false),
            ("ERROR -exiting", "ERROR exiting", false),
            ("{ $.level = \"x\" }", "{}", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
