//! `up`: starts the stack here or in the background, or applies a changed file to the one that runs.

use std::sync::Arc;

use crate::admin::wire::UpRequest;
use crate::cli::background::{in_the_background, wait_for_background};
use crate::cli::live::Live;
use crate::cli::printer::Printer;
use crate::cli::process::{Signals, block_on_threads, start, stop};
use crate::cli::project::{self, Project};
use crate::cli::stack;
use crate::cli::waiting::{self, Goal, cannot_listen, follow};
use crate::cli::{ExitStatus, Failure, Global, UpArgs, welcome};

/// `up`
pub(crate) fn up(global: &Global, args: &UpArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, Some(&args.start), true, printer)?;
    let goal = match (args.wait, args.detach) {
        (true, _) => Goal::Healthy,
        (false, true) => Goal::Started,
        (false, false) => Goal::Forever,
    };
    block_on_threads(async {
        let request = project.request(global, &args.start);
        loop {
            if let Some(pid) = stack::apply(&project.folders, &request, printer).await? {
                printer.note(format!("applied {} to the running stack (process {pid})", project.file.display()));
                let goal = if goal == Goal::Forever { Goal::Healthy } else { goal };
                return follow(&project, goal, &args.start, printer).await;
            }
            let outcome = if goal == Goal::Forever {
                in_the_foreground(&project, &request, printer).await
            } else {
                let background = in_the_background(&project, global, &args.start)?;
                wait_for_background(&project, background, goal, &args.start, printer).await
            };
            match outcome {
                // Another `up` was a moment earlier: the file is applied to its stack.
                Err(failure) if failure.status == ExitStatus::ALREADY_RUNNING => {}
                other => return other,
            }
        }
    })
}

async fn in_the_foreground(
    project: &Project,
    request: &UpRequest,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    // Asked for before anything is started, so that no Ctrl-C can come too early.
    let mut signals = Signals::new()?;
    let app = start(project, request).await?;
    for note in app.notes() {
        printer.note(note);
    }
    let mut views = app.view();
    let mut live = Live::new();
    let mut welcomed = false;
    let mut told = None;
    let status = loop {
        let view = Arc::clone(&views.borrow_and_update());
        if let Some(failure) = cannot_listen(&view) {
            live.finish();
            printer.failure(&failure);
            break failure.status;
        }
        let failed = waiting::failed_build(&view);
        if let Some(failure) = failed.as_ref().filter(|_| failed != told) {
            printer.failure(failure);
        }
        told = failed;
        if welcomed {
            live.report(&view, printer);
        } else {
            live.draw(&view, printer);
            if view.ready {
                live.finish();
                welcomed = true;
                welcome::print(project, &view, true, printer);
            }
        }
        tokio::select! {
            _ = views.changed() => {}
            () = signals.next() => break ExitStatus::INTERRUPTED,
            () = app.until_shut_down() => break ExitStatus::SUCCESS,
        }
    };
    live.finish();
    stop(app, signals, printer).await?;
    Ok(status)
}
