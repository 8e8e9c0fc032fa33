//! The journal's text: one entry per line, after its checksum. Pure: bytes in, entries out.
//!
//! ```text
//!  3d1c77f0 {"file":{…}}                                                          where the changes began
//!  5a0f3b21 {"action":"UpdateService","service":"api","desiredCount":3}           one line per change
//! ```
//!
//! A process that is killed while it appends leaves a line that is cut off or half overwritten. Its checksum does not
//! fit, and nothing from there on counts: the edits before it are whole, and that one was not acknowledged.

use serde::{Deserialize, Serialize};

use super::edit::Edit;
use super::records::Records;
use super::resources::Resources;

/// What one line says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// The first line: where the changes began.
    Base(Box<Base>),
    /// Every other line: a change.
    Edit(Box<Edit>),
}

/// The state that edits are applied to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// What the file said.
    pub file: Resources,
    /// What was wanted; absent if that was the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    wanted: Option<Resources>,
    /// What was remembered.
    #[serde(skip_serializing_if = "Records::is_empty", default)]
    pub(super) records: Records,
}

impl Base {
    /// The file's declarations, changed by earlier edits.
    pub(super) fn new(file: Resources, wanted: Resources, records: Records) -> Self {
        Self { file, wanted: Some(wanted), records }
    }

    /// The file's declarations.
    pub(super) fn unchanged(file: Resources) -> Self {
        Self { file, wanted: None, records: Records::default() }
    }

    /// What was wanted.
    pub(super) fn wanted(&self) -> &Resources {
        self.wanted.as_ref().unwrap_or(&self.file)
    }
}

/// The first line.
pub fn base_line(base: &Base) -> String {
    line(base)
}

/// Any other.
pub fn edit_line(edit: &Edit) -> String {
    line(edit)
}

fn line(entry: &impl Serialize) -> String {
    let text = serde_json::to_string(entry).expect("resources have nothing that JSON cannot say");
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()))
}

/// The entries of a journal up to the first line that is not whole.
pub fn read(bytes: &[u8]) -> Vec<Entry> {
    bytes.split_inclusive(|byte| *byte == b'\n').map_while(entry).collect()
}

fn entry(line: &[u8]) -> Option<Entry> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (sum, text) = line.split_once(' ')?;
    let is_whole = sum.len() == 8 && u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(text.as_bytes());
    is_whole.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests;
