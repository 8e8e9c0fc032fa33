//! Small readers from tree to values that continue after a mistake.
//!
//! A reader returns `None` after it has reported why. So `None` in a record's field means "absent or already reported",
//! and callers need not report again. [`record!`] and [`keywords!`] declare a type once: its reader, its JSON schema
//! and its section in the reference all come from that declaration.

mod command_line;
pub(crate) mod keyword;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod types;
pub(crate) mod values;

pub(crate) use command_line::CommandLine;
pub(crate) use keyword::{keyword, keywords};
pub(crate) use record::record;
pub(crate) use values::{Anything, Named, OneOrMany};
