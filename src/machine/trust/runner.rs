//! Runs programs behind a trait: a real implementation, and a recording one for tests.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::{fmt, io};

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Found on the path.
    pub program: String,
    /// As they are; nothing is expanded.
    pub arguments: Vec<OsString>,
}

impl Command {
    /// A program and its arguments.
    pub fn new<A: Into<OsString>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self { program: program.to_owned(), arguments: arguments.into_iter().map(Into::into).collect() }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same, through `sudo`.
    pub fn with_sudo(&self) -> Self {
        let mut arguments = vec![OsString::from(&self.program)];
        arguments.extend(self.arguments.iter().cloned());
        Self { program: "sudo".into(), arguments }
    }
}

/// As it can be pasted into a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for argument in &self.arguments {
            let text = argument.to_string_lossy();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%~".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                write!(f, " {text}")?;
            } else {
                write!(f, " '{}'", text.replace('\'', r"'\''"))?;
            }
        }
        Ok(())
    }
}

/// What a program left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit code 0.
    pub success: bool,
    /// Lossily decoded.
    pub stdout: String,
    /// Lossily decoded.
    pub stderr: String,
}

/// Runs programs.
pub trait Runner {
    /// To its end, with nothing on its standard input, so that none can wait for a password.
    fn run(&self, command: &Command) -> io::Result<Output>;

    /// Whether there is such a program.
    fn has(&self, program: &str) -> bool;

    /// Whether system folders can be written.
    fn is_root(&self) -> bool;
}

/// The real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRunner;

impl Runner for SystemRunner {
    fn run(&self, command: &Command) -> io::Result<Output> {
        let output = std::process::Command::new(&command.program)
            .args(&command.arguments)
            .env("PATH", search_path())
            .stdin(Stdio::null())
            .output()?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn has(&self, program: &str) -> bool {
        let file = |folder: &Path| folder.join(program).is_file() || folder.join(format!("{program}.exe")).is_file();
        std::env::split_paths(&search_path()).any(|folder| file(&folder))
    }

    #[cfg(unix)]
    fn is_root(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    /// Nothing here needs an administrator.
    #[cfg(not(unix))]
    fn is_root(&self) -> bool {
        false
    }
}

/// The path with the folders of administrators' programs, which users of some distributions lack.
fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let admin = ["/usr/sbin", "/sbin"].into_iter().filter(|_| cfg!(unix)).map(Into::into);
    std::env::join_paths(std::env::split_paths(&path).chain(admin)).unwrap_or(path)
}
