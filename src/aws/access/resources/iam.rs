//! Resources of IAM (Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access
//! Management").

use super::super::super::action::State;
use super::super::asked::Asked;
use super::super::call::Call;
use super::super::input;
use crate::control::identities::{self as account, Account};
use crate::model::arn::ACCOUNT;

pub(super) fn of(state: &State, call: &Call<'_>, action: &str) -> Vec<Asked> {
    let given = call.input;
    let own = |kind: &str, name: &str| format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}");
    let path = input::text(given, "Path").unwrap_or("/").trim_start_matches('/').to_owned();
    let asked = match call.action {
        "CreateRole" | "CreateUser" | "CreatePolicy" => {
            let kind = call.action.trim_start_matches("Create").to_ascii_lowercase();
            let name = input::text(given, &format!("{}Name", call.action.trim_start_matches("Create")));
            Some(Asked::on(action, own(&kind, &format!("{path}{}", name.unwrap_or_default()))))
        }
        "ListRoles" => Some(Asked::on(action, own("role", ""))),
        "ListUsers" => Some(Asked::on(action, own("user", ""))),
        "ListPolicies" => Some(Asked::on(action, "policy path /")),
        "CreateOpenIDConnectProvider" => {
            let url = input::text(given, "Url").unwrap_or_default().trim_start_matches("https://");
            Some(Asked::on(action, account::oidc_provider_arn(url)))
        }
        _ => {
            let account = Account::of(&state.desired);
            let role = input::text(given, "RoleName").map(|name| match account.role(name) {
                Some(role) => account::role_arn(name, &role),
                None => own("role", name),
            });
            let user = || {
                input::text(given, "UserName").map(|name| match account.user(name) {
                    Some(user) => account::user_arn(name, &user.path),
                    None => own("user", name),
                })
            };
            let named = ["OpenIDConnectProviderArn", "PolicySourceArn", "PolicyArn"];
            let other = || named.iter().find_map(|member| input::text(given, member)).map(str::to_owned);
            role.or_else(user).or_else(other).map(|arn| Asked::on(action, arn))
        }
    };
    let boundary = input::text(given, "PermissionsBoundary");
    let policy = input::text(given, "PolicyArn").filter(|_| call.action.contains("RolePolicy"));
    let with = |asked: Asked| match (boundary, policy) {
        (Some(arn), _) => asked.with("iam:PermissionsBoundary", arn),
        (None, Some(arn)) => asked.with("iam:PolicyARN", arn),
        (None, None) => asked,
    };
    asked.map(with).into_iter().collect()
}
