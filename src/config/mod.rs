//! The user's files, from text to [`crate::model`]: `neargate.yaml`, ECS task definitions, `.env`.
//!
//! ```text
//!  text ──tree──► nodes with places ──interpolate──► ──read──► file types ──lower──► Topology
//!                                                      │            │           └──► warnings (about the whole)
//!                                                      └ every step reports mistakes and goes on ──► Diagnostics
//!                                                      └ every field that was given ──► fidelity
//! ```
//!
//! Nothing here reads the process's environment or the file system by itself: both arrive in [`Source`].
//! Start with [`load`]; `file/` says what can be written, `lower/` what it means, `fidelity` what becomes of it.

pub mod diagnostics;
mod dotenv;
pub mod fidelity;
pub(crate) mod file;
mod hints;
mod image_reference;
pub(crate) mod init_support;
mod interpolate;
pub(crate) mod lower;
mod merge;
pub(crate) mod read;
pub mod reference;
pub mod schema;
pub mod source;
pub(crate) mod suggest;
pub(crate) mod syntax;
pub(crate) mod task_definition;
mod template;
pub(crate) mod tree;
mod warnings;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use diagnostics::{Diagnostic, Diagnostics, Severity, Style};
pub use fidelity::{Fidelity, Level};
pub use source::{Location, Sources, Span};

use crate::model::{ProjectName, Topology};
use read::{Read, Reader};
use tree::{Node, Value};

/// What [`load`] reads: one file, and how to reach what it mentions.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file as messages should show it, e.g. `neargate.yaml`.
    pub path: &'a Path,
    /// The folder it is in, absolute: what relative paths inside it are relative to.
    pub folder: &'a Path,
    /// What it says.
    pub text: &'a str,
    /// Files that are laid over it, in this order: as messages should show them, and what they say.
    pub overrides: &'a [(PathBuf, String)],
    /// Files with variables, later ones first to be asked, likewise; `None` is `.env` beside the file, if it is there.
    pub env_files: Option<&'a [(PathBuf, String)]>,
    /// Reads another file. A missing one is [`io::ErrorKind::NotFound`].
    pub read_file: &'a dyn Fn(&Path) -> io::Result<String>,
    /// What makes a certificate and its key, in this order, unusable as of now. Both files are there.
    pub unusable_certificate: &'a dyn Fn(&Path, &Path) -> Option<UnusableFile>,
    /// An environment variable of the process; it wins over `.env`.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Whether services and secrets may refer to variables that are not set.
    pub tasks: Tasks,
}

/// A certificate or a key that a listener could not use.
#[derive(Clone, Debug)]
pub struct UnusableFile {
    /// Which of the two.
    pub path: PathBuf,
    /// The end of a sentence: `holds no certificate`.
    pub problem: String,
}

/// What the file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tasks {
    /// To run it: every variable is needed.
    Run,
    /// For the load balancer's names and ports: what only tasks use may be missing. `sudo` hands no variables on.
    DoNotRun,
    /// To look at it where nobody has the secrets: placeholders stand for variables that are not set.
    Lint,
}

/// A file without mistakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it asks for.
    pub topology: Topology,
    /// What becomes of every field it gives.
    pub fidelity: Vec<Fidelity>,
    /// What will probably not do what was meant.
    pub warnings: Vec<Diagnostic>,
    /// Every text that took part.
    pub sources: Sources,
}

/// Reads, checks and resolves the file and what it mentions, or says everything that is wrong.
pub fn load(source: Source<'_>) -> Result<Loaded, Diagnostics> {
    let mut sources = Sources::default();
    let mut reader = Reader::default();
    let file = sources.add(source.path, source.text);
    let mut root = match tree::parse(&sources, file) {
        Ok(root) => root,
        Err(diagnostic) => return Err(Diagnostics::new(vec![*diagnostic], sources)),
    };
    if root.is_null() {
        let empty = Diagnostic::error("the file is empty", root.span, "").help("`neargate init` writes one");
        return Err(Diagnostics::new(vec![empty], sources));
    }
    hide_secrets(&root, &mut sources);
    for (path, text) in source.overrides {
        let file = sources.add(path, text);
        match tree::parse(&sources, file) {
            Ok(over) => {
                hide_secrets(&over, &mut sources);
                merge::merge(&mut root, over);
            }
            Err(diagnostic) => reader.report(*diagnostic),
        }
    }
    let variables = variables(&source, root.head, &mut sources, &mut reader);
    let env = |name: &str| (source.env)(name).or_else(|| variables.get(name).cloned());
    interpolate::interpolate(&mut root, &sources, &env, source.tasks, &mut reader);

    let file = file::File::read(&root, &mut reader);
    let mut lowering = lower::Lowering {
        reader,
        sources: &mut sources,
        source: &source,
        places: Default::default(),
        wanted: Vec::new(),
    };
    let topology = file.as_ref().and_then(|file| lower::lower(file, &mut lowering));
    let lower::Lowering { reader, places, .. } = lowering;
    let Reader { mut diagnostics, used, .. } = reader;
    // With mistakes about, "nothing forwards to this group" would say what is already known.
    let mistaken = diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
    if let Some(topology) = topology.as_ref().filter(|_| !mistaken) {
        warnings::about(topology, &places, &mut diagnostics);
    }
    let all = Diagnostics::new(diagnostics, sources);
    match topology {
        Some(topology) if all.errors() == 0 => Ok(Loaded {
            fidelity: fidelity::report(&used, &topology, all.sources()),
            topology,
            warnings: all.items().to_vec(),
            sources: all.sources().clone(),
        }),
        _ => Err(all),
    }
}

/// What the files with variables say.
fn variables(source: &Source<'_>, head: Span, sources: &mut Sources, reader: &mut Reader) -> BTreeMap<String, String> {
    let beside = match source.env_files {
        Some(_) => None,
        None => match (source.read_file)(&source.folder.join(".env")) {
            Ok(text) => Some((beside(source.path, ".env"), text)),
            // A folder of that name is an environment of Python's.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => None,
            Err(error) => {
                reader.report(Diagnostic::error(
                    format!("cannot read `.env`: {error}"),
                    head,
                    "it is beside this file",
                ));
                None
            }
        },
    };
    let files = source.env_files.unwrap_or_default().iter().chain(&beside);
    files.fold(BTreeMap::new(), |earlier, (path, text)| {
        let file = sources.add(path, text);
        dotenv::parse(sources, file, source.env, earlier, &mut reader.diagnostics)
    })
}

/// The file that governs a folder: `neargate.yaml` or `.yml` in it or in one of its parents.
pub fn find(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .flat_map(|folder| ["neargate.yaml", "neargate.yml"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// What is laid over a file that was found rather than named: `neargate.override.yaml` beside it, as in Compose.
pub fn find_override(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    ["neargate.override.yaml", "neargate.override.yml"]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|candidate| candidate.is_file())
}

/// The `name` of a file, whatever mistakes the rest of it has; the folder's if it gives none. For commands that only
/// need to know which project is meant. `None` if the file is not YAML, or its name names nothing.
///
/// Of several files the last one that has a name counts, as when they are merged.
pub fn name_of(folder: &Path, files: &[(PathBuf, String)]) -> Option<ProjectName> {
    let mut sources = Sources::default();
    let mut found = None;
    for (path, text) in files {
        let file = sources.add(path, text);
        let root = tree::parse(&sources, file).ok()?;
        found = root.get("name").map(|name| name.text().map(str::to_owned)).or(found);
    }
    match found {
        Some(name) => project_name(&name?).ok(),
        None => Some(lower::project_name_from(&folder.file_name()?.to_string_lossy())),
    }
}

/// A project's name, if the text can be one.
pub fn project_name(text: &str) -> Result<ProjectName, String> {
    let clean = lower::project_name_from(text);
    if clean.as_str() == text && text.len() <= 63 {
        return Ok(clean);
    }
    Err(format!(
        "`{text}` cannot name a project: it names Docker objects, so it has lower-case letters, digits, `-` and `_`, at \
         most 63"
    ))
}

/// Values under `secrets` that stand in the file itself must not be shown in a snippet.
fn hide_secrets(root: &Node, sources: &mut Sources) {
    let Some(Node { value: Value::Map(entries), .. }) = root.get("secrets") else { return };
    for entry in entries {
        let reference = entry.value.text().is_some_and(|text| {
            let inside = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            // A message after `?` is meant to be read; a default after `-` may be the secret itself.
            let name = inside.map(|inside| inside.split([':', '?']).next().unwrap_or_default());
            name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
                && !inside.is_some_and(|inside| inside.contains(":-") || inside.contains(":+"))
        });
        if !reference {
            sources.hide(entry.value.span);
        }
    }
}

/// A file in the same folder.
fn beside(path: &Path, name: &str) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.join(name),
        _ => PathBuf::from(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn try_load(text: &str) -> Result<Loaded, Diagnostics> {
        try_load_with(text, TASK)
    }

    const TASK: &str = r#"{"family":"f","networkMode":"awsvpc","cpu":"256","memory":"512","volumes":[{"name":"v"}],
        "executionRoleArn":"arn:aws:iam::1:role/r","containerDefinitions":[{"name":"app","image":"i",
        "portMappings":[{"containerPort":80}],"dependsOn":[{"containerName":"init","condition":"SUCCESS"}],
        "mountPoints":[{"sourceVolume":"v","containerPath":"/v"}],"healthCheck":{"command":["CMD","x"],"retries":3}},
        {"name":"init","image":"i","essential":false,"ulimits":[{"name":"nofile","softLimit":1,"hardLimit":2}]}]}"#;

    fn try_load_with(text: &str, task: &str) -> Result<Loaded, Diagnostics> {
        try_load_for(text, task, Tasks::Run)
    }

    fn try_load_for(text: &str, task: &str, tasks: Tasks) -> Result<Loaded, Diagnostics> {
        let read_file = |path: &Path| {
            if path.ends_with("td.json") {
                return Ok(task.to_owned());
            }
            Err(io::Error::from(io::ErrorKind::NotFound))
        };
        let env = |_: &str| None;
        load(Source {
            path: Path::new("neargate.yaml"),
            folder: Path::new("/p/app"),
            text,
            overrides: &[],
            env_files: None,
            read_file: &read_file,
            unusable_certificate: &|_, _| None,
            env: &env,
            tasks,
        })
    }

    const SMALL: &str = "\
domain: app.example.com
target_groups: { tg: { port: 80 } }
load_balancer:
  listeners:
    - { port: 443, protocol: HTTPS, default_action: { forward: tg } }
services:
  web: { task_definition: td.json, load_balancers: [ { target_group: tg, container: app, port: 80 } ] }
";

    #[test]
    fn a_small_file_loads() {
        let loaded = try_load(SMALL).unwrap();
        assert_eq!(loaded.topology.name.as_str(), "app");
        assert_eq!(loaded.topology.services.len(), 1);
    }

    #[test]
    fn who_runs_no_tasks_needs_none_of_their_variables() {
        let text = format!("{SMALL}secrets:\n  a: ${{NOT_SET}}\n  b: ${{NOT_SET:?give it}}\n");
        assert_eq!(try_load(&text).unwrap_err().errors(), 2);
        let loaded = try_load_for(&text, TASK, Tasks::DoNotRun).unwrap();
        assert_eq!(loaded.topology.domains.len(), 1);

        let text = SMALL.replace("app.example.com", "${NOT_SET}");
        assert_eq!(try_load_for(&text, TASK, Tasks::DoNotRun).unwrap_err().errors(), 1, "a name is needed");
        let text = format!("{SMALL}secrets:\n  a: ${{NOT SET}}\n");
        assert_eq!(try_load_for(&text, TASK, Tasks::DoNotRun).unwrap_err().errors(), 1, "not even a variable");
    }

    #[test]
    fn where_nobody_has_the_values_placeholders_stand_for_them() {
        let text = SMALL.replace("app.example.com", "${DOMAIN}").replace("port: 443", "port: \"${PORT}\"");
        let text = format!("{text}secrets:\n  a: ${{KEY}}\n  b: ${{KEY:?give it}}\ntime_scale: ${{SCALE}}\n");
        assert_eq!(try_load(&text).unwrap_err().errors(), 5);
        let loaded = try_load_for(&text, TASK, Tasks::Lint).unwrap();
        let message = loaded.warnings[0].message();
        assert_eq!(message, "variables without a value: `DOMAIN`, `KEY`, `PORT` and `SCALE`");
        // What is wrong whatever their values are is still said.
        let text = text.replace("forward: tg", "forward: gt");
        assert_eq!(try_load_for(&text, TASK, Tasks::Lint).unwrap_err().errors(), 1);
    }

    #[test]
    fn secrets_in_the_file_are_never_shown() {
        let text = format!("{SMALL}secrets:\n  a: sk-literal\n  a: sk-other\n  b: ${{X:-sk-default}}\n");
        let rendered = try_load(&text).unwrap_err().render(Style::Plain);
        assert!(rendered.contains("is given twice"), "{rendered}");
        assert!(!rendered.contains("sk-"), "{rendered}");
    }

    #[test]
    fn a_thousand_rules_load() {
        let mut text = SMALL.replace("{ port: 443, protocol: HTTPS, default_action: { forward: tg } }", "");
        text = text.replace("    - \n", "");
        let mut rules = String::from(
            "    - port: 443\n      protocol: HTTPS\n      default_action: { forward: tg }\n      rules:\n",
        );
        for priority in 1..=1000 {
            rules.push_str(&format!(
                "        - {{ priority: {priority}, conditions: [ {{ path_pattern: [\"/p{priority}/*\"] }} ], action: {{ forward: tg }} }}\n"
            ));
        }
        text = text.replace("  listeners:\n", &format!("  listeners:\n{rules}"));
        text.push_str("quotas: { rules_per_load_balancer: 1000 }\n");
        let loaded = try_load(&text).unwrap();
        assert_eq!(loaded.topology.load_balancer.listeners[0].rules.len(), 1000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn arbitrary_text_never_panics(text in "[a-z:{}\\[\\]\n \"'$#&*|>!%@`,.0-9é-]{0,120}") {
            if let Err(diagnostics) = try_load(&text) {
                let _ = diagnostics.render(Style::Plain);
            }
        }

        #[test]
        fn a_broken_task_definition_never_panics(start in 0..TASK.len(), length in 0..40_usize, insert in "[a-z:{}\\[\\], \"0-9é*-]{0,12}") {
            let end = (start + length).min(TASK.len());
            let task = format!("{}{insert}{}", &TASK[..start], &TASK[end..]);
            if let Err(diagnostics) = try_load_with(SMALL, &task) {
                let _ = diagnostics.render(Style::Plain);
            }
        }

        /// A valid file with a piece cut out and something else put in reaches much deeper.
        #[test]
        fn a_broken_file_never_panics(start in 0..SMALL.len(), length in 0..40_usize, insert in "[a-z:{}\\[\\]\n \"0-9é*-]{0,12}") {
            let end = (start + length).min(SMALL.len());
            let text = format!("{}{insert}{}", &SMALL[..start], &SMALL[end..]);
            if let Err(diagnostics) = try_load(&text) {
                let _ = diagnostics.render(Style::Plain);
            }
        }
    }
}
