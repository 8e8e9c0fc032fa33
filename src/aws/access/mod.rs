//! Whether a caller may do what it asks for.
//!
//! ```text
//!   input ─> asked: the IAM actions and resources ─┐
//!   caller, state ─> context: condition keys ──────┴─> iam::evaluate, one by one ─> the first refusal, in AWS's words
//! ```

mod asked;
pub(super) mod call;
pub(super) mod context;
pub(super) mod denials;
mod input;
mod passed;
mod resources;

use self::asked::Asked;
use self::call::Call;
use self::denials::Denial;
use super::action::State;
use super::caller::Caller;
use crate::control::identities::Account;
use crate::iam::context::Context;
use crate::iam::denial;
use crate::iam::evaluate::{Decision, Kind, Policies, Request, evaluate};
use crate::protocols::service::Service;

/// Actions that need no permission (IAM user guide, "AWS STS API permissions": GetCallerIdentity, GetSessionToken), and those
/// that roles' trust policies decide about.
const OPEN: &[(&str, &str)] = &[
    ("sts", "GetCallerIdentity"),
    ("sts", "GetSessionToken"),
    ("sts", "AssumeRole"),
    ("sts", "AssumeRoleWithWebIdentity"),
];

/// Whether everything that a call asks for is allowed.
pub(super) fn judge(state: &State, caller: &Caller, call: &Call<'_>) -> Result<(), Box<Denial>> {
    if OPEN.contains(&(call.service.signing_name, call.action)) {
        return Ok(());
    }
    let account = Account::of(&state.desired);
    let Some(policies) = caller.policies(&account) else { return Ok(()) };
    let global = context::global(state, &account, caller, call);
    for asked in asked_for(state, call) {
        let mut context = global.clone();
        context.extend(asked.context.clone());
        if let Some(decision) = refusal(&policies, &asked, &context) {
            let sentence = denial::sentence(&caller.arn, &asked.action, asked.shown.as_deref(), &decision);
            return Err(Box::new(Denial::new(state, caller, asked, &context, &decision).saying(sentence)));
        }
    }
    Ok(())
}

/// Why it is refused. Resources that stand for one are alternatives for an `Allow`; a `Deny` of any of them holds.
fn refusal(policies: &Policies, asked: &Asked, context: &Context) -> Option<Decision> {
    let decide = |resource: &String| evaluate(policies, &Request { action: &asked.action, resource, context });
    let decisions: Vec<Decision> = asked.resources.iter().map(decide).collect();
    let denied = decisions.iter().find(|decision| matches!(decision, Decision::Denied(_)));
    if let Some(denied) = denied {
        return Some(denied.clone());
    }
    if decisions.iter().any(Decision::is_allowed) {
        return None;
    }
    Some(decisions.into_iter().next().unwrap_or(Decision::NotAllowed(Kind::Identity)))
}

/// Every permission that a call needs, in the order in which AWS asks for them: the action itself, then the roles that are
/// passed.
fn asked_for(state: &State, call: &Call<'_>) -> Vec<Asked> {
    let action = format!("{}:{}", prefix(call.service), call.action);
    let mut asked = resources::of(state, call, &action);
    asked.extend(passed::roles(state, call));
    asked
}

/// What precedes actions in policies, where it is not the name in credential scopes.
fn prefix(service: &Service) -> &'static str {
    match service.signing_name {
        "monitoring" => "cloudwatch",
        "tagging" => "tag",
        name => name,
    }
}
