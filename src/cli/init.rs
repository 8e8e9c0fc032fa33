//! `neargate init`: writes a commented `neargate.yaml` from the task definition and the GitHub workflow that the
//! team already has. Asks nothing; says what it guessed and why.

mod collect;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the next change of `guess` asks it"))]
mod evidence;
mod guess;
mod repository;
mod workflow;
mod write;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ExitStatus;
use crate::config::init_support::{self, TaskFacts};
use repository::Repository;

/// What `init` is given.
pub struct InitArgs {
    /// Where the file is written: the working directory.
    pub folder: PathBuf,
    /// Overwrite what is there.
    pub force: bool,
}

/// Writes the file and tells `out` what was guessed; refusals go to `err`.
pub fn init(args: &InitArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    let target = args.folder.join("neargate.yaml");
    if target.exists() && !args.force {
        writeln!(err, "error: neargate.yaml exists already\nhelp: `neargate init --force` overwrites it")?;
        return Ok(ExitStatus::FAILED);
    }
    let repository = collect::collect(&args.folder);
    let found = task_definitions(&repository);
    let Some(shown) = found.first().copied() else {
        writeln!(
            err,
            "error: no task definition found\n\
             note: looked for .aws/task-definition.json and for JSON files with `task-def` in their names\n\
             help: save the one that runs, then try again:\n  \
             aws ecs describe-task-definition --task-definition FAMILY --query taskDefinition > .aws/task-definition.json"
        )?;
        return Ok(ExitStatus::FAILED);
    };
    if let Some(repository::Content::Unreadable(why)) = repository.content(shown) {
        writeln!(err, "error: {shown} {why}")?;
        return Ok(ExitStatus::USAGE);
    }
    let text = repository.text(shown).unwrap_or_default();
    let facts = match init_support::task_facts(Path::new(shown), text) {
        Ok(facts) => facts,
        Err(message) => {
            writeln!(err, "{message}")?;
            return Ok(ExitStatus::USAGE);
        }
    };
    let workflows = workflows(&repository);
    let mut plan = guess::plan(&facts, &workflows, &repository);
    shown.clone_into(&mut plan.task_definition);
    let others = &found[1..];
    if !others.is_empty() {
        plan.notes.insert(0, format!("{shown} is the task definition; there is also {}", others.join(", ")));
    }
    if repository.is_cut() {
        plan.notes.push("there are more files than were looked at".to_owned());
    }
    std::fs::write(&target, write::yaml(&plan))?;

    writeln!(out, "wrote neargate.yaml from {}", sources(shown, &workflows))?;
    writeln!(out, "\nguessed, so look at it:")?;
    for note in &plan.notes {
        writeln!(out, "  - {note}")?;
    }
    if !plan.variables.is_empty() {
        writeln!(out, "\nset in the environment or in .env:")?;
        for (name, what) in &plan.variables {
            writeln!(out, "  {name}  {what}")?;
        }
    }
    writeln!(out, "\nnext: neargate check")?;
    Ok(ExitStatus::SUCCESS)
}

fn sources(task_definition: &str, workflows: &[workflow::Workflow]) -> String {
    let used = workflows.iter().filter(|workflow| workflow.says_something()).map(|workflow| workflow.path.clone());
    std::iter::once(task_definition.to_owned()).chain(used).collect::<Vec<_>>().join(" and ")
}

/// `.aws/task-definition.json` first, then whatever looks like one, shortest path first.
fn task_definitions(repository: &Repository) -> Vec<&str> {
    let named = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        name.ends_with(".json") && ["task-def", "taskdef", "task_def"].iter().any(|part| name.contains(part))
    };
    let mut found: Vec<&str> = repository.paths().filter(named).collect();
    found.sort_by_key(|path| (*path != ".aws/task-definition.json", path.matches('/').count(), *path));
    found
}

fn workflows(repository: &Repository) -> Vec<workflow::Workflow> {
    repository
        .texts_below(".github/workflows")
        .filter(|(path, _)| path.ends_with(".yml") || path.ends_with(".yaml"))
        .map(|(path, text)| workflow::read(path, text))
        .collect()
}

/// The container that answers what no rule claims.
fn is_front(name: &str) -> bool {
    ["frontend", "front", "web", "nginx", "ui", "client", "proxy", "www"].iter().any(|word| name.contains(word))
}

/// What `guess` decided and `write` puts on paper.
#[derive(Default)]
struct Plan {
    name: String,
    domain: String,
    cluster: String,
    service: String,
    task_definition: String,
    /// The default first.
    routes: Vec<Route>,
    builds: Vec<BuildPlan>,
    environment: Vec<(String, Vec<(String, String)>)>,
    secrets: Vec<(String, String)>,
    /// What to tell.
    notes: Vec<String>,
    /// Variables that must be set, and what for.
    variables: Vec<(String, String)>,
}

struct Route {
    container: String,
    target_group: String,
    port: u16,
    health_path: String,
    /// `None` for the default action.
    path: Option<String>,
}

struct BuildPlan {
    container: String,
    context: String,
    dockerfile: String,
    args: Vec<(String, String)>,
    target: Option<String>,
}

impl Plan {
    fn variable(&mut self, name: &str, what: &str) {
        if !self.variables.iter().any(|(known, _)| known == name) {
            self.variables.push((name.to_owned(), what.to_owned()));
        }
    }
}

/// The first path among the health checks of a container.
fn health_path(facts: &TaskFacts, container: &str) -> Option<String> {
    let command = facts.containers.iter().find(|known| known.name == container)?.health_command.as_ref()?;
    let (_, rest) = command.split_once("://")?;
    let slash = rest.find('/')?;
    let end = rest.find(|c: char| c.is_whitespace() || "\"'|;)&".contains(c)).unwrap_or(rest.len());
    (slash < end).then(|| rest[slash..end].to_owned())
}
