//! Evaluates the alarms of services, and tells `control` when one changes its state.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::load_balancers::LoadBalancers;
use crate::alb::metrics::alarm::{Evaluation, INTERVAL};
use crate::control::ControlHandle;
use crate::control::observation::Observation;
use crate::model::alarm::{AlarmState, MetricAlarm};
use crate::model::{AlarmName, Topology};

/// Goes on for as long as it is polled. Nothing is read while no service has an alarm.
pub(super) async fn watch(control: ControlHandle, load_balancers: Arc<LoadBalancers>) {
    let mut snapshots = control.snapshots();
    let mut watched: BTreeMap<AlarmName, (Evaluation, AlarmState)> = BTreeMap::new();
    loop {
        let topology = Arc::clone(&snapshots.borrow_and_update().topology);
        let wanted = wanted(&topology);
        watched.retain(|name, (known, _)| wanted.get(name).is_some_and(|alarm| *alarm == known.alarm()));
        for (name, alarm) in wanted {
            let begin = || (Evaluation::new(alarm.clone()), AlarmState::default());
            let (evaluation, state) = watched.entry(name.clone()).or_insert_with(begin);
            let Some(reading) = load_balancers.read(alarm) else { continue };
            let now = evaluation.take(reading, std::time::Instant::now());
            if std::mem::replace(state, now) != now {
                let changed = Observation::AlarmChanged { alarm: name.clone(), state: now };
                // The controller is gone: so is the stack.
                let _ = control.observations().send(changed).await;
            }
        }
        if watched.is_empty() {
            if snapshots.changed().await.is_err() {
                return;
            }
        } else {
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// Every alarm that a service has.
fn wanted(topology: &Topology) -> BTreeMap<&AlarmName, &MetricAlarm> {
    let alarms = topology.services.values().filter_map(|service| service.deployment_configuration.alarms.as_ref());
    alarms.flat_map(|alarms| &alarms.alarms).collect()
}
