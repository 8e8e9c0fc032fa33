//! Which workflow is meant.

use std::path::{Path, PathBuf};

use crate::cli::failure::Failure;
use crate::pipeline::reference::Reference;
use crate::pipeline::workflow::model::{Action, Work, Workflow};
use crate::pipeline::workflow::read;

const FOLDER: &str = ".github/workflows";

/// The file of the workflow that is named, or of the only one that deploys.
pub(super) fn file(top: &Path, named: Option<&str>, here: &Path) -> Result<PathBuf, Failure> {
    let Some(named) = named else { return only(top) };
    let file = here.join(named);
    if file.is_file() {
        return Ok(file);
    }
    let inside = |ending: &str| top.join(FOLDER).join(format!("{named}{ending}"));
    ["", ".yml", ".yaml"].map(inside).into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let known = names(top).join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Failure::usage(format!("no workflow `{named}`; {FOLDER} has {known}"))
    })
}

fn only(top: &Path) -> Result<PathBuf, Failure> {
    let files: Vec<PathBuf> = names(top).into_iter().map(|name| top.join(FOLDER).join(name)).collect();
    if files.is_empty() {
        return Err(Failure::usage(format!("no workflow in {}", top.join(FOLDER).display())));
    }
    let deploying: Vec<&PathBuf> = files.iter().filter(|file| is_deploying(file)).collect();
    match (deploying.as_slice(), files.as_slice()) {
        ([file], _) => Ok((*file).clone()),
        ([], [file]) => Ok(file.clone()),
        _ => Err(Failure::usage(format!("which workflow? {FOLDER} has {}", names(top).join(", ")))),
    }
}

fn names(top: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(top.join(FOLDER)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| name.ends_with(".yml") || name.ends_with(".yaml"));
    names.sort();
    names
}

/// Whether a step uses AWS's action that deploys to ECS. A file with mistakes is not asked.
fn is_deploying(file: &Path) -> bool {
    let text = crate::machine::files::read_text(file).unwrap_or_default();
    read::workflow("", &text).is_ok_and(|read| deploys(&read.workflow))
}

pub(super) fn deploys(workflow: &Workflow) -> bool {
    let steps =
        workflow.jobs.iter().filter_map(|job| if let Work::Steps(steps) = &job.work { Some(steps) } else { None });
    steps.flatten().any(|step| match &step.action {
        Action::Uses { action, .. } => matches!(
            Reference::parse(&action.text),
            Ok(Reference::Repository { repository, .. })
                if repository.eq_ignore_ascii_case("aws-actions/amazon-ecs-deploy-task-definition")
        ),
        Action::Run { script, .. } => script.text.contains("aws ecs "),
    })
}
