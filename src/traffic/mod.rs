//! Steady traffic through the load balancer, as clients send it: over connections that are kept, over new ones, over
//! HTTP/2, and by WebSocket.
//!
//! ```text
//!  a tick every 1/rate s ──> one request, the ways in turn ──> Sample, when it has settled ──> whoever rehearses
//! ```
//!
//! Requests are sent at their time whatever became of those before them, so that a target that hangs does not slow the
//! traffic that shows it. Each has a trace ID of its own, by which the load balancer's word on it is found.

mod aim;
mod line;
mod requests;
mod websocket;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::rehearsal::recording::{Outcome, Sample, Way};
pub use aim::Aim;
use requests::Clients;

/// How many requests may be on their way at once; more would measure this machine.
const MOST_AT_ONCE: usize = 2000;
/// How long a request may take before its client gives up. The idle timeout of the load balancer is 60 s unless it is set.
const PATIENCE: Duration = Duration::from_secs(75);

/// What is sent.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where.
    pub aim: Aim,
    /// How many requests a second.
    pub rate: f64,
    /// The path of WebSockets, if any are wanted, and how many are open at once.
    pub websockets: Option<(String, usize)>,
}

/// Traffic that flows.
pub struct Traffic {
    stop: watch::Sender<bool>,
    flow: tokio::task::JoinHandle<()>,
    skipped: Arc<AtomicUsize>,
}

impl Traffic {
    /// Starts it; times count from `began`. Samples arrive as they settle, and end when the last one has.
    pub fn start(plan: Plan, began: Instant) -> (Self, mpsc::UnboundedReceiver<Sample>) {
        let (samples_in, samples) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let skipped = Arc::new(AtomicUsize::new(0));
        let flow = tokio::spawn(flow(plan, began, samples_in, stopped, Arc::clone(&skipped)));
        (Self { stop, flow, skipped }, samples)
    }

    /// Sends no more. What is on its way may settle.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// How many requests were not sent because too many were on their way.
    pub fn skipped(&self) -> usize {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Ends what is still on its way.
    pub fn abort(&self) {
        self.flow.abort();
    }
}

/// Sends one request over a connection of its own.
pub async fn probe(aim: &Aim, began: Instant) -> Sample {
    Clients::new(aim.clone(), began).send(Way::New, line::new_root()).await
}

/// Opens a WebSocket and lets go of it again: the status of the answer, 101 if there is one, or why there is none.
pub async fn probe_websocket(aim: &Aim) -> Result<u16, String> {
    websocket::status(aim).await
}

async fn flow(
    plan: Plan,
    began: Instant,
    samples: mpsc::UnboundedSender<Sample>,
    mut stopped: watch::Receiver<bool>,
    skipped: Arc<AtomicUsize>,
) {
    let clients = Arc::new(Clients::new(plan.aim.clone(), began));
    let ways =
        if plan.aim.tls.is_some() { [Way::Kept, Way::New, Way::Http2].as_slice() } else { &[Way::Kept, Way::New] };
    let mut on_their_way = JoinSet::new();
    if let Some((path, count)) = &plan.websockets {
        for _ in 0..*count {
            let aim = Aim { path: path.clone(), ..plan.aim.clone() };
            on_their_way.spawn(websocket::keep_open(aim, began, samples.clone(), stopped.clone()));
        }
    }
    let open_sockets = on_their_way.len();
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / plan.rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut turns = ways.iter().cycle();
    loop {
        // All branches only wait.
        tokio::select! {
            _ = ticks.tick() => {}
            Some(_) = on_their_way.join_next(), if !on_their_way.is_empty() => continue,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        }
        if on_their_way.len() >= MOST_AT_ONCE + open_sockets {
            skipped.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        let (clients, samples) = (Arc::clone(&clients), samples.clone());
        let way = turns.next().copied().unwrap_or(Way::Kept);
        on_their_way.spawn(async move {
            let (sent, root) = (began.elapsed(), line::new_root());
            let settled = tokio::time::timeout(PATIENCE, clients.send(way, root.clone())).await;
            let gave_up = |_| Sample { root, way, sent, settled: began.elapsed(), outcome: Outcome::GaveUp };
            // The one who rehearses may have left.
            let _ = samples.send(settled.unwrap_or_else(gave_up));
        });
    }
    while on_their_way.join_next().await.is_some() {}
}
