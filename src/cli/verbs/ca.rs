//! `ca`: the certificate of the local authority, for people who want to trust it in their own way.

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::printer::Printer;

/// `ca`
pub(crate) fn ca(global: &Global, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (_, folders) = project::identify(global)?;
    // The one in use, or the kept one while nothing runs.
    let in_use = folders.ca_certificate_in_use();
    let path = if in_use.exists() { in_use } else { folders.ca_certificate() };
    match std::fs::read_to_string(&path) {
        Ok(pem) => {
            printer.data(&pem)?;
            Ok(ExitStatus::SUCCESS)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::new("there is no local authority; the first `neargate up` creates it"))
        }
        Err(error) => Err(Failure::from(error).context(path.display())),
    }
}
