//! Dockerfiles that no pipeline mentions, and the folder that each is meant to be built from.

use crate::cli::verbs::init::pipeline::paths::{join, name, parent};
use crate::cli::verbs::init::pipeline::text::from_file;
use crate::cli::verbs::init::pipeline::{Build, Place};
use crate::cli::verbs::init::repository::Repository;

/// Every Dockerfile, shallow ones first.
pub(super) fn of(repository: &Repository) -> Vec<&str> {
    let is_one = |path: &&str| {
        let file = name(path).to_lowercase();
        let named = file == "dockerfile" || file == "containerfile" || file.ends_with(".dockerfile");
        let variant = file.starts_with("dockerfile.") && !file.ends_with(".dockerignore");
        let aside = ["dev", "devcontainer", "local", "test", "example"];
        let stage =
            crate::cli::verbs::init::pipeline::stage::words(path).iter().any(|word| aside.contains(&word.as_str()));
        (named || variant) && !stage && !path.contains(".devcontainer/")
    };
    let mut found: Vec<&str> = repository.paths().filter(is_one).collect();
    found.sort_by_key(|path| (path.matches('/').count(), path.len(), *path));
    found
}

/// A build of it.
pub(super) fn build(repository: &Repository, dockerfile: &str) -> Build {
    Build {
        place: Place { file: dockerfile.to_owned(), line: 1 },
        job: 0,
        step: None,
        context: context(repository, dockerfile),
        dockerfile: dockerfile.to_owned(),
        args: Vec::new(),
        target: None,
        images: Vec::new(),
        names: Vec::new(),
    }
}

/// The nearest folder above it in which everything lies that it copies; its own if there is none.
fn context(repository: &Repository, dockerfile: &str) -> String {
    let text = repository.text(dockerfile).map(from_file).unwrap_or_default();
    let sources = sources(&text);
    let own = parent(dockerfile);
    let mut folder = own;
    loop {
        let there = |source: &String| {
            let path = join(folder, source);
            path.is_empty()
                || repository.has(&path)
                || repository.paths().any(|known| known.starts_with(&format!("{path}/")))
        };
        if sources.iter().all(there) {
            return folder.to_owned();
        }
        if folder.is_empty() {
            return own.to_owned();
        }
        folder = parent(folder);
    }
}

/// What `COPY` and `ADD` take from the context, if it has no wildcards and is no address.
fn sources(text: &str) -> Vec<String> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut sources = Vec::new();
    for line in joined.lines() {
        let mut words = line.split_whitespace();
        let Some(instruction) = words.next() else { continue };
        if !(instruction.eq_ignore_ascii_case("COPY") || instruction.eq_ignore_ascii_case("ADD")) {
            continue;
        }
        let words: Vec<&str> = words.collect();
        if words.iter().any(|word| word.starts_with("--from")) {
            continue;
        }
        let mut paths: Vec<&str> = words.into_iter().filter(|word| !word.starts_with("--")).collect();
        paths.pop();
        for path in paths {
            let path = path.trim_matches(['[', ']', '"', ',']);
            let plain = !path.contains(['*', '?', '$', '<']) && !path.contains("://");
            if plain && !path.is_empty() {
                sources.push(path.to_owned());
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_is_where_everything_lies_that_is_copied() {
        let files = |text: &'static str| {
            [("apps/web/Dockerfile", text), ("apps/web/src/a.js", ""), ("package.json", ""), ("libs/x.js", "")]
        };
        let context = |text| context(&Repository::of(&files(text)), "apps/web/Dockerfile");
        assert_eq!(context("COPY . .\nCOPY src /src"), "apps/web");
        assert_eq!(context("COPY package.json ./\nCOPY --chown=a libs apps/web/src ./"), "");
        assert_eq!(context("COPY --from=x nothing ./\nCOPY *.toml ./"), "apps/web");
        assert_eq!(context("COPY made-by-the-pipeline.jar ./"), "apps/web");
    }
}
