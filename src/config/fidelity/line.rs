//! A line of the table.

use super::level::Entry;
use super::level::Entry::Aws;
use super::level::Level::Ignored;

/// A record's kind, keys of it, the values the line is about (none: all), and the verdict.
pub(super) type Line = (&'static str, &'static [&'static str], &'static [&'static str], Entry);

/// The verdict on what nobody can see.
pub(super) const UNSEEN: Entry = Aws(Ignored("it changes nothing that traffic or tasks can see"));
