//! Policy documents (IAM user guide, "IAM JSON policy element reference").

mod read;
mod statement;

pub use crate::version::Version;
pub use read::Malformed;
pub use statement::{Document, Effect, Listed, PrincipalPattern, Principals, Purpose, Statement};

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as MalformedPolicyDocument says it.
    pub fn parse(text: &str, purpose: Purpose) -> Result<Self, Malformed> {
        read::document(text, purpose)
    }
}
