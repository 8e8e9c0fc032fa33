//! The process that owns an engine object, and whether it is still alive.
//!
//! A pid alone is not enough: pids are reused, and a reboot starts them over. An owner is therefore the pid, the start
//! time, the boot, the pid namespace and the machine. A process counts as dead only if all of these can be compared; an
//! owner that cannot be checked from here (another machine that shares the engine, another container) counts as alive,
//! because we must not remove its objects.

use std::fmt;
use std::process::Command;

/// The process that created an object, from its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pid: u32,
    start: String,
    boot: String,
    namespace: String,
    machine: String,
}

/// Facts about local processes, from the system or, in tests, invented.
pub trait Processes {
    /// The start time of the process, in the system's format; `None` if there is no such process.
    fn start_of(&self, pid: u32) -> Option<String>;
}

/// The processes of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealProcesses;

impl Owner {
    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            start: RealProcesses.start_of(pid).unwrap_or_default(),
            boot: read_trimmed("/proc/sys/kernel/random/boot_id"),
            namespace: pid_namespace(),
            machine: machine(),
        }
    }

    /// Another process on the same machine since the same boot.
    pub fn with_process(mut self, pid: u32, start: &str) -> Self {
        (self.pid, self.start) = (pid, start.to_owned());
        self
    }

    /// Parses the output of [`fmt::Display`].
    pub fn parse(label: &str) -> Option<Self> {
        let mut parts = label.split('/');
        let owner = Self {
            pid: parts.next()?.parse().ok()?,
            start: parts.next()?.to_owned(),
            boot: parts.next()?.to_owned(),
            namespace: parts.next()?.to_owned(),
            machine: parts.next()?.to_owned(),
        };
        parts.next().is_none().then_some(owner)
    }

    /// Whether the owner is known to be dead, as seen from `here`.
    pub fn is_dead(&self, here: &Self, processes: &impl Processes) -> bool {
        if self.machine != here.machine {
            return false;
        }
        if self.boot != here.boot {
            return true;
        }
        if self.namespace != here.namespace {
            return false;
        }
        processes.start_of(self.pid).is_none_or(|start| start != self.start)
    }

    /// Whether the owner is known to be alive on this machine.
    pub fn is_alive_here(&self, here: &Self, processes: &impl Processes) -> bool {
        let is_here = self.machine == here.machine && self.boot == here.boot && self.namespace == here.namespace;
        is_here && !self.is_dead(here, processes)
    }

    /// The process id, for messages.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, start, boot, namespace, machine } = self;
        write!(f, "{pid}/{start}/{boot}/{namespace}/{machine}")
    }
}

impl Processes for RealProcesses {
    fn start_of(&self, pid: u32) -> Option<String> {
        if cfg!(target_os = "linux") {
            // The command name (field 2) may hold spaces and brackets; the fields after its last bracket may not.
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
            // A zombie has ended; it only waits to be collected.
            if fields.first() == Some(&"Z") {
                return None;
            }
            return fields.get(19).map(|ticks| (*ticks).to_owned());
        }
        let output = Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().replace(['/', ' '], "-");
        (!text.is_empty()).then_some(text)
    }
}

fn read_trimmed(path: &str) -> String {
    std::fs::read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn pid_namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

fn machine() -> String {
    let name = read_trimmed("/etc/machine-id");
    let name = if name.is_empty() { read_trimmed("/etc/hostname") } else { name };
    let name = if name.is_empty() { std::env::var("HOSTNAME").unwrap_or_default() } else { name };
    name.replace('/', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table(Vec<(u32, &'static str)>);

    impl Processes for Table {
        fn start_of(&self, pid: u32) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == pid).map(|(_, start)| (*start).to_owned())
        }
    }

    fn owner(text: &str) -> Owner {
        Owner::parse(text).unwrap()
    }

    #[test]
    fn only_what_is_surely_dead_is_dead() {
        let here = owner("1/1/boot-b/pid:[1]/m");
        let processes = Table(vec![(77, "500")]);
        let cases = [
            ("the same process", "77/500/boot-b/pid:[1]/m", false),
            ("its pid is used again by a later process", "77/499/boot-b/pid:[1]/m", true),
            ("no such process", "78/500/boot-b/pid:[1]/m", true),
            ("a process of the boot before, same pid and time", "77/500/boot-a/pid:[1]/m", true),
            ("a process of another container", "78/500/boot-b/pid:[2]/m", false),
            ("a process of another machine", "78/500/boot-a/pid:[1]/other", false),
        ];
        for (what, label, dead) in cases {
            assert_eq!(owner(label).is_dead(&here, &processes), dead, "{what}");
        }
    }

    #[test]
    fn this_process_is_alive_and_a_finished_child_is_not() {
        let here = Owner::current();
        assert_eq!(Owner::parse(&here.to_string()), Some(here.clone()));
        assert!(!here.is_dead(&here, &RealProcesses));

        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let start = RealProcesses.start_of(child.id()).unwrap();
        let owned = Owner { pid: child.id(), start, ..here.clone() };
        assert!(!owned.is_dead(&here, &RealProcesses));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(owned.is_dead(&here, &RealProcesses));
    }

    #[test]
    fn a_label_of_another_form_is_no_owner() {
        for label in ["", "12", "12/a/b/c", "x/1/b/c/d", "1/2/3/4/5/6"] {
            assert_eq!(Owner::parse(label), None, "{label}");
        }
    }
}
