//! The levels of the fidelity report: how closely neargate follows a field.

/// How neargate treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Not implemented; holds what happens instead.
    NotYet(&'static str),
    /// Close to AWS; holds the difference.
    Approximated(&'static str),
    /// As on AWS.
    Honoured,
    /// Has no effect; holds the reason why that is right.
    Ignored(&'static str),
}

impl Level {
    /// The level in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotYet(_) => "not yet",
            Self::Approximated(_) => "approximated",
            Self::Honoured => "honoured",
            Self::Ignored(_) => "ignored",
        }
    }

    /// The difference, and its reason.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::NotYet(reason) | Self::Approximated(reason) | Self::Ignored(reason) => Some(reason),
            Self::Honoured => None,
        }
    }
}

/// The table's entry for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// An AWS field.
    Aws(Level),
    /// A mapping whose fields are reported individually.
    Holds,
    /// A field that only neargate has.
    Own,
}
