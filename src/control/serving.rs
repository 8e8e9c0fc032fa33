//! A server on a socket that the runtime provides in the tasks' network: started once, asked for again when the socket is
//! lost, and ended so that nothing is made while everything is removed.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The first wait after the runtime could provide no socket; it doubles up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LAST_WAIT: Duration = Duration::from_secs(30);
/// How long ending may take: as long as a call to the engine, for a socket that is no longer needed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Serving {
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Serving {
    /// Starts what `serve` makes. It must end soon after the token is cancelled.
    pub fn start<F: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn(serve(stop.clone()));
        Self { stop, running }
    }

    /// Stops asking the runtime for sockets, so that what it has made for them can be removed.
    pub async fn stop(self) {
        self.stop.cancel();
        let abort = self.running.abort_handle();
        if tokio::time::timeout(STOP_LIMIT, self.running).await.is_err() {
            abort.abort();
        }
    }
}

/// The wait before the runtime is asked again.
#[derive(Debug)]
pub struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(FIRST_WAIT)
    }
}

impl Patience {
    /// The runtime has provided what was asked for.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Waits, longer each time, until the token is cancelled.
    pub async fn wait(&mut self, stop: &CancellationToken) {
        // Cancel-safe: there is nothing to lose.
        tokio::select! {
            () = tokio::time::sleep(self.0) => {}
            () = stop.cancelled() => {}
        }
        self.0 = (self.0 * 2).min(LAST_WAIT);
    }
}

/// The pause after a connection could not be accepted: too many files are open, most likely.
pub async fn pause() {
    tokio::time::sleep(FIRST_WAIT).await;
}
