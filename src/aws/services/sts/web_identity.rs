//! AssumeRoleWithWebIdentity: the way of a workflow without keys.

use serde::{Deserialize, Serialize};

use super::assume::RoleInput;
use super::sessions::{self, AssumedRoleUser, Credentials};
use super::token::Claims;
use super::validation::validation;
use crate::aws::action::{Decision, Input, State};
use crate::control::identities::{Account, oidc_provider_arn};
use crate::iam::trust::{self, Principal};
use crate::model::iam::Role;
use crate::protocols::fault::Fault;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WebIdentityInput {
    #[serde(default)]
    web_identity_token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WebIdentityOutput {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_from_web_identity_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    provider: String,
}

pub(super) fn assume_role_with_web_identity(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: WebIdentityInput = input.read()?;
    let token = &asked.web_identity_token;
    if token.len() < 4 {
        return Err(validation("webIdentityToken", token, "Member must have length greater than or equal to 4"));
    }
    let role = RoleInput::of(input)?;
    let account = Account::of(&state.desired);
    let known = account.role_at(&role.role_arn).map(|(_, role)| role);
    // Where nobody has said who may do what, nothing is asked of a token.
    let claims = Claims::of(token);
    if account.is_described() || known.is_some() {
        let claims = claims.as_ref().map_err(Clone::clone)?;
        accepted(state, &account, claims, known.as_ref())?;
    }
    let claims = claims.ok();
    let text = |name: &str| claims.as_ref().and_then(|claims| claims.text(name)).map(str::to_owned);
    let issuer = claims.as_ref().map(Claims::issuer).filter(|issuer| !issuer.is_empty());
    let provider = oidc_provider_arn(issuer.unwrap_or("token.actions.githubusercontent.com"));
    let (caller, seconds) = role.begun(state, &account, known.as_ref(), false)?;
    let assumed_role_user = AssumedRoleUser::of(&caller);
    Ok(Decision::reply(WebIdentityOutput {
        credentials: sessions::begin(state, caller, seconds),
        assumed_role_user,
        subject_from_web_identity_token: text("sub"),
        audience: claims.as_ref().and_then(|claims| claims.audiences().first().map(|one| (*one).to_owned())),
        provider,
    }))
}

/// Whether the token comes from a provider of the account, for one of its audiences, and the role's trust policy takes it.
fn accepted(state: &State, account: &Account<'_>, claims: &Claims, role: Option<&Role>) -> Result<(), Fault> {
    claims.in_time(state.now)?;
    let issuer = claims.issuer();
    let Some(provider) = account.oidc_provider(issuer) else {
        let message = format!("No OpenIDConnect provider found in your account for https://{issuer}");
        return Err(Fault::new("InvalidIdentityToken", message));
    };
    let audiences = claims.audiences();
    if !provider.client_ids.iter().any(|client| audiences.contains(&client.as_str())) {
        return Err(Fault::new("InvalidIdentityToken", "Incorrect token audience"));
    }
    let arn = oidc_provider_arn(issuer);
    let principal = Principal::Federated(&arn);
    let trusted = role.and_then(|role| trust::of(&role.assume_role_policy, &principal, ACTION, &claims.context()));
    match trusted {
        Some(_) => Ok(()),
        None => Err(Fault::new("AccessDenied", format!("Not authorized to perform {ACTION}")).with_status(403)),
    }
}
