//! Filters of lists.

use serde::Deserialize;

/// `Filters`. `EQ` is meant if nothing is said.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Filter {
    pub(super) name: String,
    values: Vec<String>,
    condition: Option<String>,
}

impl Filter {
    pub(super) fn admits(&self, value: &str) -> bool {
        match self.condition.as_deref() {
            Some("BEGINS_WITH") => self.values.iter().any(|prefix| value.starts_with(prefix)),
            _ => self.values.iter().any(|wanted| wanted == value),
        }
    }
}
