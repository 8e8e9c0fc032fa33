//! Decides how to react to changed files while `up --watch` runs. Pure: paths in, reactions out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::images::dockerignore::{Dockerignore, PatternError};
use crate::images::naming;
use crate::images::naming::Source;
use neargate_model::service::{AfterSync, Hook, Watch, WatchAction};
use neargate_model::{ContainerName, ServiceName, Topology};

/// A file or folder that is watched for a container.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The service.
    pub service: ServiceName,
    /// Its container.
    pub container: ContainerName,
    /// What to watch, and what to do about a change.
    pub watch: Watch,
    /// The build context of the container's image, if it is built.
    pub context: Option<PathBuf>,
    ignore: Dockerignore,
    /// The only files that count, if any are named.
    include: Option<Dockerignore>,
    /// The files that the build context excludes.
    context_ignore: Dockerignore,
    /// Files that the build reads even if they are excluded.
    always: Vec<PathBuf>,
}

/// The reaction for a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// Rebuild its image; nothing else matters then.
    pub rebuild: bool,
    /// Copy these files: local path, path in the container.
    pub sync: BTreeSet<(PathBuf, String)>,
    /// Restart it, after copying.
    pub restart: bool,
    /// Run these commands in it, after copying.
    pub exec: BTreeSet<Hook>,
}

/// The rules of a topology. `dockerignore` reads the ignore file of a build.
///
/// Without `develop`, the whole build context of a container is watched for rebuilding.
pub fn rules<E: From<PatternError>>(
    topology: &Topology,
    dockerignore: impl Fn(&neargate_model::service::Build) -> Result<Dockerignore, E>,
) -> Result<Vec<Rule>, E> {
    let mut rules = Vec::new();
    for (service_name, service) in &topology.services {
        for definition in &service.task_definition.containers {
            let build = match naming::source(service, definition) {
                Source::Build { build, container } if *container == definition.name => Some(build),
                _ => None,
            };
            let given = service.watches.get(&definition.name).cloned();
            let whole = build.map(|build| {
                let watched = Watch::to_rebuild;
                let dockerfile = build.context.join(&build.dockerfile);
                let is_outside = !dockerfile.starts_with(&build.context);
                let outside = is_outside.then(|| watched(dockerfile));
                [watched(build.context.clone())].into_iter().chain(outside).collect()
            });
            let context_ignore = build.map_or_else(|| Ok(Dockerignore::default()), &dockerignore)?;
            for watch in given.or(whole).unwrap_or_default() {
                rules.push(Rule {
                    service: service_name.clone(),
                    container: definition.name.clone(),
                    ignore: Dockerignore::parse(&watch.ignore.join("\n"))?,
                    include: match watch.include.as_slice() {
                        [] => None,
                        patterns => Some(Dockerignore::parse(&patterns.join("\n"))?),
                    },
                    context: build.map(|build| build.context.clone()),
                    context_ignore: context_ignore.clone(),
                    always: build.map(always_read).unwrap_or_default(),
                    watch,
                });
            }
        }
    }
    Ok(rules)
}

/// The rules of a container that is built from this folder, for tests of the watcher.
#[cfg(any(test, feature = "testing"))]
pub fn rule_of_a_build(folder: &Path, context_ignore: Dockerignore) -> Vec<Rule> {
    vec![Rule {
        service: ServiceName::new("shop"),
        container: ContainerName::new("web"),
        watch: Watch::to_rebuild(folder.to_owned()),
        context: Some(folder.to_owned()),
        ignore: Dockerignore::default(),
        include: None,
        context_ignore,
        always: Vec::new(),
    }]
}

fn always_read(build: &neargate_model::service::Build) -> Vec<PathBuf> {
    let dockerfile = build.context.join(&build.dockerfile);
    let mut beside = dockerfile.clone().into_os_string();
    beside.push(".dockerignore");
    vec![dockerfile, beside.into(), build.context.join(".dockerignore")]
}

impl Rule {
    /// Whether a change of this file or folder matters.
    pub fn minds(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.watch.path) else { return false };
        // A path that is a file itself has been named already.
        let is_named = inside == Path::new("");
        if self.include.as_ref().is_some_and(|include| !is_named && !excludes(include, inside)) {
            return false;
        }
        if self.always.iter().any(|file| file == path) {
            return self.watch.action == WatchAction::Rebuild;
        }
        !is_passing(path) && !excludes(&self.ignore, inside) && !self.is_left_out(path)
    }

    /// The destination of a changed file, if it is copied at all.
    pub fn destination(&self, path: &Path) -> Option<String> {
        match &self.watch.action {
            WatchAction::Sync { target, .. } => Some(in_container(&self.watch.path, target, path)),
            WatchAction::Rebuild | WatchAction::Restart => None,
        }
    }

    /// Whether nothing below this folder can matter, so that it need not be watched.
    pub fn leaves_out_folder(&self, folder: &Path) -> bool {
        let Ok(inside) = folder.strip_prefix(&self.watch.path) else { return false };
        let excluded = |ignore: &Dockerignore, path: &Path| excludes(ignore, path) && !ignore.has_exceptions();
        let in_context = self.context.as_ref().and_then(|context| folder.strip_prefix(context).ok());
        let holds_file = self.always.iter().any(|file| file.starts_with(folder));
        is_passing(folder)
            || (excluded(&self.ignore, inside)
                || in_context.is_some_and(|inside| excluded(&self.context_ignore, inside)))
                && !holds_file
    }

    fn is_left_out(&self, path: &Path) -> bool {
        let in_context = self.context.as_ref().and_then(|context| path.strip_prefix(context).ok());
        in_context.is_some_and(|inside| excludes(&self.context_ignore, inside))
    }
}

fn excludes(ignore: &Dockerignore, path: &Path) -> bool {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    !parts.is_empty() && ignore.excludes(&parts.join("/"))
}

/// Temporary files that version control and editors create next to the user's files (the list is Compose's).
fn is_passing(path: &Path) -> bool {
    let is_git = path.components().any(|part| part.as_os_str() == ".git");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_editors = name == "4913"
        || name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || [".swp", ".swx", ".swo"].iter().any(|end| name.ends_with(end))
        || ["___jb_", ".goutputstream-", ".sed"].iter().any(|start| name.starts_with(start))
        || name.ends_with("___jb_tmp___");
    is_git || is_editors
}

/// The reactions to these changes, by container.
pub fn react(rules: &[Rule], changed: &BTreeSet<PathBuf>) -> BTreeMap<(ServiceName, ContainerName), Reaction> {
    let mut reactions: BTreeMap<(ServiceName, ContainerName), Reaction> = BTreeMap::new();
    for rule in rules {
        for path in changed.iter().filter(|path| rule.minds(path)) {
            let reaction = reactions.entry((rule.service.clone(), rule.container.clone())).or_default();
            match &rule.watch.action {
                WatchAction::Rebuild => reaction.rebuild = true,
                WatchAction::Restart => reaction.restart = true,
                WatchAction::Sync { target, then } => {
                    reaction.sync.insert((path.clone(), in_container(&rule.watch.path, target, path)));
                    match then {
                        AfterSync::Nothing => {}
                        AfterSync::Restart => reaction.restart = true,
                        AfterSync::Exec(hook) => {
                            reaction.exec.insert(hook.clone());
                        }
                    }
                }
            }
        }
    }
    for reaction in reactions.values_mut().filter(|reaction| reaction.rebuild) {
        *reaction = Reaction { rebuild: true, ..Reaction::default() };
    }
    reactions
}

/// The path in the container of a file below a watched path. `target` is the destination of the watched path itself;
/// for a file, it may also be the destination folder, with a slash at the end.
fn in_container(watched: &Path, target: &str, path: &Path) -> String {
    let inside = path.strip_prefix(watched).unwrap_or(Path::new(""));
    let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let name = watched.file_name().unwrap_or_default().to_string_lossy();
    match (parts.is_empty(), target.strip_suffix('/')) {
        (true, Some(folder)) => format!("{folder}/{name}"),
        (true, None) => target.to_owned(),
        (false, _) => format!("{}/{}", target.trim_end_matches('/'), parts.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, action: WatchAction, ignore: &str, context_ignore: &str) -> Rule {
        Rule {
            service: ServiceName::new("shop"),
            container: ContainerName::new("web"),
            watch: Watch { action, ..Watch::to_rebuild(path.into()) },
            context: Some("/shop".into()),
            include: None,
            ignore: Dockerignore::parse(ignore).unwrap(),
            context_ignore: Dockerignore::parse(context_ignore).unwrap(),
            always: vec!["/shop/docker/Dockerfile".into(), "/shop/.dockerignore".into()],
        }
    }

    fn sync(target: &str) -> WatchAction {
        WatchAction::Sync { target: target.to_owned(), then: AfterSync::Nothing }
    }

    fn reaction(rules: &[Rule], paths: &[&str]) -> Option<Reaction> {
        react(rules, &paths.iter().map(PathBuf::from).collect()).into_values().next()
    }

    #[test]
    fn what_the_build_leaves_out_is_not_minded() {
        let rules = [rule("/shop", WatchAction::Rebuild, "*.md", "node_modules\ndocker\n")];
        let rebuilds = |path: &str| reaction(&rules, &[path]).is_some();
        assert!(rebuilds("/shop/src/a.js") && rebuilds("/shop/Dockerfile"));
        assert!(!rebuilds("/shop/node_modules/x/i.js") && !rebuilds("/shop/README.md") && !rebuilds("/else/a.js"));
        assert!(rebuilds("/shop/docker/Dockerfile") && rebuilds("/shop/.dockerignore"), "the builder reads them");
        for passing in ["/shop/.git/index.lock", "/shop/src/.a.js.swp", "/shop/src/a.js~", "/shop/src/4913"] {
            assert!(!rebuilds(passing), "{passing}");
        }
        assert!(rules[0].leaves_out_folder(Path::new("/shop/node_modules")));
        assert!(rules[0].leaves_out_folder(Path::new("/shop/.git")));
        assert!(!rules[0].leaves_out_folder(Path::new("/shop/docker")), "the Dockerfile is in it");
        assert!(!rules[0].leaves_out_folder(Path::new("/shop/src")) && !rules[0].leaves_out_folder(Path::new("/shop")));
    }

    #[test]
    fn files_go_where_the_target_says() {
        let there = |path: &str, target: &str, changed: &str| {
            let found = reaction(&[rule(path, sync(target), "", "")], &[changed]).unwrap();
            found.sync.into_iter().next().unwrap().1
        };
        assert_eq!(there("/shop/src", "/app/src", "/shop/src/a/b.js"), "/app/src/a/b.js");
        assert_eq!(there("/shop/src", "/app/", "/shop/src/b.js"), "/app/b.js");
        assert_eq!(there("/shop/nginx.conf", "/etc/nginx/nginx.conf", "/shop/nginx.conf"), "/etc/nginx/nginx.conf");
        assert_eq!(there("/shop/nginx.conf", "/etc/nginx/", "/shop/nginx.conf"), "/etc/nginx/nginx.conf");
    }

    #[test]
    fn a_rebuild_makes_the_rest_needless() {
        let restart = WatchAction::Sync { target: "/app".to_owned(), then: AfterSync::Restart };
        let rules = [rule("/shop/src", restart, "", ""), rule("/shop/package.json", WatchAction::Rebuild, "", "")];
        let found = reaction(&rules, &["/shop/src/a.js"]).unwrap();
        assert!(!found.rebuild && found.restart && found.sync.len() == 1);
        let found = reaction(&rules, &["/shop/src/a.js", "/shop/package.json"]).unwrap();
        assert_eq!(found, Reaction { rebuild: true, ..Reaction::default() });
    }

    /// Compose Develop Specification, `include`: "Only files that match these patterns will be considered when applying a
    /// watch rule. The syntax is the same as `ignore`."
    #[test]
    fn only_what_is_included_is_minded_and_of_that_nothing_that_is_ignored() {
        let mut only_go = rule("/shop", WatchAction::Rebuild, "gen", "");
        only_go.include = Some(Dockerignore::parse("**/*.go\nassets").unwrap());
        let rules = [only_go];
        let rebuilds = |path: &str| reaction(&rules, &[path]).is_some();
        assert!(rebuilds("/shop/main.go") && rebuilds("/shop/a/b.go") && rebuilds("/shop/assets/x/logo.svg"));
        assert!(!rebuilds("/shop/README.md") && !rebuilds("/shop/gen/a.go") && !rebuilds("/shop/docker/Dockerfile"));
        assert!(rules[0].minds(Path::new("/shop")), "a path that is named needs no pattern");
    }

    #[test]
    fn a_command_runs_once_for_all_files_that_were_copied_for_it() {
        let hook = Hook { command: vec!["nginx".to_owned(), "-s".to_owned(), "reload".to_owned()], ..Hook::default() };
        let action =
            |target: &str| WatchAction::Sync { target: target.to_owned(), then: AfterSync::Exec(hook.clone()) };
        let rules = [rule("/shop/conf", action("/etc/conf"), "", ""), rule("/shop/html", action("/html"), "", "")];
        let found = reaction(&rules, &["/shop/conf/a", "/shop/conf/b", "/shop/html/c"]).unwrap();
        assert_eq!((found.sync.len(), found.restart, found.exec), (3, false, BTreeSet::from([hook.clone()])));
    }
}
