//! Requests that a pipeline or a script makes to see whether what it deployed is well.

use std::sync::LazyLock;

use regex::Regex;

use super::question::{Evidence, Question, place};
use super::{command, compose, routes};
use crate::repository::Repository;

/// A URL whose host is this machine or a variable, and its path.
static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x) (?: https?:// )? (?: \$\{\{[^}]*\}\} | \$\{?\w+\}? | \$\([^)]*\) ) (?: :\d{2,5} )? (?<path> /[\w./-]*[\w/] ) (?: ["'`\s\\;)] | $ )"#,
    )
    .expect("a constant pattern that compiles")
});

/// A path that some step asks the container for.
pub(super) fn health_path(repository: &Repository, question: &Question<'_>) -> Option<Evidence> {
    let mut ports = compose::published(repository, question);
    ports.insert(0, question.port);
    let files: Vec<(&str, &str)> = repository.texts_below("").filter(|(path, _)| is_pipeline(path)).collect();
    let lines = || {
        files.iter().flat_map(|(path, text)| {
            let lines = text.split_inclusive('\n').scan(0, |at, line| {
                *at += line.len();
                Some((*at - line.len(), line))
            });
            lines.filter(|(_, line)| fetches(line)).map(move |(at, line)| (*path, *text, at, line))
        })
    };
    let local = lines().find_map(|(path, text, at, line)| {
        let asked = ports.iter().find_map(|port| command::asked(line, *port))?;
        // `/` may only be a wait for the port.
        let tells = asked != "/" || line.contains(" -f") || line.contains("--fail");
        tells.then(|| Evidence::new(asked, place(path, text, at), "from a health request in the pipeline"))
    });
    local.or_else(|| {
        lines().filter(|_| question.only).find_map(|(path, text, at, line)| {
            let asked =
                URL.captures_iter(line).map(|url| url["path"].to_owned()).find(|path| routes::tells_health(path))?;
            Some(Evidence::new(asked, place(path, text, at), "from a health request in the pipeline"))
        })
    })
}

fn fetches(line: &str) -> bool {
    let line = line.trim_start();
    !line.starts_with(['#', '/'])
        && (["curl", "wget", "http "].iter().any(|tool| line.contains(tool))
            || line.contains("HEALTH") && line.contains("URL"))
}

/// Workflows, build files of other pipelines, scripts that deploy.
fn is_pipeline(path: &str) -> bool {
    let lower = path.to_lowercase();
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    lower.starts_with(".github/workflows/")
        || lower.starts_with(".circleci/")
        || ["jenkinsfile", "buildspec", "makefile", ".gitlab-ci", "bitbucket-pipelines", "azure-pipelines"]
            .iter()
            .any(|word| name.contains(word))
        || (name.ends_with(".sh")
            && ["deploy", "health", "verify", "smoke", "aws"].iter().any(|word| lower.contains(word)))
}
