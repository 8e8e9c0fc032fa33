//! What the containers of a task use: one look at each, by the engine.

use std::collections::BTreeMap;

use bollard::models::{ContainerBlkioStatEntry, ContainerCpuStats, ContainerNetworkStats, ContainerStatsResponse};
use bollard::query_parameters::{ListContainersOptionsBuilder, StatsOptionsBuilder};
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use jiff::Timestamp;

use crate::control::runtime::RuntimeError;
use crate::ecs::usage::{BlockIo, ContainerUsage, Counters, CpuUsage, MemoryUsage, NetworkUsage, TaskUsage};
use crate::model::{ContainerName, TaskId};

use crate::runtime::docker::engine::error;
use crate::runtime::docker::engine::error::runtime_error;
use crate::runtime::docker::engine::labels::{CONTAINER, PAUSE};
use crate::runtime::docker::runtime::DockerRuntime;

impl DockerRuntime {
    /// Measures all containers of the task at once. The pause container counts the network of all.
    pub(crate) async fn measure(&self, task: &TaskId) -> Result<TaskUsage, RuntimeError> {
        let filters = self.names.task_filter(task);
        let options = ListContainersOptionsBuilder::new().size(true).filters(&filters).build();
        let listed = self.engine.docker().list_containers(Some(options)).await;
        let listed = listed.map_err(|error| runtime_error(error, "listing the task's containers"))?;
        let at = Timestamp::now();
        let mut storage = 0;
        let mut running = Vec::new();
        for summary in listed {
            storage += summary.size_root_fs.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            let name = summary.labels.and_then(|mut labels| labels.remove(CONTAINER));
            running.extend(name.zip(summary.id));
        }
        let measured = running.into_iter().map(|(name, id)| async move { Ok((name, self.stats(&id).await?)) });
        let measured = try_join_all(measured).await?;
        let mut usage = TaskUsage { at, containers: BTreeMap::new(), network: NetworkUsage::default(), storage };
        for (name, stats) in measured {
            match stats {
                Some(stats) if name == PAUSE => usage.network = network(&stats),
                Some(stats) => {
                    usage.containers.insert(ContainerName::new(name), container(stats));
                }
                None => {}
            }
        }
        Ok(usage)
    }

    /// `None`: it has gone meanwhile.
    async fn stats(&self, id: &str) -> Result<Option<ContainerStatsResponse>, RuntimeError> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        let mut stats = Box::pin(self.engine.docker().stats(id, Some(options)));
        match stats.next().await {
            Some(Ok(stats)) => Ok(Some(stats)),
            None => Ok(None),
            Some(Err(error)) if error::is_not_found(&error) => Ok(None),
            Some(Err(error)) => Err(runtime_error(error, "measuring a container")),
        }
    }
}

fn container(stats: ContainerStatsResponse) -> ContainerUsage {
    let memory = stats.memory_stats.unwrap_or_default();
    let io = stats.blkio_stats.unwrap_or_default();
    ContainerUsage {
        cpu: cpu(stats.cpu_stats.unwrap_or_default()),
        memory: MemoryUsage {
            usage: memory.usage.unwrap_or_default(),
            max_usage: memory.max_usage,
            detail: memory.stats.unwrap_or_default().into_iter().collect(),
        },
        io_bytes: block_io(io.io_service_bytes_recursive),
        io_operations: block_io(io.io_serviced_recursive),
    }
}

fn cpu(stats: ContainerCpuStats) -> CpuUsage {
    let times = stats.cpu_usage.unwrap_or_default();
    let throttling = stats.throttling_data.unwrap_or_default();
    CpuUsage {
        total: times.total_usage.unwrap_or_default(),
        per_cpu: times.percpu_usage.unwrap_or_default(),
        kernel: times.usage_in_kernelmode.unwrap_or_default(),
        user: times.usage_in_usermode.unwrap_or_default(),
        system: stats.system_cpu_usage.unwrap_or_default(),
        online: stats.online_cpus.unwrap_or_default(),
        periods: throttling.periods.unwrap_or_default(),
        throttled_periods: throttling.throttled_periods.unwrap_or_default(),
        throttled_time: throttling.throttled_time.unwrap_or_default(),
    }
}

fn block_io(entries: Option<Vec<ContainerBlkioStatEntry>>) -> Vec<BlockIo> {
    let entries = entries.unwrap_or_default().into_iter();
    let counter = |entry: ContainerBlkioStatEntry| {
        Some(BlockIo { major: entry.major?, minor: entry.minor?, operation: entry.op?, value: entry.value? })
    };
    entries.filter_map(counter).collect()
}

/// A task has one interface besides `lo`, which engines leave out.
fn network(stats: &ContainerStatsResponse) -> NetworkUsage {
    let Some(interface) = stats.networks.iter().flatten().map(|(_, interface)| interface).next() else {
        return NetworkUsage::default();
    };
    let ContainerNetworkStats {
        rx_bytes,
        rx_packets,
        rx_errors,
        rx_dropped,
        tx_bytes,
        tx_packets,
        tx_errors,
        tx_dropped,
        ..
    } = interface;
    let counters = |bytes: &Option<u64>, packets: &Option<u64>, errors: &Option<u64>, dropped: &Option<u64>| Counters {
        bytes: bytes.unwrap_or_default(),
        packets: packets.unwrap_or_default(),
        errors: errors.unwrap_or_default(),
        dropped: dropped.unwrap_or_default(),
    };
    NetworkUsage {
        received: counters(rx_bytes, rx_packets, rx_errors, rx_dropped),
        sent: counters(tx_bytes, tx_packets, tx_errors, tx_dropped),
    }
}
