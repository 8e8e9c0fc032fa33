//! What the containers of a task have used, at one moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use neargate_model::ContainerName;

/// One look at a task. Counters count from the start of each container.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskUsage {
    /// When.
    pub at: Timestamp,
    /// By name; containers that do not run have none.
    pub containers: BTreeMap<ContainerName, ContainerUsage>,
    /// Of the network interface, which the containers share.
    pub network: NetworkUsage,
    /// Bytes of images and files.
    pub storage: u64,
}

/// Of one container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContainerUsage {
    /// Processor time.
    pub cpu: CpuUsage,
    /// Memory.
    pub memory: MemoryUsage,
    /// Bytes to and from block devices.
    pub io_bytes: Vec<BlockIo>,
    /// Operations of block devices.
    pub io_operations: Vec<BlockIo>,
}

/// Processor time, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuUsage {
    /// All of it.
    pub total: u64,
    /// By processor, where the engine knows.
    pub per_cpu: Vec<u64>,
    /// In the kernel.
    pub kernel: u64,
    /// Outside of it.
    pub user: u64,
    /// What all programs of the machine have used.
    pub system: u64,
    /// Processors.
    pub online: u32,
    /// Periods in which it could have used its quota.
    pub periods: u64,
    /// Those in which it used all of it and had to wait.
    pub throttled_periods: u64,
    /// How long it had to wait.
    pub throttled_time: u64,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryUsage {
    /// Now.
    pub usage: u64,
    /// At most so far, where the kernel knows.
    pub max_usage: Option<u64>,
    /// The kernel's own figures.
    pub detail: BTreeMap<String, u64>,
}

/// A counter of a block device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockIo {
    /// Device numbers.
    pub major: u64,
    /// Device numbers.
    pub minor: u64,
    /// `read`, `write`, …
    pub operation: String,
    /// The counter.
    pub value: u64,
}

/// Counters of a network interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkUsage {
    /// Received.
    pub received: Counters,
    /// Sent.
    pub sent: Counters,
}

/// Counters of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Broken packets.
    pub errors: u64,
    /// Packets that were dropped.
    pub dropped: u64,
}
