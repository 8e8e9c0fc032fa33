//! Waits for other processes by polling, for as long as a busy machine may need.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::Instant;

/// Only a failing test waits this long.
const DEADLINE: Duration = Duration::from_secs(90);
/// Interval between two polls.
const PAUSE: Duration = Duration::from_millis(40);

/// Polls until there is a value that satisfies the predicate, and returns it.
pub(crate) async fn until<T: Debug>(
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
    is_wanted: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look().await {
            Some(found) if is_wanted(&found) => return found,
            last => assert!(Instant::now() < deadline, "never seen: {what}; at last: {last:#?}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Polls until a condition holds.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    until(what, async || is_so().await.then_some(()), |()| true).await;
}
