//! A change to the desired state by anybody but the file.

use serde::{Deserialize, Serialize};

/// A change, named as AWS names the action that makes it. A field that is absent is the file's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", deny_unknown_fields)]
pub enum Edit {
    /// ECS API, UpdateService.
    #[serde(rename_all = "camelCase")]
    UpdateService {
        /// `service`: the name.
        service: String,
        /// `desiredCount`; absent where the file's word counts again.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        desired_count: Option<Departure>,
    },
}

/// A field that is not as the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Departure {
    /// What it is.
    pub to: u32,
    /// What the file said when it was changed.
    pub from: u32,
}
