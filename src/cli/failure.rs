//! The outcome of a command: an exit status, and a message if it failed.

use std::fmt;
use std::process::ExitCode;

use crate::control::runtime::RuntimeError;

/// The exit codes, which are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus(pub u8);

impl ExitStatus {
    /// It did what was asked.
    pub const SUCCESS: Self = Self(0);
    /// It failed.
    pub const FAILED: Self = Self(1);
    /// Wrong usage, or an invalid file.
    pub const USAGE: Self = Self(2);
    /// Not healthy in time.
    pub const NOT_HEALTHY: Self = Self(3);
    /// The container engine cannot be reached.
    pub const ENGINE: Self = Self(4);
    /// Another process started the same stack a moment earlier; `up` then applies its file to that one.
    pub(crate) const ALREADY_RUNNING: Self = Self(75);
    /// Interrupted.
    pub const INTERRUPTED: Self = Self(130);
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.0)
    }
}

/// A failure that the user reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub status: ExitStatus,
    /// What is wrong and what to do about it; empty if it has been printed already.
    pub message: String,
}

impl Failure {
    /// A plain failure.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { status: ExitStatus::FAILED, message: message.to_string() }
    }

    /// Wrong usage, or an invalid file.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { status: ExitStatus::USAGE, message: message.to_string() }
    }

    /// What was wrong has been printed already.
    pub fn printed(status: ExitStatus) -> Self {
        Self { status, message: String::new() }
    }

    /// Puts what was being done before the message.
    pub fn context(self, doing: impl fmt::Display) -> Self {
        Self { message: format!("{doing}: {}", self.message), ..self }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error)
    }
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        Self::from(&error)
    }
}

impl From<&RuntimeError> for Failure {
    fn from(error: &RuntimeError) -> Self {
        let status = match error {
            RuntimeError::EngineUnreachable(_) => ExitStatus::ENGINE,
            _ => ExitStatus::FAILED,
        };
        Self { status, message: error.to_string() }
    }
}
