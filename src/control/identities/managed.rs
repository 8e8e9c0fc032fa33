//! Managed policies with their versions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::kept::{DECLARED_AT, POLICY};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Tags};
use crate::model::iam::ManagedPolicy;

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Managed {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) description: Option<String>,
    /// In the order of their numbers; there is always one.
    pub(crate) versions: Vec<PolicyVersion>,
    pub(crate) default_version: String,
    /// How many there have been: no number is used twice.
    newest: usize,
    #[serde(with = "crate::control::desired::times")]
    pub(crate) created_at: Timestamp,
    #[serde(with = "crate::control::desired::times")]
    pub(crate) updated_at: Timestamp,
    #[serde(skip)]
    pub(crate) tags: Tags,
}

/// One version of its document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PolicyVersion {
    /// `v1`
    pub(crate) id: String,
    pub(crate) document: String,
    #[serde(with = "crate::control::desired::times")]
    pub(crate) created_at: Timestamp,
}

impl Managed {
    pub(crate) fn new(
        name: &str,
        path: &str,
        document: String,
        description: Option<String>,
        tags: Tags,
        now: Timestamp,
    ) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            description,
            versions: vec![PolicyVersion { id: "v1".to_owned(), document, created_at: now }],
            default_version: "v1".to_owned(),
            newest: 1,
            created_at: now,
            updated_at: now,
            tags,
        }
    }

    /// One of the file.
    pub(super) fn declared(name: &str, policy: &ManagedPolicy) -> Self {
        let ManagedPolicy { path, document, description, tags } = policy.clone();
        Self::new(name, &path, document, description, tags, DECLARED_AT)
    }

    /// One of AWS's.
    pub(super) fn of_aws(arn: &str, document: &str) -> Self {
        let path = arn.split_once(":policy").map(|(_, path)| path).unwrap_or_default();
        let (path, name) = path.rsplit_once('/').unwrap_or(("", path));
        Self::new(name, &format!("{path}/"), document.to_owned(), None, Tags::new(), DECLARED_AT)
    }

    pub(super) fn of_record(record: &Record) -> Option<Self> {
        let policy = Self::deserialize(&record.value).ok()?;
        Some(Self { tags: record.tags.clone(), ..policy })
    }

    pub(crate) fn put(&self, arn: &str) -> Edit {
        Edit::put(POLICY, arn, Record::new(json!(self)).with(self.tags.clone()))
    }

    /// What it says now.
    pub(super) fn document(&self) -> Option<&str> {
        let default = self.versions.iter().find(|version| version.id == self.default_version);
        default.map(|version| version.document.as_str())
    }

    /// Adds a version.
    pub(crate) fn add_version(&mut self, document: String, is_default: bool, now: Timestamp) -> PolicyVersion {
        self.newest += 1;
        let version = PolicyVersion { id: format!("v{}", self.newest), document, created_at: now };
        if is_default {
            self.default_version = version.id.clone();
            self.updated_at = now;
        }
        self.versions.push(version.clone());
        version
    }
}
