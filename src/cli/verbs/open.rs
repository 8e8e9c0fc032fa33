//! `open`: the stack's page in a browser, with whatever that browser needs to reach it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::cli::failure::{ExitStatus, Failure};
use crate::cli::input::arguments::OpenArgs;
use crate::cli::input::global::Global;
use crate::cli::input::project;
use crate::cli::output::printer::{NOTE, Printer};
use crate::cli::running::asking;
use crate::cli::verbs::explain::bind_as_running;
use crate::machine::hosts;
use crate::machine::hosts::Resolution;
use crate::machine::trust::reach::{self, Site};
use crate::model::DomainName;

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
    let view = asking::block_on(asking::view(&project.folders))?;
    let view = view.ok_or_else(|| asking::not_running(&project.topology.name))?;
    bind_as_running(&mut project, &view);
    let topology = &project.topology;
    let balancer = match &args.load_balancer {
        Some(name) => project::load_balancer(topology, name)?,
        None => topology.default_load_balancer().ok_or_else(|| Failure::new("the stack has no load balancer"))?,
    };
    let url = reach::url(&Site::from(balancer)).ok_or_else(|| Failure::new("the stack has no listener"))?;
    let url = format!("{url}/{}", args.path.as_deref().unwrap_or_default().trim_start_matches('/'));
    let resolves = hosts::status(&balancer.domains, hosts::resolve)
        .first()
        .is_none_or(|(_, resolution)| *resolution == Resolution::Loopback);
    // With several load balancers any address of this machine will not do.
    let misled = |name: &DomainName| !hosts::leads_to(name, reach::reachable_address(balancer.bind_address));
    let resolves = resolves && !(topology.has_several_load_balancers() && balancer.domains.first().is_some_and(misled));
    let profile = project.folders.state().join("browser");
    // Of a stack that is just being started there are none yet.
    let keys = std::fs::read_to_string(project.folders.leaf_keys()).unwrap_or_default();
    let keys: Vec<String> = keys.lines().map(str::to_owned).collect();
    let is_trusted = crate::cli::verbs::trust::is_trusted(&project);
    let needs =
        Needs { resolves, is_trusted, arguments: reach::chromium_arguments(&reach::sites(topology), &keys), profile };
    let command = browser(&url, &needs, &installed());
    let command = command.ok_or_else(|| {
        Failure::new(format!(
            "no browser here can be told how to resolve {url}; tell the system: sudo \"$(command -v neargate)\" hosts --apply"
        ))
    })?;
    if args.print {
        printer.data(&format!("{}\n", shown(&command)))?;
        return Ok(ExitStatus::SUCCESS);
    }
    if !is_trusted && !takes_arguments(&command) {
        printer.note(format!("{NOTE}!{NOTE:#} the browser will not trust the certificate; run once: neargate trust"));
    }
    start(command)?;
    printer.note(format!("opening {url}"));
    Ok(ExitStatus::SUCCESS)
}

/// What keeps a browser from the page, and what a Chromium is to be told because of it.
struct Needs {
    /// The system finds the name.
    resolves: bool,
    /// Every store of this machine trusts the authority.
    is_trusted: bool,
    /// See [`reach::chromium_arguments`].
    arguments: Vec<String>,
    /// They apply only when a browser starts, not to a running one: hence the separate profile.
    profile: PathBuf,
}

impl Needs {
    /// Any browser will do, also one that runs.
    fn nothing(&self) -> bool {
        self.resolves && self.is_trusted
    }

    fn arguments(&self) -> Vec<String> {
        let own = [
            format!("--user-data-dir={}", self.profile.display()),
            "--no-first-run".to_owned(),
            "--no-default-browser-check".to_owned(),
        ];
        self.arguments.iter().cloned().chain(own).collect()
    }
}

/// What there is to open a page with.
#[derive(Clone, Debug, Default)]
struct Installed {
    /// The user's `BROWSER`.
    chosen: Option<String>,
    /// The system's opener.
    opener: Option<String>,
    chromium: Option<String>,
    /// Chromium's sandbox refuses root.
    is_root: bool,
}

fn installed() -> Installed {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let chromium = CHROMIUMS.iter().find(|program| in_path(program));
    let mac = MAC_CHROMIUMS.iter().find(|path| std::path::Path::new(path).exists());
    Installed {
        chosen: std::env::var("BROWSER").ok().filter(|program| !program.is_empty()),
        opener: in_path(opener).then(|| opener.to_owned()),
        chromium: chromium.or(mac).map(|&program| program.to_owned()),
        is_root: rustix::process::geteuid().is_root(),
    }
}

/// What to start: the user's choice, a Chromium that is told what it must know, or the system's opener where nothing must
/// be told, or where only trust is missing and no Chromium is there: then a click leads past the warning.
fn browser(url: &str, needs: &Needs, installed: &Installed) -> Option<Command> {
    let with = |program: &str, arguments: &[String]| {
        let mut command = Command::new(program);
        command.args(arguments).arg(url);
        command
    };
    if let Some(program) = &installed.chosen {
        let arguments = if needs.nothing() || !is_chromium(program) { Vec::new() } else { needs.arguments() };
        return Some(with(program, &arguments));
    }
    let opener = || installed.opener.as_deref().filter(|_| needs.resolves).map(|opener| with(opener, &[]));
    let chromium = || {
        let program = installed.chromium.as_deref()?;
        let mut arguments = needs.arguments();
        arguments.extend(installed.is_root.then(|| "--no-sandbox".to_owned()));
        Some(with(program, &arguments))
    };
    if needs.nothing() { opener().or_else(chromium) } else { chromium().or_else(opener) }
}

/// Whether a program of this name takes Chromium's switches.
fn is_chromium(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program).to_lowercase();
    ["chrom", "edge", "brave"].iter().any(|part| name.contains(part))
}

/// Whether it is told what it must know.
fn takes_arguments(command: &Command) -> bool {
    command.get_args().any(|argument| argument.to_string_lossy().starts_with("--ignore-certificate-errors-spki-list="))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(resolves: bool, is_trusted: bool) -> Needs {
        let arguments = ["--host-resolver-rules=MAP a.b 127.0.0.1", "--ignore-certificate-errors-spki-list=one=,two="];
        Needs { resolves, is_trusted, arguments: arguments.map(str::to_owned).into(), profile: "/state/browser".into() }
    }

    fn line(needs: &Needs, installed: &Installed) -> Option<String> {
        browser("https://a.b/", needs, installed).map(|command| shown(&command))
    }

    /// The arguments for a Chromium with a separate profile.
    const ALL: &str = "'--host-resolver-rules=MAP a.b 127.0.0.1' '--ignore-certificate-errors-spki-list=one=,two=' \
                       --user-data-dir=/state/browser --no-first-run --no-default-browser-check";

    #[test]
    fn a_chromium_is_told_where_the_name_is_and_what_to_trust_unless_the_machine_knows() {
        let installed = |chosen: &str, opener: &str, chromium: &str| Installed {
            chosen: Some(chosen).filter(|text| !text.is_empty()).map(str::to_owned),
            opener: Some(opener).filter(|text| !text.is_empty()).map(str::to_owned),
            chromium: Some(chromium).filter(|text| !text.is_empty()).map(str::to_owned),
            is_root: false,
        };
        let both = installed("", "xdg-open", "chromium");
        assert_eq!(line(&needs(true, true), &both).as_deref(), Some("xdg-open https://a.b/"));
        for needs in [needs(false, true), needs(true, false), needs(false, false)] {
            assert_eq!(line(&needs, &both), Some(format!("chromium {ALL} https://a.b/")));
        }
        let no_chromium = installed("", "xdg-open", "");
        assert_eq!(line(&needs(true, false), &no_chromium).as_deref(), Some("xdg-open https://a.b/"));
        assert_eq!(line(&needs(false, false), &no_chromium), None, "nothing would find the name");
        let no_opener = installed("", "", "chromium");
        assert_eq!(line(&needs(true, true), &no_opener), Some(format!("chromium {ALL} https://a.b/")));
    }

    #[test]
    fn who_has_chosen_a_browser_gets_it_and_a_chromium_is_told() {
        let chosen = |program: &str| Installed {
            chosen: Some(program.to_owned()),
            opener: Some("xdg-open".to_owned()),
            chromium: Some("chromium".to_owned()),
            is_root: true,
        };
        assert_eq!(line(&needs(false, false), &chosen("firefox")).as_deref(), Some("firefox https://a.b/"));
        assert_eq!(line(&needs(true, true), &chosen("brave")).as_deref(), Some("brave https://a.b/"));
        let told = line(&needs(true, false), &chosen("/opt/Google-Chrome"));
        assert_eq!(told, Some(format!("/opt/Google-Chrome {ALL} https://a.b/")));
    }

    #[test]
    fn root_has_no_sandbox() {
        let installed = Installed { chromium: Some("chromium".to_owned()), is_root: true, ..Installed::default() };
        assert_eq!(line(&needs(false, false), &installed), Some(format!("chromium {ALL} --no-sandbox https://a.b/")));
    }
}
