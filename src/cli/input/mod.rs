//! The command line, and the files and folders that it refers to.

pub(crate) mod arguments;
pub(crate) mod completion;
pub(crate) mod deployments;
pub(crate) mod file;
pub(crate) mod format;
pub(crate) mod global;
pub(crate) mod listen;
pub(crate) mod machine;
pub(crate) mod pipeline;
pub(crate) mod project;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod url;
