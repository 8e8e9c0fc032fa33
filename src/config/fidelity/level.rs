//! The levels of the fidelity report: how closely neargate follows a field.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing yet; what happens instead.
    NotYet(&'static str),
    /// Nearly what AWS does; what the difference is.
    Approximated(&'static str),
    /// As on AWS.
    Honoured,
    /// It has no effect; why that is right.
    Ignored(&'static str),
}

impl Level {
    /// One word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotYet(_) => "not yet",
            Self::Approximated(_) => "approximated",
            Self::Honoured => "honoured",
            Self::Ignored(_) => "ignored",
        }
    }

    /// What differs, and why.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::NotYet(reason) | Self::Approximated(reason) | Self::Ignored(reason) => Some(reason),
            Self::Honoured => None,
        }
    }
}

/// What the table says of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A field of AWS's.
    Aws(Level),
    /// Holds other fields, which are reported by themselves.
    Holds,
    /// A field of this program's own.
    Own,
}
