//! Conditions of rules in the file (ALB user guide, "Condition types for listener rules").

use crate::read::reader::{Read, Reader, Spanned};
use crate::read::{OneOrMany, record};
use crate::text::diagnostics::Diagnostic;
use crate::text::tree::{Node, Value};

record! {
    /// One condition: exactly one of these fields. Its values are alternatives.
    ConditionFile, "condition" {
        /// Patterns for the path, case-sensitive: `*` is any run of characters, `?` exactly one.
        path_pattern: PatternsFile,
        /// Patterns for the host name, in any case.
        host_header: PatternsFile,
        /// A header and patterns for its value, in any case.
        http_header: HttpHeaderFile,
        /// Methods, exact.
        http_request_method: ValuesFile<Spanned<String>>,
        /// Keys and values of the query string, in any case.
        query_string: ValuesFile<QueryStringFile>,
        /// Networks of clients.
        source_ip: ValuesFile<Spanned<String>>,
    }
}

/// Patterns: a list, or `values` or `regex_values` as in Terraform.
#[derive(Clone, Debug)]
pub(crate) struct PatternsFile {
    /// With `*` and `?`.
    pub(crate) values: Vec<Spanned<String>>,
    /// Regular expressions.
    pub(crate) regex_values: Vec<Spanned<String>>,
}

record! {
    /// Patterns in long form.
    LongPatternsFile, "condition value" {
        /// Patterns with `*` and `?`.
        values: OneOrMany<Spanned<String>>,
        /// Regular expressions instead; not anchored unless written so.
        regex_values: OneOrMany<Spanned<String>>,
    }
}

impl Read for PatternsFile {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if let Value::Map(_) = node.value {
            let long = LongPatternsFile::read(node, reader)?;
            let list = |many: Option<OneOrMany<_>>| many.map(|many| many.0).unwrap_or_default();
            return Some(Self { values: list(long.values), regex_values: list(long.regex_values) });
        }
        OneOrMany::read(node, reader).map(|values| Self { values: values.0, regex_values: Vec::new() })
    }
}

impl schemars::JsonSchema for PatternsFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Patterns".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let short = generator.subschema_for::<OneOrMany<String>>();
        let long = generator.subschema_for::<LongPatternsFile>();
        schemars::json_schema!({ "anyOf": [short, long] })
    }
}

record! {
    /// A condition on a header.
    HttpHeaderFile, "http_header condition" {
        /// Name of the header, without wildcards; not `Host`.
        http_header_name: Spanned<String> [required],
        /// Patterns for its value with `*` and `?`.
        values: OneOrMany<Spanned<String>>,
        /// Regular expressions instead.
        regex_values: OneOrMany<Spanned<String>>,
    }
}

record! {
    /// One value of a `query_string` condition.
    QueryStringFile, "query_string value" {
        /// Pattern for the key. Without it, the value may belong to any key.
        key: Spanned<String>,
        /// Pattern for the value.
        value: Spanned<String> [required],
    }
}

/// Values: a list, or `values` as in Terraform.
#[derive(Clone, Debug)]
pub(crate) struct ValuesFile<T>(pub(crate) Vec<T>);

impl<T: Read> Read for ValuesFile<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Some(inner) = node.get("values") else {
            return OneOrMany::read(node, reader).map(|values| Self(values.0));
        };
        for entry in reader.map(node, "`values`")?.iter().filter(|entry| entry.key != "values") {
            reader.report(
                Diagnostic::error(format!("unknown key `{}` in a condition value", entry.key), entry.key_span, "")
                    .note("its field is values"),
            );
        }
        OneOrMany::read(inner, reader).map(|values| Self(values.0))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for ValuesFile<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Values_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let short = generator.subschema_for::<OneOrMany<T>>();
        schemars::json_schema!({ "anyOf": [short, {
            "type": "object", "required": ["values"], "additionalProperties": false,
            "properties": { "values": short },
        }] })
    }
}
