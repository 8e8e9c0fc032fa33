//! What users and roles have in common: names, and what they may do.

use super::faults::none;
use crate::aws::action::{Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Tags;
use crate::control::identities::{Account, Kept};
use crate::model::iam::{Permissions, Role, User};
use crate::protocols::fault::Fault;

/// Users, or roles.
pub(super) trait Entities: 'static {
    /// One of them.
    type Entity: Clone + Send + 'static;
    /// `role`
    const WORD: &'static str;

    fn find(account: &Account<'_>, name: &str) -> Option<Kept<Self::Entity>>;
    fn permissions(entity: &mut Self::Entity) -> &mut Permissions;
    fn tags(entity: &mut Self::Entity) -> &mut Tags;
    fn put(name: &str, kept: &Kept<Self::Entity>) -> Edit;
}

/// Roles.
pub(super) struct OfRole;

impl Entities for OfRole {
    type Entity = Role;
    const WORD: &'static str = "role";

    fn find(account: &Account<'_>, name: &str) -> Option<Kept<Role>> {
        account.kept_role(name)
    }

    fn permissions(role: &mut Role) -> &mut Permissions {
        &mut role.permissions
    }

    fn tags(role: &mut Role) -> &mut Tags {
        &mut role.tags
    }

    fn put(name: &str, kept: &Kept<Role>) -> Edit {
        kept.put_role(name)
    }
}

/// Users.
pub(super) struct OfUser;

impl Entities for OfUser {
    type Entity = User;
    const WORD: &'static str = "user";

    fn find(account: &Account<'_>, name: &str) -> Option<Kept<User>> {
        account.kept_user(name)
    }

    fn permissions(user: &mut User) -> &mut Permissions {
        &mut user.permissions
    }

    fn tags(user: &mut User) -> &mut Tags {
        &mut user.tags
    }

    fn put(name: &str, kept: &Kept<User>) -> Edit {
        kept.put_user(name)
    }
}

/// The names by which inputs call them.
#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Named {
    role_name: Option<String>,
    user_name: Option<String>,
}

/// The one that an input names.
pub(super) fn named<E: Entities>(state: &State, input: &Input<'_>) -> Result<(String, Kept<E::Entity>), Fault> {
    let Named { role_name, user_name } = input.read()?;
    let name = if E::WORD == "role" { role_name } else { user_name }.unwrap_or_default();
    find::<E>(state, &name).map(|kept| (name, kept))
}

pub(super) fn find<E: Entities>(state: &State, name: &str) -> Result<Kept<E::Entity>, Fault> {
    let found = E::find(&Account::of(&state.desired), name);
    found.ok_or_else(|| none(format!("The {} with name {name} cannot be found.", E::WORD)))
}

/// Keeps it with other permissions.
pub(super) fn change<E: Entities>(
    name: &str,
    mut kept: Kept<E::Entity>,
    change: impl FnOnce(&mut Permissions),
) -> Edit {
    change(E::permissions(&mut kept.entity));
    E::put(name, &kept)
}
