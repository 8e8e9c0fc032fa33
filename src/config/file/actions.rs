//! Actions in the file (ALB user guide, "Action types for listener rules").

use crate::read::reader::{Read, Reader, Spanned};
use crate::read::{Anything, keywords, record};
use crate::text::tree::{Node, Value};

record! {
    /// What happens to a request: exactly one of `forward`, `redirect` and `fixed_response`. In a list of actions, that one
    /// is the last.
    ActionFile, "action" {
        /// Send it to a target group: its name, or several with weights.
        forward: ForwardFile,
        /// Respond with a redirect.
        redirect: RedirectFile,
        /// Respond with a fixed page.
        fixed_response: FixedResponseFile,
        /// Recognised; no client is asked to sign in, and the other action applies.
        authenticate_oidc: Anything,
        /// Recognised; no client is asked to sign in, and the other action applies.
        authenticate_cognito: Anything,
        /// Recognised; tokens are not validated, and the other action applies.
        jwt_validation: Anything,
        /// In a list: 1–50000, the lowest first. Default: its place in the list.
        order: Spanned<u32>,
    }
}

/// A name, or groups with weights.
#[derive(Clone, Debug)]
pub(crate) enum ForwardFile {
    /// `forward: tg-api`
    Name(Spanned<String>),
    /// `forward: {target_groups: …}`
    Groups(ForwardGroupsFile),
}

impl Read for ForwardFile {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match node.value {
            Value::Scalar(_) => Spanned::read(node, reader).map(Self::Name),
            _ => ForwardGroupsFile::read(node, reader).map(Self::Groups),
        }
    }
}

impl schemars::JsonSchema for ForwardFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Forward".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let groups = generator.subschema_for::<ForwardGroupsFile>();
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, groups] })
    }
}

record! {
    /// Several target groups, chosen by weight for every request.
    ForwardGroupsFile, "forward action" {
        /// One to five groups.
        target_groups: Vec<WeightedFile> [required],
        /// Whether a client stays with its group.
        stickiness: GroupStickinessFile,
    }
}

record! {
    /// A group and its weight.
    WeightedFile, "weighted target group" {
        /// A key of `target_groups`.
        target_group: Spanned<String> [required],
        /// 0–999. Default: 1.
        weight: Spanned<u32>,
    }
}

record! {
    /// Stickiness of the choice between groups.
    GroupStickinessFile, "group stickiness" {
        /// Default: false.
        enabled: bool,
        /// Seconds: 1–604800.
        duration: Spanned<u32>,
    }
}

record! {
    /// A redirect. Omitted parts stay as in the request; at least one of protocol, host, port and path must change.
    RedirectFile, "redirect action" {
        /// `HTTP`, `HTTPS` or `#{protocol}`.
        protocol: Spanned<String>,
        /// Host name; may contain `#{host}`.
        host: Spanned<String>,
        /// Port, or `#{port}`.
        port: Spanned<String>,
        /// Path that begins with `/`; may contain `#{host}`, `#{port}` and `#{path}`.
        path: Spanned<String>,
        /// Query without `?`; may contain any of the keywords.
        query: Spanned<String>,
        /// Permanent or temporary.
        status_code: Spanned<RedirectStatusWord> [required],
    }
}

keywords! {
    /// Status of a redirect.
    RedirectStatusWord, "a status of a redirect" {
        /// 301 Moved Permanently
        Permanent = "HTTP_301",
        /// 302 Found
        Temporary = "HTTP_302",
    }
}

record! {
    /// A page that the load balancer responds with.
    FixedResponseFile, "fixed response" {
        /// 200–299 or 400–599.
        status_code: Spanned<u16> [required],
        /// `text/plain`, `text/css`, `text/html`, `application/javascript` or `application/json`.
        content_type: Spanned<String>,
        /// At most 1024 characters.
        message_body: Spanned<String>,
    }
}
