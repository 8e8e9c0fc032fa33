//! Users, roles and providers as they are remembered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::control::desired::edit::Edit;
use crate::control::desired::records::{Record, Tags};
use crate::model::Redacted;
use crate::model::iam::{AccessKey, OidcProvider, Permissions, Role, User};

/// Kinds of records.
pub(crate) const USER: &str = "iam/user";
pub(crate) const ROLE: &str = "iam/role";
pub(crate) const POLICY: &str = "iam/policy";
pub(crate) const PROVIDER: &str = "iam/oidc-provider";

/// The file does not say since when something is there.
pub(crate) const DECLARED_AT: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// With the time of its creation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept<T> {
    pub(crate) entity: T,
    pub(crate) created_at: Timestamp,
}

impl<T: Clone> Kept<T> {
    pub(crate) fn new(entity: T, created_at: Timestamp) -> Self {
        Self { entity, created_at }
    }

    /// One that the file has.
    pub(super) fn declared(entity: &T) -> Self {
        Self { entity: entity.clone(), created_at: DECLARED_AT }
    }
}

fn created_at(record: &Record) -> Timestamp {
    record.text("createdAt").parse().unwrap_or(DECLARED_AT)
}

/// What stands in a record beside its tags.
fn record<T: Serialize>(entity: &T, tags: &Tags, created_at: Timestamp) -> Record {
    Record::new(json!({ "entity": entity, "createdAt": created_at.to_string() })).with(tags.clone())
}

impl<T: DeserializeOwned> Kept<T> {
    /// As it was put.
    pub(super) fn of_record(record: &Record) -> Option<Self> {
        let entity = T::deserialize(&record.value["entity"]).ok()?;
        Some(Self { entity, created_at: created_at(record) })
    }
}

impl Kept<Role> {
    pub(crate) fn put_role(&self, name: &str) -> Edit {
        Edit::put(ROLE, name, record(&self.entity, &self.entity.tags, self.created_at))
    }
}

impl Kept<OidcProvider> {
    pub(crate) fn put_provider(&self, url: &str) -> Edit {
        Edit::put(PROVIDER, url, record(&self.entity, &self.entity.tags, self.created_at))
    }
}

/// A user with secrets that can be written.
#[derive(Serialize, Deserialize)]
struct Written {
    path: String,
    permissions: Permissions,
    access_keys: BTreeMap<String, (String, bool)>,
}

impl Kept<User> {
    pub(crate) fn put_user(&self, name: &str) -> Edit {
        let User { path, permissions, access_keys, tags } = &self.entity;
        let keys = access_keys.iter().map(|(id, key)| (id.clone(), (key.secret.expose().to_owned(), key.is_active)));
        let written = Written { path: path.clone(), permissions: permissions.clone(), access_keys: keys.collect() };
        Edit::put(USER, name, record(&written, tags, self.created_at))
    }

    pub(super) fn of_user(record: &Record) -> Option<Self> {
        let Written { path, permissions, access_keys } = Written::deserialize(&record.value["entity"]).ok()?;
        let keys = access_keys
            .into_iter()
            .map(|(id, (secret, is_active))| (id, AccessKey { secret: Redacted::new(secret), is_active }));
        let user = User { path, permissions, access_keys: keys.collect(), tags: record.tags.clone() };
        Some(Self { entity: user, created_at: created_at(record) })
    }
}
