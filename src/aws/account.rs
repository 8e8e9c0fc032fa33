//! Users, roles and policies: those of the file, and those that clients have made since. What a client has changed is kept
//! whole, and goes before what the file says.

use super::ids::letters;
use crate::control::desired::state::Desired;
use crate::iam::document::{Document, Purpose, Version};
use crate::iam::evaluate::{Policies, Policy, Source};
use crate::iam::managed;
use crate::model::arn::{ACCOUNT, fingerprint};
use crate::model::iam::{Identities, OidcProvider, Permissions, Role, User};

/// Everybody in the account.
pub(super) struct Account<'s> {
    file: &'s Identities,
}

impl<'s> Account<'s> {
    pub(super) fn of(desired: &'s Desired) -> Self {
        Self { file: &desired.topology().identities }
    }

    /// Whether signatures are verified, and unknown keys refused.
    pub(super) fn checks_signatures(&self) -> bool {
        self.file.checks_signatures()
    }

    /// Whose access key this is, by name.
    pub(super) fn user_of_key(&self, access_key: &str) -> Option<(String, User)> {
        let has = |(_, user): &(&String, &User)| user.access_keys.contains_key(access_key);
        self.file.users.iter().find(has).map(|(name, user)| (name.clone(), user.clone()))
    }

    /// A user by name.
    pub(super) fn user(&self, name: &str) -> Option<User> {
        self.file.users.get(name).cloned()
    }

    /// A role by its name, without its path.
    pub(super) fn role(&self, name: &str) -> Option<Role> {
        self.file.roles.get(name).cloned()
    }

    /// A role by its ARN.
    pub(super) fn role_at(&self, arn: &str) -> Option<(String, Role)> {
        let (_, path) = arn.split_once(":role/")?;
        let name = path.rsplit('/').next()?;
        let role = self.role(name)?;
        (role_arn(name, &role) == arn).then(|| (name.to_owned(), role))
    }

    /// Who issues tokens, by URL without its scheme.
    pub(super) fn oidc_provider(&self, url: &str) -> Option<OidcProvider> {
        self.file.oidc_providers.get(url).cloned()
    }

    /// Whether somebody has said who may do what: then a role that is not there cannot be assumed.
    pub(super) fn is_described(&self) -> bool {
        !(self.file.users.is_empty() && self.file.roles.is_empty())
    }

    /// The document of a managed policy.
    pub(super) fn managed_policy(&self, arn: &str) -> Option<String> {
        if let Some(document) = managed::document(arn) {
            return Some(document.to_owned());
        }
        let own = self.file.policies.iter().find(|(name, policy)| policy_arn(name, &policy.path) == arn);
        own.map(|(_, policy)| policy.document.clone())
    }

    /// What somebody may do.
    pub(super) fn policies(&self, permissions: &Permissions) -> Policies {
        let Permissions { inline_policies, managed_policy_arns, permissions_boundary } = permissions;
        let managed =
            |arn: &String| self.managed_policy(arn).and_then(|text| policy(Source::Managed(arn.clone()), &text));
        let attached = managed_policy_arns.iter().filter_map(managed);
        let inline = inline_policies.iter().filter_map(|(name, text)| policy(Source::Inline(name.clone()), text));
        let boundary = permissions_boundary.as_ref().map(|arn| {
            // One that is gone allows nothing.
            managed(arn).unwrap_or_else(|| Policy {
                source: Source::Managed(arn.clone()),
                document: Document { version: Version::Y2012, statements: Vec::new() },
            })
        });
        Policies { identity: attached.chain(inline).collect(), boundary, session: None }
    }
}

/// A document that was read when it came in.
fn policy(source: Source, text: &str) -> Option<Policy> {
    Document::parse(text, Purpose::Identity).ok().map(|document| Policy { source, document })
}

/// `arn:aws:iam::…:role/<path><name>`
pub(super) fn role_arn(name: &str, role: &Role) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role{}{name}", role.path)
}

/// `arn:aws:iam::…:user/<path><name>`
pub(super) fn user_arn(name: &str, path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user{path}{name}")
}

/// `arn:aws:iam::…:policy/<path><name>`
pub(super) fn policy_arn(name: &str, path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}")
}

/// `arn:aws:iam::…:oidc-provider/<url>`
pub(super) fn oidc_provider_arn(url: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{url}")
}

/// What IAM calls somebody for ever: `AROA…` of a role, `AIDA…` of a user, `ANPA…` of a managed policy. (IAM user guide, "IAM
/// identifiers", unique identifiers: 21 characters.)
pub(super) fn unique_id(prefix: &str, arn: &str) -> String {
    format!("{prefix}{}", letters(fingerprint(&[prefix, arn]), 17))
}
