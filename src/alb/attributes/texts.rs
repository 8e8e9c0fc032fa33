//! Texts by key, and what reads them.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::violation::Violation;
use crate::violation::problems::AttributeProblem;

/// Texts by key.
pub type Texts = BTreeMap<String, String>;

/// Takes the texts apart.
pub(super) struct Reader<'t>(pub(super) &'t Texts);

impl Reader<'_> {
    /// A text; empty if there is none.
    pub(super) fn text(&self, key: &'static str) -> &str {
        self.0.get(key).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn number<N: FromStr>(&self, key: &'static str) -> Result<N, Violation> {
        self.text(key).parse().map_err(|_| self.not_a_number(key))
    }

    pub(super) fn seconds(&self, key: &'static str) -> Result<Duration, Violation> {
        // Longer ones are outside of every range.
        self.number::<u32>(key).map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// One of some words.
    pub(super) fn word<W: Copy>(&self, key: &'static str, words: &'static [(&'static str, W)]) -> Result<W, Violation> {
        let text = self.text(key);
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.ok_or_else(|| {
            let words = words.iter().map(|(word, _)| *word).collect();
            Violation::Attribute(AttributeProblem::NotOneOf { key, value: text.to_owned(), words })
        })
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<bool, Violation> {
        self.word(key, &[("true", true), ("false", false)])
    }

    pub(super) fn switch(&self, key: &'static str) -> Result<bool, Violation> {
        self.word(key, &[("on", true), ("off", false)])
    }

    pub(super) fn not_a_number(&self, key: &'static str) -> Violation {
        Violation::Attribute(AttributeProblem::NotANumber { key, value: self.text(key).to_owned() })
    }
}

/// The default of each key, changed by what is said.
pub(super) fn over(defaults: &[(&str, &str)], said: impl IntoIterator<Item = (String, String)>) -> Texts {
    let mut texts: Texts = defaults.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    texts.extend(said);
    texts
}

/// A client's changes of texts.
///
/// # Errors
///
/// A key that does not exist.
pub fn change(
    texts: &mut Texts,
    changes: impl IntoIterator<Item = (String, String)>,
    of: AttributesOf,
) -> Result<(), Violation> {
    for (key, value) in changes {
        match texts.get_mut(&key) {
            Some(text) => *text = value,
            None => return Err(Violation::Attribute(AttributeProblem::Unknown { of: of.noun(), key })),
        }
    }
    Ok(())
}

/// What has attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributesOf {
    /// A load balancer.
    LoadBalancer,
    /// A listener.
    Listener,
    /// A target group.
    TargetGroup,
}

impl AttributesOf {
    /// As messages call it.
    fn noun(self) -> &'static str {
        match self {
            Self::LoadBalancer => "Load balancer",
            Self::Listener => "Listener",
            Self::TargetGroup => "Target group",
        }
    }
}
