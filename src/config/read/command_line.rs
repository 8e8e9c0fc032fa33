//! A program and its arguments as in Compose: a list, or one text that is split as in a shell.

use super::reader::{Read, Reader};
use crate::text::diagnostics::Diagnostic;
use crate::text::tree::{Node, Value};

/// Program and arguments; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine(pub(crate) Vec<String>);

impl Read for CommandLine {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let words = match &node.value {
            Value::List(_) => Vec::<String>::read(node, reader)?,
            _ => match words(&String::read(node, reader)?) {
                Ok(words) => words,
                Err(problem) => {
                    reader.report(
                        Diagnostic::error(problem, node.span, "")
                            .help("write the words as a list: [program, argument]"),
                    );
                    return None;
                }
            },
        };
        if words.is_empty() {
            reader.report(Diagnostic::error("a command without a program", node.span, ""));
            return None;
        }
        Some(Self(words))
    }
}

impl schemars::JsonSchema for CommandLine {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CommandLine".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let text = generator.subschema_for::<String>();
        schemars::json_schema!({ "anyOf": [text, { "type": "array", "items": text, "minItems": 1 }] })
    }
}

/// Splits a line into words by the quoting rules of the POSIX shell, without its other features, such as variables and
/// pipes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (end, Some(begun)) if end == begun => quote = None,
            ('\\', Some('"')) => {
                let next = characters.next();
                let word = word.get_or_insert_default();
                match next {
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                    Some(other) => word.extend(['\\', other]),
                    None => word.push('\\'),
                }
            }
            (other, Some(_)) => word.get_or_insert_default().push(other),
            (begun @ ('\'' | '"'), None) => {
                quote = Some(begun);
                word.get_or_insert_default();
            }
            ('\\', None) => word.get_or_insert_default().extend(characters.next()),
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (other, None) => word.get_or_insert_default().push(other),
        }
    }
    match quote {
        Some(quote) => Err(format!("the quote {quote} is not closed")),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn lines_are_split_as_a_shell_would() {
        let split = |text: &str| words(text).unwrap();
        assert_eq!(split("  app   reload "), ["app", "reload"]);
        assert_eq!(split(r#"sh -c 'echo "$A b"; exit' x\ y"#), ["sh", "-c", r#"echo "$A b"; exit"#, "x y"]);
        assert_eq!(split(r#"a"b c"'d' "" "\"\n""#), ["ab cd", "", r#""\n"#]);
        assert!(split(" ").is_empty());
        assert_eq!(words("say 'it").unwrap_err(), "the quote ' is not closed");
    }
}
