//! `pipeline`: runs the jobs of a GitHub workflow on this machine, against the running stack.

mod choose;
mod report;
mod setting;

use std::sync::Mutex;

use tokio::sync::watch;

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::global::Global;
use crate::cli::input::pipeline::PipelineArgs;
use crate::cli::output::printer::Printer;
use crate::cli::running::process::{self, Signals};
use crate::pipeline::job::Outcome;
use crate::runner;
use report::Report;
use setting::Prepared;

/// `pipeline`
pub(crate) fn pipeline(global: &Global, args: &PipelineArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let Prepared { settings, plan, steps, remarks } = setting::prepare(global, args, printer)?;
    if args.dry_run {
        printer.data(&plan.to_string())?;
        return Ok(ExitStatus::SUCCESS);
    }
    remarks.into_iter().for_each(|remark| printer.note(remark));
    process::block_on_threads(async {
        let missing = settings.cache.fill(&steps, &mut |line| printer.note(line)).await;
        if !missing.is_empty() {
            let lines = missing
                .iter()
                .map(|missing| format!("\n  {} ({})\n    {}", missing.action, missing.why, missing.command));
            return Err(Failure::new(format!(
                "these actions are not in {}, and could not be fetched; where the network allows:{}",
                settings.cache.folder.display(),
                lines.collect::<String>()
            )));
        }
        let mut signals = Signals::new()?;
        let (sender, cancelled) = watch::channel(0);
        let report = Mutex::new(Report::new(printer, args.log));
        let outcome = {
            let mut tell = |event| {
                if let Ok(mut report) = report.lock() {
                    report.hear(event);
                }
            };
            let running = runner::run(&settings, cancelled, &mut tell);
            tokio::pin!(running);
            loop {
                tokio::select! {
                    outcome = &mut running => break outcome,
                    () = signals.next() => { sender.send_modify(|asked| *asked += 1); }
                }
            }
        };
        if !args.keep {
            // The copies are ours; one that cannot be removed is no failure of the run.
            let _ = std::fs::remove_dir_all(&settings.scratch);
        }
        let outcome = outcome.map_err(Failure::new)?;
        if let Ok(mut report) = report.lock() {
            report.end(outcome);
            if args.keep {
                report.note(format!("kept: {}", settings.scratch.display()));
            }
        }
        Ok(match outcome {
            Outcome::Failure => ExitStatus::FAILED,
            Outcome::Cancelled => ExitStatus::INTERRUPTED,
            Outcome::Success | Outcome::Skipped => ExitStatus::SUCCESS,
        })
    })
}
