//! A change to the desired state by an author other than the file.

use serde::{Deserialize, Serialize};

/// A change, named after AWS's action. An absent field keeps the file's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", deny_unknown_fields)]
pub enum Edit {
    /// ECS API, UpdateService.
    #[serde(rename_all = "camelCase")]
    UpdateService {
        /// `service`: the name.
        service: String,
        /// `desiredCount`; absent if the file's value applies again.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        desired_count: Option<Departure>,
    },
}

/// A field whose value differs from the file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Departure {
    /// What it is.
    pub to: u32,
    /// The file's value at the time of the change.
    pub from: u32,
}
