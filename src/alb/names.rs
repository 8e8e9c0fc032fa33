//! Names of load balancers and target groups (ELBv2 API reference, CreateLoadBalancer, CreateTargetGroup).

use crate::violation::Violation;
use crate::violation::problems::{NameKind, NameProblem};

/// The longest name, in characters.
pub const LONGEST: usize = 32;

/// Judges a name: at most 32 letters, digits and hyphens, none of these at an end.
///
/// # Errors
///
/// AWS does not take it.
pub fn judge(kind: NameKind, name: &str) -> Result<(), Violation> {
    let problem = if name.is_empty() {
        NameProblem::Empty
    } else if name.len() > LONGEST {
        NameProblem::TooLong
    } else if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        NameProblem::Characters
    } else if name.starts_with('-') || name.ends_with('-') {
        NameProblem::Hyphen
    } else if kind == NameKind::LoadBalancer && name.starts_with("internal-") {
        NameProblem::Internal
    } else {
        return Ok(());
    };
    Err(Violation::InvalidName { kind, name: name.to_owned(), problem })
}
