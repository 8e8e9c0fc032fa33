//! The kernel's data about a contender: its CPU time and memory; and pinning processes to cores.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of the contender that is being measured.
pub(crate) const PROXY_CORE: usize = 0;
/// The core of the load and of the targets.
pub(crate) const LOAD_CORE: usize = 1;

/// Linux reports CPU time to user space in hundredths of a second (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);
/// How long a process may take to end on request.
const ENDING: Duration = Duration::from_secs(5);

/// Pins this thread, and processes that it starts, to one core.
pub(crate) fn pin_to(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// A process with all its children, ended when dropped.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Child,
}

impl Tree {
    /// Starts a command on one core, with its output in a file.
    pub(crate) fn start(mut command: Command, core: usize, log: &Path) -> io::Result<Self> {
        let output = fs::File::create(log)?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        pin_to(core)?;
        let root = command.spawn();
        pin_to(LOAD_CORE)?;
        Ok(Self { root: root? })
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.root.try_wait(), Ok(None))
    }

    /// User and system time of all processes and threads since they were started.
    pub(crate) fn cpu_time(&self) -> Duration {
        let [user, system] = self.cpu_times();
        user + system
    }

    /// User and system time separately. The kernel knows their sum exactly, but samples their shares.
    pub(crate) fn cpu_times(&self) -> [Duration; 2] {
        let ticks: Vec<[u32; 2]> = self.pids().into_iter().filter_map(ticks).collect();
        [0, 1].map(|part| TICK * ticks.iter().map(|ticks| ticks[part]).sum::<u32>())
    }

    /// Memory of all processes; shared memory is divided among its users (Pss).
    pub(crate) fn memory_kib(&self) -> u64 {
        self.pids().into_iter().filter_map(pss_kib).sum()
    }

    /// How often all threads have gone to sleep voluntarily since they were started: each time is a wake-up.
    pub(crate) fn sleeps(&self) -> u64 {
        self.pids().into_iter().map(sleeps).sum()
    }

    fn pids(&self) -> Vec<u32> {
        let mut found = vec![self.root.id()];
        let parents: Vec<(u32, u32)> = all_pids().filter_map(|pid| Some((pid, parent(pid)?))).collect();
        let mut next = 0;
        while let Some(&of) = found.get(next) {
            found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
            next += 1;
        }
        found
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.root.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let asked = Instant::now();
        while !self.has_ended() {
            if asked.elapsed() > ENDING {
                let _ = self.root.kill();
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

/// Whether the process that started this one still exists; a target must not outlive its harness.
pub(crate) fn is_orphan() -> bool {
    getppid().is_none_or(Pid::is_init)
}

fn all_pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The fields of `/proc/<pid>/stat` after the name, which may contain any character.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

fn ticks(pid: u32) -> Option<[u32; 2]> {
    let stat = stat(pid)?;
    let number = |field: usize| stat.get(field)?.parse::<u32>().ok();
    Some([number(11)?, number(12)?])
}

fn pss_kib(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

fn sleeps(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(|thread| {
            let status = fs::read_to_string(thread.path().join("status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse::<u64>().ok()
        })
        .sum()
}
