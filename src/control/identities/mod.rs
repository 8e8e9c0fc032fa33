//! Users, roles and policies: those of the file, and those that clients have made since. What a client has changed is kept
//! whole, and goes before what the file says.

mod kept;
mod managed;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(crate) use self::kept::{DECLARED_AT, Kept, POLICY, PROVIDER, ROLE, USER};
pub(crate) use self::managed::{Managed, PolicyVersion};
use crate::control::desired::records::Records;
use crate::control::desired::state::Desired;
use crate::iam::document::{Document, Purpose, Version};
use crate::iam::evaluate::{Policies, Policy, Source};
use crate::iam::managed as of_aws;
use crate::model::arn::{ACCOUNT, base32, fingerprint};
use crate::model::iam::{Identities, OidcProvider, Permissions, Role, User};

static NOTHING: LazyLock<Records> = LazyLock::new(Records::default);

/// Everybody in the account.
pub(crate) struct Account<'s> {
    file: &'s Identities,
    records: &'s Records,
}

impl<'s> Account<'s> {
    pub(crate) fn of(desired: &'s Desired) -> Self {
        Self { file: &desired.topology().identities, records: desired.records() }
    }

    /// Without what clients have made.
    pub(crate) fn declared(file: &'s Identities) -> Self {
        Self { file, records: &NOTHING }
    }

    /// Whether signatures are verified, and unknown keys refused.
    pub(crate) fn checks_signatures(&self) -> bool {
        self.file.checks_signatures()
    }

    /// Whether the file says who may do what: then a role that is not there cannot be assumed.
    pub(crate) fn is_described(&self) -> bool {
        !(self.file.users.is_empty() && self.file.roles.is_empty())
    }

    /// Whose access key this is, by name. One that is inactive is nobody's.
    pub(crate) fn user_of_key(&self, access_key: &str) -> Option<(String, User)> {
        let has = |user: &User| user.access_keys.get(access_key).is_some_and(|key| key.is_active);
        let users = self.users().into_iter();
        users.map(|(name, kept)| (name, kept.entity)).find(|(_, user)| has(user))
    }

    /// A user by name.
    pub(crate) fn user(&self, name: &str) -> Option<User> {
        self.kept_user(name).map(|kept| kept.entity)
    }

    pub(crate) fn kept_user(&self, name: &str) -> Option<Kept<User>> {
        let record = self.records.get(USER, name).and_then(Kept::of_user);
        record.or_else(|| self.file.users.get(name).map(Kept::declared))
    }

    /// All users by name.
    pub(crate) fn users(&self) -> BTreeMap<String, Kept<User>> {
        let of_file = self.file.users.iter().map(|(name, user)| (name.clone(), Kept::declared(user)));
        let recorded =
            self.records.of(USER).filter_map(|(name, record)| Some((name.to_owned(), Kept::of_user(record)?)));
        of_file.chain(recorded).collect()
    }

    pub(crate) fn declares_user(&self, name: &str) -> bool {
        self.file.users.contains_key(name)
    }

    /// A role by its name, without its path.
    pub(crate) fn role(&self, name: &str) -> Option<Role> {
        self.kept_role(name).map(|kept| kept.entity)
    }

    pub(crate) fn kept_role(&self, name: &str) -> Option<Kept<Role>> {
        let record = self.records.get(ROLE, name).and_then(Kept::of_record);
        record.or_else(|| self.file.roles.get(name).map(Kept::declared))
    }

    /// All roles by name.
    pub(crate) fn roles(&self) -> BTreeMap<String, Kept<Role>> {
        let of_file = self.file.roles.iter().map(|(name, role)| (name.clone(), Kept::declared(role)));
        let recorded =
            self.records.of(ROLE).filter_map(|(name, record)| Some((name.to_owned(), Kept::of_record(record)?)));
        of_file.chain(recorded).collect()
    }

    pub(crate) fn declares_role(&self, name: &str) -> bool {
        self.file.roles.contains_key(name)
    }

    /// A role by its ARN.
    pub(crate) fn role_at(&self, arn: &str) -> Option<(String, Role)> {
        let (_, path) = arn.split_once(":role/")?;
        let name = path.rsplit('/').next()?;
        let role = self.role(name)?;
        (role_arn(name, &role) == arn).then(|| (name.to_owned(), role))
    }

    /// Who issues tokens, by URL without its scheme.
    pub(crate) fn oidc_provider(&self, url: &str) -> Option<OidcProvider> {
        self.kept_provider(url).map(|kept| kept.entity)
    }

    pub(crate) fn kept_provider(&self, url: &str) -> Option<Kept<OidcProvider>> {
        let record = self.records.get(PROVIDER, url).and_then(Kept::of_record);
        record.or_else(|| self.file.oidc_providers.get(url).map(Kept::declared))
    }

    /// All providers by URL.
    pub(crate) fn providers(&self) -> BTreeMap<String, Kept<OidcProvider>> {
        let of_file = self.file.oidc_providers.iter().map(|(url, one)| (url.clone(), Kept::declared(one)));
        let recorded =
            self.records.of(PROVIDER).filter_map(|(url, record)| Some((url.to_owned(), Kept::of_record(record)?)));
        of_file.chain(recorded).collect()
    }

    pub(crate) fn declares_provider(&self, url: &str) -> bool {
        self.file.oidc_providers.contains_key(url)
    }

    /// The document of a managed policy, in its default version.
    pub(crate) fn managed_policy(&self, arn: &str) -> Option<String> {
        self.policy(arn).and_then(|policy| policy.document().map(str::to_owned))
    }

    /// A managed policy, of AWS's as well.
    pub(crate) fn policy(&self, arn: &str) -> Option<Managed> {
        if let Some(document) = of_aws::document(arn) {
            return Some(Managed::of_aws(arn, document));
        }
        let record = self.records.get(POLICY, arn).and_then(Managed::of_record);
        record.or_else(|| {
            let own = self.file.policies.iter().find(|(name, policy)| policy_arn(name, &policy.path) == arn);
            own.map(|(name, policy)| Managed::declared(name, policy))
        })
    }

    /// All managed policies by ARN.
    pub(crate) fn all_policies(&self) -> BTreeMap<String, Managed> {
        let aws = of_aws::arns().map(str::to_owned);
        let file = self.file.policies.iter().map(|(name, policy)| policy_arn(name, &policy.path));
        let recorded = self.records.of(POLICY).map(|(arn, _)| arn.to_owned());
        aws.chain(file).chain(recorded).filter_map(|arn| self.policy(&arn).map(|policy| (arn, policy))).collect()
    }

    pub(crate) fn declares_policy(&self, arn: &str) -> bool {
        self.file.policies.iter().any(|(name, policy)| policy_arn(name, &policy.path) == arn)
    }

    /// How many have attached a managed policy, and how many it limits.
    pub(crate) fn attachments(&self, arn: &str) -> (usize, usize) {
        let of_roles = self.roles().into_values().map(|kept| kept.entity.permissions);
        let of_users = self.users().into_values().map(|kept| kept.entity.permissions);
        of_roles.chain(of_users).fold((0, 0), |(attached, limited), permissions| {
            let attaches = permissions.managed_policy_arns.iter().any(|one| one == arn);
            let limits = permissions.permissions_boundary.as_deref() == Some(arn);
            (attached + usize::from(attaches), limited + usize::from(limits))
        })
    }

    /// What somebody may do.
    pub(crate) fn policies(&self, permissions: &Permissions) -> Policies {
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
pub(crate) fn role_arn(name: &str, role: &Role) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role{}{name}", role.path)
}

/// `arn:aws:iam::…:user/<path><name>`
pub(crate) fn user_arn(name: &str, path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user{path}{name}")
}

/// `arn:aws:iam::…:policy/<path><name>`
pub(crate) fn policy_arn(name: &str, path: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}")
}

/// `arn:aws:iam::…:oidc-provider/<url>`
pub(crate) fn oidc_provider_arn(url: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{url}")
}

/// What IAM calls somebody for ever: `AROA…` of a role, `AIDA…` of a user, `ANPA…` of a managed policy. (IAM user guide, "IAM
/// identifiers", unique identifiers: 21 characters.)
pub(crate) fn unique_id(prefix: &str, arn: &str) -> String {
    format!("{prefix}{}", base32(fingerprint(&[prefix, arn]), 17))
}
