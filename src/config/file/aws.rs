//! `aws`: the endpoint of AWS's APIs.

use crate::read::reader::{Read, Reader, Spanned};
use crate::read::{Named, record};
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::tree::{Node, Value};

record! {
    /// The endpoint of AWS's APIs (`neargate up --aws`), and who may do what there. Without users, every key is the account's
    /// root; roles decide what their sessions may do in any case.
    AwsFile, "aws" {
        /// Where AWS's APIs are served: a loopback address and a port, such as `127.0.0.1:4566`. Default: nowhere, unless the
        /// stack is started with `--aws`.
        endpoint: Spanned<String>,
        /// `check`: requests must be signed with a key of a user, or of a session. `any`: an unknown key is the account's root,
        /// and signatures are not verified. Default: `check` if there are users.
        signatures: Spanned<String>,
        /// Users by name.
        users: Named<UserFile>,
        /// Roles by name.
        roles: Named<RoleFile>,
        /// Managed policies of your own by name; those of AWS exist already.
        policies: Named<PolicyFile>,
        /// OpenID Connect providers by URL, such as `token.actions.githubusercontent.com`.
        openid_connect_providers: Named<ProviderFile>,
    }
}

record! {
    /// A user (Terraform: `aws_iam_user`).
    UserFile, "user" {
        /// Access keys: the secret of each by its id. Write `${VARIABLE}` and keep the secrets in the environment or in `.env`.
        access_keys: Named<Spanned<String>>,
        /// Inline policies by name: the JSON file with the document, or the document itself.
        inline_policies: Named<DocumentFile>,
        /// Managed policies: keys of `policies`, or ARNs.
        managed_policy_arns: Vec<Spanned<String>>,
        /// The managed policy that limits what the others allow: a key of `policies`, or an ARN.
        permissions_boundary: Spanned<String>,
        /// Default: `/`.
        path: Spanned<String>,
        /// Tags by key, for conditions on `aws:PrincipalTag`.
        tags: Named<Spanned<String>>,
    }
}

record! {
    /// A role (Terraform: `aws_iam_role`).
    RoleFile, "role" {
        /// Who may assume it: the JSON file with the trust policy, or the document itself.
        assume_role_policy: DocumentFile [required],
        /// Inline policies by name: the JSON file with the document, or the document itself.
        inline_policies: Named<DocumentFile>,
        /// Managed policies: keys of `policies`, or ARNs.
        managed_policy_arns: Vec<Spanned<String>>,
        /// The managed policy that limits what the others allow: a key of `policies`, or an ARN.
        permissions_boundary: Spanned<String>,
        /// The longest session in seconds: 3600 to 43200. Default: 3600.
        max_session_duration: Spanned<u32>,
        /// Default: `/`.
        path: Spanned<String>,
        /// Returned as it is.
        description: Spanned<String>,
        /// Tags by key, for conditions on `aws:PrincipalTag` and `aws:ResourceTag`.
        tags: Named<Spanned<String>>,
    }
}

record! {
    /// A managed policy (Terraform: `aws_iam_policy`).
    PolicyFile, "policy" {
        /// The JSON file with the document, or the document itself.
        policy: DocumentFile [required],
        /// Default: `/`.
        path: Spanned<String>,
        /// Returned as it is.
        description: Spanned<String>,
        /// Tags by key.
        tags: Named<Spanned<String>>,
    }
}

record! {
    /// An OpenID Connect provider (Terraform: `aws_iam_openid_connect_provider`). Tokens are believed: their signatures are not
    /// verified.
    ProviderFile, "OpenID Connect provider" {
        /// Audiences that tokens may have.
        client_id_list: Vec<Spanned<String>>,
        /// Returned as it is.
        thumbprint_list: Vec<Spanned<String>>,
        /// Tags by key.
        tags: Named<Spanned<String>>,
    }
}

/// A policy: in a file of its own, or here.
#[derive(Clone, Debug)]
pub(crate) enum DocumentFile {
    /// Relative to this file.
    At(Spanned<String>),
    /// As JSON.
    Here(Spanned<String>),
}

impl DocumentFile {
    /// Where it is written.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::At(text) | Self::Here(text) => text.span,
        }
    }
}

impl Read for DocumentFile {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Map(_) => {
                let value = json(node).to_string();
                Some(Self::Here(Spanned { value, span: node.head }))
            }
            Value::Scalar(scalar) if !node.is_null() => {
                let text = Spanned { value: scalar.text.clone(), span: node.span };
                Some(if scalar.text.trim_start().starts_with('{') { Self::Here(text) } else { Self::At(text) })
            }
            _ => {
                let wrong = format!("expected a file or a policy document, found {}", node.kind());
                reader.report(Diagnostic::error(wrong, node.span, ""));
                None
            }
        }
    }
}

/// Values of policies are texts; `true` and `2012-10-17` mean the same with and without quotes.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Scalar(scalar) => scalar.text.clone().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), json(&entry.value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}

impl schemars::JsonSchema for DocumentFile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PolicyDocument".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "object"] })
    }
}
