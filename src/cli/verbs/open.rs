//! `open`: the stack's page in a browser, with whatever that browser needs to reach it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::app;
use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::{Global, OpenArgs};
use crate::cli::input::project;
use crate::cli::output::printer::{NOTE, Printer};
use crate::cli::running::stack;
use crate::cli::verbs::explain::bind_as_running;
use crate::machine::hosts;
use crate::machine::hosts::Resolution;
use crate::machine::trust::reach;

/// Names of Chromium, as packages install it.
const CHROMIUMS: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "brave-browser"];
/// Where macOS keeps them.
const MAC_CHROMIUMS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// `open`
pub(crate) fn open(global: &Global, args: &OpenArgs, printer: &mut Printer) -> Result<ExitStatus, Failure> {
    let mut project = project::load_names(global, printer)?;
    let view = stack::block_on(stack::view(&project.folders))?;
    let view = view.ok_or_else(|| stack::not_running(&project.topology.name))?;
    bind_as_running(&mut project, &view);
    let domains = &project.topology.domains;
    let listeners = app::reachable(&project.topology);
    let url = reach::url(domains, &listeners).ok_or_else(|| Failure::new("the stack has no listener"))?;
    let url = format!("{url}/{}", args.path.as_deref().unwrap_or_default().trim_start_matches('/'));
    let resolves = hosts::status(domains, hosts::resolve)
        .first()
        .is_none_or(|(_, resolution)| *resolution == Resolution::Loopback);
    let profile = project.folders.state().join("browser");
    let command = browser(&url, resolves, &reach::chromium_host_resolver_rules(domains, &listeners), profile);
    let command = command.ok_or_else(|| {
        Failure::new(format!(
            "no browser that can be told where {url} is; let the system know: sudo \"$(command -v neargate)\" hosts --apply"
        ))
    })?;
    if args.print {
        printer.data(&format!("{}\n", shown(&command)))?;
        return Ok(ExitStatus::SUCCESS);
    }
    if !crate::cli::verbs::trust::is_trusted(&project) {
        printer.note(format!("{NOTE}!{NOTE:#} the browser will not trust the certificate; once: neargate trust"));
    }
    start(command)?;
    printer.note(format!("opening {url}"));
    Ok(ExitStatus::SUCCESS)
}

/// What to start: the user's `BROWSER`, the system's opener where the name resolves, or a Chromium with resolver rules.
/// Those hold for a browser that starts, not for one that runs, hence a profile of its own.
fn browser(url: &str, resolves: bool, rules: &str, profile: PathBuf) -> Option<Command> {
    let with = |program: &str, arguments: &[String]| {
        let mut command = Command::new(program);
        command.args(arguments).arg(url);
        command
    };
    let rules = vec![
        format!("--host-resolver-rules={rules}"),
        format!("--user-data-dir={}", profile.display()),
        "--no-first-run".to_owned(),
        "--no-default-browser-check".to_owned(),
    ];
    if let Some(program) = std::env::var("BROWSER").ok().filter(|program| !program.is_empty()) {
        let takes_rules = !resolves && ["chrom", "edge", "brave"].iter().any(|name| program.contains(name));
        return Some(with(&program, if takes_rules { &rules } else { &[] }));
    }
    if resolves {
        let openers = if cfg!(target_os = "macos") { ["open"] } else { ["xdg-open"] };
        if let Some(opener) = openers.iter().find(|program| in_path(program)) {
            return Some(with(opener, &[]));
        }
    }
    let installed = CHROMIUMS.iter().find(|program| in_path(program));
    let mac = MAC_CHROMIUMS.iter().find(|path| std::path::Path::new(path).exists());
    let mut arguments = rules;
    if rustix::process::geteuid().is_root() {
        // Chromium's sandbox refuses root.
        arguments.push("--no-sandbox".to_owned());
    }
    installed.or(mac).map(|program| with(program, &arguments))
}

fn in_path(program: &str) -> bool {
    crate::cli::verbs::run::find_program(program.as_ref()).is_ok()
}

fn start(mut command: Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    // It outlives this command, and Ctrl-C here is not meant for it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map(drop).map_err(|error| Failure::from(error).context(format!("cannot start {program}")))
}

/// The command as it could be typed.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|word| {
        let word = word.to_string_lossy();
        match word.chars().all(|character| character.is_ascii_alphanumeric() || "-_=./:@".contains(character)) {
            true => word.into_owned(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
