//! Loads a topology from text: runs the steps in order and collects every mistake that they report.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::fidelity::{self, Fidelity};
use super::input::Source;
use super::lower::lowering::Places;
use super::read::reader::{Read as _, Reader};
use super::text::diagnostics::{Diagnostic, Diagnostics, Severity};
use super::text::parse;
use super::text::source::{Sources, Span};
use super::text::tree::{Node, Value};
use super::variables::{dotenv, interpolate};
use super::{file, lower, merge, warnings};
use neargate_model::Topology;

/// A file without mistakes.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The topology that it describes.
    pub topology: Topology,
    /// How every given field is treated.
    pub fidelity: Vec<Fidelity>,
    /// Settings that probably do not do what was intended.
    pub warnings: Vec<Diagnostic>,
    /// Every text that was read.
    pub sources: Sources,
    pub(crate) places: Places,
}

/// Reads, checks and resolves the file and the files that it mentions, or returns all mistakes.
pub fn load(source: Source<'_>) -> Result<Loaded, Diagnostics> {
    let mut sources = Sources::default();
    let mut reader = Reader::default();
    let file = sources.add(source.path, source.text);
    let mut root = match parse::parse(&sources, file) {
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
        match parse::parse(&sources, file) {
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
    let mut lowering = lower::lowering::Lowering {
        reader,
        sources: &mut sources,
        source: &source,
        places: Default::default(),
        wanted: Vec::new(),
        wanted_files: Vec::new(),
    };
    let topology = file.as_ref().and_then(|file| lower::lower(file, &mut lowering));
    let lower::lowering::Lowering { reader, places, .. } = lowering;
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
            places,
        }),
        _ => Err(all),
    }
}

/// Reads the variables from the files that define them.
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
                    "it is next to this file",
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

/// Hides values under `secrets`, and secrets of access keys, that are written in the file itself, so that no snippet shows
/// them.
fn hide_secrets(root: &Node, sources: &mut Sources) {
    let entries = |node: Option<&Node>| match node {
        Some(Node { value: Value::Map(entries), .. }) => entries.clone(),
        _ => Vec::new(),
    };
    let users = entries(root.get("aws").and_then(|aws| aws.get("users")));
    let keys = users.iter().flat_map(|user| entries(user.value.get("access_keys")));
    for entry in entries(root.get("secrets")).into_iter().chain(keys) {
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
    use super::super::input::Tasks;
    use super::super::text::diagnostics::Style;
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
        // Mistakes that do not depend on their values are still reported.
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
        assert_eq!(loaded.topology.main_load_balancer().listeners[0].rules.len(), 1000);
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

        /// A valid file with a piece removed and other text inserted gets further than random text.
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
