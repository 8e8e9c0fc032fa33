//! Text of which some pieces are known only when the pipeline runs: `${{ github.sha }}`, a variable of the
//! repository's settings, what a command prints.
//!
//! Such a piece stands in the text between two characters that no file uses, with letters, digits and `._-%;` between
//! them, so that splitting at blanks, colons and slashes never cuts it. Two texts are equal if their pieces are.

const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// A text that may have unknown pieces.
pub(crate) type Text = String;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As it is.
    Known(String),
    /// What stands for it in the pipeline: `github.sha`, `vars.X`, `$NAME`.
    Unknown(String),
}

/// A text that is one unknown piece.
pub(crate) fn unknown(what: &str) -> Text {
    let mut text = String::from(OPEN);
    for c in what.chars() {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            text.push(c);
        } else {
            text.push_str(&format!("%{:x};", u32::from(c)));
        }
    }
    text.push(CLOSE);
    text
}

/// Text of a file, without the two characters that have a meaning here.
pub(crate) fn from_file(text: &str) -> Text {
    text.replace([OPEN, CLOSE], "\u{fffd}")
}

/// Whether every piece is known.
pub(crate) fn is_known(text: &str) -> bool {
    !text.contains(OPEN)
}

/// The text, if all of it is known and there is some.
pub(crate) fn known(text: &str) -> Option<&str> {
    let text = text.trim();
    (is_known(text) && !text.is_empty()).then_some(text)
}

/// The pieces, in order.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, part) in text.split(OPEN).enumerate() {
        let rest = match part.split_once(CLOSE).filter(|_| index > 0) {
            Some((inside, rest)) => {
                pieces.push(Piece::Unknown(decoded(inside)));
                rest
            }
            None => part,
        };
        if !rest.is_empty() {
            pieces.push(Piece::Known(rest.to_owned()));
        }
    }
    pieces
}

/// What stands for the unknown pieces, in order.
pub(crate) fn unknowns(text: &str) -> impl Iterator<Item = String> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Unknown(what) => Some(what),
        Piece::Known(_) => None,
    })
}

/// For people: unknown pieces as the pipeline writes them.
pub(crate) fn show(text: &str) -> String {
    let show = |piece| match piece {
        Piece::Known(text) => text,
        Piece::Unknown(what) if what.starts_with('$') => what,
        Piece::Unknown(what) => format!("${{{{ {what} }}}}"),
    };
    pieces(text).into_iter().map(show).collect()
}

/// The known pieces only.
pub(crate) fn known_part(text: &str) -> String {
    let known = |piece| match piece {
        Piece::Known(text) => text,
        Piece::Unknown(_) => String::new(),
    };
    pieces(text).into_iter().map(known).collect()
}

/// Whether a known text fits a pattern whose unknown pieces stand for anything but `/`.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    fn rest(pieces: &[Piece], text: &str) -> bool {
        match pieces.split_first() {
            None => text.is_empty(),
            Some((Piece::Known(known), more)) => text.strip_prefix(known.as_str()).is_some_and(|text| rest(more, text)),
            Some((Piece::Unknown(_), more)) => {
                let most = text.find('/').unwrap_or(text.len());
                (0..=most).filter(|end| text.is_char_boundary(*end)).any(|end| rest(more, &text[end..]))
            }
        }
    }
    let pieces = pieces(pattern);
    // Two unknown pieces tell little: more of them would also take long.
    pieces.iter().filter(|piece| matches!(piece, Piece::Unknown(_))).count() <= 2 && rest(&pieces, text)
}

/// An image's name without tag and digest.
pub(crate) fn untagged(image: &str) -> &str {
    let image = image.trim();
    let image = image.strip_prefix("docker://").unwrap_or(image);
    let image = image.split('@').next().unwrap_or_default();
    match image.rfind(':').filter(|colon| !image[*colon..].contains('/')) {
        Some(colon) => &image[..colon],
        None => image,
    }
}

fn decoded(inside: &str) -> String {
    let mut out = String::new();
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (code, after) = after.split_once(';').unwrap_or((after, ""));
        out.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_pieces_survive_splitting() {
        let image =
            format!("{}/team/app:{}", unknown("steps.login.outputs.registry"), unknown("github.sha || 'a:b/c'"));
        assert_eq!(untagged(&image), format!("{}/team/app", unknown("steps.login.outputs.registry")));
        assert_eq!(known_part(&image), "/team/app:");
        assert_eq!(unknowns(&image).last().as_deref(), Some("github.sha || 'a:b/c'"));
        assert_eq!(show(&image), "${{ steps.login.outputs.registry }}/team/app:${{ github.sha || 'a:b/c' }}");
        assert_eq!(known(&image), None);
    }

    #[test]
    fn a_pattern_stands_for_one_part_of_a_path() {
        let pattern = format!(".aws/task-definition-{}.json", unknown("inputs.environment"));
        assert!(fits(&pattern, ".aws/task-definition-prod.json"));
        assert!(!fits(&pattern, ".aws/task-definition-a/b.json"));
        assert!(!fits(&pattern, ".aws/task-definition.json"));
    }
}
