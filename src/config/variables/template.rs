//! Placeholders that a pipeline fills in: `${NAME}`, `{{ name }}`, `<NAME>`, `[NAME]`, `%NAME%`, `@NAME@`, `__NAME__`.

/// Whether the text contains such a placeholder. Only call this with text that is not valid as a value, because some
/// valid values look the same.
pub(crate) fn is_one(text: Option<&str>) -> bool {
    let Some(text) = text else { return false };
    let pairs = [("${", "}"), ("{{", "}}"), ("<", ">"), ("[", "]"), ("%", "%"), ("@", "@"), ("__", "__"), ("#{", "}")];
    let enclosed = pairs.iter().any(|(open, close)| {
        text.split_once(open).and_then(|(_, rest)| rest.split_once(close)).is_some_and(|(name, _)| is_name(name.trim()))
    });
    enclosed || text.split('$').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// The names in templates: letters, digits and a few signs; `steps.image.outputs.tag`, `var:image`.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '.' | '$'))
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | ' ' | '$' | '|' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marks_of_the_usual_engines_are_known() {
        for text in [
            "${CPU}",
            "app-${environment}",
            "$NAME",
            "{{ image }}",
            "{{.Values.name}}",
            "<IMAGE1_NAME>",
            "[CONTAINER_NAME]",
            "%NAME%",
            "@NAME@",
            "__NAME__",
            "#{name}",
            "${{ env.NAME }}",
        ] {
            assert!(is_one(Some(text)), "{text}");
        }
        for text in ["app", "my.app", "a b", "cost 5$", "[]", "<>", "50%", "me@example", "_a_"] {
            assert!(!is_one(Some(text)), "{text}");
        }
    }
}
