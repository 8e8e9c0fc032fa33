//! `neargate lint`: what is wrong with the rules of the load balancers, with proof. Needs no engine.

mod report;

use std::io::{self, Write};
use std::path::PathBuf;

use crate::cli::failure::ExitStatus;
use crate::cli::input::arguments::LintFormat;
use crate::cli::input::file::{self, FileError, Files, LoadedFile};
use crate::config::{Style, Tasks, findings};

/// What `lint` is given.
pub struct LintArgs<'a> {
    /// `--file`; without it the file is searched upward from the folder.
    pub files: Vec<PathBuf>,
    /// `--env-file`
    pub env_files: Vec<PathBuf>,
    /// The working directory.
    pub folder: PathBuf,
    /// `--format`
    pub format: LintFormat,
    /// Whether to colour the findings.
    pub style: Style,
    /// The process's environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Prints the findings to `out`, mistakes of the file to `err`. Fails if a finding is a warning.
pub fn lint(args: &LintArgs<'_>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitStatus> {
    // Values of variables do not matter to rules, and jobs that lint often have none.
    let loaded = Files::find(&args.files, &args.env_files, &args.folder)
        .and_then(|files| file::load(&files, &args.folder, args.env, Tasks::Lint));
    let LoadedFile { loaded, .. } = match loaded {
        Ok(loaded) => loaded,
        Err(FileError::Invalid { diagnostics, .. }) => {
            write!(err, "{}", diagnostics.render(args.style))?;
            return Ok(ExitStatus::USAGE);
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            writeln!(err, "error: {error}{cause}")?;
            return Ok(ExitStatus::USAGE);
        }
    };
    let found = findings::lint(&loaded);
    match args.format {
        LintFormat::Table => {
            write!(out, "{}", report::table(&found, &loaded.sources, args.style))?;
            writeln!(err, "{}", report::summary(&loaded.topology, &found))?;
        }
        LintFormat::Json => writeln!(out, "{}", report::json(&found, &loaded.sources))?,
        LintFormat::Sarif => writeln!(out, "{}", report::sarif(&found, &loaded.sources))?,
        LintFormat::Github => write!(out, "{}", report::github(&found, &loaded.sources))?,
    }
    let failed = found.iter().any(|found| found.is_warning);
    Ok(if failed { ExitStatus::FAILED } else { ExitStatus::SUCCESS })
}
