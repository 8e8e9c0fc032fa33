//! What the scheduler remembers about a service: its deployment, its failures, when it may start the next task.

use std::collections::VecDeque;

use crate::ecs::world::{Deployment, Now, REPLACEMENT_CADENCE, ServiceRecord, start_back_off};
use crate::model::service::Service;
use crate::model::topology::TimeScale;

/// A service seen for the first time.
pub(crate) fn new(service: Service, deployment_id: String) -> ServiceRecord {
    ServiceRecord {
        wanted: Some(service),
        deployment: Deployment { id: deployment_id, number: 1, failed_tasks: 0, completed: false },
        events: VecDeque::new(),
        failures_in_a_row: 0,
        next_start_at: None,
        steady: false,
    }
}

/// A new deployment takes over. It starts at once, whatever happened before (ECS developer guide, "Service throttle
/// logic").
pub(crate) fn redeploy(record: &mut ServiceRecord, deployment_id: String) {
    record.deployment =
        Deployment { id: deployment_id, number: record.deployment.number + 1, failed_tasks: 0, completed: false };
    record.failures_in_a_row = 0;
    record.next_start_at = None;
    record.steady = false;
}

/// Whether two versions of a service run the same tasks, so that no deployment is needed.
pub(crate) fn runs_the_same(before: &Service, after: &Service) -> bool {
    before.task_definition == after.task_definition
        && before.security_groups == after.security_groups
        && before.load_balancers == after.load_balancers
        // How an image is built matters only if the result is another image, which shows when it is built.
        && before.builds.keys().eq(after.builds.keys())
        && before.images == after.images
}

/// A task ended by itself: paces its replacement. Tasks that ran are replaced at the scheduler's cadence; those that
/// never did are retried with growing gaps.
pub(crate) fn task_failed(record: &mut ServiceRecord, ran: bool, now: Now, time_scale: TimeScale) {
    let wait = if ran {
        REPLACEMENT_CADENCE
    } else {
        record.failures_in_a_row += 1;
        record.deployment.failed_tasks += 1;
        start_back_off(record.failures_in_a_row)
    };
    record.next_start_at = Some(now.instant + time_scale.apply(wait));
}

/// A replacement of an unhealthy task was started: the next one keeps the scheduler's cadence.
pub(crate) fn unhealthy_replaced(record: &mut ServiceRecord, now: Now, time_scale: TimeScale) {
    record.next_start_at = Some(now.instant + time_scale.apply(REPLACEMENT_CADENCE));
}
