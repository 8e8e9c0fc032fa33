//! What AssumeRole passes to a session: policies, tags, a duration.

use serde::Deserialize;

use super::validation::validation;
use crate::control::identities::Account;
use crate::iam::document::{Document, Purpose};
use crate::iam::evaluate::{Policy, Source};
use crate::model::iam::{Role, Tags};
use crate::protocols::fault::Fault;

/// `DurationSeconds` without one.
const AN_HOUR: i64 = 3600;
/// The shortest session.
const FIFTEEN_MINUTES: i64 = 900;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Passed {
    policy: Option<String>,
    policy_arns: Vec<PolicyArn>,
    pub(super) tags: Vec<Tag>,
    duration_seconds: Option<i64>,
}

#[derive(Deserialize)]
struct PolicyArn {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

impl Passed {
    /// How long the session lasts. A role that is not known sets no limit.
    pub(super) fn seconds(&self, role: Option<&Role>, is_chained: bool) -> Result<i64, Fault> {
        let seconds = self.duration_seconds.unwrap_or(AN_HOUR);
        if seconds < FIFTEEN_MINUTES {
            let constraint = "Member must have value greater than or equal to 900";
            return Err(validation("durationSeconds", &seconds.to_string(), constraint));
        }
        if is_chained && seconds > AN_HOUR {
            return Err(Fault::new(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            ));
        }
        if role.is_some_and(|role| seconds > i64::from(role.max_session_duration)) {
            return Err(Fault::new(
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(seconds)
    }

    /// Policies that limit the session; `None` without any.
    pub(super) fn policies(&self, account: &Account<'_>) -> Result<Option<Vec<Policy>>, Fault> {
        let mut policies = Vec::new();
        if let Some(text) = self.policy.as_deref().filter(|text| !text.is_empty()) {
            let document = Document::parse(text, Purpose::Identity)
                .map_err(|malformed| Fault::new("MalformedPolicyDocument", malformed.0))?;
            policies.push(Policy { source: Source::Passed, document });
        }
        for PolicyArn { arn } in &self.policy_arns {
            let document = account.managed_policy(arn).and_then(|text| Document::parse(&text, Purpose::Identity).ok());
            let document = document.ok_or_else(|| {
                Fault::new("ValidationError", format!("Policy {arn} does not exist or is not attachable."))
            })?;
            policies.push(Policy { source: Source::Managed(arn.clone()), document });
        }
        Ok((!policies.is_empty()).then_some(policies))
    }

    /// Tags of the session.
    pub(super) fn tags(&self) -> Result<Tags, Fault> {
        let mut keys: Vec<String> = self.tags.iter().map(|tag| tag.key.to_ascii_lowercase()).collect();
        keys.sort();
        if keys.windows(2).any(|pair| pair[0] == pair[1]) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Fault::new("InvalidParameterValue", message));
        }
        Ok(self.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect())
    }
}
