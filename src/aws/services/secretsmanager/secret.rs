//! A secret as it is remembered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::faults::{marked, not_found};
use crate::aws::action::State;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, SECRET, Tags};
use crate::model::arn::{ACCOUNT, REGION};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

pub(super) const CURRENT: &str = "AWSCURRENT";
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret. It has no `Debug`: nothing must show its values.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) policy: Option<String>,
    #[serde(with = "crate::control::desired::times")]
    pub(super) created_at: Timestamp,
    #[serde(with = "crate::control::desired::times")]
    pub(super) changed_at: Timestamp,
    /// When it was deleted, as text.
    pub(super) deleted_at: Option<String>,
    /// Newest last.
    pub(super) versions: Vec<Version>,
    #[serde(skip)]
    pub(super) tags: Tags,
}

/// A value that it has, or had.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) string: Option<String>,
    /// In Base64, as it was sent.
    pub(super) binary: Option<String>,
    pub(super) stages: Vec<String>,
    #[serde(with = "crate::control::desired::times")]
    pub(super) created_at: Timestamp,
}

impl Secret {
    pub(super) fn new(name: &str, suffix: &str, now: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            arn: format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{suffix}"),
            description: None,
            kms_key_id: None,
            policy: None,
            created_at: now,
            changed_at: now,
            deleted_at: None,
            versions: Vec::new(),
            tags: Tags::new(),
        }
    }

    fn of(record: &Record) -> Option<Self> {
        let secret = Self::deserialize(&record.value).ok()?;
        Some(Self { tags: record.tags.clone(), ..secret })
    }

    pub(super) fn put(&self) -> Edit {
        Edit::put(SECRET, &*self.name, Record::new(json!(self)).with(self.tags.clone()))
    }

    pub(super) fn forget(&self) -> Edit {
        Edit::forget(SECRET, &*self.name)
    }

    /// By name, by ARN, or by ARN without the letters that follow the name.
    pub(super) fn find(state: &State, id: &str) -> Option<Self> {
        let records = state.desired.records();
        let by_name = records.get(SECRET, id).and_then(Self::of);
        let is_meant =
            |secret: &Self| secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id);
        let secret = by_name.or_else(|| records.of(SECRET).filter_map(|(_, record)| Self::of(record)).find(is_meant));
        secret.or_else(|| Self::declared(state, id))
    }

    /// One of the file, which names it by its ARN.
    fn declared(state: &State, id: &str) -> Option<Self> {
        let secrets = &state.desired.topology().secrets;
        let is_secret = |key: &str| key.starts_with("arn:aws:secretsmanager:");
        let name_of = |arn: &str| {
            let name = arn.split(":secret:").nth(1).unwrap_or_default();
            name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned()
        };
        let mut known = secrets.iter().filter(|(key, _)| is_secret(key));
        let (arn, value) = known.find(|(key, _)| {
            *key == id || name_of(key) == id || key.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
        })?;
        let created_at = crate::control::identities::DECLARED_AT;
        let version = Version {
            id: crate::model::arn::uuid(&["version of a secret", arn]),
            string: Some(value.expose().to_owned()),
            binary: None,
            stages: vec![CURRENT.to_owned()],
            created_at,
        };
        let secret = Self { arn: arn.clone(), versions: vec![version], ..Self::new(&name_of(arn), "", created_at) };
        Some(secret)
    }

    /// All that are remembered.
    pub(super) fn all(state: &State) -> Vec<Self> {
        state.desired.records().of(SECRET).filter_map(|(_, record)| Self::of(record)).collect()
    }

    /// One that can be used.
    pub(super) fn live(state: &State, id: &str) -> Result<Self, Fault> {
        let secret = Self::find(state, id).ok_or_else(not_found)?;
        if secret.deleted_at.is_some() { Err(marked()) } else { Ok(secret) }
    }

    /// Gives it a new value, which is the current one unless other stages are asked for. A version that has the id already must
    /// have the same value.
    pub(super) fn add(&mut self, version: Version) {
        for stage in &version.stages {
            for older in &mut self.versions {
                if stage == CURRENT && older.stages.iter().any(|known| known == CURRENT) {
                    older.stages.push(PREVIOUS.to_owned());
                } else if stage == CURRENT {
                    older.stages.retain(|known| known != PREVIOUS);
                }
                older.stages.retain(|known| known != stage);
            }
        }
        self.changed_at = version.created_at;
        self.versions.push(version);
        // A version without a stage may go (user guide, "Secret versions").
        self.versions.retain(|version| !version.stages.is_empty());
    }

    /// `VersionIdsToStages`
    pub(super) fn stages(&self) -> Value {
        let entries = self.versions.iter().map(|version| (version.id.clone(), json!(version.stages)));
        Value::Object(entries.collect::<Map<_, _>>())
    }
}

/// A time as JSON has it.
pub(in crate::aws::services) fn seconds(time: Timestamp) -> Value {
    json!(EpochSeconds(time))
}
