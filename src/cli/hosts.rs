//! `hosts`: the lines that make the stack's names lead to this machine.

use crate::cli::printer::{NOTE, Printer};
use crate::cli::project;
use crate::cli::{ExitStatus, Failure, Global, HostsArgs};
use crate::hosts;

/// `hosts`
pub(crate) fn hosts(global: &Global, args: &HostsArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load_names(global, printer)?;
    let (name, domains) = (&project.topology.name, &project.topology.domains);
    let address = project.topology.load_balancer.bind_address;
    let address = if address.is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { address };
    for domain in hosts::left_out(domains) {
        printer.note(format!(
            "{NOTE}{domain}{NOTE:#} cannot stand in a hosts file: name its hosts one by one under `domain`"
        ));
    }
    if !args.apply && !args.remove {
        printer.data(&hosts::block(name, domains, address))?;
        return Ok(ExitStatus::SUCCESS);
    }
    let path = &args.hosts_file;
    let before = crate::files::read_text(path).map_err(|error| Failure::from(error).context(path.display()))?;
    let after = match args.apply {
        true => hosts::apply(&before, name, domains, address),
        false => hosts::remove(&before, name),
    };
    if before == after {
        printer.note(format!("{} is as it should be already", path.display()));
        return Ok(ExitStatus::SUCCESS);
    }
    hosts::write(path, &after).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::PermissionDenied => " (run it with sudo)",
            _ => "",
        };
        Failure::new(format!("{}: {error}{hint}", path.display()))
    })?;
    printer.note(format!(
        "{} now says:\n{}",
        path.display(),
        if args.apply { hosts::block(name, domains, address) } else { "nothing of ours".into() }
    ));
    Ok(ExitStatus::SUCCESS)
}
