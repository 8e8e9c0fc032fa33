//! The proxy of Service Connect: accepts what tasks connect to under the names of endpoints, and passes it on to the tasks
//! behind them. `ecs::service_connect` decides which.
//!
//! On AWS each task has a proxy of its own, Envoy. Here one serves all, and keeps apart what it knows for each: turns, and
//! servers that failed. The runtime provides the sockets, which are in the tasks' network; a client is known by the address
//! that it connects from. *Invariant:* a task reaches only the endpoints that it has.

mod dial;
mod http;
mod pool;
mod reply;
mod route;
mod stream;

use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::control::runtime::{Runtime, TaskListener};
use crate::control::serving::{self, Patience, Serving};
use crate::control::snapshot::Snapshot;
use crate::model::service_connect::AppProtocol;
use route::{Proxy, Route};

/// Connections at the same time, of all tasks; more wait to be accepted.
const CONNECTIONS: usize = 4096;

/// The running proxy.
#[derive(Debug)]
pub struct ConnectProxy(Serving);

impl ConnectProxy {
    /// Listens on the endpoints of each task from then on.
    pub fn start(runtime: Arc<dyn Runtime>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self(Serving::start(|stop| follow(runtime, snapshots, stop)))
    }

    /// Stops asking the runtime for sockets, so that what it has made for them can be removed.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

/// Starts to serve each endpoint when the first task has it.
async fn follow(runtime: Arc<dyn Runtime>, mut snapshots: watch::Receiver<Arc<Snapshot>>, stop: CancellationToken) {
    let proxy = Arc::new(Proxy::new(snapshots.clone()));
    let limit = Arc::new(Semaphore::new(CONNECTIONS));
    let mut served = BTreeSet::new();
    let mut serving = JoinSet::new();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        for task in snapshot.world.tasks.values().filter(|task| task.address().is_some()) {
            for endpoint in &task.spec.endpoints {
                let address = SocketAddrV4::new(endpoint.address, endpoint.port);
                if served.insert(address) {
                    serving.spawn(serve(
                        address,
                        Arc::clone(&runtime),
                        Arc::clone(&proxy),
                        Arc::clone(&limit),
                        stop.clone(),
                    ));
                }
            }
        }
        proxy.forget_all_but(&snapshot);
        // Cancel-safe: a change that is not waited for is seen at the next look.
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { break },
            () = stop.cancelled() => break,
        }
    }
    // Those that wait for the runtime end when it has answered.
    while serving.join_next().await.is_some() {}
}

async fn serve(
    address: SocketAddrV4,
    runtime: Arc<dyn Runtime>,
    proxy: Arc<Proxy>,
    limit: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let mut patience = Patience::default();
    while !stop.is_cancelled() {
        // Not within `select!`: a container that is being made must be known to whoever removes it.
        match runtime.listen(address).await {
            Ok(TaskListener { listener, lost }) => {
                patience.reset();
                tokio::select! {
                    () = accept(&listener, address, &proxy, &limit) => {}
                    () = lost.cancelled() => {}
                    () = stop.cancelled() => return,
                }
            }
            Err(error) => tracing::debug!("Service Connect at {address}: {error}"),
        }
        patience.wait(&stop).await;
    }
}

/// Accepts for ever.
async fn accept(listener: &TcpListener, address: SocketAddrV4, proxy: &Arc<Proxy>, limit: &Arc<Semaphore>) {
    loop {
        let Ok(permit) = Arc::clone(limit).acquire_owned().await else { return };
        let Ok((stream, peer)) = listener.accept().await else {
            serving::pause().await;
            continue;
        };
        // To a task that does not have the endpoint, nothing is there.
        let Some(route) = Route::of(proxy, peer.ip(), address) else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let _permit = permit;
            match route.endpoint().protocol {
                AppProtocol::Tcp => stream::pass_on(&route, stream).await,
                AppProtocol::Http => http::serve_http1(route, stream).await,
                AppProtocol::Http2 | AppProtocol::Grpc => http::serve_http2(route, stream).await,
            }
        });
    }
}
