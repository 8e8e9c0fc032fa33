//! `develop`: what `up --watch` does when files change (Compose specification, "Compose Develop Specification").

use std::collections::BTreeMap;

use super::Lowering;
use super::services::{known_container, normal};
use crate::config::file::service::{ServiceFile, WatchFile};
use crate::config::task_definition::ReadDefinition;
use crate::config::text::diagnostics::Diagnostic;
use crate::config::text::suggest::help_for;
use crate::ecs::images::dockerignore::Dockerignore;
use crate::model::ContainerName;
use crate::model::service::{Build, Watch, WatchAction};

const ACTIONS: [&str; 4] = ["rebuild", "restart", "sync", "sync+restart"];

/// By container.
pub(super) fn lower(
    file: &ServiceFile,
    definition: Option<&ReadDefinition>,
    builds: &BTreeMap<ContainerName, Build>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<ContainerName, Vec<Watch>> {
    let mut watches = BTreeMap::new();
    for (container, develop) in file.develop.iter().flat_map(|develop| develop.iter()) {
        if let Some(definition) = definition {
            known_container(container, definition, lowering);
        }
        let name = ContainerName::new(&container.value);
        let is_built = builds.contains_key(&name);
        let entries = develop.watch.iter().flatten().filter_map(|entry| watch(entry, is_built, lowering)).collect();
        watches.insert(name, entries);
    }
    watches
}

fn watch(file: &WatchFile, is_built: bool, lowering: &mut Lowering<'_>) -> Option<Watch> {
    let (path, action) = (file.path.as_ref()?, file.action.as_ref()?);
    let ignore: Vec<String> = file.ignore.iter().flatten().map(|pattern| pattern.value.clone()).collect();
    for pattern in file.ignore.iter().flatten() {
        if Dockerignore::parse(pattern).is_err() {
            let wrong = format!("`{}` is no pattern", pattern.value);
            lowering.report(Diagnostic::error(wrong, pattern.span, "").note("patterns are those of `.dockerignore`"));
        }
    }
    let target = file.target.as_ref();
    if let Some(target) = target.filter(|target| !target.starts_with('/')) {
        lowering.report(
            Diagnostic::error(format!("`{}` is no place in a container", target.value), target.span, "")
                .help("write the whole path there, e.g. `/app/src`"),
        );
    }
    let action = match action.as_str() {
        "rebuild" if !is_built => {
            lowering.report(
                Diagnostic::error("`rebuild` of an image that is not built here", action.span, "")
                    .help("give the container a `build`, or write `restart`"),
            );
            return None;
        }
        "rebuild" => WatchAction::Rebuild,
        "restart" => WatchAction::Restart,
        "sync" | "sync+restart" => {
            let Some(target) = target else {
                lowering.report(
                    Diagnostic::error(format!("`{}` needs a `target`", action.value), action.span, "")
                        .help("add `target`: where the path is in the container, e.g. `/app/src`"),
                );
                return None;
            };
            WatchAction::Sync { target: target.value.clone(), restart: action.value == "sync+restart" }
        }
        other => {
            lowering.report(
                Diagnostic::error(format!("there is no action `{other}`"), action.span, "").maybe_help(help_for(
                    other,
                    "the actions are",
                    ACTIONS,
                )),
            );
            return None;
        }
    };
    Some(Watch { path: normal(&lowering.source.folder.join(&path.value)), action, ignore })
}
