//! The format of `routes.test.yaml`.

use crate::file::conditions::ConditionFile;
use crate::read::reader::{Read, Reader, Spanned};
use crate::read::{Named, record};
use crate::text::diagnostics::Diagnostic;
use crate::text::tree::{Node, Value};

record! {
    /// Requests and what is expected to become of them.
    RouteTestsFile, "file of route tests" {
        /// What requests have unless they say otherwise.
        defaults: DefaultsFile,
        /// `METHOD PATH: outcome`, or `request` with `expect`.
        tests: Vec<RouteTestFile> [required],
        /// Target groups of which every rule must be decided by at least one test.
        exhaustive: Vec<Spanned<String>>,
        /// Requests that must never reach a target group, proved for all requests.
        never: Vec<NeverFile>,
    }
}

record! {
    /// What requests have unless they say otherwise.
    DefaultsFile, "default" {
        /// Default: the load balancer's first name.
        host: Spanned<String>,
        /// `http` or `https`. Default: `https` if the load balancer has such a listener.
        scheme: Spanned<String>,
        /// The client's address. Default: 198.51.100.1.
        source: Spanned<String>,
        /// Default: the one that the host leads to.
        load_balancer: Spanned<String>,
    }
}

/// A test in either form.
#[derive(Clone, Debug)]
pub(super) struct RouteTestFile {
    pub(super) request: Spanned<String>,
    pub(super) expect: ExpectFile,
    pub(super) long: Option<LongTestFile>,
}

record! {
    /// A test with more than a request and an outcome.
    LongTestFile, "route test" {
        /// `METHOD PATH`, `METHOD URL`, or only a path.
        request: Spanned<String> [required],
        /// The outcome.
        expect: ExpectFile [required],
        /// Why it is expected.
        why: String,
        /// The client's address.
        source: Spanned<String>,
        /// Header fields.
        headers: Named<String>,
        /// How many redirects to follow.
        follow: Spanned<u32>,
        /// The load balancer that the request arrives at.
        load_balancer: Spanned<String>,
    }
}

/// What is expected: a target group, a status, a `Location`, or several things by name.
#[derive(Clone, Debug)]
pub(super) enum ExpectFile {
    Word(Spanned<String>),
    Fields(Box<ExpectFields>),
}

record! {
    /// What is expected of a request.
    ExpectFields, "expectation" {
        /// The only target group.
        group: Spanned<String>,
        /// All target groups, with their weights.
        groups: Named<u16>,
        /// The `Location`, with its port.
        redirect: String,
        /// The status of a redirect or a fixed response.
        status: u16,
        /// The rule: its priority, or `default`.
        rule: Spanned<String>,
        /// The body of a fixed response.
        body: String,
        /// What the target sees.
        transformed: TransformedFile,
        /// The path of the last request, after redirects.
        at: String,
    }
}

record! {
    /// The request as the target sees it.
    TransformedFile, "transformed request" {
        /// `Host`
        host: String,
        /// Path and query.
        uri: String,
    }
}

record! {
    /// Requests that must never reach a target group.
    NeverFile, "forbidden route" {
        /// The target group.
        group: Spanned<String> [required],
        /// Conditions as in rules; all requests that match them are meant.
        conditions: Vec<ConditionFile> [required],
        /// The port of the listener. Default: every listener.
        listener: Spanned<u16>,
        /// Default: every load balancer.
        load_balancer: Spanned<String>,
    }
}

impl Read for RouteTestFile {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if node.get("request").is_some() {
            let long = LongTestFile::read(node, reader)?;
            let (request, expect) = (long.request.clone()?, long.expect.clone()?);
            return Some(Self { request, expect, long: Some(long) });
        }
        match &node.value {
            Value::Map(entries) if entries.len() == 1 => Some(Self {
                request: Spanned { value: entries[0].key.clone(), span: entries[0].key_span },
                expect: ExpectFile::read(&entries[0].value, reader)?,
                long: None,
            }),
            _ => {
                let help = "write `GET /path: target-group`, or `{ request: GET /path, expect: { … } }`";
                let wrong = format!("expected a test, found {}", node.kind());
                reader.report(Diagnostic::error(wrong, node.span, "").help(help));
                None
            }
        }
    }
}

impl schemars::JsonSchema for RouteTestFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RouteTest".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let long = generator.subschema_for::<LongTestFile>();
        let expect = generator.subschema_for::<ExpectFile>();
        schemars::json_schema!({ "anyOf": [long, {
            "type": "object", "additionalProperties": expect, "minProperties": 1, "maxProperties": 1,
        }] })
    }
}

impl Read for ExpectFile {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.value {
            Value::Scalar(_) => Spanned::read(node, reader).map(Self::Word),
            _ => ExpectFields::read(node, reader).map(|fields| Self::Fields(Box::new(fields))),
        }
    }
}

impl schemars::JsonSchema for ExpectFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expect".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let fields = generator.subschema_for::<ExpectFields>();
        schemars::json_schema!({ "anyOf": [{ "type": ["string", "integer"] }, fields] })
    }
}
