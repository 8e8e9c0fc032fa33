//! How much of what its tasks reserve a service uses.
//!
//! Sources: ECS developer guide, "Amazon ECS service utilization metrics"; amazon-ecs-agent, `agent/stats` (which memory
//! counts).

use neargate_model::task_definition::TaskDefinition;

use crate::usage::{ContainerUsage, MemoryUsage, TaskUsage};

/// CPU units of one vCPU.
const UNITS: f64 = 1024.0;
const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

/// A running task as it was measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// What it reserves.
    pub definition: &'a TaskDefinition,
    /// About a minute ago, if it ran then.
    pub before: Option<&'a TaskUsage>,
    /// Now.
    pub now: &'a TaskUsage,
}

/// `CPUUtilization`, in percent: "the total CPU units in use by the tasks that belong to the service" divided by those that
/// they reserve. `None` while no task has been measured twice.
pub fn cpu(tasks: &[Measured<'_>]) -> Option<f64> {
    let used = tasks.iter().filter_map(|task| {
        let before = task.before?;
        let seconds = task.now.at.duration_since(before.at).as_secs_f64();
        let spent = |(name, usage): (_, &ContainerUsage)| {
            let earlier = before.containers.get(name).map_or(0, |earlier| earlier.cpu.total);
            // A container that was started again counts from 0.
            let since = usage.cpu.total.checked_sub(earlier).unwrap_or(usage.cpu.total);
            since as f64 / 1e9
        };
        let spent: f64 = task.now.containers.iter().map(spent).sum();
        (seconds > 0.0).then(|| (spent / seconds * UNITS, f64::from(task.definition.cpu)))
    });
    percent(used)
}

/// `MemoryUtilization`, in percent: the memory in use by the tasks divided by what they reserve.
pub fn memory(tasks: &[Measured<'_>]) -> Option<f64> {
    let used = tasks.iter().map(|task| {
        let used: u64 = task.now.containers.values().map(|usage| in_use(&usage.memory)).sum();
        (used as f64, f64::from(task.definition.memory_mib) * BYTES_PER_MIB)
    });
    percent(used)
}

/// Of used and reserved.
fn percent(tasks: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (used, reserved) = tasks.fold((0.0, 0.0), |all, one| (all.0 + one.0, all.1 + one.1));
    (reserved > 0.0).then(|| used / reserved * 100.0)
}

/// Files that the kernel keeps in memory and can drop are not in use. The first version of cgroups calls all of them
/// `cache`.
fn in_use(memory: &MemoryUsage) -> u64 {
    let files = memory.detail.get("cache").or_else(|| memory.detail.get("inactive_file"));
    memory.usage.saturating_sub(files.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use neargate_fixture as fixture;
    use serde::Deserialize;

    use super::*;
    use crate::usage::{CpuUsage, NetworkUsage};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        tasks: Vec<TaskCase>,
        cpu: Option<f64>,
        memory: Option<f64>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct TaskCase {
        reserved: Reserved,
        before: Option<LookCase>,
        now: LookCase,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Reserved {
        cpu: u32,
        memory: u32,
    }

    /// By container: CPU time in seconds and memory in MiB.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct LookCase {
        second: i64,
        containers: BTreeMap<String, ContainerCase>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ContainerCase {
        #[serde(default)]
        cpu_seconds: f64,
        #[serde(default)]
        memory: u64,
        #[serde(default)]
        detail: BTreeMap<String, u64>,
    }

    fn usage(case: &LookCase) -> TaskUsage {
        let container = |(name, case): (&String, &ContainerCase)| {
            let cpu = CpuUsage { total: (case.cpu_seconds * 1e9) as u64, ..CpuUsage::default() };
            let detail = case.detail.iter().map(|(name, mib)| (name.clone(), mib << 20)).collect();
            let memory = MemoryUsage { usage: case.memory << 20, max_usage: None, detail };
            (name.as_str().into(), ContainerUsage { cpu, memory, ..ContainerUsage::default() })
        };
        TaskUsage {
            at: Timestamp::from_second(case.second).expect("a time"),
            containers: case.containers.iter().map(container).collect(),
            network: NetworkUsage::default(),
            storage: 0,
        }
    }

    #[test]
    fn what_a_service_uses() {
        fixture::each("ecs/utilization", |case: Case| {
            let looks: Vec<_> = case
                .tasks
                .iter()
                .map(|task| {
                    let mut definition = TaskDefinition::new("app", Vec::new());
                    (definition.cpu, definition.memory_mib) = (task.reserved.cpu, task.reserved.memory);
                    (definition, task.before.as_ref().map(usage), usage(&task.now))
                })
                .collect();
            let tasks: Vec<Measured<'_>> = looks
                .iter()
                .map(|(definition, before, now)| Measured { definition, before: before.as_ref(), now })
                .collect();
            assert_eq!((cpu(&tasks), memory(&tasks)), (case.cpu, case.memory), "{}", case.name);
        });
    }
}
