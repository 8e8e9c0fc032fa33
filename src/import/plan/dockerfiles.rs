//! Dockerfiles that no pipeline mentions, and the folder that each is meant to be built from.

use crate::pipeline::found::{Build, Place};
use crate::pipeline::paths::{join, name, parent};
use crate::pipeline::stage::{Stage, Wanted, stage_of, without_stage, words};
use crate::pipeline::text::from_file;
use crate::repository::Repository;

/// Every Dockerfile, shallow ones first; of those that differ only in the stage that they are for, the wanted one.
pub(super) fn find<'r>(repository: &'r Repository, wanted: &Wanted) -> Vec<&'r str> {
    let is_meant = |path: &&str| {
        let stage = stage_of(path);
        let aside = matches!(stage, Some(Stage::Development | Stage::Test)) && wanted.is_meant_by(path) != Some(true);
        let other = words(path).iter().any(|word| matches!(word.as_str(), "devcontainer" | "example" | "examples"));
        is_one(path) && !aside && !other
    };
    let mut found: Vec<&str> = repository.paths().filter(is_meant).collect();
    found.sort_by_key(|path| (path.matches('/').count(), wanted.rank(path), path.len(), *path));
    let mut kinds: Vec<(&str, String)> = Vec::new();
    found.retain(|path| {
        let kind = (parent(path), subject(path));
        let new = !kinds.contains(&kind);
        kinds.push(kind);
        new
    });
    found
}

fn is_one(path: &str) -> bool {
    let file = name(path).to_lowercase();
    let named = file == "dockerfile" || file == "containerfile" || file.ends_with(".dockerfile");
    let variant = ["dockerfile.", "dockerfile-", "dockerfile_"].iter().any(|start| file.starts_with(start));
    named || (variant && !file.ends_with(".dockerignore"))
}

/// What a Dockerfile's name says that it makes, apart from the stage: nothing, as a rule.
pub(super) fn subject(path: &str) -> String {
    let subject = without_stage(name(path));
    let words = subject.split('-').filter(|word| !matches!(*word, "dockerfile" | "containerfile" | "docker"));
    words.collect::<Vec<_>>().join("-")
}

/// Without those that are for something else (`Dockerfile.fly`): a folder's own Dockerfile comes before one that has a
/// word in its name that nobody speaks of.
pub(super) fn usual<'r>(paths: Vec<&'r str>, spoken: &[String]) -> Vec<&'r str> {
    let plain: Vec<&str> = paths.iter().copied().filter(|path| subject(path).is_empty()).collect();
    let is_usual = |path: &&str| {
        let subject = subject(path);
        subject.split('-').any(|word| word.is_empty() || spoken.iter().any(|known| known == word))
            || !plain.iter().any(|other| parent(other) == parent(path))
    };
    paths.into_iter().filter(is_usual).collect()
}

/// The Dockerfile beside this one that is for the wanted stage, if this one is for another.
pub(super) fn variant_of(repository: &Repository, path: &str, wanted: &Wanted) -> Option<String> {
    let beside = |other: &&str| {
        is_one(other)
            && parent(other) == parent(path)
            && subject(other) == subject(path)
            && wanted.rank(name(other)) < wanted.rank(name(path))
    };
    let better = repository.paths().filter(beside).min_by_key(|other| (wanted.rank(name(other)), other.len()))?;
    let differ = stage_of(name(path)).is_some() || wanted.is_meant_by(name(better)) == Some(true);
    differ.then(|| better.to_owned())
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
    let own = parent(dockerfile);
    let mut folder = own;
    loop {
        if has_all(repository, dockerfile, folder) {
            return folder.to_owned();
        }
        if folder.is_empty() {
            return own.to_owned();
        }
        folder = parent(folder);
    }
}

/// The folder that has what a Dockerfile copies, if the one that it is said to be built from has not.
pub(super) fn better_context(repository: &Repository, build: &Build) -> Option<String> {
    let lacks = !repository.is_cut() && !has_all(repository, &build.dockerfile, &build.context);
    let better = lacks.then(|| context(repository, &build.dockerfile))?;
    (better != build.context && has_all(repository, &build.dockerfile, &better)).then_some(better)
}

/// Whether everything that a Dockerfile copies lies in a folder.
fn has_all(repository: &Repository, dockerfile: &str, folder: &str) -> bool {
    let text = repository.text(dockerfile).map(from_file).unwrap_or_default();
    sources(&text).iter().all(|source| {
        let path = join(folder, source);
        let begins = |start: &str| repository.paths().any(|known| known.starts_with(start));
        match source.strip_suffix('*') {
            Some(start) => begins(&join(folder, start)),
            None => path.is_empty() || repository.has(&path) || begins(&format!("{path}/")),
        }
    })
}

/// What `COPY` and `ADD` take from the context, if it is no address; of names with wildcards only how they begin, with
/// `*` behind it, and only those that are no build's result (`target/*.jar`).
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
            if path.is_empty() || path.contains(['$', '<']) || path.contains("://") {
                continue;
            }
            match path.trim_start_matches("./").split_once(['*', '?', '[']) {
                None => sources.push(path.to_owned()),
                Some((start, _)) if !start.is_empty() && !start.contains('/') => sources.push(format!("{start}*")),
                Some(_) => {}
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_without_what_is_copied_is_a_mistake() {
        let repository = Repository::from_files(&[
            ("api/Dockerfile.prod", "COPY package*.json ./\nCOPY . ."),
            ("api/package.json", ""),
            ("web/Dockerfile", "COPY web/index.html ./"),
            ("web/index.html", ""),
            ("job/Dockerfile", "COPY made-by-the-pipeline.jar ./"),
        ]);
        let better = |dockerfile: &str, context: &str| {
            let build = Build { context: context.to_owned(), ..build(&repository, dockerfile) };
            better_context(&repository, &build)
        };
        assert_eq!(better("api/Dockerfile.prod", "").as_deref(), Some("api"));
        assert_eq!(better("api/Dockerfile.prod", "api"), None);
        assert_eq!(better("web/Dockerfile", "web").as_deref(), Some(""));
        assert_eq!(better("web/Dockerfile", ""), None);
        assert_eq!(better("job/Dockerfile", ""), None);
    }

    #[test]
    fn of_variants_the_wanted_one_is_built() {
        let files = [
            "api/Dockerfile.dev",
            "api/Dockerfile.prod",
            "api/Dockerfile.fly",
            "web/Dockerfile",
            "web/Dockerfile.production",
            "web/Dockerfile.local",
            "web/worker.Dockerfile",
            "job/Dockerfile.dev",
        ];
        let repository = Repository::from_files(&files.map(|path| (path, "FROM x")));
        let of = |stage: Option<&str>| find(&repository, &Wanted::new(stage));
        let prod = ["api/Dockerfile.prod", "web/Dockerfile.production", "api/Dockerfile.fly", "web/worker.Dockerfile"];
        assert_eq!(of(None), prod);
        let dev = of(Some("dev"));
        assert_eq!(dev[..3], ["api/Dockerfile.dev", "job/Dockerfile.dev", "web/Dockerfile.local"]);
        let spoken = ["api".to_owned(), "worker".to_owned()];
        assert_eq!(usual(of(None), &spoken), [prod[0], prod[1], prod[3]]);
        let variant = |path, stage| variant_of(&repository, path, &Wanted::new(stage));
        assert_eq!(variant("api/Dockerfile.dev", None).as_deref(), Some("api/Dockerfile.prod"));
        assert_eq!(variant("web/Dockerfile", None).as_deref(), Some("web/Dockerfile.production"));
        assert_eq!(variant("api/Dockerfile.dev", Some("dev")), None);
        assert_eq!(variant("job/Dockerfile.dev", None), None);
    }

    #[test]
    fn the_context_is_where_everything_lies_that_is_copied() {
        let files = |text: &'static str| {
            [("apps/web/Dockerfile", text), ("apps/web/src/a.js", ""), ("package.json", ""), ("libs/x.js", "")]
        };
        let context = |text| context(&Repository::from_files(&files(text)), "apps/web/Dockerfile");
        assert_eq!(context("COPY . .\nCOPY src /src"), "apps/web");
        assert_eq!(context("COPY package.json ./\nCOPY --chown=a libs apps/web/src ./"), "");
        assert_eq!(context("COPY --from=x nothing ./\nCOPY *.toml ./"), "apps/web");
        assert_eq!(context("COPY package*.json ./\nCOPY target/*.jar ./"), "");
        assert_eq!(context("COPY made-by-the-pipeline.jar ./"), "apps/web");
    }
}
