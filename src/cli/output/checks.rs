//! One check of `doctor` or `trust`.

use serde::Serialize;

/// Something a stack depends on.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// What was looked at.
    pub(crate) name: String,
    /// How it is.
    pub(crate) status: Status,
    /// What was found.
    pub(crate) detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Only needed for some ways of using the stack.
    Note,
    /// In the way.
    Problem,
}

impl Check {
    /// As it should be.
    pub(crate) fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, detail: detail.into(), fix: None }
    }

    /// Not as it should be.
    pub(crate) fn wrong(
        status: Status,
        name: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), status, detail: detail.into(), fix: Some(fix.into()) }
    }
}
