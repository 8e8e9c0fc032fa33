//! Who calls. As long as the file names no users, every key is one of the account's root; keys of a session that was begun
//! here are those of its role.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::model::arn::ACCOUNT;

/// Somebody with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// `Arn`
    pub(super) arn: String,
    /// `UserId`
    pub(super) user_id: String,
}

impl Caller {
    /// The account itself.
    pub(super) fn root() -> Self {
        Self { arn: format!("arn:aws:iam::{ACCOUNT}:root"), user_id: ACCOUNT.to_owned() }
    }
}

/// Temporary credentials of a role, as AssumeRole returns them.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Who has them.
    pub(super) caller: Caller,
    /// When they end.
    pub(super) expires_at: Timestamp,
}

/// The sessions that were begun since this process started, by the id of their keys.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<String, Session>>);

impl Sessions {
    /// More are not kept: the oldest ids go first, whoever holds them is the root then.
    const KEPT: usize = 1000;

    /// Remembers a session.
    pub(super) fn begin(&self, access_key: String, session: Session) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = session.expires_at;
        if sessions.len() >= Self::KEPT {
            sessions.retain(|_, known| known.expires_at > now);
        }
        if sessions.len() >= Self::KEPT {
            sessions.clear();
        }
        sessions.insert(access_key, session);
    }

    /// The session whose key this is.
    pub(super) fn find(&self, access_key: &str) -> Option<Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(access_key).cloned()
    }
}
