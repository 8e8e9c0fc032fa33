//! Names of clusters and services (ECS API reference, CreateCluster, CreateService).

use crate::task_definition;
use crate::violation::{NameKind, Violation};

/// Why a cluster cannot have this name: it takes 1 to 255 letters, digits, hyphens and underscores.
pub fn cluster(name: &str) -> Option<Violation> {
    judge(NameKind::Cluster, name)
}

/// Why a service cannot have this name: it takes 1 to 255 letters, digits, hyphens and underscores.
pub fn service(name: &str) -> Option<Violation> {
    judge(NameKind::Service, name)
}

fn judge(kind: NameKind, name: &str) -> Option<Violation> {
    (!task_definition::is_name(name)).then(|| Violation::InvalidName { kind, name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader, and for docs/ecs.md")]
        source: String,
        cluster: Option<String>,
        service: Option<String>,
        /// Code and message of each refusal.
        refused: Vec<String>,
    }

    #[test]
    fn names_are_refused_in_the_words_of_the_api() {
        neargate_fixture::each("ecs/names", |case: Case| {
            let found =
                case.cluster.as_deref().and_then(cluster).into_iter().chain(case.service.as_deref().and_then(service));
            let said: Vec<String> = found.map(|violation| format!("{}: {violation}", violation.code())).collect();
            assert_eq!(said, case.refused, "{}", case.name);
        });
    }
}
