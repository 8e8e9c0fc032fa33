//! `hosts`: the lines that make the stack's names resolve to this machine.

use std::net::IpAddr;

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::Global;
use crate::cli::input::machine::HostsArgs;
use crate::cli::input::project;
use crate::cli::output::printer::{NOTE, Printer};
use crate::cli::running::asking;
use crate::machine::hosts;
use crate::machine::trust::reach;
use crate::model::DomainName;

/// `hosts`
pub(crate) fn hosts(global: &Global, args: &HostsArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load_names(global, printer)?;
    let (name, domains) = (&project.topology.name, &project.topology.domains);
    let view = asking::block_on(asking::view(&project.folders))?;
    // A running stack also knows the names that clients have put into Route 53.
    let names: Vec<(IpAddr, DomainName)> = match view {
        Some(view) => view.names.iter().map(|one| (one.address, DomainName::new(&one.name))).collect(),
        None => reach::names(&project.topology),
    };
    for domain in hosts::left_out(domains) {
        printer.note(format!(
            "{NOTE}{domain}{NOTE:#} cannot be written to a hosts file: list its hosts one by one under `domain`"
        ));
    }
    if !args.apply && !args.remove {
        printer.data(&hosts::block(name, &names))?;
        return Ok(ExitStatus::SUCCESS);
    }
    let path = &args.hosts_file;
    let before =
        crate::machine::files::read_text(path).map_err(|error| Failure::from(error).context(path.display()))?;
    let after = match args.apply {
        true => hosts::apply(&before, name, &names),
        false => hosts::remove(&before, name),
    };
    if before == after {
        let already = if args.apply { "already has these lines" } else { "has no lines from neargate" };
        printer.note(format!("{} {already}", path.display()));
        return Ok(ExitStatus::SUCCESS);
    }
    hosts::write(path, &after).map_err(|error| {
        if error.kind() != std::io::ErrorKind::PermissionDenied {
            return Failure::new(format!("cannot write {}: {error}", path.display()));
        }
        // sudo's PATH often lacks the folder that this program is in.
        let flag = if args.apply { "--apply" } else { "--remove" };
        let file = global.file.iter().map(|file| format!(" --file {}", file.display())).collect::<String>();
        Failure::new(format!(
            "cannot write {}; run: sudo \"$(command -v neargate)\" hosts {flag}{file}",
            path.display()
        ))
    })?;
    match args.apply {
        true => printer.note(format!("{} now has:\n{}", path.display(), hosts::block(name, &names).trim_end())),
        false => printer.note(format!("removed neargate's block from {}", path.display())),
    }
    Ok(ExitStatus::SUCCESS)
}
