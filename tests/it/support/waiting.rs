//! Waiting for what other processes do: looking again and again, for as long as a busy machine may take.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::Instant;

/// No test waits this long unless it fails.
const DEADLINE: Duration = Duration::from_secs(90);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(40);

/// Looks until there is something as wanted, and returns it.
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

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    until(what, async || is_so().await.then_some(()), |()| true).await;
}
