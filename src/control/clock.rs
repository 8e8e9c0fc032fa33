//! The time as the controller sees it.

use tokio::time::Instant;

use crate::ecs::world::Now;

/// Both clocks are tokio's, so that time that a test lets pass is seen on both.
pub(super) fn now() -> Now {
    let instant = Instant::now().into_std();
    let real = std::time::Instant::now();
    let timestamp = jiff::Timestamp::now() + instant.saturating_duration_since(real);
    Now { instant, timestamp: timestamp - real.saturating_duration_since(instant) }
}
