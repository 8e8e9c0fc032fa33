//! `man`: the manual pages, from the same definitions as `--help`. Packages call it; people read `man neargate`.

use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::Cli;

/// Writes `neargate.1` and a page for each command into a folder, which it creates.
pub(crate) fn man(folder: &Path) -> Result<ExitStatus, Failure> {
    let failed =
        |error: std::io::Error| Failure::new(format!("cannot write manual pages to {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    Ok(ExitStatus::SUCCESS)
}
