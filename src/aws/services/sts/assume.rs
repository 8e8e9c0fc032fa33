//! AssumeRole.

use serde::{Deserialize, Serialize};

use super::passed::Passed;
use super::sessions::{self, AssumedRoleUser, Credentials};
use super::validation::validation;
use crate::aws::access::context;
use crate::aws::action::{Decision, Input, State};
use crate::aws::caller::{Assumed, Caller, Who};
use crate::control::identities::Account;
use crate::iam::context::Context;
use crate::iam::evaluate::{self, Request, evaluate};
use crate::iam::trust::{self, Principal, Trust};
use crate::model::arn::ACCOUNT;
use crate::model::iam::Role;
use crate::protocols::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleInput {
    #[serde(default)]
    pub(super) role_arn: String,
    #[serde(default)]
    pub(super) role_session_name: String,
    external_id: Option<String>,
    source_identity: Option<String>,
    #[serde(skip)]
    pub(super) passed: Passed,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleOutput {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

pub(super) fn assume_role(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked = RoleInput::of(input)?;
    let account = Account::of(&state.desired);
    let known = account.role_at(&asked.role_arn).map(|(_, role)| role);
    match &known {
        Some(role) => trusted(state, &account, input.caller, &asked, role)?,
        None if account.is_described() => return Err(denied(input.caller, "sts:AssumeRole", &asked.role_arn)),
        None => {}
    }
    let is_chained = matches!(input.caller.who, Who::Session(_));
    let (caller, seconds) = asked.begun(state, &account, known.as_ref(), is_chained)?;
    let assumed_role_user = AssumedRoleUser::of(&caller);
    let credentials = sessions::begin(state, caller, seconds);
    Ok(Decision::reply(RoleOutput { credentials, assumed_role_user, source_identity: asked.source_identity }))
}

impl RoleInput {
    /// Reads it, and refuses what the API's model does not allow.
    pub(super) fn of(input: &Input<'_>) -> Result<Self, Fault> {
        // In two parts: what is flattened loses the types that a form's texts have.
        let asked = Self { passed: input.read()?, ..input.read()? };
        asked.judge()?;
        Ok(asked)
    }

    fn judge(&self) -> Result<(), Fault> {
        let Self { role_arn, role_session_name: session, .. } = self;
        if role_arn.len() < 20 {
            return Err(validation("roleArn", role_arn, "Member must have length greater than or equal to 20"));
        }
        if !role_arn.strip_prefix("arn:aws:iam::").is_some_and(|rest| rest.contains(":role/")) {
            return Err(Fault::new("ValidationError", format!("{role_arn} is invalid")));
        }
        if session.len() < 2 {
            return Err(validation("roleSessionName", session, "Member must have length greater than or equal to 2"));
        }
        Ok(())
    }

    /// The session and its duration.
    pub(super) fn begun(
        &self,
        state: &State,
        account: &Account<'_>,
        role: Option<&Role>,
        is_chained: bool,
    ) -> Result<(Caller, i64), Fault> {
        let assumed = Assumed {
            role_arn: self.role_arn.clone(),
            was_known: role.is_some(),
            since: state.now,
            policies: self.passed.policies(account)?,
            tags: self.passed.tags()?,
        };
        let seconds = self.passed.seconds(role, is_chained)?;
        Ok((Caller::assumed(&self.role_arn, &self.role_session_name, assumed), seconds))
    }
}

/// Whether the role's trust policy lets the caller in, and where it leaves that to the account, whether the caller's own
/// policies do. (IAM user guide, "Policy evaluation logic", within a single account.)
fn trusted(state: &State, account: &Account<'_>, caller: &Caller, asked: &RoleInput, role: &Role) -> Result<(), Fault> {
    let mut keys = context::of_caller(state, account, caller).with("sts:RoleSessionName", &*asked.role_session_name);
    if let Some(id) = &asked.external_id {
        keys.set("sts:ExternalId", id);
    }
    for tag in &asked.passed.tags {
        keys.set(&format!("aws:RequestTag/{}", tag.key), &*tag.value);
    }
    if !asked.passed.tags.is_empty() {
        keys.set_all("aws:TagKeys", asked.passed.tags.iter().map(|tag| tag.key.clone()));
    }
    for (key, value) in &role.tags {
        keys.set(&format!("aws:ResourceTag/{key}"), value);
    }
    let actions = ["sts:AssumeRole"].into_iter().chain((!asked.passed.tags.is_empty()).then_some("sts:TagSession"));
    for action in actions {
        if !is_trusted(account, caller, role, action, &asked.role_arn, &keys) {
            return Err(denied(caller, action, &asked.role_arn));
        }
    }
    Ok(())
}

fn is_trusted(
    account: &Account<'_>,
    caller: &Caller,
    role: &Role,
    action: &str,
    role_arn: &str,
    context: &Context,
) -> bool {
    let session_of = match &caller.who {
        Who::Session(session) => Some(session.role_arn.as_str()),
        Who::Root | Who::User { .. } => None,
    };
    let principal = Principal::Aws { account: ACCOUNT, arn: &caller.arn, role: session_of };
    let Some(trust) = trust::of(&role.assume_role_policy, &principal, action, context) else { return false };
    let Some(policies) = caller.policies(account) else { return true };
    match (evaluate(&policies, &Request { action, resource: role_arn, context }), trust) {
        (evaluate::Decision::Allowed(_), _) => true,
        (evaluate::Decision::Denied(_), _) => false,
        (evaluate::Decision::NotAllowed(_), trust) => trust == Trust::Named,
    }
}

/// Without a reason: whether the role exists is nobody's business.
fn denied(caller: &Caller, action: &str, role_arn: &str) -> Fault {
    let message = format!("User: {} is not authorized to perform: {action} on resource: {role_arn}", caller.arn);
    Fault::new("AccessDenied", message).with_status(403)
}
