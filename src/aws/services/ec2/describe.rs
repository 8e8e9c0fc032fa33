//! Describe actions: by ids, by filters, in pages.

use serde::Deserialize;
use serde_json::{Value, json};

use super::kinds::Kind;
use crate::aws::action::{Decision, Input, State};
use crate::aws::pages::{self, NoPage, Sizes};
use crate::aws::tags;
use crate::control::desired::records::{Record, Tags};
use crate::protocols::fault::Fault;

/// EC2 gives 1000 on a page at most.
const SIZES: Sizes = Sizes::up_to(1000);

/// What Describe actions are asked. Each calls the ids by its own name.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Described {
    #[serde(
        alias = "VpcId",
        alias = "SubnetId",
        alias = "InternetGatewayId",
        alias = "RouteTableId",
        alias = "AllocationId",
        alias = "NatGatewayId",
        alias = "NetworkAclId",
        alias = "DhcpOptionsId",
        alias = "GroupId",
        alias = "SecurityGroupRuleId",
        alias = "NetworkInterfaceId"
    )]
    pub(super) ids: Vec<String>,
    pub(super) filter: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    pub(super) name: String,
    #[serde(rename = "Value")]
    pub(super) values: Vec<String>,
}

/// A resource as a reply has it, before its tags are added.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) value: Value,
    pub(super) tags: Tags,
}

impl Shown {
    /// What is remembered of it, without what only other actions show.
    pub(super) fn of(id: String, record: &Record) -> Self {
        let mut value = record.value.clone();
        if let Some(members) = value.as_object_mut() {
            members.remove("attributes");
            members.remove("clientToken");
        }
        Self { id, value, tags: record.tags.clone() }
    }

    /// The whole.
    pub(super) fn whole(self) -> Value {
        let mut value = self.value;
        value["tagSet"] = tags::lower(&self.tags);
        value
    }
}

/// A resource that is remembered, as a reply has it.
pub(super) fn one(state: &State, kind: &Kind, id: &str) -> Result<Value, Fault> {
    Ok(Shown::of(id.to_owned(), &*kind.find(state, id)?).whole())
}

/// Describes resources that are only remembered.
pub(super) fn remembered(state: &State, input: &Input<'_>, kind: &Kind) -> Result<Decision, Fault> {
    let asked: Described = input.read()?;
    let all = kind.list(state).into_iter().map(|(id, record)| Shown::of(id, &record)).collect();
    described(kind, asked, all)
}

/// Of all, those that are asked for.
pub(super) fn described(kind: &Kind, asked: Described, all: Vec<Shown>) -> Result<Decision, Fault> {
    if let Some(unknown) = asked.ids.iter().find(|id| all.iter().all(|shown| shown.id != **id)) {
        return Err(kind.not_found(unknown));
    }
    for filter in &asked.filter {
        if path(kind, filter).is_none() && !filter.is_of_tags() {
            return Err(Fault::new("InvalidParameterValue", format!("The filter '{}' is invalid", filter.name)));
        }
    }
    let is_asked_for = |shown: &Shown| asked.ids.is_empty() || asked.ids.contains(&shown.id);
    let passes = |shown: &Shown| asked.filter.iter().all(|filter| filter.lets_through(kind, shown));
    let found: Vec<Value> =
        all.into_iter().filter(|shown| is_asked_for(shown) && passes(shown)).map(Shown::whole).collect();
    let (page, next) = pages::page(&found, SIZES, asked.max_results, asked.next_token.as_deref()).map_err(
        |no_page| match no_page {
            NoPage::Size => {
                let most = asked.max_results.unwrap_or_default();
                let message = format!(
                    "Value ( {most} ) for parameter maxResults is invalid. Expecting a value between 1 and 1000."
                );
                Fault::new("InvalidParameterValue", message)
            }
            NoPage::Token => Fault::new("InvalidNextToken", "The token is invalid."),
        },
    )?;
    let reply = json!({ kind.set: page });
    Ok(Decision::members(pages::with_token(reply, "nextToken", next)))
}

fn path(kind: &Kind, filter: &Filter) -> Option<&'static str> {
    kind.filters.iter().find(|(name, _)| *name == filter.name).map(|(_, path)| *path)
}

impl Filter {
    fn is_of_tags(&self) -> bool {
        self.name.starts_with("tag:") || self.name == "tag-key" || self.name == "tag-value"
    }

    /// Whether one of its values is one of the resource's. (EC2 user guide, "Filtering considerations": values are joined by
    /// OR, filters by AND.)
    fn lets_through(&self, kind: &Kind, shown: &Shown) -> bool {
        let is_wanted = |value: &str| self.values.iter().any(|pattern| matches(pattern, value));
        if let Some(key) = self.name.strip_prefix("tag:") {
            return shown.tags.get(key).is_some_and(|value| is_wanted(value));
        }
        match self.name.as_str() {
            "tag-key" => shown.tags.keys().any(|key| is_wanted(key)),
            "tag-value" => shown.tags.values().any(|value| is_wanted(value)),
            _ => path(kind, self).is_some_and(|path| any_at(&shown.value, path, &is_wanted)),
        }
    }
}

/// Whether a value at that path is wanted; `*` is every item of a list.
fn any_at(value: &Value, path: &str, is_wanted: &dyn Fn(&str) -> bool) -> bool {
    if path.is_empty() {
        return match value {
            Value::String(text) => is_wanted(text),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
            scalar => is_wanted(&scalar.to_string()),
        };
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match (first, value) {
        ("*", Value::Array(items)) => items.iter().any(|item| any_at(item, rest, is_wanted)),
        (name, Value::Object(members)) => members.get(name).is_some_and(|member| any_at(member, rest, is_wanted)),
        _ => false,
    }
}

/// A part of a pattern.
enum Part {
    Any,
    One,
    Symbol(char),
}

/// `*` stands for any text and `?` for one character; a backslash takes the meaning from the next. It takes no longer than
/// the product of both lengths.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut symbols = pattern.chars();
    let mut parts = Vec::new();
    while let Some(symbol) = symbols.next() {
        parts.push(match symbol {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::Symbol(symbols.next().unwrap_or(symbol)),
            symbol => Part::Symbol(symbol),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut part, mut at) = (0, 0);
    // Where to go on if what follows the last `*` does not fit: it takes one character more.
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part + 1, at));
                part += 1;
            }
            Some(Part::One) => (part, at) = (part + 1, at + 1),
            Some(Part::Symbol(symbol)) if *symbol == text[at] => (part, at) = (part + 1, at + 1),
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (part, at) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    parts[part..].iter().all(|part| matches!(part, Part::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_filters() {
        for (pattern, text, expected) in [
            ("chatkit", "chatkit", true),
            ("chatkit", "chatkit-2", false),
            ("chat*", "chatkit", true),
            ("*kit*", "chatkit", true),
            ("chat???", "chatkit", true),
            ("chat??", "chatkit", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("*", "", true),
            ("", "", true),
            ("ü*", "übung", true),
            ("*ab*ab", "aabaab", true),
            ("*a*b", "aac", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
