//! Target groups that the repository describes: in Terraform, CloudFormation, the CDK or a script.

mod cdk;
mod cloudformation;
mod script;
pub(crate) mod target_group;
mod terraform;

use std::collections::BTreeSet;

use super::question::{Evidence, Question, words};
use crate::repository::Repository;
use target_group::TargetGroup;

/// The path of the target group that the container registers with.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let mut groups = terraform::target_groups(repository);
    groups.extend(cloudformation::target_groups(repository));
    groups.extend(cdk::target_groups(repository));
    groups.extend(script::target_groups(repository));
    let group = choose(&groups, question)?;
    Some(Evidence {
        path: group.path.clone(),
        matcher: group.matcher.clone(),
        place: group.place.clone(),
        why: group.why,
    })
}

/// Registration says it outright; a port that only one path is asked on, or a name, says it well enough.
fn choose<'g>(groups: &'g [TargetGroup], question: &Question<'_>) -> Option<&'g TargetGroup> {
    let registered = |group: &&TargetGroup| {
        group
            .registered
            .iter()
            .any(|(container, port)| container == question.container && port.is_none_or(|port| port == question.port))
    };
    let alike = |group: &&TargetGroup| shares_a_name(group, question);
    let on_port = |group: &&TargetGroup| group.port == Some(question.port) && !speaks_of_another(group, question);
    agreed(groups.iter().filter(registered))
        .or_else(|| agreed(groups.iter().filter(on_port)))
        .or_else(|| agreed(groups.iter().filter(on_port).filter(alike)))
        .or_else(|| agreed(groups.iter().filter(alike)))
        .or_else(|| agreed(groups.iter().filter(|_| question.only)))
}

/// The first, if all ask for the same path.
fn agreed<'g>(mut groups: impl Iterator<Item = &'g TargetGroup> + Clone) -> Option<&'g TargetGroup> {
    let paths: BTreeSet<&str> = groups.clone().map(|group| group.path.as_str()).collect();
    if paths.len() == 1 { groups.next() } else { None }
}

/// Words that many names have.
const COMMON: &[&str] = &[
    "alb",
    "app",
    "aws",
    "blue",
    "container",
    "default",
    "dev",
    "ecs",
    "fargate",
    "green",
    "group",
    "http",
    "https",
    "lb",
    "main",
    "prod",
    "production",
    "service",
    "staging",
    "svc",
    "target",
    "task",
    "test",
    "tg",
    "this",
];

fn telling(name: &str) -> BTreeSet<String> {
    words(name).filter(|word| word.len() > 1 && !COMMON.contains(&word.as_str())).map(|word| role(&word)).collect()
}

/// Words that say the same of an application's part.
fn role(word: &str) -> String {
    match word {
        "api" | "backend" | "be" | "server" => "backend",
        "client" | "fe" | "front" | "frontend" | "ui" | "web" => "frontend",
        word => word,
    }
    .to_owned()
}

fn own_words(question: &Question<'_>) -> BTreeSet<String> {
    let mut own = telling(question.container);
    own.extend(telling(question.service.unwrap_or_default()));
    own.extend(telling(question.context.unwrap_or_default()));
    own
}

fn shares_a_name(group: &TargetGroup, question: &Question<'_>) -> bool {
    let own = own_words(question);
    group.names.iter().any(|name| telling(name).iter().any(|word| own.contains(word)))
}

/// A group of the front end is not the back end's, whatever its port.
fn speaks_of_another(group: &TargetGroup, question: &Question<'_>) -> bool {
    let own = own_words(question);
    let theirs: BTreeSet<String> = group.names.iter().flat_map(|name| telling(name)).collect();
    let other =
        |mine: &str, theirs_is: &str| own.contains(mine) && theirs.contains(theirs_is) && !own.contains(theirs_is);
    other("backend", "frontend") || other("frontend", "backend")
}
