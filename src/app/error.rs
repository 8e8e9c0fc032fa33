//! Why a stack could not be started, in words.

use std::io;
use std::path::{Path, PathBuf};

use crate::certs::error::CertError;
use crate::control::desired::state::StillNeeded;
use crate::control::runtime::RuntimeError;

/// Why a stack could not be started. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process runs this project, from this file if it has said so already.
    #[error("{}", already_running(.0.as_deref()))]
    AlreadyRunning(Option<PathBuf>),
    /// Another process runs this project, but not from this state folder.
    #[error(
        "process {0} runs this project already, with another state folder, or its own was removed; end it with \
         `neargate down`, or choose another name with `--project-name`"
    )]
    RunsElsewhere(u32),
    /// The engine refused or is not there. The words of that error are whole, so it is no source of this one.
    #[error("{0}")]
    Runtime(RuntimeError),
    /// Listeners' ports that cannot be bound, each with the way out.
    #[error("{}", .0.join("\n"))]
    Ports(Vec<String>),
    /// No certificate for the listeners.
    #[error("cannot create the listeners' certificates")]
    Certificates(#[from] CertError),
    /// The file no longer has what others refer to.
    #[error(transparent)]
    StillNeeded(#[from] StillNeeded),
    /// A file or socket of ours.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why not.
        source: io::Error,
    },
}

impl From<RuntimeError> for StartError {
    fn from(error: RuntimeError) -> Self {
        Self::Runtime(error)
    }
}

/// What was being done when a file or socket failed us.
pub(super) fn io(doing: &str) -> impl FnOnce(io::Error) -> StartError {
    let doing = doing.to_owned();
    move |source| StartError::Io { doing, source }
}

/// Why `up` leaves a stack alone that runs from another folder: two checkouts of one project are two stacks.
pub fn runs_elsewhere(project: &str, from: &Path) -> String {
    format!(
        "project `{project}` runs from {}, not from here\n`--project-name NAME` runs a second stack beside it, \
         `--take-over` replaces it",
        from.parent().unwrap_or(from).display()
    )
}

fn already_running(from: Option<&Path>) -> String {
    let from = from.map(|from| format!(", from {}", from.parent().unwrap_or(from).display())).unwrap_or_default();
    format!("another process already runs this project{from}; `--project-name NAME` runs a second stack next to it")
}

/// An error with its causes, on one line. `Display` leaves them out wherever there is a source; only a
/// [`RuntimeError`] is a whole sentence already, and [`StartError::Runtime`] ends with it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_tells_each_cause_once() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let engine = RuntimeError::EngineUnreachable("no engine: connection refused. Start it".into());
        let start = StartError::from(engine.caused_by(refused()));
        assert_eq!(chain(&start), "no engine: connection refused. Start it");
        let file = StartError::Io { doing: "write the journal".to_owned(), source: refused() };
        assert_eq!(chain(&file), format!("cannot write the journal: {}", refused()));
    }
}
