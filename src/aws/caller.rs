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
            sessions.begin(format!("ASIA{second}"), Session { caller: Caller::root(), expires_at });
        }
        assert!(sessions.find("ASIA0").is_none());
        assert!(sessions.find("ASIA1").is_some() && sessions.find(&format!("ASIA{}", Sessions::KEPT)).is_some());
    }
}
