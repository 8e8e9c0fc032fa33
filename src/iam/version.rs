//! Versions of the language of policies.

/// `Version`: only the newer one has variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, and what a document without a version has.
    Y2008,
    /// `2012-10-17`
    Y2012,
}
