//! Text that cannot be parsed in any format.

use super::diagnostics::Diagnostic;
use super::source::{FileId, Span};

/// The first of git's conflict markers, if the conflict is unresolved.
pub(crate) fn conflict(text: &str, file: FileId) -> Option<Diagnostic> {
    let mark = |sign: &str| {
        let mut start = 0;
        text.split_inclusive('\n').find_map(|line| {
            let at = start;
            start += line.len();
            let rest = line.strip_prefix(sign)?;
            rest.starts_with([' ', '\n', '\r']).then(|| Span::new(file, at..at + line.trim_end().len()))
        })
    };
    let (ours, theirs) = (mark("<<<<<<<")?, mark(">>>>>>>")?);
    Some(
        Diagnostic::error("an unresolved merge conflict", ours, "one side begins here")
            .also(theirs, "the other ends here")
            .help("keep what you want from the two sides, and remove the three marker lines"),
    )
}

/// For both formats.
pub(crate) fn too_deep(at: Span) -> Diagnostic {
    Diagnostic::error("lists and mappings nested more than a hundred deep", at, "reading stopped here")
}
