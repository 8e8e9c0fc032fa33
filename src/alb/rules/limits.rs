//! What AWS takes in one rule (ALB user guide, "Quotas for your Application Load Balancers").

use neargate_model::rule::Condition;

use crate::violation::Violation;

/// Judges the conditions of one rule together.
///
/// # Errors
///
/// They have too many values.
pub fn judge(conditions: &[Condition]) -> Result<(), Violation> {
    let count = conditions.iter().map(Condition::values).sum();
    if count > Condition::VALUES_PER_RULE {
        return Err(Violation::TooManyConditionValues { count });
    }
    Ok(())
}
