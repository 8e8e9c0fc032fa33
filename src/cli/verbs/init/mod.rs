//! `neargate init`: writes a commented `neargate.yaml` from the task definitions and the pipelines that the team already
//! has. Asks nothing; says what it guessed and why. `up` without a file does the same in memory.
//! Here the folder is read and the file is written; [`crate::import`] makes the one from the other.

mod collect;
mod folder;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::failure::ExitStatus;
use crate::config::{self, Diagnostics, Source, Style, Tasks};
use crate::import::{self, Proposal};
use crate::machine::files;

/// What `init` is given.
pub struct InitArgs {
    /// Where the file is written: the working directory.
    pub folder: PathBuf,
    /// Overwrite an existing file.
    pub force: bool,
    /// Which of several environments is meant: production if none is named.
    pub environment: Option<String>,
}

/// Writes the file and tells `out` what was guessed; refusals go to `err`.
pub fn init(args: &InitArgs, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    let target = args.folder.join("neargate.yaml");
    if target.exists() && !args.force {
        writeln!(err, "error: neargate.yaml already exists\nhelp: `neargate init --force` overwrites it")?;
        return Ok(ExitStatus::FAILED);
    }
    let proposal = match derive(&args.folder, args.environment.as_deref()) {
        Ok(proposal) => proposal,
        Err(nothing_found) => {
            write!(err, "{nothing_found}")?;
            return Ok(ExitStatus::FAILED);
        }
    };
    std::fs::write(&target, &proposal.text)?;
    write!(out, "{}", proposal.report)?;
    if let Err(mistakes) = checked(&args.folder, &proposal.text) {
        writeln!(err, "\nthe file is written, but `neargate check` will refuse this, as AWS does:\n")?;
        write!(err, "{}", mistakes.render(Style::Plain))?;
    }
    Ok(ExitStatus::SUCCESS)
}

/// The file that `init` would write for the application that a folder belongs to, by its path: it is not there.
pub(crate) fn file_of(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    Some(folder::root_of(folder, home)?.join("neargate.yaml"))
}

/// What `init` would write for a folder, or why it would write nothing.
pub(crate) fn derive(folder: &Path, environment: Option<&str>) -> Result<Proposal, String> {
    let repository = collect::collect(folder);
    let name = folder.file_name().map_or_else(|| "app".to_owned(), |name| name.to_string_lossy().into_owned());
    import::propose(&repository, &name, environment)
}

/// What `check` says about the file once the variables are set.
fn checked(folder: &Path, text: &str) -> Result<(), Diagnostics> {
    let source = Source {
        path: Path::new("neargate.yaml"),
        folder,
        text,
        overrides: &[],
        env_files: None,
        read_file: &files::read_text,
        unusable_certificate: &|_, _| None,
        env: &|_| Some("set".to_owned()),
        tasks: Tasks::Run,
    };
    config::load(source).map(drop)
}
