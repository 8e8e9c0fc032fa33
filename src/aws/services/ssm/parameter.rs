//! A parameter as it is remembered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::action::State;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{PARAMETER, Record, Tags};
use crate::control::identities::DECLARED_AT;
use crate::model::arn::{ACCOUNT, REGION};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

/// A parameter with its history. It has no `Debug`: nothing must show its values.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) description: Option<String>,
    pub(super) tier: String,
    pub(super) data_type: String,
    pub(super) key_id: Option<String>,
    pub(super) allowed_pattern: Option<String>,
    /// Newest last; never empty.
    pub(super) versions: Vec<Version>,
    #[serde(skip)]
    pub(super) tags: Tags,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) value: String,
    #[serde(with = "crate::control::desired::times")]
    pub(super) at: Timestamp,
    pub(super) by: String,
}

impl Parameter {
    fn of(record: &Record) -> Option<Self> {
        let parameter = Self::deserialize(&record.value).ok()?;
        Some(Self { tags: record.tags.clone(), ..parameter })
    }

    pub(super) fn put(&self) -> Edit {
        Edit::put(PARAMETER, &*self.name, Record::new(json!(self)).with(self.tags.clone()))
    }

    pub(super) fn forget(&self) -> Edit {
        Edit::forget(PARAMETER, &*self.name)
    }

    /// By name or ARN.
    pub(super) fn find(state: &State, id: &str) -> Option<Self> {
        let records = state.desired.records();
        let by_name = records.get(PARAMETER, id).and_then(Self::of);
        let by_arn = || Self::all(state).into_iter().find(|parameter| parameter.arn() == id);
        by_name.or_else(by_arn).or_else(|| Self::declared(state, id)).or_else(|| Self::public(id))
    }

    /// One of the file, which names it as task definitions do: by name or ARN.
    fn declared(state: &State, id: &str) -> Option<Self> {
        let secrets = &state.desired.topology().secrets;
        let name_of = |key: &str| match key.split_once(":parameter") {
            Some((_, path)) if path.trim_start_matches('/').contains('/') => path.to_owned(),
            Some((_, path)) => path.trim_start_matches('/').to_owned(),
            None => key.to_owned(),
        };
        let is_parameter = |key: &str| !key.starts_with("arn:") || key.starts_with("arn:aws:ssm:");
        let mut known = secrets.iter().filter(|(key, _)| is_parameter(key));
        let (key, value) = known.find(|(key, _)| *key == id || name_of(key) == id || arn(&name_of(key)) == id)?;
        Some(Self::unchanged(name_of(key), "SecureString", value.expose()))
    }

    /// One that AWS publishes: the log router's image, as stacks with FireLens read it. On AWS it leads to the registry of the
    /// region, which needs a login; this is the same image in the public one (AWS for Fluent Bit, "Public images").
    fn public(id: &str) -> Option<Self> {
        let tag = id.strip_prefix("/aws/service/aws-for-fluent-bit/")?;
        let value = format!("public.ecr.aws/aws-observability/aws-for-fluent-bit:{tag}");
        Some(Self::unchanged(id.to_owned(), "String", &value))
    }

    /// One that has had this value all the time.
    fn unchanged(name: String, kind: &str, value: &str) -> Self {
        Self {
            name,
            kind: kind.to_owned(),
            description: None,
            tier: "Standard".to_owned(),
            data_type: "text".to_owned(),
            key_id: None,
            allowed_pattern: None,
            versions: vec![Version {
                number: 1,
                value: value.to_owned(),
                at: DECLARED_AT,
                by: format!("arn:aws:iam::{ACCOUNT}:root"),
            }],
            tags: Tags::new(),
        }
    }

    /// All that are remembered.
    pub(super) fn all(state: &State) -> Vec<Self> {
        state.desired.records().of(PARAMETER).filter_map(|(_, record)| Self::of(record)).collect()
    }

    pub(super) fn arn(&self) -> String {
        arn(&self.name)
    }

    /// What GetParameter shows of a version.
    pub(super) fn shape(&self, version: &Version, selector: Option<&str>) -> Value {
        let mut shape = json!({
            "Name": self.name,
            "Type": self.kind,
            "Value": version.value,
            "Version": version.number,
            "LastModifiedDate": EpochSeconds(version.at),
            "ARN": self.arn(),
            "DataType": self.data_type,
        });
        if let Some(selector) = selector {
            shape["Selector"] = json!(selector);
        }
        shape
    }
}

/// A leading slash is not doubled.
fn arn(name: &str) -> String {
    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", name.trim_start_matches('/'))
}

/// AWS says no more than that.
pub(super) fn not_found() -> Fault {
    Fault::new("ParameterNotFound", "")
}
