//! What one run of a task does otherwise than its task definition says (ECS API: TaskOverride, ContainerOverride).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::ContainerName;

/// `containerOverrides`, by `name`.
pub type TaskOverride = BTreeMap<ContainerName, ContainerOverride>;

/// What one container does otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerOverride {
    /// `command`, in place of the task definition's or the image's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<Vec<String>>,
    /// `environment`: added to the task definition's variables, or in the place of those with the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub environment: BTreeMap<String, String>,
}
