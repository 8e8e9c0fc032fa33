//! `Condition` (IAM user guide, "IAM JSON policy elements: Condition operators").

mod compare;

use compare::Comparison;

use crate::context::Context;
use crate::version::Version;

/// One operator on one key: one of the values must fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `ForAllValues:`, `ForAnyValue:`
    set: Option<Set>,
    comparison: Comparison,
    /// `StringNotEquals` and its like
    negated: bool,
    /// `…IfExists`
    if_exists: bool,
    /// `aws:RequestTag/team`
    key: String,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    All,
    Any,
}

impl Condition {
    /// `None` if there is no such operator.
    pub(crate) fn new(operator: &str, key: &str, values: Vec<String>) -> Option<Self> {
        let (set, operator) = match operator.split_once(':') {
            Some((word, rest)) if word.eq_ignore_ascii_case("ForAllValues") => (Some(Set::All), rest),
            Some((word, rest)) if word.eq_ignore_ascii_case("ForAnyValue") => (Some(Set::Any), rest),
            Some(_) => return None,
            None => (None, operator),
        };
        let lower = operator.to_ascii_lowercase();
        let (name, if_exists) = match lower.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        let (comparison, negated) = Comparison::named(name)?;
        if comparison == Comparison::Null && if_exists {
            return None;
        }
        Some(Self { set, comparison, negated, if_exists, key: key.to_owned(), values })
    }

    /// The key that it is about.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether it holds for the request.
    pub(crate) fn holds(&self, version: Version, context: &Context) -> bool {
        let found = context.get(&self.key).filter(|values| !values.is_empty());
        if self.comparison == Comparison::Null {
            let is_missing = found.is_none();
            return self
                .values
                .iter()
                .any(|value| value.eq_ignore_ascii_case(if is_missing { "true" } else { "false" }));
        }
        // A set of nothing but the empty text counts as no set.
        let found = found.filter(|values| self.set.is_none() || values.iter().any(|value| !value.is_empty()));
        let Some(found) = found else {
            return match self.set {
                Some(Set::All) => true,
                Some(Set::Any) => self.if_exists,
                None => self.negated || self.if_exists,
            };
        };
        let expected = self.comparison.prepare(&self.values, version, context);
        let fits = |value: &String| expected.iter().any(|expected| self.comparison.fits(expected, value));
        match (self.set, self.negated) {
            (Some(Set::All), negated) => found.iter().all(|value| fits(value) != negated),
            (Some(Set::Any), negated) => found.iter().any(|value| fits(value) != negated),
            (None, false) => found.iter().any(fits),
            (None, true) => !found.iter().any(fits),
        }
    }
}
