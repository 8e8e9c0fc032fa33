//! Users, roles and policies. Documents are JSON, and have been read once to see that they are policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::redacted::Redacted;

/// Tags, by key.
pub type Tags = BTreeMap<String, String>;

/// What the file says about who may do what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identities {
    /// Whether signatures are verified; `None`: if there are users.
    pub signatures: Option<Signatures>,
    /// By name.
    pub users: BTreeMap<String, User>,
    /// By name.
    pub roles: BTreeMap<String, Role>,
    /// Customer managed policies, by name.
    pub policies: BTreeMap<String, ManagedPolicy>,
    /// OpenID Connect providers by URL, without its scheme.
    pub oidc_providers: BTreeMap<String, OidcProvider>,
}

impl Identities {
    /// Whether signatures are verified, and unknown keys refused.
    pub fn checks_signatures(&self) -> bool {
        match self.signatures {
            Some(signatures) => signatures == Signatures::Check,
            None => !self.users.is_empty(),
        }
    }
}

/// What is asked of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// It must be that of a known key.
    Check,
    /// A key that is unknown is the account's root.
    Any,
}

/// What users and roles have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Inline policies: documents by name.
    pub inline_policies: BTreeMap<String, String>,
    /// ARNs of attached managed policies, in the order of their attachment.
    pub managed_policy_arns: Vec<String>,
    /// The ARN of the managed policy that limits the others.
    pub permissions_boundary: Option<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// `/` or `/division/`
    pub path: String,
    /// What the user may do.
    pub permissions: Permissions,
    /// By the id of the key.
    pub access_keys: BTreeMap<String, AccessKey>,
    /// Its tags.
    pub tags: Tags,
}

/// A key of a user.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessKey {
    /// What signs.
    pub secret: Redacted,
    /// `Status`
    pub is_active: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// `/` or `/division/`
    pub path: String,
    /// Who may assume it.
    pub assume_role_policy: String,
    /// What its sessions may do.
    pub permissions: Permissions,
    /// The longest session, in seconds.
    pub max_session_duration: u32,
    /// `Description`
    pub description: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A policy that users and roles attach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// `/` or `/division/`
    pub path: String,
    /// The document.
    pub document: String,
    /// `Description`
    pub description: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// Who makes tokens that AssumeRoleWithWebIdentity takes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Audiences.
    pub client_ids: Vec<String>,
    /// SHA-1 fingerprints of certificates; kept, not used.
    pub thumbprints: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}
