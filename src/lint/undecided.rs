//! What is not decided.

/// Why something is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// A regular expression needs an automaton that is too large.
    TooLarge,
    /// Too many rules overlap in part.
    TooManyParts,
}

impl std::fmt::Display for Undecided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "a regular expression needs an automaton that is too large",
            Self::TooManyParts => "too many rules overlap in part",
        })
    }
}
