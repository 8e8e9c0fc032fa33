//! Measures the services that are scaled, once a minute, and tells `control`. A minute is divided by `time_scale`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::Instant;

use super::load_balancers::LoadBalancers;
use crate::alb::metrics::alarm::Reading;
use crate::control::ControlHandle;
use crate::control::observation::Observation;
use crate::control::runtime::{Runtime, TaskUsage};
use crate::control::snapshot::Snapshot;
use crate::ecs::scaling::alarms::PERIOD;
use crate::ecs::scaling::utilization::{self, Measured};
use crate::model::alarm::{Comparison, MetricAlarm, MissingData, Statistic};
use crate::model::scaling::{ScalableTarget, ScalingMetric};
use crate::model::task::TaskStatus;
use crate::model::{ScalingPolicyName, ServiceName, TargetGroupName, TaskId, Topology};

/// The number of tasks that the engine measures at the same time.
const AT_ONCE: usize = 4;

/// Goes on for as long as it is polled. Nothing is measured while no service has a policy.
pub(super) async fn watch(control: ControlHandle, runtime: Arc<dyn Runtime>, load_balancers: Arc<LoadBalancers>) {
    let mut snapshots = control.snapshots();
    let mut meter = Meter { runtime, load_balancers, tasks: HashMap::new(), requests: HashMap::new() };
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let is_scaled = |target: &ScalableTarget| !target.policies.is_empty();
        if !snapshot.topology.scalable_targets.values().any(is_scaled) {
            if snapshots.changed().await.is_err() {
                return;
            }
            continue;
        }
        tokio::time::sleep(snapshot.topology.time_scale.apply(PERIOD)).await;
        // As it is at the end of the minute.
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        for (service, points) in meter.measure(&snapshot).await {
            // The controller is gone: so is the stack.
            let _ = control.observations().send(Observation::ScalingMeasured { service, points }).await;
        }
    }
}

/// What was measured a minute ago.
struct Meter {
    runtime: Arc<dyn Runtime>,
    load_balancers: Arc<LoadBalancers>,
    tasks: HashMap<TaskId, TaskUsage>,
    requests: HashMap<TargetGroupName, (Instant, Reading)>,
}

type Points = BTreeMap<ScalingPolicyName, f64>;

impl Meter {
    async fn measure(&mut self, snapshot: &Snapshot) -> Vec<(ServiceName, Points)> {
        let before = std::mem::take(&mut self.tasks);
        let mut measured = Vec::new();
        for (service, target) in &snapshot.topology.scalable_targets {
            let tasks = self.usage(snapshot, service, target).await;
            let looks: Vec<Measured<'_>> = tasks
                .iter()
                .filter_map(|(id, now)| {
                    let definition = &*snapshot.world.tasks.get(id)?.spec.definition;
                    Some(Measured { definition, before: before.get(id), now })
                })
                .collect();
            let (cpu, memory) = (utilization::cpu(&looks), utilization::memory(&looks));
            let point = |metric: &ScalingMetric, meter: &mut Self| match metric {
                ScalingMetric::Cpu => cpu,
                ScalingMetric::Memory => memory,
                ScalingMetric::RequestCountPerTarget(group) => meter.requests_per_target(group, &snapshot.topology),
            };
            let policies = target.policies.iter();
            let points =
                policies.filter_map(|(name, policy)| Some((name.clone(), point(&policy.metric, self)?))).collect();
            self.tasks.extend(tasks);
            measured.push((service.clone(), points));
        }
        measured
    }

    /// What each running task of a service uses, if a policy asks for it.
    async fn usage(
        &self,
        snapshot: &Snapshot,
        service: &ServiceName,
        target: &ScalableTarget,
    ) -> Vec<(TaskId, TaskUsage)> {
        let is_asked = |metric: &ScalingMetric| matches!(metric, ScalingMetric::Cpu | ScalingMetric::Memory);
        if !target.policies.values().any(|policy| is_asked(&policy.metric)) {
            return Vec::new();
        }
        let mut measurements = Vec::new();
        for task in snapshot.world.tasks.values() {
            let is_of_it = task.spec.service() == Some(service) && task.is_wanted();
            if is_of_it && task.status() == TaskStatus::Running {
                measurements.push(measure(Arc::clone(&self.runtime), task.spec.id.clone()));
            }
        }
        let measured: Vec<_> = stream::iter(measurements).buffer_unordered(AT_ONCE).collect().await;
        measured.into_iter().flatten().collect()
    }

    /// Of the last minute: of as many requests as one of AWS's minutes would have had.
    fn requests_per_target(&mut self, group: &TargetGroupName, topology: &Topology) -> Option<f64> {
        let now = Instant::now();
        let reading = self.load_balancers.read(&request_count(group, topology)?)?;
        let (began, before) = self.requests.insert(group.clone(), (now, reading))?;
        let (Reading::Total { sum, samples }, Reading::Total { sum: sum_before, samples: samples_before }) =
            (reading, before)
        else {
            return None;
        };
        let minutes = now.duration_since(began).div_duration_f64(PERIOD);
        // Without requests there is no datapoint, as in CloudWatch.
        (samples > samples_before && minutes > 0.0).then(|| (sum - sum_before) / minutes)
    }
}

/// Nothing is known of a task that cannot be measured.
async fn measure(runtime: Arc<dyn Runtime>, task: TaskId) -> Option<(TaskId, TaskUsage)> {
    match runtime.usage(&task).await {
        Ok(usage) => Some((task, usage)),
        Err(error) => {
            tracing::debug!("measuring task {task}: {error}");
            None
        }
    }
}

/// The load balancer's metric behind `ALBRequestCountPerTarget`.
fn request_count(group: &TargetGroupName, topology: &Topology) -> Option<MetricAlarm> {
    let load_balancer = topology.load_balancer_of(group)?.name.clone();
    Some(MetricAlarm {
        metric: "RequestCountPerTarget".to_owned(),
        load_balancer,
        target_group: Some(group.clone()),
        statistic: Statistic::Sum,
        period: PERIOD,
        evaluation_periods: 1,
        datapoints_to_alarm: 1,
        comparison: Comparison::Greater,
        threshold: 0.0,
        missing_data: MissingData::Missing,
    })
}
