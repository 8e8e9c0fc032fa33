//! The process behind `up -d`: its start, its work, and its message when it fails.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::UpArgs;
use crate::cli::input::global::{Global, StartArgs};
use crate::cli::input::project;
use crate::cli::input::project::Project;
use crate::cli::output::printer;
use crate::cli::output::printer::Printer;
use crate::cli::running::asking;
use crate::cli::running::process::{Signals, block_on_threads, start as start_app, stop};
use crate::cli::running::waiting::{Goal, cannot_listen, follow};
use crate::machine::folders::Kept;

/// The process behind `up -d`.
pub(crate) fn background(global: &Global, args: &UpArgs) -> Result<ExitStatus, Failure> {
    printer::install_background_diagnostics();
    let mut printer = Printer::new(global.color);
    let project = project::load(global, Some(&args.start), false, &mut printer)?;
    block_on_threads(async {
        let mut signals = Signals::in_the_background()?;
        let app = start_app(&project, &project.request(global, &args.start)).await?;
        for note in app.notes() {
            tracing::info!("{note}");
        }
        let mut views = app.views();
        loop {
            let view = views.latest();
            if let Some(failure) = cannot_listen(&view) {
                stop(app, signals, &mut printer).await?;
                return Err(failure);
            }
            if view.listeners.iter().all(|listener| listener.bound) {
                break;
            }
            tokio::select! {
                _ = views.changed() => {}
                () = signals.next() => break,
                () = app.until_shut_down() => break,
            }
        }
        tokio::select! {
            () = signals.next() => {}
            () = app.until_shut_down() => {}
        }
        stop(app, signals, &mut printer).await?;
        Ok(ExitStatus::SUCCESS)
    })
}

/// The process behind `up -d`, and what it writes. A start that fails removes its folder with the log in it, hence the
/// open file.
pub(crate) struct Background {
    child: Child,
    log: File,
    /// Where the log is until the process has the project: it may lose it to one that has a log already.
    log_path: PathBuf,
}

/// Why nothing is left behind in a container whose only process this is.
const ALONE: &str = "-d and --wait start the stack in the background, but this is process 1 of its container: the \
                     background process would end with the container as soon as this command is done\n\
                     help: keep the container running instead (`docker run -d … up`); `up --wait` in a second \
                     container with the same volume waits until everything is healthy";

/// Starts this program again, detached: its own session, no terminal, output into its log file.
pub(crate) fn in_the_background(project: &Project, global: &Global, start: &StartArgs) -> Result<Background, Failure> {
    if std::process::id() == 1 {
        return Err(Failure::usage(ALONE));
    }
    project.folders.create_state()?;
    let mut options = OpenOptions::new();
    // Appending, so that where we read does not decide where it writes.
    options.create(true).read(true).append(true).mode(0o600);
    let log_path = project.folders.process_log().with_extension(format!("{}.log", std::process::id()));
    let log = options.open(&log_path).map_err(|error| Failure::from(error).context(log_path.display()))?;
    let program = std::env::current_exe().map_err(|error| Failure::from(error).context("cannot find this program"))?;
    let mut command = Command::new(program);
    command.arg("background").args(["--color", "never"]);
    // Without a file the process finds again in its folder what was found here.
    let written = project.files.main.exists();
    for file in std::iter::once(&project.files.main).chain(&project.files.overrides).filter(|_| written) {
        command.arg("--file").arg(file);
    }
    for file in &project.files.env_files {
        command.arg("--env-file").arg(file);
    }
    if let Some(name) = &global.project_name {
        command.arg("--project-name").arg(name);
    }
    if let Some(name) = &global.environment {
        command.arg("--environment").arg(name);
    }
    for listen in &start.listen {
        command.arg("--listen").arg(listen.to_string());
    }
    if let Some(factor) = start.time_scale {
        command.arg("--time-scale").arg(factor.to_string());
    }
    if let Some(address) = start.admin {
        command.arg("--admin").arg(address.to_string());
    }
    if let Some(address) = start.aws {
        command.arg(format!("--aws={address}"));
    }
    command
        .args(start.no_build.then_some("--no-build"))
        .args(start.pull.then_some("--pull"))
        .args(start.reset.then_some("--reset"));
    let folder = project.file.parent().unwrap_or(std::path::Path::new("/"));
    // A group of its own: Ctrl-C here is not meant for it.
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.try_clone()?).process_group(0);
    let child = command.spawn().map_err(|error| Failure::from(error).context("cannot start the background process"))?;
    Ok(Background { child, log, log_path })
}

/// Waits until the background process answers, then until the goal is reached. If the process ends before, its last
/// words are the failure.
pub(crate) async fn wait_for_background(
    project: &Project,
    mut background: Background,
    goal: Goal,
    start: &StartArgs,
    printer: &mut Printer,
) -> Result<ExitStatus, Failure> {
    loop {
        if let Some(status) = background.child.try_wait()? {
            return Err(last_words(project, &mut background, status.code()));
        }
        let has_the_project = project.folders.holder()? == Some(background.child.id());
        if has_the_project && let Some(view) = asking::view(&project.folders).await? {
            view.left_alone.iter().for_each(|field| printer.note(field));
            // A log under its first name is as good.
            let _ = std::fs::rename(&background.log_path, project.folders.process_log());
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    match follow(project, goal, start, printer).await {
        Err(failure) if failure.status == ExitStatus::FAILED && is_ending(project).await => {
            let code = background.child.wait()?.code();
            Err(last_words(project, &mut background, code))
        }
        other => other,
    }
}

/// Whether the process behind `up -d` has ended or is about to: without a port it takes down what it has started.
/// Whoever is told so should find nothing half done.
async fn is_ending(project: &Project) -> bool {
    match asking::view(&project.folders).await {
        Ok(Some(view)) => view.shutting_down || cannot_listen(&view).is_some(),
        Ok(None) | Err(_) => true,
    }
}

fn last_words(project: &Project, background: &mut Background, code: Option<i32>) -> Failure {
    let mut text = String::new();
    let log = &mut background.log;
    // What cannot be read is as good as not written.
    let _ = log.rewind().and_then(|()| log.read_to_string(&mut text));
    // Its last words may have found no room on the disk that it wanted to tell us of.
    let room = log.write_all(b"\n").map_err(|error| format!("{}: {error}", background.log_path.display()));
    let _ = std::fs::remove_file(&background.log_path);
    let _ = project.folders.remove_state_of_dead(Kept::Journal);
    let status = code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    let message = failure_in(&text);
    let message = match room {
        Err(room) if message.is_empty() => room,
        _ if message.is_empty() => "the background process ended without giving a reason".to_owned(),
        _ => message.to_owned(),
    };
    Failure { status: ExitStatus(status.unwrap_or(1)), message }
}

/// The message of the failure that ends a log: from the last line that begins with `error: `.
fn failure_in(log: &str) -> &str {
    const START: &str = "error: ";
    let log = log.trim_end();
    let at = log.rfind(&format!("\n{START}")).map(|at| at + 1).or(log.starts_with(START).then_some(0));
    at.map_or(log, |at| &log[at + START.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_failure_of_a_log_is_found_whatever_it_says() {
        assert_eq!(failure_in("error: cannot do it: connect error: refused\n"), "cannot do it: connect error: refused");
        assert_eq!(failure_in("INFO x\nerror: a\nerror: b\nmore of b\n"), "b\nmore of b");
        assert_eq!(failure_in("thread 'main' panicked"), "thread 'main' panicked");
    }
}
