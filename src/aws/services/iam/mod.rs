//! Users, roles and policies (AWS IAM API reference). Those of the file are read here as well; a client that changes one
//! keeps a copy of it, which goes before the file's.

mod attached;
mod entities;
mod faults;
mod inline;
mod keys;
mod lists;
mod policies;
mod providers;
mod roles;
mod shapes;
mod simulate;
mod tagging;
mod users;
mod versions;

use self::entities::{OfRole, OfUser};
use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AddClientIDToOpenIDConnectProvider", decide: providers::add_client },
    Action { name: "AttachRolePolicy", decide: attached::attach::<OfRole> },
    Action { name: "AttachUserPolicy", decide: attached::attach::<OfUser> },
    Action { name: "CreateAccessKey", decide: keys::create },
    Action { name: "CreateOpenIDConnectProvider", decide: providers::create },
    Action { name: "CreatePolicy", decide: policies::create },
    Action { name: "CreatePolicyVersion", decide: versions::create },
    Action { name: "CreateRole", decide: roles::create },
    Action { name: "CreateUser", decide: users::create },
    Action { name: "DeleteAccessKey", decide: keys::delete },
    Action { name: "DeleteOpenIDConnectProvider", decide: providers::delete },
    Action { name: "DeletePolicy", decide: policies::delete },
    Action { name: "DeletePolicyVersion", decide: versions::delete },
    Action { name: "DeleteRole", decide: roles::delete },
    Action { name: "DeleteRolePermissionsBoundary", decide: attached::delete_boundary::<OfRole> },
    Action { name: "DeleteRolePolicy", decide: inline::delete::<OfRole> },
    Action { name: "DeleteUser", decide: users::delete },
    Action { name: "DeleteUserPermissionsBoundary", decide: attached::delete_boundary::<OfUser> },
    Action { name: "DeleteUserPolicy", decide: inline::delete::<OfUser> },
    Action { name: "DetachRolePolicy", decide: attached::detach::<OfRole> },
    Action { name: "DetachUserPolicy", decide: attached::detach::<OfUser> },
    Action { name: "GetOpenIDConnectProvider", decide: providers::get },
    Action { name: "GetPolicy", decide: policies::get },
    Action { name: "GetPolicyVersion", decide: versions::get },
    Action { name: "GetRole", decide: roles::get },
    Action { name: "GetRolePolicy", decide: inline::get::<OfRole> },
    Action { name: "GetUser", decide: users::get },
    Action { name: "GetUserPolicy", decide: inline::get::<OfUser> },
    Action { name: "ListAccessKeys", decide: keys::list },
    Action { name: "ListAccountAliases", decide: lists::no_aliases },
    Action { name: "ListAttachedRolePolicies", decide: attached::list::<OfRole> },
    Action { name: "ListAttachedUserPolicies", decide: attached::list::<OfUser> },
    Action { name: "ListGroupsForUser", decide: lists::no_groups },
    Action { name: "ListInstanceProfilesForRole", decide: lists::no_instance_profiles },
    Action { name: "ListOpenIDConnectProviders", decide: providers::list },
    Action { name: "ListPolicies", decide: policies::list },
    Action { name: "ListPolicyTags", decide: tagging::list::<tagging::OfPolicy> },
    Action { name: "ListPolicyVersions", decide: versions::list },
    Action { name: "ListRolePolicies", decide: inline::list::<OfRole> },
    Action { name: "ListRoleTags", decide: tagging::list::<OfRole> },
    Action { name: "ListRoles", decide: roles::list },
    Action { name: "ListUserPolicies", decide: inline::list::<OfUser> },
    Action { name: "ListUserTags", decide: tagging::list::<OfUser> },
    Action { name: "ListUsers", decide: users::list },
    Action { name: "PutRolePermissionsBoundary", decide: attached::put_boundary::<OfRole> },
    Action { name: "PutRolePolicy", decide: inline::put::<OfRole> },
    Action { name: "PutUserPermissionsBoundary", decide: attached::put_boundary::<OfUser> },
    Action { name: "PutUserPolicy", decide: inline::put::<OfUser> },
    Action { name: "RemoveClientIDFromOpenIDConnectProvider", decide: providers::remove_client },
    Action { name: "SetDefaultPolicyVersion", decide: versions::set_default },
    Action { name: "SimulateCustomPolicy", decide: simulate::custom },
    Action { name: "SimulatePrincipalPolicy", decide: simulate::principal },
    Action { name: "TagOpenIDConnectProvider", decide: tagging::tag::<tagging::OfProvider> },
    Action { name: "TagPolicy", decide: tagging::tag::<tagging::OfPolicy> },
    Action { name: "TagRole", decide: tagging::tag::<OfRole> },
    Action { name: "TagUser", decide: tagging::tag::<OfUser> },
    Action { name: "UntagOpenIDConnectProvider", decide: tagging::untag::<tagging::OfProvider> },
    Action { name: "UntagPolicy", decide: tagging::untag::<tagging::OfPolicy> },
    Action { name: "UntagRole", decide: tagging::untag::<OfRole> },
    Action { name: "UntagUser", decide: tagging::untag::<OfUser> },
    Action { name: "UpdateAccessKey", decide: keys::update },
    Action { name: "UpdateAssumeRolePolicy", decide: roles::update_trust },
    Action { name: "UpdateOpenIDConnectProviderThumbprint", decide: providers::update_thumbprints },
    Action { name: "UpdateRole", decide: roles::update },
];
