//! What `GetAuthorizationToken` hands out.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::aws::caller::Caller;

/// For how long a token is good (Amazon ECR user guide, "Private registry authentication").
pub(in crate::aws) const GOOD_FOR: SignedDuration = SignedDuration::from_hours(12);
/// So many are remembered; the oldest make room.
const KEPT: usize = 1000;

/// A password, and whose it is. It has no `Debug`: nothing must show it.
#[derive(Clone)]
pub(in crate::aws) struct Token {
    pub(in crate::aws) password: String,
    pub(in crate::aws) caller: Caller,
    pub(in crate::aws) expires: Timestamp,
}

/// All that were handed out.
#[derive(Default)]
pub(in crate::aws) struct Tokens {
    /// Newest last.
    issued: Mutex<VecDeque<Token>>,
    /// The one with which tasks' images are pulled. It does not expire while the stack runs.
    ours: OnceLock<Token>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// A new one for that caller; none without random numbers.
    pub(in crate::aws) fn issue(&self, caller: &Caller, now: Timestamp) -> Option<Token> {
        let password = random()?;
        let expires = now.checked_add(GOOD_FOR).unwrap_or(Timestamp::MAX);
        let token = Token { password, caller: caller.clone(), expires };
        let mut known = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.pop_front();
        }
        known.push_back(token.clone());
        Some(token)
    }

    /// The one for images of tasks.
    pub(in crate::aws) fn ours(&self) -> Option<Token> {
        if let Some(token) = self.ours.get() {
            return Some(token.clone());
        }
        let token = Token { password: random()?, caller: Caller::root(), expires: Timestamp::MAX };
        Some(self.ours.get_or_init(|| token).clone())
    }

    /// The token with that password, good or expired.
    pub(in crate::aws) fn find(&self, password: &str) -> Option<Token> {
        let same = |known: &str| {
            aws_lc_rs::constant_time::verify_slices_are_equal(known.as_bytes(), password.as_bytes()).is_ok()
        };
        let known = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        self.ours.get().into_iter().chain(known.iter().rev()).find(|token| same(&token.password)).cloned()
    }
}

/// A new password.
fn random() -> Option<String> {
    let mut random = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    let mut password = String::new();
    for byte in random {
        let _ = write!(password, "{byte:02x}");
    }
    Some(password)
}
