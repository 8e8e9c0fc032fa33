//! What the user types and reads. One verb per file; what can be typed is in [`arguments`], what a verb needs of the
//! machine comes through [`project`], what it prints goes through [`printer`].

mod arguments;
mod attached;
mod background;
mod ca;
pub mod check;
mod completion;
mod doctor;
mod enter;
mod exec;
mod explain;
mod failure;
mod file;
mod findings;
mod health_lines;
mod hosts;
mod images;
pub mod init;
mod live;
mod logs;
mod man;
mod open;
mod orphan;
mod ownership;
mod picture;
mod printer;
mod process;
mod project;
mod ps;
mod records;
mod run;
mod sanitise;
mod stack;
mod stopping;
mod terminal;
mod trust;
mod up;
mod url;
mod verbs;
mod waiting;
mod watching;
mod welcome;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

use arguments::Verb;
pub(crate) use arguments::{
    BuildArgs, Color, DoctorArgs, EventsArgs, ExecArgs, ExplainArgs, Global, HostsArgs, LogsArgs, OpenArgs, PullArgs,
    Rmi, RunArgs, StartArgs, UpArgs,
};
pub use arguments::{Cli, Format};
pub use failure::{ExitStatus, Failure};
use printer::Printer;

/// Runs the command that was typed. Everything the user is to read has been printed when this returns.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitStatus {
    // A shell that asks what may come next is answered here, and the process ends.
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Asking for help is no mistake; anything else is a usage error, which clap explains.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::USAGE } else { ExitStatus::SUCCESS };
        }
    };
    let mut printer = Printer::new(cli.global.color);
    match dispatch(cli, &mut printer) {
        Ok(status) => status,
        Err(failure) => {
            printer.failure(&failure);
            failure.status
        }
    }
}

fn dispatch(cli: Cli, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let global = cli.global();
    match cli.command {
        Verb::Background(args) => return background::background(&global, &args),
        Verb::Enter(args) => {
            printer::install_diagnostics(global.verbose, true);
            return enter::enter(&args);
        }
        ref command => printer::install_diagnostics(global.verbose, matches!(command, Verb::Up(_) | Verb::Run(_))),
    }
    ownership::judge(&global, &cli.command, printer)?;
    match cli.command {
        Verb::Up(args) => up::up(&global, &args, printer),
        Verb::Down(args) => stack::down(&global, args.force, args.rmi, printer),
        Verb::Build(args) => images::build(&global, &args, printer),
        Verb::Pull(args) => images::pull(&global, &args, printer),
        Verb::Ps(args) => ps::ps(&global, args.all, args.events, args.format.format, printer),
        Verb::Logs(args) => logs::logs(&global, &args, printer),
        Verb::Exec(args) => exec::exec(&global, &args),
        Verb::Restart(args) => stack::restart(&global, args.service, printer),
        Verb::Check(args) => check_file(&global, &args, printer),
        Verb::Init(args) => init_file(args, printer),
        Verb::Explain(args) => explain::explain(&global, &args, printer),
        Verb::Run(args) => run::run(&global, &args, printer),
        Verb::Doctor(args) => doctor::doctor(&global, &args, printer),
        Verb::Hosts(args) => hosts::hosts(&global, &args, printer),
        Verb::Ca => ca::ca(&global, printer),
        Verb::Trust(args) => trust::trust(&global, args.dry_run, printer),
        Verb::Scale(args) => verbs::scale(&global, &args.counts, printer),
        Verb::Stop(args) if args.names.is_empty() => stack::down(&global, false, None, printer),
        Verb::Stop(args) => verbs::stop(&global, &args.names, printer),
        Verb::Start(args) => verbs::start(&global, &args.services, printer),
        Verb::Events(args) => verbs::events(&global, &args, printer),
        Verb::Open(args) => open::open(&global, &args, printer),
        Verb::Version => {
            printer.data(&Cli::command().render_version())?;
            Ok(ExitStatus::SUCCESS)
        }
        Verb::Untrust => trust::untrust(&global, printer),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "neargate", &mut script);
            printer.data(&String::from_utf8_lossy(&script))?;
            Ok(ExitStatus::SUCCESS)
        }
        Verb::Man { folder } => man::man(&folder),
        Verb::Background(_) | Verb::Enter(_) => unreachable!("handled above"),
    }
}

fn check_file(global: &Global, check: &arguments::CheckArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let args = check::CheckArgs {
        files: global.file.clone(),
        env_files: global.env_file.clone(),
        project_name: global.project_name.clone(),
        no_env: check.no_env,
        folder: std::env::current_dir()?,
        format: check.format.format,
        style: crate::config::Style::Coloured,
        env: &project::variable,
    };
    let (out, err) = printer.both();
    Ok(check::check(&args, out, err)?)
}

fn init_file(args: arguments::InitArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (out, err) = printer.both();
    let args = init::InitArgs { folder: std::env::current_dir()?, force: args.force, environment: args.environment };
    Ok(init::init(&args, out, err)?)
}
