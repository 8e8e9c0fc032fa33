//! What the user types and reads: one verb per file.

pub mod check;
pub mod init;
pub mod project;

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Success,
    /// 1: it failed.
    Failed,
    /// 2: wrong usage or an invalid configuration.
    Invalid,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Invalid => 2,
        }
    }
}

/// `--format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs; its shape is stable.
    Json,
}
