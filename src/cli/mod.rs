//! The command line. `verbs/` has one file per verb; `input/` parses arguments and finds the project, `output/` prints,
//! `running/` handles the process that runs the stack. This file only dispatches.

mod failure;
mod input;
mod output;
mod running;
pub mod verbs;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _};

pub use failure::{ExitStatus, Failure};
pub use input::arguments::{Cli, Format, LintFormat, TestFormat};
use input::arguments::{DownArgs, Verb};
use input::global::Global;
use output::printer::Printer;

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
        Verb::Background(args) => return running::background::background(&global, &args),
        Verb::Enter(args) => {
            output::printer::install_diagnostics(global.verbose, true);
            return verbs::enter::enter(&args);
        }
        ref command => {
            output::printer::install_diagnostics(global.verbose, matches!(command, Verb::Up(_) | Verb::Run(_)))
        }
    }
    running::ownership::judge(&global, &cli.command, printer)?;
    match cli.command {
        Verb::Up(args) => verbs::up::up(&global, &args, printer),
        Verb::Down(args) => running::stack::down(&global, &args, printer),
        Verb::Build(args) => verbs::images::build(&global, &args, printer),
        Verb::Pull(args) => verbs::images::pull(&global, &args, printer),
        Verb::Ps(args) => verbs::ps::ps(&global, args.all, args.events, args.format.format, printer),
        Verb::Logs(args) => verbs::logs::logs(&global, &args, printer),
        Verb::Exec(args) => verbs::exec::exec(&global, &args),
        Verb::Restart(args) => running::stack::restart(&global, args.service, printer),
        Verb::Deploy(args) => verbs::deploy::deploy(&global, &args, printer),
        Verb::ContinueDeployment(args) => verbs::services::continue_deployment(&global, &args, printer),
        Verb::RunTask(args) => verbs::run_task::run_task(&global, &args, printer),
        Verb::Check(args) => check_file(&global, &args, printer),
        Verb::Lint(args) => lint_file(&global, &args, printer),
        Verb::Test(args) => test_routes(&global, &args, printer),
        Verb::Replay(args) => verbs::replay::replay(&global, &args, printer),
        Verb::Pipeline(args) => verbs::pipeline::pipeline(&global, &args, printer),
        Verb::Env(args) => verbs::env::env(&global, args.shell, printer),
        Verb::Import(args) => verbs::import::import(&args, printer),
        Verb::Init(args) => init_file(&global, &args, printer),
        Verb::Explain(args) => verbs::explain::explain(&global, &args, printer),
        Verb::Run(args) => verbs::run::run(&global, &args, printer),
        Verb::Doctor(args) => verbs::doctor::doctor(&global, &args, printer),
        Verb::Hosts(args) => verbs::hosts::hosts(&global, &args, printer),
        Verb::Ca(_) => verbs::ca::ca(&global, printer),
        Verb::Trust(args) => verbs::trust::trust(&global, args.dry_run, printer),
        Verb::Scale(args) => verbs::services::scale(&global, &args.counts, printer),
        Verb::Stop(args) if args.names.is_empty() => running::stack::down(&global, &DownArgs::default(), printer),
        Verb::Stop(args) => verbs::services::stop(&global, &args.names, printer),
        Verb::Start(args) => verbs::services::start(&global, &args.services, printer),
        Verb::Events(args) => verbs::services::events(&global, &args, printer),
        Verb::Open(args) => verbs::open::open(&global, &args, printer),
        Verb::Version => {
            printer.data(&Cli::command().render_version())?;
            Ok(ExitStatus::SUCCESS)
        }
        Verb::Untrust(_) => verbs::trust::untrust(&global, printer),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "neargate", &mut script);
            printer.data(&String::from_utf8_lossy(&script))?;
            Ok(ExitStatus::SUCCESS)
        }
        Verb::Man { folder } => verbs::man::man(&folder),
        Verb::Background(_) | Verb::Enter(_) => unreachable!("handled above"),
    }
}

fn check_file(
    global: &Global,
    check: &input::arguments::CheckArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let args = verbs::check::CheckArgs {
        files: global.file.clone(),
        env_files: global.env_file.clone(),
        project_name: global.project_name.clone(),
        no_env: check.no_env,
        folder: std::env::current_dir()?,
        format: check.format.format,
        style: crate::config::Style::Coloured,
        env: &input::project::variables(global),
        has_address: &input::listen::is_here,
    };
    let (out, err) = printer.both();
    Ok(verbs::check::check(&args, out, err)?)
}

fn lint_file(global: &Global, lint: &input::arguments::LintArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let args = verbs::lint::LintArgs {
        files: global.file.clone(),
        env_files: global.env_file.clone(),
        folder: std::env::current_dir()?,
        format: lint.format,
        style: crate::config::Style::Coloured,
        env: &input::project::variables(global),
    };
    let (out, err) = printer.both();
    Ok(verbs::lint::lint(&args, out, err)?)
}

fn test_routes(
    global: &Global,
    test: &input::arguments::TestArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let args = verbs::test::TestArgs {
        files: global.file.clone(),
        env_files: global.env_file.clone(),
        tests: test.tests.clone(),
        write: test.write,
        coverage: test.coverage,
        folder: std::env::current_dir()?,
        format: test.format,
        style: crate::config::Style::Coloured,
        env: &input::project::variables(global),
    };
    let (out, err) = printer.both();
    Ok(verbs::test::test(&args, out, err)?)
}

fn init_file(global: &Global, args: &input::arguments::InitArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let (out, err) = printer.both();
    let environment = global.environment.clone();
    let args = verbs::init::InitArgs { folder: std::env::current_dir()?, force: args.force, environment };
    Ok(verbs::init::init(&args, out, err)?)
}
