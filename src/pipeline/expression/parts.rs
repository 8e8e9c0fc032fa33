//! Text with `${{ … }}` in it, in pieces.

/// A piece of such text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// As it stands.
    Text(&'t str),
    /// What is between the braces.
    Expression(&'t str),
}

/// The pieces. Braces within the literals of an expression do not end it.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${{") {
        if start > 0 {
            parts.push(Part::Text(&rest[..start]));
        }
        let after = &rest[start + 3..];
        let end = end(after).ok_or("The expression is not closed. An unescaped ${{ sequence was found, but the closing }} sequence was not found.")?;
        parts.push(Part::Expression(&after[..end]));
        rest = &after[end + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn end(text: &str) -> Option<usize> {
    let mut in_literal = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\'' => in_literal = !in_literal,
            b'}' if !in_literal && text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}
