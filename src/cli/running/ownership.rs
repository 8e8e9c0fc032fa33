//! Two checkouts of a project (such as worktrees) have the same name, but are two stacks. A verb that would act on the stack
//! of another folder says so, or does nothing.

use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::cli::input::arguments::Verb;
use crate::cli::input::global::Global;
use crate::cli::input::{file, project};
use crate::cli::output::printer::{NOTE, Printer};
use crate::machine::folders::in_one_folder;

/// What a verb does to a stack that runs from another folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concern {
    /// Nothing, or it asks the process that runs the stack, which judges by itself.
    None,
    /// It looks.
    Looks,
    /// It changes or ends it.
    Changes,
}

impl Concern {
    fn from_verb(verb: &Verb) -> Self {
        match verb {
            Verb::Down(_)
            | Verb::Restart(_)
            | Verb::Scale(_)
            | Verb::Stop(_)
            | Verb::Start(_)
            | Verb::Deploy(_)
            | Verb::RunTask(_)
            | Verb::ContinueDeployment(_) => Self::Changes,
            Verb::Ps(_)
            | Verb::Logs(_)
            | Verb::Exec(_)
            | Verb::Explain(_)
            | Verb::Doctor(_)
            | Verb::Env(_)
            | Verb::Pipeline(_)
            | Verb::Events(_)
            | Verb::Open(_) => Self::Looks,
            Verb::Up(_)
            | Verb::Run(_)
            | Verb::Build(_)
            | Verb::Pull(_)
            | Verb::Check(_)
            | Verb::Lint(_)
            | Verb::Test(_)
            | Verb::Replay(_)
            | Verb::Import(_)
            | Verb::Init(_)
            | Verb::Hosts(_)
            | Verb::Ca(_)
            | Verb::Trust(_)
            | Verb::Untrust(_)
            | Verb::Completions { .. }
            | Verb::Version
            | Verb::Man { .. }
            | Verb::Enter(_)
            | Verb::Background(_) => Self::None,
        }
    }
}

/// Warns of, or refuses, what would concern the stack of another folder. Who names the project means it.
pub(crate) fn judge(global: &Global, verb: &Verb, printer: &mut Printer) -> Result<(), Failure> {
    let concern = Concern::from_verb(verb);
    if concern == Concern::None || global.project_name.is_some() {
        return Ok(());
    }
    let Some((project, folder)) = elsewhere(global)? else { return Ok(()) };
    let folder = folder.display();
    match concern {
        Concern::Changes => Err(Failure::new(format!(
            "project `{project}` runs from {folder}, not from here; to address it anyway: --project-name {project}"
        ))),
        _ => {
            printer.note(format!("{NOTE}!{NOTE:#} project `{project}` runs from {folder}, not from here"));
            Ok(())
        }
    }
}

/// The project, and the other folder that it runs from.
fn elsewhere(global: &Global) -> Result<Option<(String, PathBuf)>, Failure> {
    // The verb itself will report mistakes in the file.
    let Ok(here) = project::find(global) else { return Ok(None) };
    let Ok((name, folders)) = project::identify(global) else { return Ok(None) };
    let Some(from) = folders.runs_from()?.filter(|from| !in_one_folder(from, &here.main)) else { return Ok(None) };
    let folder = from.parent().unwrap_or(&from);
    Ok(Some((name.to_string(), file::relative(folder, &std::env::current_dir()?))))
}
