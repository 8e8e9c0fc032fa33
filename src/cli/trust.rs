//! `trust` and `untrust`: this machine's stores of trusted roots, and the local authority in them.

use crate::cli::doctor::{Check, Status};
use crate::cli::printer::{BAD, DIM, GOOD, NOTE, Printer};
use crate::cli::project::{self, Project};
use crate::cli::{ExitStatus, Failure, Global};
use crate::folders::Folders;
use crate::model::ProjectName;
use crate::trust::{self, Machine, Outcome, Root, StoreReport, SystemRunner};

/// `trust`
pub(crate) fn trust(global: &Global, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load_names(global, printer)?;
    let folders = &project.folders;
    if !folders.ca_certificate_in_use().exists() && !folders.ca_certificate().exists() {
        // People trust first and start later; the authority that `up` will use is made now.
        crate::app::make_authority(&project.topology, folders)
            .map_err(|error| Failure::new(crate::app::chain(&error)))?;
    }
    let (root, machine) = root(&project.topology.name, folders)?;
    report(&trust::trust(&root, &machine, &SystemRunner), printer)
}

/// `untrust`
pub(crate) fn untrust(global: &Global, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (name, folders) = project::identify(global)?;
    let (root, machine) = root(&name, &folders)?;
    report(&trust::untrust(&root, &machine, &SystemRunner), printer)
}

/// Whether the stores trust the authority; for `doctor`.
pub(crate) fn checks(project: &Project) -> Vec<Check> {
    let Ok((root, machine)) = root(&project.topology.name, &project.folders) else {
        return vec![Check::ok("trust", "no local authority yet; the first `neargate up` makes it")];
    };
    let reports = trust::status(&root, &machine, &SystemRunner);
    let there = reports.into_iter().filter(|report| report.outcome != Outcome::NotThere);
    there
        .map(|report| {
            let name = format!("trust: {}", report.store);
            match report.outcome {
                Outcome::Already | Outcome::Done => Check::ok(name, "trusts the local authority"),
                other => Check::wrong(Status::Note, name, other.to_string(), "neargate trust"),
            }
        })
        .collect()
}

/// The certificate in use, or the kept one while nothing runs.
fn root(name: &ProjectName, folders: &Folders) -> Result<(Root, Machine), Failure> {
    let paths = [folders.ca_certificate_in_use(), folders.ca_certificate()];
    let found = paths.into_iter().find_map(|path| Some((std::fs::read_to_string(&path).ok()?, path)));
    let (pem, path) =
        found.ok_or_else(|| Failure::new("there is no local authority yet; the first `neargate up` makes it"))?;
    let shown = path.display().to_string();
    let root = Root::new(name, &pem, &path).ok_or_else(|| Failure::new(format!("{shown} holds no certificate")))?;
    let machine = Machine::this().ok_or_else(|| Failure::new("HOME is not set"))?;
    Ok((root, machine))
}

fn report(reports: &[StoreReport], printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let mut status = ExitStatus::SUCCESS;
    for StoreReport { store, outcome } in reports {
        let (symbol, style) = match outcome {
            Outcome::Done | Outcome::Already => ("✔", GOOD),
            Outcome::NotThere => ("·", DIM),
            Outcome::NeedsRoot(_) | Outcome::ToolMissing { .. } | Outcome::NotTrusted | Outcome::Outdated => {
                ("!", NOTE)
            }
            Outcome::Failed(_) => ("✘", BAD),
        };
        printer.note(format!("{style}{symbol}{style:#} {store}: {outcome}"));
        if !matches!(outcome, Outcome::Done | Outcome::Already | Outcome::NotThere) {
            status = ExitStatus::FAILED;
        }
    }
    Ok(status)
}
