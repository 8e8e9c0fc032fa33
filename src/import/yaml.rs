//! Scalars of YAML, written so that they read as the text that they are.

use super::plan::{Part, Value};

/// A text as a scalar: plain where YAML cannot take it for something else, and where no variable could be seen in it.
pub(super) fn text(text: &str) -> String {
    scalar(&text.replace('$', "$$"))
}

/// A key: nothing is replaced in it.
pub(super) fn key(text: &str) -> String {
    scalar(text)
}

/// A value with its variables as `${NAME}` and `${NAME:-default}`.
pub(super) fn value(value: &Value) -> String {
    let mut out = String::new();
    for part in &value.0 {
        match part {
            Part::Text(text) => out.push_str(&text.replace('$', "$$")),
            Part::Variable { name, default: None } => out.push_str(&format!("${{{name}}}")),
            Part::Variable { name, default: Some(default) } if default.contains(['{', '}']) => {
                // A brace would end the reference too early: without the default the variable must be set.
                out.push_str(&format!("${{{name}:-}}"));
            }
            Part::Variable { name, default: Some(default) } => {
                out.push_str(&format!("${{{name}:-{}}}", default.replace('$', "$$")));
            }
        }
    }
    quoted(&out)
}

fn scalar(text: &str) -> String {
    let first = text.chars().next().unwrap_or(' ');
    let second = text.chars().nth(1).unwrap_or('/');
    let begins = first.is_ascii_alphabetic()
        || first == '/'
        || (first == '.' && (second == '/' || second.is_ascii_lowercase() && second != 'i' && second != 'n'));
    let safe = begins
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
        && !matches!(text.to_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if safe { text.to_owned() } else { quoted(text) }
}

/// Always in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Line ends and characters that YAML does not take as they are.
            c if c.is_control()
                || matches!(
                    c,
                    '\u{85}' | '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
                ) =>
            {
                out.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// One line of a comment.
pub(super) fn comment(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    format!("# {}", line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_yaml_would_misread_is_quoted() {
        for (written, read) in [
            ("frontend/Dockerfile", "frontend/Dockerfile"),
            (".aws/td.json", ".aws/td.json"),
            ("no", "\"no\""),
            (".5", "\".5\""),
            (".inf", "\".inf\""),
            ("1.10", "\"1.10\""),
            ("a: b", "\"a: b\""),
            ("a$b", "\"a$$b\""),
            ("a\"b\n", "\"a\\\"b\\n\""),
            ("", "\"\""),
        ] {
            assert_eq!(text(written), read);
        }
    }

    #[test]
    fn variables_are_references_and_dollars_are_not() {
        let variable =
            |default: Option<&str>| Part::Variable { name: "X".to_owned(), default: default.map(str::to_owned) };
        let parts = vec![Part::Text("$5 ".to_owned()), variable(None), variable(Some("a$")), variable(Some("{}"))];
        assert_eq!(value(&Value(parts)), "\"$$5 ${X}${X:-a$$}${X:-}\"");
    }
}
