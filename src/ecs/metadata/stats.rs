//! Stats of a container: the engine's own, as of version 1.30 of its API, with rates of the network beside them.
//!
//! Sources: ECS developer guide, "Amazon ECS task metadata v4 examples for tasks on Fargate"; Docker Engine API v1.30,
//! ContainerStats.

use std::collections::BTreeMap;

use serde::Serialize;

use neargate_model::task_definition::ContainerDefinition;

use super::ids::runtime_id;
use super::subject::{Measured, Subject};
use crate::usage::{BlockIo, ContainerUsage, CpuUsage, NetworkUsage, TaskUsage};

/// What the kernel says of a container without a limit: the largest number of whole pages.
const UNLIMITED: u64 = 9_223_372_036_854_771_712;
/// The interface of a task on Fargate that carries its traffic.
const INTERFACE: &str = "eth1";
const BYTES_PER_MIB: u64 = 1024 * 1024;

#[derive(Serialize)]
pub(super) struct ContainerStats<'a> {
    read: String,
    preread: String,
    pids_stats: Empty,
    blkio_stats: BlockIoStats<'a>,
    num_procs: u32,
    storage_stats: Empty,
    cpu_stats: CpuStats<'a>,
    precpu_stats: CpuStats<'a>,
    memory_stats: MemoryStats<'a>,
    name: &'a str,
    id: String,
    networks: BTreeMap<&'static str, InterfaceStats>,
    network_rate_stats: Rates,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct BlockIoStats<'a> {
    io_service_bytes_recursive: Vec<BlockIoEntry>,
    io_serviced_recursive: Vec<BlockIoEntry>,
    io_queue_recursive: &'a [u64],
    io_service_time_recursive: &'a [u64],
    io_wait_time_recursive: &'a [u64],
    io_merged_recursive: &'a [u64],
    io_time_recursive: &'a [u64],
    sectors_recursive: &'a [u64],
}

#[derive(Serialize)]
struct BlockIoEntry {
    major: u64,
    minor: u64,
    op: String,
    value: u64,
}

#[derive(Serialize)]
struct CpuStats<'a> {
    cpu_usage: CpuTimes<'a>,
    system_cpu_usage: u64,
    online_cpus: u32,
    throttling_data: Throttling,
}

#[derive(Serialize)]
struct CpuTimes<'a> {
    total_usage: u64,
    percpu_usage: &'a [u64],
    usage_in_kernelmode: u64,
    usage_in_usermode: u64,
}

#[derive(Serialize)]
struct Throttling {
    periods: u64,
    throttled_periods: u64,
    throttled_time: u64,
}

#[derive(Serialize)]
struct MemoryStats<'a> {
    usage: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_usage: Option<u64>,
    stats: &'a BTreeMap<String, u64>,
    limit: u64,
}

#[derive(Serialize)]
struct InterfaceStats {
    rx_bytes: u64,
    rx_packets: u64,
    rx_errors: u64,
    rx_dropped: u64,
    tx_bytes: u64,
    tx_packets: u64,
    tx_errors: u64,
    tx_dropped: u64,
}

#[derive(Serialize)]
struct Rates {
    rx_bytes_per_sec: f64,
    tx_bytes_per_sec: f64,
}

impl<'a> ContainerStats<'a> {
    /// `None` while the container has not been seen running twice.
    pub(super) fn new(subject: &Subject<'a>, definition: &'a ContainerDefinition) -> Option<Self> {
        let Measured { before, now } = subject.measured?;
        let (earlier, usage) = (before.containers.get(&definition.name)?, now.containers.get(&definition.name)?);
        Some(Self {
            read: now.at.to_string(),
            preread: before.at.to_string(),
            pids_stats: Empty {},
            blkio_stats: BlockIoStats::new(usage),
            num_procs: 0,
            storage_stats: Empty {},
            cpu_stats: CpuStats::new(&usage.cpu),
            precpu_stats: CpuStats::new(&earlier.cpu),
            memory_stats: MemoryStats {
                usage: usage.memory.usage,
                max_usage: usage.memory.max_usage,
                stats: &usage.memory.detail,
                limit: definition.memory_mib.map_or(UNLIMITED, |mib| u64::from(mib) * BYTES_PER_MIB),
            },
            name: definition.name.as_str(),
            id: runtime_id(&subject.task.spec.id, &definition.name),
            networks: BTreeMap::from([(INTERFACE, InterfaceStats::new(&now.network))]),
            network_rate_stats: Rates::between(before, now),
        })
    }
}

impl BlockIoStats<'_> {
    fn new(usage: &ContainerUsage) -> Self {
        let entries = |counters: &[BlockIo]| counters.iter().map(BlockIoEntry::new).collect();
        Self {
            io_service_bytes_recursive: entries(&usage.io_bytes),
            io_serviced_recursive: entries(&usage.io_operations),
            io_queue_recursive: &[],
            io_service_time_recursive: &[],
            io_wait_time_recursive: &[],
            io_merged_recursive: &[],
            io_time_recursive: &[],
            sectors_recursive: &[],
        }
    }
}

impl BlockIoEntry {
    /// Newer kernels write operations in lower case.
    fn new(counter: &BlockIo) -> Self {
        let mut op = counter.operation.clone();
        if let Some(first) = op.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self { major: counter.major, minor: counter.minor, op, value: counter.value }
    }
}

impl<'a> CpuStats<'a> {
    fn new(cpu: &'a CpuUsage) -> Self {
        Self {
            cpu_usage: CpuTimes {
                total_usage: cpu.total,
                percpu_usage: &cpu.per_cpu,
                usage_in_kernelmode: cpu.kernel,
                usage_in_usermode: cpu.user,
            },
            system_cpu_usage: cpu.system,
            online_cpus: cpu.online,
            throttling_data: Throttling {
                periods: cpu.periods,
                throttled_periods: cpu.throttled_periods,
                throttled_time: cpu.throttled_time,
            },
        }
    }
}

impl InterfaceStats {
    fn new(network: &NetworkUsage) -> Self {
        let NetworkUsage { received, sent } = network;
        Self {
            rx_bytes: received.bytes,
            rx_packets: received.packets,
            rx_errors: received.errors,
            rx_dropped: received.dropped,
            tx_bytes: sent.bytes,
            tx_packets: sent.packets,
            tx_errors: sent.errors,
            tx_dropped: sent.dropped,
        }
    }
}

impl Rates {
    fn between(before: &TaskUsage, now: &TaskUsage) -> Self {
        let seconds = now.at.duration_since(before.at).as_secs_f64();
        let per_second = |before: u64, now: u64| match seconds > 0.0 {
            true => now.saturating_sub(before) as f64 / seconds,
            false => 0.0,
        };
        Self {
            rx_bytes_per_sec: per_second(before.network.received.bytes, now.network.received.bytes),
            tx_bytes_per_sec: per_second(before.network.sent.bytes, now.network.sent.bytes),
        }
    }
}
