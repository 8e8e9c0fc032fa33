//! Whose key signed a request, and whether it did.

use super::action::State;
use super::caller::{Assumed, Caller};
use crate::control::identities::Account;
use crate::ecs::metadata::credentials::MadeUp;
use crate::model::Redacted;
use crate::model::iam::Tags;
use crate::protocols::fault::{Common, Fault};
use crate::protocols::request::Request;
use crate::protocols::service::Service;
use crate::protocols::signature::credential::{Credential, security_token};
use crate::protocols::signature::verify::{Invalid, verify};

/// Who calls. Where signatures are not checked, an unknown key is the account's root; a known one is always its owner's.
pub(super) fn caller(
    state: &State,
    request: &Request<'_>,
    credential: Option<&Credential>,
    service: &'static Service,
    action: &str,
) -> Result<Caller, Fault> {
    let common = |error| Fault::common(error, service);
    let Some(credential) = credential else {
        // The token is what proves who calls it.
        let is_open = service.signing_name == "sts" && action == "AssumeRoleWithWebIdentity";
        return if is_open { Ok(Caller::root()) } else { Err(common(Common::NotSigned)) };
    };
    let account = Account::of(&state.desired);
    let checked = account.checks_signatures();
    let (caller, secret) = match owner(state, &account, &credential.access_key) {
        Some(Owner::Session { caller, secret, token }) => {
            if checked && security_token(request).as_deref() != Some(token.expose()) {
                return Err(common(Common::UnknownKey));
            }
            (caller, secret)
        }
        Some(Owner::User { caller, secret }) => (caller, secret),
        Some(Owner::Expired) => return Err(common(Common::Expired)),
        None if checked => return Err(common(Common::UnknownKey)),
        None => return Ok(Caller::root()),
    };
    if checked {
        if credential.service != service.signing_name {
            let message = format!("Credential should be scoped to correct service: '{}'.", service.signing_name);
            return Err(common(Common::Skew(message)));
        }
        verify(request, credential, secret.expose(), state.now).map_err(|invalid| {
            common(match invalid {
                Invalid::Mismatch => Common::SignatureMismatch,
                Invalid::Skew(message) => Common::Skew(message),
                Invalid::Date(message) => Common::IncompleteSignature(message),
            })
        })?;
    }
    Ok(caller)
}

/// Whose key it is, whoever signed with it.
#[cfg(test)]
pub(super) fn of_key(state: &State, access_key: &str) -> Option<Caller> {
    match owner(state, &Account::of(&state.desired), access_key)? {
        Owner::Session { caller, .. } | Owner::User { caller, .. } => Some(caller),
        Owner::Expired => None,
    }
}

enum Owner {
    User {
        caller: Caller,
        secret: Redacted,
    },
    Session {
        caller: Caller,
        secret: Redacted,
        token: Redacted,
    },
    /// A session that is over.
    Expired,
}

fn owner(state: &State, account: &Account<'_>, access_key: &str) -> Option<Owner> {
    if let Some(session) = state.sessions.find(access_key) {
        return Some(match session.expires_at <= state.now {
            true => Owner::Expired,
            false => Owner::Session { caller: session.caller, secret: session.secret, token: session.token },
        });
    }
    if access_key.starts_with(MadeUp::PREFIX) {
        return of_task(state, account, access_key);
    }
    let (caller, secret) = Caller::user(account, access_key)?;
    Some(Owner::User { caller, secret })
}

/// A task, as its role: what 169.254.170.2 gives it is known here. The session has the id of the task as its name (ECS developer
/// guide, "Amazon ECS task IAM role").
fn of_task(state: &State, account: &Account<'_>, access_key: &str) -> Option<Owner> {
    let tasks = state.snapshot.world.tasks.values();
    let (task, role, given) = tasks
        .filter_map(|task| {
            let role = task.spec.definition.task_role_arn.as_ref()?;
            Some((task, role, MadeUp::find(access_key, &task.spec.id, state.now)?))
        })
        .next()?;
    if given.expires_at <= state.now {
        return Some(Owner::Expired);
    }
    let assumed = Assumed {
        role_arn: role.clone(),
        was_known: account.role_at(role).is_some(),
        since: given.issued_at,
        policies: None,
        tags: Tags::new(),
    };
    Some(Owner::Session {
        caller: Caller::assumed(role, task.spec.id.as_str(), assumed),
        secret: Redacted::new(&given.secret_access_key),
        token: Redacted::new(&given.session_token),
    })
}
