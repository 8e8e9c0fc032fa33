//! `task_roles`: the profiles that stand for the roles of tasks (ECS developer guide, "Amazon ECS task IAM role").

use std::collections::{BTreeMap, BTreeSet};

use super::lowering::Lowering;
use crate::file::File;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_model::service::Service;
use neargate_model::{ProfileName, ServiceName};

/// The profile of every role that a task definition names. The file may leave out the beginning of the role's ARN.
pub(super) fn lower(
    file: &File,
    services: &BTreeMap<ServiceName, Service>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<String, ProfileName> {
    let roles = services.values().filter_map(|service| service.task_definition.task_role_arn.as_deref());
    let roles: BTreeSet<&str> = roles.collect();
    let mut profiles = BTreeMap::new();
    for (role, given) in file.task_roles.iter().flat_map(|roles| roles.iter()) {
        let meant: Vec<&str> = roles.iter().copied().filter(|known| is_meant(&role.value, known)).collect();
        if meant.is_empty() && !roles.is_empty() {
            lowering.report(
                Diagnostic::warning("no task definition has this role", role.span, "").maybe_help(help_for(
                    role,
                    "the roles are",
                    roles.iter().copied(),
                )),
            );
        } else if meant.is_empty() {
            lowering.report(
                Diagnostic::warning("no task definition has a role", role.span, "")
                    .help("the task definition names it in `taskRoleArn`"),
            );
        }
        if let Some(profile) = &given.profile {
            profiles.extend(meant.iter().map(|known| ((*known).to_owned(), ProfileName::new(&profile.value))));
        }
    }
    profiles
}

/// Whether the file means this role: by its ARN or by its name, with or without its path.
fn is_meant(written: &str, role: &str) -> bool {
    let after = |separator: &str| role.split_once(separator).map(|(_, rest)| rest);
    written == role || after(":role/") == Some(written) || role.rsplit('/').next() == Some(written)
}
