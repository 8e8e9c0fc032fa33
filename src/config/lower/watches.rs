//! `develop`: what `up --watch` does when files change (Compose specification, "Compose Develop Specification").

use std::collections::BTreeMap;

use super::containers::{known_container, normal};
use super::lowering::Lowering;
use crate::file::service::{HookFile, ServiceFile, WatchFile};
use crate::read::OneOrMany;
use crate::read::reader::Spanned;
use crate::task_definition::ReadDefinition;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_ecs::images::dockerignore::Dockerignore;
use neargate_model::ContainerName;
use neargate_model::service::{AfterSync, Build, Hook, Watch, WatchAction};

const ACTIONS: [&str; 5] = ["rebuild", "restart", "sync", "sync+restart", "sync+exec"];

/// All rules, by container.
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
    let ignore = patterns(file.ignore.as_ref(), lowering);
    let include = patterns(file.include.as_ref(), lowering);
    let target = file.target.as_ref();
    if let Some(target) = target.filter(|target| !target.starts_with('/')) {
        lowering.report(
            Diagnostic::error(format!("`{}` is not an absolute path", target.value), target.span, "")
                .help("write the full path in the container, e.g. `/app/src`"),
        );
    }
    let action = match action.as_str() {
        "rebuild" if !is_built => {
            lowering.report(
                Diagnostic::error("`rebuild` for an image that is not built here", action.span, "")
                    .help("give the container a `build`, or write `restart`"),
            );
            return None;
        }
        "rebuild" => WatchAction::Rebuild,
        "restart" => WatchAction::Restart,
        "sync" | "sync+restart" | "sync+exec" => {
            let Some(target) = target else {
                lowering.report(
                    Diagnostic::error(format!("`{}` needs a `target`", action.value), action.span, "")
                        .help("add `target`: where the path is in the container, e.g. `/app/src`"),
                );
                return None;
            };
            WatchAction::Sync { target: target.value.clone(), then: after(&action.value, file, lowering)? }
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
    if let Some(hook) =
        file.exec.as_ref().filter(|_| !matches!(action, WatchAction::Sync { then: AfterSync::Exec(_), .. }))
    {
        lowering.report(
            Diagnostic::error("`exec` belongs to the action `sync+exec`", hook.span, "")
                .help("write `action: sync+exec`, or remove `exec`"),
        );
    }
    let initial_sync = file.initial_sync.as_ref().filter(|initial| initial.value);
    if let Some(initial) = initial_sync.filter(|_| !matches!(action, WatchAction::Sync { .. })) {
        lowering.report(
            Diagnostic::error("`initial_sync` belongs to actions that copy files", initial.span, "")
                .help("the actions are `sync`, `sync+restart` and `sync+exec`"),
        );
    }
    let path = normal(&lowering.source.folder.join(&path.value));
    Some(Watch { path, action, ignore, include, initial_sync: initial_sync.is_some() })
}

fn patterns(given: Option<&OneOrMany<Spanned<String>>>, lowering: &mut Lowering<'_>) -> Vec<String> {
    let given = given.map(|given| given.0.as_slice()).unwrap_or_default();
    for pattern in given.iter().filter(|pattern| Dockerignore::parse(pattern).is_err()) {
        let wrong = format!("`{}` is not a pattern", pattern.value);
        lowering
            .report(Diagnostic::error(wrong, pattern.span, "").note("patterns follow the rules of `.dockerignore`"));
    }
    given.iter().map(|pattern| pattern.value.clone()).collect()
}

/// The action after a copy. `None` after reporting.
fn after(action: &str, file: &WatchFile, lowering: &mut Lowering<'_>) -> Option<AfterSync> {
    match (action, &file.exec) {
        ("sync+restart", _) => Some(AfterSync::Restart),
        ("sync+exec", Some(hook)) => Some(AfterSync::Exec(self::hook(hook)?)),
        // It is there, and its mistakes have been reported.
        ("sync+exec", None) if lowering.reader.has_explained(file.whole, "exec") => None,
        ("sync+exec", None) => {
            let at = file.action.as_ref().map_or(file.span, |action| action.span);
            lowering.report(
                Diagnostic::error("`sync+exec` needs an `exec`", at, "")
                    .help("add the command to run in the container: `exec: { command: nginx -s reload }`"),
            );
            None
        }
        _ => Some(AfterSync::Nothing),
    }
}

fn hook(file: &HookFile) -> Option<Hook> {
    let text = |given: &Option<Spanned<String>>| given.as_ref().map(|given| given.value.clone());
    let environment = file.environment.iter().flat_map(|environment| environment.iter());
    Some(Hook {
        command: file.command.as_ref()?.value.0.clone(),
        user: text(&file.user),
        privileged: file.privileged.unwrap_or(false),
        working_dir: text(&file.working_dir),
        environment: environment.map(|(name, value)| (name.value.clone(), value.value.clone())).collect(),
    })
}
