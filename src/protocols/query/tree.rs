//! The tree that the names of a form spell.

use std::collections::BTreeMap;

/// A value, what is below it, or both: `Filter.1=x` beside `Filter.1.Name=y` is nonsense, but may arrive.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    /// The value that stands here.
    pub(super) value: Option<String>,
    /// What is below, by the next part of the name.
    pub(super) below: BTreeMap<String, Tree>,
}

/// Names with more parts belong to nobody's API. Deeper ones are ignored, so that no form makes us recurse for long.
const DEEPEST: usize = 16;

impl Tree {
    /// Reads a form.
    pub(super) fn from_form(form: &[u8]) -> Self {
        let mut root = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            if name.split('.').count() > DEEPEST {
                continue;
            }
            let mut here = &mut root;
            for part in name.split('.') {
                here = here.below.entry(part.to_owned()).or_default();
            }
            here.value = Some(value.into_owned());
        }
        root
    }

    /// The members of a list, in the order of their numbers. Query puts `member` before the number (IAM's older actions other
    /// words: `entry`); EC2 puts nothing.
    pub(super) fn members(self) -> Vec<Tree> {
        let mut below = self.below;
        if let Some(member) = below.remove("member") {
            below = member.below;
        }
        let mut numbered: Vec<(u64, Tree)> =
            below.into_iter().filter_map(|(name, tree)| Some((name.parse().ok()?, tree))).collect();
        numbered.sort_by_key(|(number, _)| *number);
        numbered.into_iter().map(|(_, tree)| tree).collect()
    }

    /// Whether it says nothing: `Description=`.
    pub(super) fn is_empty(&self) -> bool {
        self.below.is_empty() && self.value.as_deref().is_none_or(str::is_empty)
    }
}
