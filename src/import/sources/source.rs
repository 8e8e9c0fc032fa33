//! Files of sources, what the command line says about them, and why one cannot be imported.

/// A file of a source.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// As the user named it; files of a folder with the folder before them.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What the command line says about sources.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--partial`: take half of a plan.
    pub partial: bool,
}

/// Why a file cannot be imported, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub file: String,
    /// What is wrong with it, as a sentence without a full stop.
    pub what: String,
    /// How to fix it.
    pub help: String,
}

impl Refusal {
    /// A refusal of a file.
    pub fn new(file: &str, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { file: file.to_owned(), what: what.into(), help: help.into() }
    }

    /// A refusal of a file that is not the JSON that it seemed to be.
    pub(crate) fn json(file: &str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let what = if error.is_eof() { "it ends too early" } else { "its JSON cannot be read" };
        // The error itself may quote values.
        Self::new(file, format!("{what} (line {line}, column {column})"), "export it again, and do not edit it")
    }
}
