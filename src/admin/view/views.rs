//! One view after the other, as `control` publishes snapshots.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::sync::watch::error::RecvError;

use super::shape::ClusterView;
use crate::control::snapshot::Snapshot;

/// The views of a stack. Each is built on demand from the newest snapshot, so a caller that `control` has answered sees
/// the result of its command.
#[derive(Debug)]
pub struct Views {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    latest: Arc<ClusterView>,
}

impl Views {
    /// Begins with the newest snapshot.
    pub fn new(mut snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let latest = Arc::new(ClusterView::from(&**snapshots.borrow_and_update()));
        Self { snapshots, latest }
    }

    /// The view now; it counts as seen.
    pub fn latest(&mut self) -> Arc<ClusterView> {
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        if snapshot.generation != self.latest.generation {
            self.latest = Arc::new(ClusterView::from(&*snapshot));
        }
        Arc::clone(&self.latest)
    }

    /// Waits for a view that shows something else than the one seen last. Fails once the stack is gone. Cancel-safe.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        loop {
            self.snapshots.changed().await?;
            let mut seen = Arc::clone(&self.latest);
            let latest = self.latest();
            Arc::make_mut(&mut seen).generation = latest.generation;
            if seen != latest {
                return Ok(());
            }
        }
    }
}
