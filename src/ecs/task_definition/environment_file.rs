//! Files with environment variables (ECS developer guide, "Use a file to pass environment variables to a container").
//!
//! The file is not one of a shell, nor one of Docker: there are no quotes, no escapes, no `export`, and spaces count.

/// The variables of a file, in its order: what stands before the first `=` of a line, and what stands after it. Lines
/// that begin with `#`, and those without a `=` or a name, are skipped.
pub fn variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).filter(|(name, _)| !name.is_empty())
}
