//! Who calls. As long as the file names no users, an unknown key is the account's root; keys of a session that was begun here
//! are those of its role.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::control::identities::{self as account, Account};
use crate::iam::evaluate::{Policies, Policy};
use crate::model::Redacted;
use crate::model::arn::ACCOUNT;
use crate::model::iam::Tags;

/// Somebody with a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Caller {
    /// `Arn`
    pub(super) arn: String,
    /// `UserId`
    pub(super) user_id: String,
    /// What decides what they may do.
    pub(super) who: Who,
}

/// What decides what somebody may do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Who {
    /// Everything.
    Root,
    /// The user's policies.
    User {
        /// By name.
        name: String,
    },
    /// The role's policies, and those that were passed when the session began.
    Session(Box<Assumed>),
}

/// A session of a role.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Assumed {
    /// The role's ARN.
    pub(super) role_arn: String,
    /// Whether the role was in the account. Others may do everything, as long as nobody has said what they may do.
    pub(super) was_known: bool,
    /// When it began.
    pub(super) since: Timestamp,
    /// `Policy` and `PolicyArns`
    pub(super) policies: Option<Vec<Policy>>,
    /// Tags of the session, over those of the role.
    pub(super) tags: Tags,
}

impl Caller {
    /// The account itself.
    pub(super) fn root() -> Self {
        Self { arn: format!("arn:aws:iam::{ACCOUNT}:root"), user_id: ACCOUNT.to_owned(), who: Who::Root }
    }

    /// Somebody with a session of that name of a role.
    pub(super) fn assumed(role_arn: &str, session: &str, assumed: Assumed) -> Self {
        let owner = role_arn.split(':').nth(4).unwrap_or(ACCOUNT);
        let name = role_arn.rsplit('/').next().unwrap_or(role_arn);
        Self {
            arn: format!("arn:aws:sts::{owner}:assumed-role/{name}/{session}"),
            user_id: format!("{}:{session}", account::unique_id("AROA", role_arn)),
            who: Who::Session(Box::new(assumed)),
        }
    }

    /// The user whose access key this is.
    pub(super) fn user(account: &Account<'_>, access_key: &str) -> Option<(Self, Redacted)> {
        let (name, user) = account.user_of_key(access_key)?;
        let arn = account::user_arn(&name, &user.path);
        let caller = Self { user_id: account::unique_id("AIDA", &arn), arn, who: Who::User { name } };
        Some((caller, user.access_keys.get(access_key)?.secret.clone()))
    }

    /// What they may do; `None` for the root, whom nothing limits, and for sessions of roles that nobody has described.
    pub(super) fn policies(&self, account: &Account<'_>) -> Option<Policies> {
        match &self.who {
            Who::Root => None,
            Who::User { name } => {
                Some(account.user(name).map(|user| account.policies(&user.permissions)).unwrap_or_default())
            }
            Who::Session(session) => {
                let session_policies = session.policies.clone();
                match account.role_at(&session.role_arn) {
                    Some((_, role)) => {
                        Some(Policies { session: session_policies, ..account.policies(&role.permissions) })
                    }
                    // The role is gone, and with it what it allowed.
                    None if session.was_known => Some(Policies::default()),
                    None => session_policies.map(|passed| Policies { identity: passed, ..Policies::default() }),
                }
            }
        }
    }

    /// Tags that conditions on `aws:PrincipalTag` see.
    pub(super) fn tags(&self, account: &Account<'_>) -> Tags {
        match &self.who {
            Who::Root => Tags::new(),
            Who::User { name } => account.user(name).map(|user| user.tags).unwrap_or_default(),
            Who::Session(session) => {
                let mut tags = account.role_at(&session.role_arn).map(|(_, role)| role.tags).unwrap_or_default();
                tags.extend(session.tags.clone());
                tags
            }
        }
    }
}

/// Temporary credentials of a role, as AssumeRole returns them.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Who has them.
    pub(super) caller: Caller,
    /// `SecretAccessKey`
    pub(super) secret: Redacted,
    /// `SessionToken`
    pub(super) token: Redacted,
    /// When they end.
    pub(super) expires_at: Timestamp,
}
/// The sessions that were begun since this process started, by the id of their keys.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<String, Session>>);

impl Sessions {
    /// How many are kept. The one that expires first makes room for another.
    const KEPT: usize = 1000;

    /// Remembers a session.
    pub(super) fn begin(&self, access_key: String, session: Session) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= Self::KEPT {
            let first = sessions.iter().min_by_key(|(_, known)| known.expires_at).map(|(key, _)| key.clone());
            first.and_then(|key| sessions.remove(&key));
        }
        sessions.insert(access_key, session);
    }

    /// Ends all sessions.
    pub(super) fn end_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The session whose key this is.
    pub(super) fn find(&self, access_key: &str) -> Option<Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_that_expires_first_makes_room() {
        let sessions = Sessions::default();
        for second in 0..=Sessions::KEPT {
            let expires_at = Timestamp::from_second(second as i64).expect("a time of 1970");
            sessions.begin(
                format!("ASIA{second}"),
                Session { caller: Caller::root(), secret: Redacted::new(""), token: Redacted::new(""), expires_at },
            );
        }
        assert!(sessions.find("ASIA0").is_none());
        assert!(sessions.find("ASIA1").is_some() && sessions.find(&format!("ASIA{}", Sessions::KEPT)).is_some());
    }
}
