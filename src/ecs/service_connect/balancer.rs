//! Which of the servers gets the next connection or request: they take turns, except those that failed lately.
//!
//! "If the proxy made multiple connections to a specific MySQL task, and 5 or more of the connections failed in the last 30
//! seconds, then the proxy avoids that MySQL task for 30 to 300 seconds." (ECS developer guide, "Amazon ECS Service Connect
//! components"). The proxy is Envoy, whose documentation says how the time grows: with the number of times that the host
//! was avoided.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use neargate_model::TaskId;
use neargate_model::topology::TimeScale;

/// So many failures make a server an outlier,
const FAILURES: usize = 5;
/// if they happened within this time.
const WINDOW: Duration = Duration::from_secs(30);
/// It is avoided for so long at first,
const FIRST_EJECTION: Duration = Duration::from_secs(30);
/// and for so long at most.
const LONGEST_EJECTION: Duration = Duration::from_secs(300);
/// "Number of retries: 2".
pub const RETRIES: usize = 2;

/// What the proxy of one client's task knows of the servers of one endpoint.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    turn: usize,
    histories: BTreeMap<TaskId, History>,
}

#[derive(Clone, Debug, Default)]
struct History {
    failures: VecDeque<Instant>,
    ejections: u32,
    avoided_until: Option<Instant>,
}

impl Balancer {
    /// Chooses one of the servers. `tried` are those that have failed with this very connection or request: "the second
    /// attempt avoids using the host from the previous connection". Nothing is avoided if nothing else is left.
    pub fn choose<'s>(&mut self, servers: &'s [TaskId], tried: &BTreeSet<TaskId>, now: Instant) -> Option<&'s TaskId> {
        self.histories.retain(|task, _| servers.contains(task));
        let is_avoided = |task: &TaskId| {
            let until = self.histories.get(task).and_then(|history| history.avoided_until);
            until.is_some_and(|until| now < until)
        };
        let fresh: Vec<&TaskId> = servers.iter().filter(|task| !tried.contains(*task)).collect();
        let good: Vec<&TaskId> = fresh.iter().copied().filter(|task| !is_avoided(task)).collect();
        let among = [good, fresh, servers.iter().collect()].into_iter().find(|list| !list.is_empty())?;
        let chosen = among[self.turn % among.len()];
        self.turn = self.turn.wrapping_add(1);
        Some(chosen)
    }

    /// A connection failed, or a request was answered with 5xx.
    pub fn failed(&mut self, server: &TaskId, now: Instant, time_scale: TimeScale) {
        let history = self.histories.entry(server.clone()).or_default();
        history.failures.push_back(now);
        while history.failures.front().is_some_and(|at| now.duration_since(*at) > WINDOW) {
            history.failures.pop_front();
        }
        if history.failures.len() >= FAILURES {
            history.failures.clear();
            history.ejections += 1;
            let length = (FIRST_EJECTION * history.ejections).min(LONGEST_EJECTION);
            history.avoided_until = Some(now + time_scale.apply(length));
        }
    }
}
