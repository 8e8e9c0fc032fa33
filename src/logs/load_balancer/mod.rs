//! The load balancer's logs as files, with the same keys as in S3.
//!
//! ```text
//!  data plane ──Sink<Transaction>──────┐
//!             ──Sink<ConnectionEntry>──┼─> bounded queues ─> one thread: lines ─> <state>/s3/<bucket>/<key>.log
//!  probes ─────Sink<HealthCheckEntry>──┘                                                     │
//!                                                              neargate logs --access <── reader
//! ```
//!
//! A request only hands over its record; everything slow (text, files, a slow disk) happens on a separate thread. That
//! thread works in batches: after each it sleeps for a moment, so that handing over needs no wake-up under load, and nothing
//! runs when there is nothing to do.
//!
//! Files are plain text, so that they can be followed and searched while the application runs; they are deleted with the
//! state folder when the stack is taken down. Their lines are those that an ALB would write. With `gzip: true`, a file is
//! compressed, as in S3, when its five minutes are over or the stack ends.
//!
//! The routing table decides which logs are written (attributes `access_logs.s3.enabled` etc.); as on AWS, the default is
//! none. A closed sink costs a request one check of a flag. An open sink cost 0.2 µs of the request's thread and 0.8 µs of
//! the log thread when measured (fixed responses, 70,000 a second on two cores, nothing lost); the whole request took
//! 10 µs.

mod files;
pub mod reader;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::alb::logs::key::LogKind;
use crate::alb::logs::line::{LogLine, Names};
use crate::alb::routing::RoutingTable;
use crate::control::sink::Sink;
use crate::control::tap::Tap;
use crate::model::listener::{LoadBalancerAttributes, LogDelivery};
use crate::model::settled_request::SettledRequest;
use files::LogFiles;

/// Accounts that may wait for the writer. At 20 ms per look that is enough for 400,000 requests in a second.
pub const QUEUE: usize = 8192;

/// Accounts that are written at once.
const BATCH: usize = 1024;
/// How long the writer pauses. Lines in `logs -f` are delayed by this.
const GATHER: Duration = Duration::from_millis(20);

/// The ends to read from.
#[derive(Debug)]
pub struct Queues<A, C, H> {
    /// Of requests.
    pub access: mpsc::Receiver<A>,
    /// Of client connections.
    pub connection: mpsc::Receiver<C>,
    /// Of health checks.
    pub health_check: mpsc::Receiver<H>,
}

/// Starts the thread that writes. It ends when all sinks are gone.
pub fn start<A: LogLine, C: LogLine, H: LogLine>(
    folder: PathBuf,
    tables: watch::Receiver<Arc<RoutingTable>>,
    queues: Queues<A, C, H>,
    tap: Tap<SettledRequest>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let deliver_to = move |kind| (LogFiles::new(folder.clone(), kind), tables.clone());
    std::thread::Builder::new().name("records".into()).spawn(move || {
        runtime.block_on(async {
            tokio::join!(
                deliver(queues.access, deliver_to(LogKind::Access), Some(&tap)),
                deliver(queues.connection, deliver_to(LogKind::Connection), None),
                deliver(queues.health_check, deliver_to(LogKind::HealthCheck), None),
            );
        });
    })
}

/// Opens and closes sinks as the table says, for as long as it is polled; that of requests also while somebody listens to
/// them.
pub async fn follow<A, C, H>(
    mut tables: watch::Receiver<Arc<RoutingTable>>,
    access: Sink<A>,
    connection: Sink<C>,
    health_check: Sink<H>,
    tap: Tap<SettledRequest>,
) {
    let mut listeners = tap.listeners();
    loop {
        {
            let table = tables.borrow_and_update();
            let is_tapped = *listeners.borrow_and_update() > 0;
            access.set_open(is_tapped || delivery(LogKind::Access, &table.attributes).is_some());
            connection.set_open(delivery(LogKind::Connection, &table.attributes).is_some());
            health_check.set_open(delivery(LogKind::HealthCheck, &table.attributes).is_some());
        }
        // Both branches only wait. The tap cannot be gone: it is here.
        tokio::select! {
            changed = tables.changed() => if changed.is_err() { return },
            _ = listeners.changed() => {}
        }
    }
}

fn delivery(kind: LogKind, attributes: &LoadBalancerAttributes) -> Option<&LogDelivery> {
    match kind {
        LogKind::Access => attributes.access_logs.as_ref(),
        LogKind::Connection => attributes.connection_logs.as_ref(),
        LogKind::HealthCheck => attributes.health_check_logs.as_ref(),
    }
}

async fn deliver<T: LogLine>(
    mut queue: mpsc::Receiver<T>,
    (mut files, tables): (LogFiles, watch::Receiver<Arc<RoutingTable>>),
    tap: Option<&Tap<SettledRequest>>,
) {
    let mut batch = Vec::new();
    let mut text = Vec::new();
    let mut told = Told::default();
    loop {
        // Both branches only wait, so nothing is lost when one is dropped.
        let received = tokio::select! {
            received = queue.recv_many(&mut batch, BATCH) => received,
            () = until(files.closes_at()) => {
                told.note(files.close());
                continue;
            }
        };
        if received == 0 {
            break;
        }
        let table = Arc::clone(&tables.borrow());
        let full = batch.len() == BATCH;
        let names = Names { id: &table.load_balancer_id, dns_name: &table.dns_name };
        let delivery = delivery(files.kind(), &table.attributes);
        let tap = tap.filter(|tap| tap.is_wanted());
        for account in batch.drain(..) {
            if let Some((tap, settled)) = tap.and_then(|tap| Some((tap, account.settled()?))) {
                tap.pass(settled);
            }
            if delivery.is_some() {
                account.write(names, &mut text);
                text.push(b'\n');
            }
        }
        if let Some(delivery) = delivery {
            let node = table.listeners.first().map(|listener| listener.bind.ip());
            let written = files.append(delivery, names.id, node, Timestamp::now(), &text);
            told.note(written);
        }
        text.clear();
        if !full {
            tokio::time::sleep(GATHER).await;
        }
    }
    told.note(files.close());
}

/// Whether a failure was told already: once, not for every batch.
#[derive(Default)]
struct Told(bool);

impl Told {
    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = &result
            && !self.0
        {
            tracing::warn!(%error, "a log of the load balancer cannot be written");
        }
        self.0 = result.is_err();
    }
}

/// Waits until this moment, if there is one.
async fn until(moment: Option<Timestamp>) {
    match moment {
        Some(moment) => {
            let left = moment.duration_since(Timestamp::now());
            tokio::time::sleep(left.try_into().unwrap_or_default()).await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
