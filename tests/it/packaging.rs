//! The contents of a release: archives, the Debian package, the formula, the installer, the action's scripts. All of
//! them are made with a small program in place of the release binary, which calls the real one, so that no test packs a
//! debug build of a hundred megabytes.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support::stack::free_port;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// This machine's target, as `packaging/install.sh` names it.
const TARGET: &str = if cfg!(target_os = "macos") {
    if cfg!(target_arch = "aarch64") { "aarch64-apple-darwin" } else { "x86_64-apple-darwin" }
} else if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that runs the binary under test.
fn stand_in(folder: &Path) -> PathBuf {
    program(&folder.join("neargate"), &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_neargate")))
}

fn program(path: &Path, script: &str) -> PathBuf {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_owned()
}

/// Runs a command to its end and returns whether it succeeded, and its output.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.current_dir(top()).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

#[track_caller]
fn succeeds(command: &mut Command) -> String {
    let (success, text) = run(command);
    assert!(success, "{command:?}: {text}");
    text
}

fn packaging(script: &str) -> Command {
    Command::new(top().join("packaging").join(script))
}

/// The archive for this machine with its checksum, as in a release, in a folder named after the version.
fn release(folder: &Path) -> PathBuf {
    let version = folder.join(format!("v{VERSION}"));
    succeeds(packaging("archive").arg(stand_in(folder)).arg(TARGET).arg(&version));
    let sums = Command::new("sh")
        .arg("-c")
        .arg("(sha256sum ./*.tar.gz || shasum -a 256 ./*.tar.gz) | sed 's|\\./||'")
        .current_dir(&version)
        .output()
        .unwrap();
    std::fs::write(version.join("SHA256SUMS"), sums.stdout).unwrap();
    std::fs::write(folder.join("latest"), format!("{VERSION}\n")).unwrap();
    version
}

/// Serves a folder's files on loopback for as long as the test process lives.
fn serve(folder: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
            let (status, body) = match std::fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            // The client may have read enough and left.
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&body);
        }
    });
    url
}

/// The commands that `--help` lists.
fn verbs() -> Vec<String> {
    let help = succeeds(Command::new(env!("CARGO_BIN_EXE_neargate")).arg("--help"));
    let commands = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn an_archive_holds_the_program_a_page_for_each_command_and_completions_for_each_shell() {
    let folder = TempDir::new().unwrap();
    let archive = release(folder.path()).join(format!("neargate-v{VERSION}-{TARGET}.tar.gz"));
    let list = succeeds(Command::new("tar").arg("-tzf").arg(&archive));
    let holds = |path: &str| list.lines().any(|line| line == format!("neargate-v{VERSION}-{TARGET}/{path}"));
    let mut wanted =
        ["neargate", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "man/neargate.1"].map(str::to_owned).to_vec();
    wanted.extend(
        ["neargate.bash", "neargate.fish", "_neargate", "_neargate.ps1"].map(|file| format!("completions/{file}")),
    );
    wanted.extend(verbs().iter().map(|verb| format!("man/neargate-{verb}.1")));
    let missing: Vec<_> = wanted.iter().filter(|path| !holds(path)).collect();
    assert!(missing.is_empty(), "{missing:?} are missing from\n{list}");
    assert!(!list.contains("background"), "a hidden command has no page: {list}");
}

#[test]
fn cargo_binstall_looks_for_the_archive_under_the_name_it_has() {
    let manifest = std::fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let value = |key: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
        let text = line.split('"').nth(1).unwrap();
        let repository = "https://github.com/neargate/neargate";
        [("repo", repository), ("version", VERSION), ("target", TARGET), ("bin", "neargate")]
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{ {name} }}"), value))
    };
    let folder = TempDir::new().unwrap();
    let version = release(folder.path());
    let (url, inside) = (value("pkg-url"), value("bin-dir"));
    let file = url.rsplit('/').next().unwrap();
    let list = succeeds(Command::new("tar").arg("-tzf").arg(version.join(file)));
    assert!(list.lines().any(|line| line == inside), "{inside} is not in {file}");
    assert!(url.contains(&format!("/releases/download/v{VERSION}/")), "{url}");
}

#[test]
fn the_installer_installs_the_latest_version_and_a_given_one() {
    let folder = TempDir::new().unwrap();
    release(folder.path());
    let url = serve(folder.path());
    for version in [None, Some(VERSION)] {
        let prefix = TempDir::new().unwrap();
        let mut install = packaging("install.sh");
        install.env("NEARGATE_DOWNLOAD_URL", &url).env("NEARGATE_INSTALL_DIR", prefix.path());
        install.envs(version.map(|version| ("NEARGATE_VERSION", version)));
        let said = succeeds(&mut install);
        assert!(said.contains(&format!("installed neargate {VERSION}")), "{said}");
        assert!(said.contains("to your PATH"), "{said}");
        let installed = succeeds(Command::new(prefix.path().join("bin/neargate")).arg("--version"));
        assert_eq!(installed.trim(), format!("neargate {VERSION}"));
        assert!(prefix.path().join("share/man/man1/neargate-up.1").is_file());
    }
}

#[test]
fn the_installer_refuses_anything_but_the_release() {
    let folder = TempDir::new().unwrap();
    let version = release(folder.path());
    let url = serve(folder.path());
    let archive = format!("neargate-v{VERSION}-{TARGET}.tar.gz");
    let install = || {
        let prefix = TempDir::new().unwrap();
        let mut install = packaging("install.sh");
        install.env("NEARGATE_DOWNLOAD_URL", &url).env("NEARGATE_INSTALL_DIR", prefix.path());
        let (success, said) = run(&mut install);
        assert!(!success, "{said}");
        assert!(std::fs::read_dir(prefix.path()).unwrap().next().is_none(), "something was installed: {said}");
        said
    };
    std::fs::write(version.join("SHA256SUMS"), format!("{}  {archive}\n", "0".repeat(64))).unwrap();
    assert!(install().contains("nothing was installed"));
    std::fs::write(version.join("SHA256SUMS"), "").unwrap();
    assert!(install().contains(&format!("does not list {archive}")));
    std::fs::remove_file(version.join(&archive)).unwrap();
    assert!(install().contains(&format!("cannot download {url}/v{VERSION}/{archive}")));
}

#[test]
fn the_installer_reports_a_machine_without_a_binary() {
    let folder = TempDir::new().unwrap();
    program(&folder.path().join("uname"), "case $1 in -s) echo Linux ;; *) echo riscv64 ;; esac");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let (success, said) = run(packaging("install.sh").env("PATH", path));
    assert!(!success && said.contains("no binary for Linux on riscv64"), "{said}");
}

#[test]
fn the_debian_package_installs_the_program_its_pages_and_completions() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("skipped: there is no dpkg-deb");
        return;
    }
    let folder = TempDir::new().unwrap();
    succeeds(packaging("debian").arg(stand_in(folder.path())).arg("amd64").arg(folder.path()));
    let package = folder.path().join(format!("neargate_{VERSION}_amd64.deb"));
    let fields = succeeds(Command::new("dpkg-deb").arg("--field").arg(&package));
    assert!(fields.contains("Package: neargate\n") && fields.contains(&format!("Version: {VERSION}\n")), "{fields}");
    let root = folder.path().join("root");
    succeeds(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(&root));
    for file in [
        "usr/bin/neargate",
        "usr/share/man/man1/neargate-up.1.gz",
        "usr/share/bash-completion/completions/neargate",
        "usr/share/zsh/vendor-completions/_neargate",
        "usr/share/fish/vendor_completions.d/neargate.fish",
        "usr/share/doc/neargate/copyright",
        "usr/share/doc/neargate/changelog.gz",
    ] {
        assert!(root.join(file).is_file(), "{file} is missing");
    }
    let version = succeeds(Command::new(root.join("usr/bin/neargate")).arg("--version"));
    assert_eq!(version.trim(), format!("neargate {VERSION}"));
}

#[test]
fn the_formula_has_the_checksum_of_each_archive_or_is_not_printed() {
    let folder = TempDir::new().unwrap();
    let sums = folder.path().join("SHA256SUMS");
    let targets =
        ["aarch64-apple-darwin", "x86_64-apple-darwin", "aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"];
    let line = |(index, target): (usize, &str)| format!("{index:064}  neargate-v{VERSION}-{target}.tar.gz\n");
    std::fs::write(&sums, targets.into_iter().enumerate().map(line).collect::<String>()).unwrap();
    let formula = succeeds(packaging("homebrew").arg(&sums));
    for (index, target) in targets.into_iter().enumerate() {
        let after = formula.split_once(&format!("{target}.tar.gz\"")).unwrap().1;
        assert!(after.trim_start().starts_with(&format!("sha256 \"{index:064}\"")), "{formula}");
    }
    if Command::new("ruby").arg("--version").output().is_ok() {
        let file = folder.path().join("neargate.rb");
        std::fs::write(&file, &formula).unwrap();
        succeeds(Command::new("ruby").arg("-c").arg(file));
    }

    std::fs::write(&sums, line((0, targets[0]))).unwrap();
    let (success, said) = run(packaging("homebrew").arg(&sums));
    assert!(!success && !said.contains("class Neargate"), "half a formula: {said}");
}

#[test]
fn the_release_binary_is_static_on_linux_and_for_the_target_alone() {
    let folder = TempDir::new().unwrap();
    let cargo = program(&folder.path().join("cargo"), r#"echo "$RUSTFLAGS | $*""#);
    let build = |target: &str| {
        let mut build = packaging("build");
        let build = build.arg(target).env("CARGO", &cargo).env("CARGO_TARGET_DIR", "there").env("RUSTFLAGS", "-C x");
        let output = build.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (path, ran) = build("aarch64-unknown-linux-gnu");
    assert_eq!(path, "there/aarch64-unknown-linux-gnu/release/neargate\n", "nothing else is printed");
    let command = "build --locked --release --package neargate --target aarch64-unknown-linux-gnu";
    assert_eq!(ran, format!("-C x -C target-feature=+crt-static | {command}\n"));
    let (_, ran) = build("aarch64-apple-darwin");
    assert!(ran.starts_with("-C x | build"), "{ran}");
}

#[test]
fn the_image_holds_the_program_and_nothing_else() {
    let docker = || Command::new("docker");
    let has_engine = docker().arg("version").output().is_ok_and(|output| output.status.success());
    if !has_engine || std::env::var_os("NEARGATE_TEST_NO_ENGINE").is_some() {
        eprintln!("skipped: there is no docker");
        return;
    }
    let context = TempDir::new().unwrap();
    std::fs::create_dir_all(context.path().join("linux/arm64")).unwrap();
    std::fs::write(context.path().join("linux/arm64/neargate"), "stands in for the binary").unwrap();
    std::fs::write(context.path().join("secret"), "does not belong into the image").unwrap();
    let image = format!("neargate-it-image-{}", free_port());
    let mut build = docker();
    // As buildx sets it; this engine may not support that.
    build.args(["build", "--quiet", "--tag", &image, "--build-arg", "TARGETPLATFORM=linux/arm64", "--file"]);
    succeeds(build.arg(top().join("packaging/Dockerfile")).arg(context.path()));
    let settings = succeeds(docker().args(["image", "inspect", "--format", "{{json .Config}}", &image]));
    let layers = succeeds(docker().args(["image", "inspect", "--format", "{{len .RootFS.Layers}}", &image]));
    let saved = context.path().join("image.tar");
    succeeds(docker().args(["save", "--output"]).arg(&saved).arg(&image));
    succeeds(docker().args(["image", "rm", "--force", &image]));
    assert!(
        settings.contains(r#""Entrypoint":["/neargate"]"#) && settings.contains(r#""Cmd":["--help"]"#),
        "{settings}"
    );
    // Both are below the folders that the README says to mount.
    for folder in ["NEARGATE_STATE_DIR=/var/lib/neargate/state", "NEARGATE_DATA_DIR=/var/lib/neargate/data"] {
        assert!(settings.contains(folder), "{settings}");
    }
    assert_eq!(layers.trim(), "1", "one COPY, and no base");
    let unpack =
        "mkdir out && tar -xf image.tar -C out && for f in $(find out -type f); do tar -tf $f 2>/dev/null; done; true";
    let files = succeeds(Command::new("sh").args(["-c", &format!("cd '{}' && {unpack}", context.path().display())]));
    assert_eq!(files.trim(), "neargate");
}

#[test]
fn a_container_with_one_process_leaves_no_stack_behind() {
    let alone = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]);
        unshare
    };
    if !alone().arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system allows no process namespace");
        return;
    }
    let runner = Runner::new();
    for option in ["--detach", "--wait"] {
        let mut up = alone();
        up.arg(env!("CARGO_BIN_EXE_neargate")).args(["up", option, "--listen", &runner.listen]);
        up.current_dir(runner.folder.path()).env("NEARGATE_PROJECT_NAME", runner.project());
        up.env("NEARGATE_STATE_DIR", runner.folder.path().join("state"));
        let output = up.env("NEARGATE_DATA_DIR", runner.folder.path().join("data")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("this is process 1 of its container") && said.contains("docker run -d"), "{said}");
    }
    assert!(!runner.folder.path().join("state").join(runner.project()).exists(), "something was started");
}

/// A runner with neargate installed, and a project that is only a load balancer.
struct Runner {
    folder: TempDir,
    listen: String,
}

impl Runner {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        stand_in(&folder.path().join("bin"));
        let file = "\
            domain: app.domain.com\n\
            load_balancer:\n  listeners:\n    - port: 80\n      protocol: HTTP\n      \
            default_action: { fixed_response: { status_code: 200, content_type: text/plain, message_body: hello } }\n";
        std::fs::write(folder.path().join("neargate.yaml"), file).unwrap();
        Self { folder, listen: format!("80={}", free_port()) }
    }

    /// Named after its port, which no other project has.
    fn project(&self) -> String {
        format!("it-action-{}", self.listen.trim_start_matches("80="))
    }

    /// Runs the action with this `run`; returns whether it succeeded, its output, and its summary.
    fn act(&self, commands: &str) -> (bool, String, String) {
        let path = |name: &str| self.folder.path().join(name);
        for file in ["output", "summary"] {
            std::fs::write(path(file), "").unwrap();
        }
        let output = packaging("action/run")
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{}", path("bin").display(), std::env::var("PATH").unwrap()))
            .env("RUNNER_TEMP", path("temp"))
            .env("GITHUB_OUTPUT", path("output"))
            .env("GITHUB_STEP_SUMMARY", path("summary"))
            .env("NEARGATE_PROJECT_NAME", self.project())
            .env("NEARGATE_STATE_DIR", path("state"))
            .env("NEARGATE_DATA_DIR", path("data"))
            .env("INPUT_LISTEN", &self.listen)
            // This machine's hosts file and trust stores stay unchanged.
            .env("INPUT_NAMES", "false")
            .env("INPUT_TRUST", "false")
            .env("INPUT_RUN", commands)
            .output()
            .unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text, std::fs::read_to_string(path("summary")).unwrap())
    }
}

#[test]
fn the_action_runs_its_commands_against_the_stack_and_takes_it_down() {
    let runner = Runner::new();
    let (success, said, summary) = runner.act("echo \"at $NEARGATE_URL\"\n[ 'two words' = 'two words' ]");
    assert!(success && said.contains("at http://app.domain.com"), "{said}");
    assert!(summary.contains("neargate: passed"), "{summary}");
    let outputs = std::fs::read_to_string(runner.folder.path().join("output")).unwrap();
    assert!(outputs.contains("url=http://app.domain.com"), "{outputs}");
    let port: u16 = runner.listen.trim_start_matches("80=").parse().unwrap();
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free once the stack is down");
}

#[test]
fn the_action_fails_with_its_commands_and_says_what_doctor_says() {
    let (success, said, summary) = Runner::new().act("echo tested; false; echo never");
    assert!(!success && said.contains("tested") && !said.contains("never"), "{said}");
    assert!(said.contains("::group::neargate doctor"), "{said}");
    assert!(summary.contains("neargate: failed") && summary.contains("the stack is running"), "{summary}");
}
