//! `up`: starts the stack here or in the background, or applies a changed file to the running one.

use std::time::Instant;

use crate::admin::wire::{Request, UpRequest};
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::UpArgs;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::live::Live;
use crate::cli::output::printer::Printer;
use crate::cli::output::welcome;
use crate::cli::running::asking;
use crate::cli::running::attached::Attached;
use crate::cli::running::background::{in_the_background, wait_for_background};
use crate::cli::running::outcomes::Outcomes;
use crate::cli::running::process::{Signals, block_on_threads, start, stop};
use crate::cli::running::stack;
use crate::cli::running::waiting;
use crate::cli::running::waiting::{Goal, cannot_listen, follow};
use crate::cli::running::watching::{Again, Watching};

/// `up`
pub(crate) fn up(global: &Global, args: &UpArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let project = project::load(global, Some(&args.start), true, printer)?;
    let goal = match (args.wait, args.detach) {
        (true, _) => Goal::Healthy,
        (false, true) => Goal::Started,
        (false, false) => Goal::Forever,
    };
    let mut watching = Watching::start(&project, args.watch, printer)?;
    let again = Again { global, start: &args.start };
    block_on_threads(async {
        let request = project.request(global, &args.start);
        loop {
            if let Some(applied) = stack::apply(&project.folders, &request, printer).await? {
                applied.tell(&project.file, printer);
                // Deployments are followed to their ends, as `deploy` does.
                let goal = match goal {
                    Goal::Started | Goal::Deployed => Goal::Deployed,
                    Goal::Healthy | Goal::Forever => Goal::Healthy,
                };
                let followed = follow(&project, goal, &args.start, printer).await;
                return match followed {
                    Err(failure) if args.watch && failure.status == ExitStatus::FAILED => {
                        // What is wrong may be mended by the next change.
                        printer.failure(&failure);
                        watch(project, &again, &mut watching, printer).await
                    }
                    Ok(_) if args.watch => watch(project, &again, &mut watching, printer).await,
                    other => other,
                };
            }
            let outcome = if goal == Goal::Forever {
                in_the_foreground(&project, args, &request, &again, &mut watching, printer).await
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
    args: &UpArgs,
    request: &UpRequest,
    again: &Again<'_>,
    watching: &mut Watching,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    // Asked for before anything is started, so that no Ctrl-C can come too early.
    let mut signals = Signals::new()?;
    let app = start(project, request).await?;
    for note in app.notes() {
        printer.note(note);
    }
    let mut views = app.views();
    let mut live = Live::new();
    let mut output = Attached::new(project, args);
    let mut welcomed = false;
    let mut told = None;
    let mut outcomes = Outcomes::default();
    // The project as a changed file has made it.
    let mut changed_project = None;
    let status = loop {
        let project = changed_project.as_ref().unwrap_or(project);
        let view = views.latest();
        // A reader of standard output that hangs up ends the stack in good order.
        if let Err(failure) = output.show(&view, &mut live, printer) {
            break failure.status;
        }
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
        watching.catch_up(project, &view, printer).await;
        if welcomed {
            live.report(&view, printer);
            outcomes.see(&view, Instant::now()).into_iter().for_each(|line| printer.note(line));
        } else {
            live.draw(&view, printer);
            if view.ready {
                live.finish();
                // What led here is no news.
                live.prime(&view);
                outcomes = Outcomes::of(&view, Instant::now());
                welcomed = true;
                welcome::print(project, &view, true, printer);
            }
        }
        tokio::select! {
            _ = views.changed() => {}
            changed = watching.changes() => {
                if let Some(changed) = watching.react(again, project, &view, changed?, printer).await {
                    changed_project = Some(changed);
                }
            }
            () = output.grown(), if output.is_wanted() => {}
            () = signals.next() => break ExitStatus::INTERRUPTED,
            () = app.until_shut_down() => break ExitStatus::SUCCESS,
        }
    };
    let _ = output.show(&views.latest(), &mut live, printer);
    live.finish();
    stop(app, signals, printer).await?;
    Ok(status)
}

/// Watches files for a stack that another process runs, until Ctrl-C or until it ends. It keeps running afterwards.
async fn watch(
    mut project: Project,
    again: &Again<'_>,
    watching: &mut Watching,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    let mut signals = Signals::new()?;
    let Some(mut conversation) = asking::ask(&project.folders, &Request::Watch).await? else {
        return Err(asking::not_running(&project.topology.name));
    };
    let mut live = Live::new();
    live.finish();
    let mut view = conversation.view().await?.unwrap_or_default();
    live.prime(&view);
    let mut told = waiting::failed_build(&view);
    let mut outcomes = Outcomes::of(&view, Instant::now());
    watching.catch_up(&project, &view, printer).await;
    loop {
        tokio::select! {
            // Cancel-safe: a line that is half read stays with the conversation.
            next = conversation.view() => match next {
                Ok(Some(next)) => view = next,
                Ok(None) | Err(_) => {
                    printer.note("the stack has ended");
                    return Ok(ExitStatus::SUCCESS);
                }
            },
            changed = watching.changes() => {
                if let Some(changed) = watching.react(again, &project, &view, changed?, printer).await {
                    project = changed;
                }
            }
            () = signals.next() => {
                printer.note("no longer watching; the stack keeps running in the background");
                return Ok(ExitStatus::INTERRUPTED);
            }
        }
        live.report(&view, printer);
        outcomes.see(&view, Instant::now()).into_iter().for_each(|line| printer.note(line));
        let failed = waiting::failed_build(&view);
        if let Some(failure) = failed.as_ref().filter(|_| failed != told) {
            printer.failure(failure);
        }
        told = failed;
        watching.catch_up(&project, &view, printer).await;
    }
}
