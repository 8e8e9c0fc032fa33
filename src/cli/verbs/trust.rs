//! `trust` and `untrust`: add the local authority to this machine's trust stores, and remove it.

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::checks::{Check, Status};
use crate::cli::output::printer::{BAD, DIM, GOOD, NOTE, Printer};
use crate::machine::folders::Folders;
use crate::machine::trust;
use crate::machine::trust::SystemRunner;
use crate::machine::trust::store::{Machine, Outcome, Root, StoreReport};
use crate::model::ProjectName;

/// `trust`
pub(crate) fn trust(global: &Global, dry_run: bool, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load_names(global, printer)?;
    let folders = &project.folders;
    if !folders.ca_certificate_in_use().exists() && !folders.ca_certificate().exists() {
        if dry_run {
            printer.note("there is no local authority; `neargate trust` or the first `neargate up` creates it");
            return Ok(ExitStatus::SUCCESS);
        }
        // People trust first and start later; the authority that `up` will use is made now.
        crate::app::make_authority(&project.topology, folders)
            .map_err(|error| Failure::new(crate::app::chain(&error)))?;
    }
    let (root, machine) = root(&project.topology.name, folders)?;
    describe(&root, printer);
    if dry_run {
        return Ok(would(&trust::status(&root, &machine, &SystemRunner), printer));
    }
    let status = report("trusted", &trust::trust(&root, &machine, &SystemRunner), printer);
    hints(&root, global, printer);
    status
}

/// `untrust`
pub(crate) fn untrust(global: &Global, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (name, folders) = project::identify(global)?;
    let (root, machine) = root(&name, &folders)?;
    report("removed", &trust::untrust(&root, &machine, &SystemRunner), printer)
}

/// Whether every store of this machine that can be looked at trusts the authority.
pub(crate) fn is_trusted(project: &Project) -> bool {
    checks(project).iter().all(|check| check.status == Status::Ok)
}

/// The authority that is about to be trusted.
fn describe(root: &Root, printer: &mut Printer) {
    printer.note(format!("the local authority of project `{}`: {}", root.project, root.path.display()));
    let Some(facts) = root.facts() else { return };
    printer.note(format!("  {DIM}SHA-256{DIM:#}     {}", facts.fingerprint));
    let names = if facts.names.is_empty() { "nothing".to_owned() } else { facts.names.join(", ") };
    printer.note(format!("  {DIM}limited to{DIM:#}  {names}"));
    printer.note(format!("  {DIM}expires{DIM:#}     {}", facts.expires));
}

/// What `trust` would do.
fn would(reports: &[StoreReport], printer: &mut Printer) -> ExitStatus {
    for StoreReport { store, location, outcome } in reports {
        let place = location.as_deref().map(|place| format!(" ({place})")).unwrap_or_default();
        let what = match outcome {
            Outcome::NotTrusted => format!("would be added{place}"),
            Outcome::Outdated => format!("would replace an earlier root of this project{place}"),
            Outcome::Already | Outcome::Done => "already trusts it".to_owned(),
            other => other.to_string(),
        };
        printer.note(format!("· {store}: {what}"));
    }
    printer.note("nothing was changed");
    ExitStatus::SUCCESS
}

/// What no store covers, and the way back.
fn hints(root: &Root, global: &Global, printer: &mut Printer) {
    let path = root.path.display();
    let file = global.file.iter().map(|file| format!(" --file {}", file.display())).collect::<String>();
    printer
        .note(format!("  {DIM}Firefox{DIM:#}     start it once so that it has a profile, then run `neargate trust`"));
    printer.note(format!("  {DIM}Node{DIM:#}        NODE_EXTRA_CA_CERTS={path}"));
    printer.note(format!(
        "  {DIM}Java{DIM:#}        a JDK with a store of its own: keytool -importcert -cacerts -noprompt -storepass changeit \
         -alias {} -file {path}",
        root.nickname()
    ));
    printer.note(format!("  {DIM}undo{DIM:#}        neargate untrust{file}"));
}

/// Whether the stores trust the authority; for `doctor`.
pub(crate) fn checks(project: &Project) -> Vec<Check> {
    let Ok((root, machine)) = root(&project.topology.name, &project.folders) else {
        return vec![Check::ok("trust", "no local authority; the first `neargate up` creates it")];
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
        found.ok_or_else(|| Failure::new("there is no local authority; the first `neargate up` creates it"))?;
    let shown = path.display().to_string();
    let root = Root::new(name, &pem, &path).ok_or_else(|| Failure::new(format!("{shown} contains no certificate")))?;
    let machine = Machine::this().ok_or_else(|| Failure::new("HOME is not set"))?;
    Ok((root, machine))
}

fn report(done: &str, reports: &[StoreReport], printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let mut left = 0;
    for StoreReport { store, location, outcome } in reports {
        let (symbol, style) = match outcome {
            Outcome::Done | Outcome::Already => ("✔", GOOD),
            Outcome::NotThere => ("·", DIM),
            Outcome::NeedsRoot(_) | Outcome::ToolMissing { .. } | Outcome::NotTrusted | Outcome::Outdated => {
                ("!", NOTE)
            }
            Outcome::Failed(_) => ("✘", BAD),
        };
        let place = location.as_deref().map(|place| format!(" ({place})")).unwrap_or_default();
        let said = match outcome {
            Outcome::Done => format!("{done}{place}"),
            other => other.to_string(),
        };
        printer.note(format!("{style}{symbol}{style:#} {store}: {said}"));
        left += usize::from(!matches!(outcome, Outcome::Done | Outcome::Already | Outcome::NotThere));
    }
    if left == 0 {
        return Ok(ExitStatus::SUCCESS);
    }
    let there = reports.iter().filter(|report| report.outcome != Outcome::NotThere).count();
    printer.note(format!("{} of {there} stores done; see above for the rest", there - left));
    Ok(ExitStatus::FAILED)
}
