//! From files to objects, whatever kind of source they are.

use super::format::{Format, recognise};
use crate::objects::Objects;

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
    /// `--bind LINK=OBJECT`: what a link leads to that the source does not decide.
    pub bind: Vec<(String, String)>,
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
}

/// Reads all files, or says what is wrong with each that cannot be read.
pub fn read(files: &[SourceFile], options: &Options) -> Result<Objects, Vec<Refusal>> {
    let mut objects = Objects::default();
    let mut refusals = Vec::new();
    let _ = options;
    for file in files {
        match recognise(&file.path, &file.bytes) {
            Ok(Format::NeargateFile) => refusals.push(Refusal::new(
                &file.path,
                "it is a neargate.yaml already",
                "name it with --file; import reads what Terraform, CloudFormation or AWS say",
            )),
            Ok(_) => objects.merge(Objects::default()),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(objects) } else { Err(refusals) }
}
