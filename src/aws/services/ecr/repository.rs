//! A repository as it is remembered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::faults::no_repository;
use crate::aws::action::State;
use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Records, Tags};
use crate::model::arn::{ACCOUNT, REGION};
use crate::protocols::fault::Fault;
use crate::protocols::timestamp::EpochSeconds;

const REPOSITORY: &str = "ecr/repository";

/// Its settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::aws) struct Repository {
    pub(super) repository_name: String,
    #[serde(with = "crate::control::desired::times")]
    pub(super) created_at: Timestamp,
    pub(super) image_tag_mutability: String,
    #[serde(default)]
    pub(super) image_tag_mutability_exclusion_filters: Option<Vec<Filter>>,
    pub(super) image_scanning_configuration: Value,
    pub(super) encryption_configuration: Value,
    #[serde(default)]
    pub(super) lifecycle_policy: Option<String>,
    #[serde(default)]
    pub(super) policy: Option<String>,
    #[serde(skip)]
    pub(super) tags: Tags,
}

/// Tags for which the opposite of the repository's mutability holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Filter {
    pub(super) filter_type: String,
    /// With `*` for any text.
    pub(super) filter: String,
}

impl Filter {
    fn takes(&self, tag: &str) -> bool {
        let mut parts = self.filter.split('*');
        let Some(mut rest) = parts.next().and_then(|first| tag.strip_prefix(first)) else { return false };
        let mut parts = parts.peekable();
        if parts.peek().is_none() {
            return rest.is_empty();
        }
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return rest.ends_with(part);
            }
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        true
    }
}

impl Repository {
    fn of(record: &Record) -> Option<Self> {
        let repository = Self::deserialize(&record.value).ok()?;
        Some(Self { tags: record.tags.clone(), ..repository })
    }

    pub(super) fn put(&self) -> Edit {
        Edit::put(REPOSITORY, &*self.repository_name, Record::new(json!(self)).with(self.tags.clone()))
    }

    pub(super) fn forget(&self) -> Edit {
        Edit::forget(REPOSITORY, &*self.repository_name)
    }

    /// By name.
    pub(in crate::aws) fn named(records: &Records, name: &str) -> Option<Self> {
        records.get(REPOSITORY, name).and_then(Self::of)
    }

    /// By name, in a registry. There is only the account's.
    pub(super) fn find(state: &State, name: &str, registry: Option<&str>) -> Result<Self, Fault> {
        let found = Self::named(state.records(), name).filter(|_| registry.is_none_or(|registry| registry == ACCOUNT));
        found.ok_or_else(|| no_repository(name, registry))
    }

    pub(super) fn all(state: &State) -> Vec<Self> {
        state.records().of(REPOSITORY).filter_map(|(_, record)| Self::of(record)).collect()
    }

    /// Whether a tag that is there stays with its image.
    pub(in crate::aws) fn keeps(&self, tag: &str) -> bool {
        let filters = self.image_tag_mutability_exclusion_filters.iter().flatten();
        let is_excluded = filters.into_iter().any(|filter| filter.takes(tag));
        self.image_tag_mutability.starts_with("IMMUTABLE") != is_excluded
    }

    pub(super) fn shape(&self, state: &State) -> Value {
        let name = &self.repository_name;
        let mut shape = json!({
            "repositoryArn": format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"),
            "registryId": ACCOUNT,
            "repositoryName": name,
            "repositoryUri": state.registry.uri(name),
            "createdAt": EpochSeconds(self.created_at),
            "imageTagMutability": self.image_tag_mutability,
            "imageScanningConfiguration": self.image_scanning_configuration,
            "encryptionConfiguration": self.encryption_configuration,
        });
        if let Some(filters) = &self.image_tag_mutability_exclusion_filters {
            shape["imageTagMutabilityExclusionFilters"] = json!(filters);
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_tags_with_any_text_for_its_stars() {
        let takes = |filter: &str, tag: &str| {
            Filter { filter_type: "WILDCARD".to_owned(), filter: filter.to_owned() }.takes(tag)
        };
        assert!(takes("latest", "latest") && takes("dev-*", "dev-1") && takes("*", "x") && takes("a*b*c", "a1b2c"));
        assert!(!takes("latest", "latest2") && !takes("dev-*", "prod") && !takes("a*b*c", "a1c"));
    }
}
