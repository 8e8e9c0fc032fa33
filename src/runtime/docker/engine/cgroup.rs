//! A control group per task, which limits the task as a whole, as the ECS agent does.
//!
//! This works only if we may write the engine's control groups: a local engine, its cgroupfs driver, root. It is tried and
//! verified, never assumed: if the pause container's group does not appear under the parent that we created, the engine
//! uses another hierarchy, and containers get individual limits instead. With the systemd driver, parents are systemd
//! units, which we must not configure.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bollard::models::{SystemInfo, SystemInfoCgroupDriverEnum, SystemInfoCgroupVersionEnum};

use crate::model::task_definition::TaskDefinition;
use crate::model::{ProjectName, TaskId};

/// The parent of all our groups.
const ROOT: &str = "neargate";
const PERIOD_MICROS: u64 = 100_000;

/// The control groups of this machine.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups {
    mount: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Cgroups {
    /// `None` if it cannot work here.
    pub(crate) fn find(info: &SystemInfo) -> Option<Self> {
        if !cfg!(target_os = "linux") || info.cgroup_driver != Some(SystemInfoCgroupDriverEnum::CGROUPFS) {
            return None;
        }
        let version = match info.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_2) => Version::V2,
            _ => Version::V1,
        };
        let mount = PathBuf::from("/sys/fs/cgroup");
        let found = Self { mount, version };
        found.roots(&["memory", "cpu"]).iter().all(|root| is_writable(root)).then_some(found)
    }

    /// Creates the task's group, which is not throttled before its first container has started. `None` if the kernel
    /// refuses.
    pub(crate) fn open(&self, project: &ProjectName, task: &TaskId, definition: &TaskDefinition) -> Option<TaskGroup> {
        let parent = relative(project, task);
        let memory_bytes = u64::from(definition.memory_mib) * 1024 * 1024;
        let quota_micros = u64::from(definition.cpu) * PERIOD_MICROS / 1024;
        let made = match self.version {
            Version::V1 => self.open_v1(&parent, memory_bytes, quota_micros),
            Version::V2 => self.open_v2(&parent, memory_bytes, quota_micros),
        };
        let Ok(quota) = made else {
            self.close(project, task);
            return None;
        };
        Some(TaskGroup { parent: format!("/{}", parent.display()), quota, starting: Mutex::default() })
    }

    fn open_v1(&self, parent: &Path, memory_bytes: u64, quota_micros: u64) -> std::io::Result<Option<Quota>> {
        if memory_bytes > 0 {
            let folder = self.mount.join("memory").join(parent);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("memory.limit_in_bytes"), memory_bytes.to_string())?;
            // There only where the kernel counts swap; without swap there is nothing to count.
            let _ = std::fs::write(folder.join("memory.memsw.limit_in_bytes"), memory_bytes.to_string());
        }
        if quota_micros == 0 {
            return Ok(None);
        }
        let folder = self.mount.join("cpu").join(parent);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("cpu.cfs_period_us"), PERIOD_MICROS.to_string())?;
        Quota::new(folder.join("cpu.cfs_quota_us"), quota_micros.to_string(), "-1".to_owned()).map(Some)
    }

    fn open_v2(&self, parent: &Path, memory_bytes: u64, quota_micros: u64) -> std::io::Result<Option<Quota>> {
        let folder = self.mount.join(parent);
        std::fs::create_dir_all(&folder)?;
        // A controller works in a group only if every group above hands it down.
        for above in parent.ancestors().skip(1) {
            std::fs::write(self.mount.join(above).join("cgroup.subtree_control"), "+cpu +memory")?;
        }
        if memory_bytes > 0 {
            std::fs::write(folder.join("memory.max"), memory_bytes.to_string())?;
            let _ = std::fs::write(folder.join("memory.swap.max"), "0");
        }
        if quota_micros == 0 {
            return Ok(None);
        }
        let (held, free) = (format!("{quota_micros} {PERIOD_MICROS}"), format!("max {PERIOD_MICROS}"));
        Quota::new(folder.join("cpu.max"), held, free).map(Some)
    }

    /// Whether the engine really put the container into the task's group.
    pub(crate) fn holds(&self, project: &ProjectName, task: &TaskId, container_id: &str) -> bool {
        let path = relative(project, task).join(container_id);
        self.roots(&["memory", "cpu"]).iter().all(|root| root.join(&path).exists())
    }

    /// Removes the task's group, and the parents that the engine created in every hierarchy and left behind.
    pub(crate) fn close(&self, project: &ProjectName, task: &TaskId) {
        let path = relative(project, task);
        for root in self.all_roots() {
            let _ = std::fs::remove_dir(root.join(&path));
        }
        self.remove_project(project);
    }

    /// Removes the groups of the project's tasks that have no processes left; the kernel refuses to remove the others.
    pub(crate) fn sweep(&self, project: &ProjectName) {
        for root in self.all_roots() {
            let folder = root.join(ROOT).join(project.as_str());
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let _ = std::fs::remove_dir(entry.path());
            }
        }
        self.remove_project(project);
    }

    fn remove_project(&self, project: &ProjectName) {
        for root in self.all_roots() {
            let _ = std::fs::remove_dir(root.join(ROOT).join(project.as_str()));
            let _ = std::fs::remove_dir(root.join(ROOT));
        }
    }

    fn roots(&self, controllers: &[&str]) -> Vec<PathBuf> {
        match self.version {
            Version::V1 => controllers.iter().map(|controller| self.mount.join(controller)).collect(),
            Version::V2 => vec![self.mount.clone()],
        }
    }

    fn all_roots(&self) -> Vec<PathBuf> {
        if self.version == Version::V2 {
            return vec![self.mount.clone()];
        }
        let entries = std::fs::read_dir(&self.mount).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| !path.is_symlink()).collect()
    }
}

/// The control group of one task.
#[derive(Debug)]
pub(crate) struct TaskGroup {
    /// Its path in the form that the engine expects.
    pub(crate) parent: String,
    quota: Option<Quota>,
    /// The number of containers that are being started.
    starting: Mutex<usize>,
}

impl TaskGroup {
    /// Lets the engine start a container at full speed, until the returned value is dropped.
    ///
    /// The engine's own work to start a container already runs in the task's group, but on Fargate it does not count
    /// against `cpu`. Limited to a quarter of a CPU, two containers took 128 ms instead of 87.
    pub(crate) fn starting(self: &Arc<Self>) -> Starting {
        self.count_starting(|starting| *starting += 1);
        Starting(Arc::clone(self))
    }

    fn count_starting(&self, change: impl FnOnce(&mut usize)) {
        let Some(quota) = &self.quota else { return };
        let mut starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *starting;
        change(&mut starting);
        // Under the lock, so that the last word is that of the last change.
        match (before, *starting) {
            (0, 1) => quota.free(),
            (1, 0) => quota.hold(),
            _ => {}
        }
    }
}

/// Held while a container of the task is being started.
pub(crate) struct Starting(Arc<TaskGroup>);

impl Drop for Starting {
    fn drop(&mut self) {
        self.0.count_starting(|starting| *starting -= 1);
    }
}

/// The CPU time that the group may use, in the kernel's format.
#[derive(Debug)]
struct Quota {
    file: PathBuf,
    held: String,
    free: String,
}

impl Quota {
    /// Not limited while a container starts, but the kernel has accepted both settings.
    fn new(file: PathBuf, held: String, free: String) -> std::io::Result<Self> {
        std::fs::write(&file, &held)?;
        std::fs::write(&file, &free)?;
        Ok(Self { file, held, free })
    }

    /// The group may be gone, because its task has been closed.
    fn hold(&self) {
        let _ = std::fs::write(&self.file, &self.held);
    }

    fn free(&self) {
        let _ = std::fs::write(&self.file, &self.free);
    }
}

fn relative(project: &ProjectName, task: &TaskId) -> PathBuf {
    Path::new(ROOT).join(project.as_str()).join(task.short())
}

#[cfg(unix)]
fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces the kernel's folder by an ordinary one, to inspect the files that are written.
    #[test]
    fn a_task_is_held_within_its_size() {
        let definition = TaskDefinition { cpu: 512, memory_mib: 1024, ..TaskDefinition::new("", Vec::new()) };
        let (project, task) = (ProjectName::new("p"), TaskId::new("0123456789abcdef"));
        let cases = [
            (Version::V1, "memory/neargate/p/01234567/memory.limit_in_bytes", "1073741824"),
            (Version::V1, "cpu/neargate/p/01234567/cpu.cfs_quota_us", "50000"),
            (Version::V2, "neargate/p/01234567/memory.max", "1073741824"),
            (Version::V2, "neargate/p/01234567/cpu.max", "50000 100000"),
            (Version::V2, "neargate/p/cgroup.subtree_control", "+cpu +memory"),
        ];
        for (version, file, text) in cases {
            let mount = tempfile::tempdir().unwrap();
            let cgroups = Cgroups { mount: mount.path().to_owned(), version };
            let group = Arc::new(cgroups.open(&project, &task, &definition).unwrap());
            assert_eq!(group.parent, "/neargate/p/01234567");
            drop(group.starting());
            assert_eq!(std::fs::read_to_string(mount.path().join(file)).unwrap(), text, "{file}");
        }
    }

    #[test]
    fn it_is_throttled_unless_a_container_is_being_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cpu.max");
        let quota = Quota::new(file.clone(), "held".to_owned(), "free".to_owned()).unwrap();
        let group = TaskGroup { parent: String::new(), quota: Some(quota), starting: Mutex::default() };
        let group = Arc::new(group);
        let now = || std::fs::read_to_string(&file).unwrap();
        assert_eq!(now(), "free");
        let (first, second) = (group.starting(), group.starting());
        drop(first);
        assert_eq!(now(), "free", "the second is still being started");
        drop(second);
        assert_eq!(now(), "held");
        let late = group.starting();
        assert_eq!(now(), "free");
        drop(late);
        assert_eq!(now(), "held");
    }
}
