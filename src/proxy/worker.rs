//! One worker: a thread with its own runtime, listeners, pools and view of the world.
//!
//! Workers share nothing but the counters of [`super::upstream::load`], so a request takes no lock. Code that holds an
//! `Rc<Worker>` runs on its thread.

use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::downstream::accept;
use crate::alb::routing::RoutingTable;
use crate::proxy::context::{Shared, Worker};

/// How often idle connections to targets are looked through, while there are any.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// After an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a worker is told to do.
pub(super) enum Command {
    /// Accept on this socket, for the listener with this port.
    Listen {
        port: u16,
        socket: std::net::TcpListener,
        /// Held for as long as the socket is open; nothing is ever sent.
        open: mpsc::Sender<Infallible>,
    },
    /// Stop accepting for the listener with this port.
    Unlisten { port: u16 },
    /// Stop accepting, let requests finish, at the latest after this long.
    Drain { deadline: Duration },
}

/// Runs a worker until it is drained, or until its control channel is closed. Connections that are still open
/// then are cut.
pub(super) fn run(
    shared: Shared,
    table: watch::Receiver<Arc<RoutingTable>>,
    commands: mpsc::UnboundedReceiver<Command>,
    seed: u64,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let worker = Rc::new(Worker::new(shared, table, seed));
    LocalSet::new().block_on(&runtime, obey(worker, commands));
    Ok(())
}

async fn obey(worker: Rc<Worker>, mut commands: mpsc::UnboundedReceiver<Command>) {
    tokio::task::spawn_local(sweep_upstream(Rc::clone(&worker)));
    tokio::task::spawn_local(follow_tables(Rc::clone(&worker)));
    let mut accepting: HashMap<u16, CancellationToken> = HashMap::new();
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen { port, socket, open } => {
                // The binder made the socket non-blocking; anything else is a bug there.
                let Ok(listener) = TcpListener::from_std(socket) else { continue };
                let token = CancellationToken::new();
                if let Some(previous) = accepting.insert(port, token.clone()) {
                    previous.cancel();
                }
                let accept = accept(Rc::clone(&worker), listener, port, open);
                tokio::task::spawn_local(token.run_until_cancelled_owned(accept));
            }
            Command::Unlisten { port } => {
                if let Some(token) = accepting.remove(&port) {
                    token.cancel();
                }
            }
            Command::Drain { deadline } => {
                accepting.drain().for_each(|(_, token)| token.cancel());
                worker.drain.begin();
                worker.wakers.ring();
                let all_closed = async {
                    while worker.connections.get() > 0 {
                        worker.connection_closed.notified().await;
                    }
                };
                let _ = tokio::time::timeout(deadline, all_closed).await;
                return;
            }
        }
    }
}

async fn accept(worker: Rc<Worker>, listener: TcpListener, port: u16, _open: mpsc::Sender<Infallible>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let counted = worker.count_connection();
                let serving = accept::serve(Rc::clone(&worker), stream, client, port);
                tokio::task::spawn_local(async move {
                    serving.await;
                    drop(counted);
                });
            }
            Err(error) => {
                tracing::warn!(port, %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Takes every new table at once: what it ends must not wait for the next request to be noticed.
async fn follow_tables(worker: Rc<Worker>) {
    let mut tables = worker.table.borrow().clone();
    while tables.changed().await.is_ok() {
        worker.snapshot();
    }
}

/// Sleeps indefinitely while there is nothing to sweep, so that an idle stack causes no wake-ups.
async fn sweep_upstream(worker: Rc<Worker>) {
    loop {
        worker.sweep_needed.notified().await;
        loop {
            let idle_timeout = worker.snapshot().table.attributes.idle_timeout;
            tokio::time::sleep(SWEEP_EVERY.min(idle_timeout)).await;
            let left = worker.upstream.sweep(idle_timeout).await;
            if !worker.multiplexed.sweep(idle_timeout) && !left {
                break;
            }
        }
    }
}
