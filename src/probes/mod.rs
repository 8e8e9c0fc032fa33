//! Health checks: one loop per target of every group in use, in sync with the routing table.
//!
//! ```text
//!  routing table ──► run ──► one loop per (group, target) ──► attempt ──► connect ──► http1, http2
//!                             waits for `alb::targets::health::next_probe`       new connection each time
//!                                        │
//!                                        └──► Observation::Probed: an outcome and a line of text, never an error
//! ```
//!
//! The loops decide nothing: `alb::targets::health` decides when to probe and what a result means, and only `control`
//! changes the state. Targets of groups that no rule uses, and draining targets, are not probed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use crate::alb::logs::health_check::HealthCheckEntry;
use crate::alb::routing::RoutingTable;
use crate::alb::targets::health::{FIRST_PROBE, next_probe};
use crate::alb::targets::target_tls::PerPolicy;
use crate::control::observation::Observation;
use crate::control::sink::Sink;
use crate::model::TargetGroupName;
use crate::model::target_health::{Target, TargetHealth};
use crate::transport::TargetTls;

use probed::Probed;

mod attempt;
mod connect;
mod http1;
mod http2;
pub mod page;

/// Probes whatever the latest table wants probed, until the table's sender is gone. Each probe is accounted for in
/// `log`, if that is open.
pub async fn run(
    mut tables: watch::Receiver<Arc<RoutingTable>>,
    observations: mpsc::Sender<Observation>,
    tls: PerPolicy<Arc<rustls::ClientConfig>>,
    log: Sink<HealthCheckEntry>,
) {
    let tls = TargetTls::new(tls);
    // Dropping the set ends every loop with it.
    let mut loops = JoinSet::new();
    let mut running: HashMap<(TargetGroupName, Target), (watch::Sender<Probed>, AbortHandle)> = HashMap::new();
    loop {
        let table = tables.borrow_and_update().clone();
        let mut gone = std::mem::take(&mut running);
        for probed in wanted(&table) {
            let key = (probed.target_group.clone(), probed.target);
            let entry = match gone.remove(&key) {
                Some((state, task)) => {
                    state.send_if_modified(|current| {
                        let changed = *current != probed;
                        *current = probed;
                        changed
                    });
                    (state, task)
                }
                None => {
                    let (state, receiver) = watch::channel(probed);
                    let task = loops.spawn(probe_target(receiver, observations.clone(), tls.clone(), log.clone()));
                    (state, task)
                }
            };
            running.insert(key, entry);
        }
        for (_, task) in gone.into_values() {
            task.abort();
        }
        while loops.try_join_next().is_some() {}
        if tables.changed().await.is_err() {
            return;
        }
    }
}

fn wanted(table: &RoutingTable) -> impl Iterator<Item = Probed> {
    table.target_groups.iter().filter(|group| group.in_use).flat_map(|group| {
        let probed =
            group.targets.iter().filter(|state| !matches!(state.health, TargetHealth::Unused | TargetHealth::Draining));
        probed.map(|state| Probed {
            target_group: group.name.clone(),
            settings: group.settings.clone(),
            target_policy: table.target_policy,
            time_scale: table.time_scale,
            target: state.target,
            dial: state.dial,
            reachable: state.reachable,
            health: state.health.clone(),
        })
    })
}

/// The life of one target's health checks: probe, report, wait for the next instant. What changes meanwhile (health,
/// settings, address, time scale) moves that instant.
async fn probe_target(
    mut state: watch::Receiver<Probed>,
    observations: mpsc::Sender<Observation>,
    tls: TargetTls,
    log: Sink<HealthCheckEntry>,
) {
    let first = Instant::now();
    let mut due = FIRST_PROBE;
    loop {
        let probed = state.borrow_and_update().clone();
        let (time, begun) = (jiff::Timestamp::now(), Instant::now());
        let found = attempt::probe(&probed, &tls).await;
        if log.is_open() {
            log.accept(HealthCheckEntry {
                protocol: probed.settings.health_check.protocol,
                version: probed.settings.protocol_version,
                time,
                latency: begun.elapsed(),
                target: SocketAddr::new(probed.target.address, probed.target.port),
                target_group: probed.target_group.clone(),
                outcome: found.outcome,
            });
        }
        let observation = Observation::Probed {
            target_group: probed.target_group,
            target: probed.target,
            tick: due.tick,
            outcome: found.outcome,
            detail: found.detail,
        };
        if observations.send(observation).await.is_err() {
            return;
        }
        let last = due;
        loop {
            due = {
                let now = state.borrow_and_update();
                next_probe(&now.health, last, first.elapsed(), &now.settings.health_check, now.time_scale)
            };
            tokio::select! {
                () = tokio::time::sleep_until(first + due.at) => break,
                changed = state.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }
}

pub(crate) mod probed;
#[cfg(test)]
mod tests;
