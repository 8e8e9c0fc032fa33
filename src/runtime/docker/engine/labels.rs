//! Names and labels of everything we create in the engine.
//!
//! Names are for people (`docker ps`); we find things by labels. We never touch an object without our project label,
//! whatever its name.

use std::collections::HashMap;

use crate::model::task::TaskSpec;
use crate::model::task_definition::{Volume, VolumeKind};
use crate::model::{ContainerName, ProjectName, ServiceName, TaskId};

use super::owner::Owner;

/// The project of an object; every object has this label, but for volumes that outlive the project's runs.
pub(crate) const PROJECT: &str = "dev.neargate.project";
/// The service of a task, if it has one.
pub(crate) const SERVICE: &str = "dev.neargate.service";
/// The id of a task.
pub(crate) const TASK: &str = "dev.neargate.task";
/// The container's name in the task definition; [`PAUSE`] for the container that holds the network namespace.
pub(crate) const CONTAINER: &str = "dev.neargate.container";
/// The process that created it; see [`Owner`].
pub(crate) const OWNER: &str = "dev.neargate.owner";

/// The file system of a volume that outlives tasks.
pub(crate) const FILE_SYSTEM: &str = "dev.neargate.file-system";
/// The project of such a volume.
pub(crate) const FILE_SYSTEM_PROJECT: &str = "dev.neargate.file-system.project";

/// The value of [`CONTAINER`] for pause containers. It is the amazon-ecs-agent's name, which no task definition can
/// use, because `~` is not allowed in a container name.
pub(crate) const PAUSE: &str = "~internal~ecs~pause";

/// Names objects of one project.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    project: ProjectName,
    owner: String,
}

impl Names {
    /// Objects created from now on belong to `owner`.
    pub(crate) fn new(project: ProjectName, owner: &Owner) -> Self {
        Self { project, owner: owner.to_string() }
    }

    /// The project.
    pub(crate) fn project(&self) -> &ProjectName {
        &self.project
    }

    /// The bridge network of the project.
    pub(crate) fn network(&self) -> String {
        format!("neargate-{}", self.project)
    }

    /// A task's pause container.
    pub(crate) fn pause(&self, task: &TaskSpec) -> String {
        self.of_task(task, "pause")
    }

    /// The project's door.
    pub(crate) fn door(&self) -> String {
        format!("neargate-{}-door", self.project)
    }

    /// A member of a task.
    pub(crate) fn member(&self, task: &TaskSpec, container: &ContainerName) -> String {
        self.of_task(task, container.as_str())
    }

    fn of_task(&self, task: &TaskSpec, container: &str) -> String {
        let wanted_by = task.service().map_or(task.definition.family.as_str(), ServiceName::as_str);
        format!("neargate-{}-{wanted_by}-{}-{container}", self.project, task.id.short())
    }

    /// A volume of a task, or a folder of a file system that is the same for all tasks.
    pub(crate) fn volume(&self, task: &TaskId, volume: &Volume) -> String {
        match &volume.kind {
            VolumeKind::Task => format!("neargate-{}-{}-{}", self.project, task.short(), volume.name),
            VolumeKind::Efs { file_system, folder } => {
                let parts = [file_system.as_str(), folder].into_iter().filter(|part| !part.is_empty());
                let name = parts.collect::<Vec<_>>().join("-");
                let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
                format!("neargate-{}-{}", self.project, name.chars().map(plain).collect::<String>())
            }
        }
    }

    /// Labels of a volume. A folder of a file system outlives tasks and `down`, so it does not carry the label by which
    /// they find what they remove.
    pub(crate) fn volume_labels(&self, task: &TaskSpec, volume: &Volume) -> HashMap<String, String> {
        match &volume.kind {
            VolumeKind::Task => self.task_labels(task),
            VolumeKind::Efs { file_system, .. } => HashMap::from([
                (FILE_SYSTEM.to_owned(), file_system.clone()),
                (FILE_SYSTEM_PROJECT.to_owned(), self.project.to_string()),
            ]),
        }
    }

    /// Labels of an object that belongs to the whole project.
    pub(crate) fn project_labels(&self) -> HashMap<String, String> {
        HashMap::from([(PROJECT.to_owned(), self.project.to_string()), (OWNER.to_owned(), self.owner.clone())])
    }

    /// Labels of an object that belongs to one task.
    pub(crate) fn task_labels(&self, task: &TaskSpec) -> HashMap<String, String> {
        let mut labels = self.project_labels();
        labels.extend(task.service().map(|service| (SERVICE.to_owned(), service.to_string())));
        labels.insert(TASK.to_owned(), task.id.to_string());
        labels
    }

    /// Labels of a container.
    pub(crate) fn container_labels(&self, task: &TaskSpec, container: &str) -> HashMap<String, String> {
        let mut labels = self.task_labels(task);
        labels.insert(CONTAINER.to_owned(), container.to_owned());
        labels
    }

    /// A filter for all objects of the project.
    pub(crate) fn project_filter(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{PROJECT}={}", self.project)])])
    }

    /// A filter for all objects of one task.
    pub(crate) fn task_filter(&self, task: &TaskId) -> HashMap<String, Vec<String>> {
        let labels = vec![format!("{PROJECT}={}", self.project), format!("{TASK}={task}")];
        HashMap::from([("label".to_owned(), labels)])
    }
}
