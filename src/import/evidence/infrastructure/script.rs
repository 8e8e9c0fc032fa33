//! `aws elbv2 create-target-group` in scripts and workflows.

use super::target_group::{TargetGroup, literal_path};
use crate::evidence::question::place;
use crate::repository::Repository;

/// Every target group that a script makes.
pub(super) fn target_groups(repository: &Repository) -> Vec<TargetGroup> {
    repository
        .texts_below("")
        .flat_map(|(path, text)| {
            text.match_indices("create-target-group").filter_map(move |(at, _)| target_group(path, text, at))
        })
        .collect()
}

fn target_group(path: &str, text: &str, at: usize) -> Option<TargetGroup> {
    // The command ends with the first line that is not continued.
    let mut end = at;
    for line in text[at..].split_inclusive('\n') {
        end += line.len();
        if !line.trim_end().ends_with(['\\', '`', '^']) {
            break;
        }
    }
    let command = &text[at..end];
    let option = |name: &str| {
        let mut words = command.split_whitespace();
        let value = words.find_map(|word| match word.strip_prefix(name)? {
            "" => Some(None),
            attached => attached.strip_prefix('=').map(Some),
        })?;
        value.or_else(|| words.next()).map(|value| value.trim_matches(['"', '\'']).to_owned())
    };
    let asked = option("--health-check-path")?;
    Some(TargetGroup {
        names: option("--name").into_iter().collect(),
        port: option("--port").and_then(|port| port.parse().ok()),
        path: literal_path(&asked)?,
        matcher: option("--matcher")
            .and_then(|matcher| matcher.strip_prefix("HttpCode=").map(str::to_owned))
            .filter(|code| code != "200"),
        place: place(path, text, at + command.find("--health-check-path").unwrap_or(0)),
        registered: Vec::new(),
        why: "from the target group that a script creates",
    })
}
