//! `aws`: the endpoint, users, roles and policies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::lowering::Lowering;
use crate::file::File;
use crate::file::aws::{AwsFile, DocumentFile, PolicyFile, ProviderFile, RoleFile, UserFile};
use crate::read::Named;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_iam::document::{Document, Purpose};
use neargate_iam::managed;
use neargate_model::Redacted;
use neargate_model::arn::ACCOUNT;
use neargate_model::iam::{
    AccessKey, Identities, ManagedPolicy, OidcProvider, Permissions, Role, Signatures, Tags, User,
};

const LEAST_SESSION: u32 = 3600;
const MOST_SESSION: u32 = 43_200;

/// Everything under `aws` that says who may do what.
pub(super) fn lower(file: &File, lowering: &mut Lowering<'_>) -> Identities {
    let Some(aws) = &file.aws else { return Identities::default() };
    let policies = named(aws.policies.as_ref(), lowering, "policy", 128, policy);
    let arns = Arns::of(aws, &policies);
    let mut keys = BTreeSet::new();
    Identities {
        signatures: aws.signatures.as_ref().and_then(|text| signatures(text, lowering)),
        users: named(aws.users.as_ref(), lowering, "user", 64, |given, lowering| {
            Some(user(given, &arns, &mut keys, lowering))
        }),
        roles: named(aws.roles.as_ref(), lowering, "role", 64, |given, lowering| role(given, &arns, lowering)),
        policies,
        oidc_providers: providers(aws.openid_connect_providers.as_ref()),
    }
}

/// Where AWS's APIs are served.
pub(super) fn endpoint(file: &File, lowering: &mut Lowering<'_>) -> Option<SocketAddr> {
    let text = file.aws.as_ref()?.endpoint.as_ref()?;
    let what = match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(address) => format!("{} is not a loopback address: anyone who can connect has the account", address.ip()),
        Err(_) => format!("`{}` is not an address and a port", text.as_str()),
    };
    lowering.report(Diagnostic::error(what, text.span, "").help("write 127.0.0.1:4566"));
    None
}

fn signatures(text: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<Signatures> {
    match text.as_str() {
        "check" => Some(Signatures::Check),
        "any" => Some(Signatures::Any),
        other => {
            lowering.report(
                Diagnostic::error(format!("`{other}` is not a way to treat signatures"), text.span, "")
                    .help("write `check` or `any`"),
            );
            None
        }
    }
}

/// Reads every entry whose name IAM would take.
fn named<F, T>(
    given: Option<&Named<F>>,
    lowering: &mut Lowering<'_>,
    what: &str,
    longest: usize,
    mut lower: impl FnMut(&F, &mut Lowering<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let mut all = BTreeMap::new();
    for (name, one) in given.iter().flat_map(|named| named.iter()) {
        judge_name(name, what, longest, lowering);
        if let Some(lowered) = lower(one, lowering) {
            all.insert(name.value.clone(), lowered);
        }
    }
    all
}

fn judge_name(name: &Spanned<String>, what: &str, longest: usize, lowering: &mut Lowering<'_>) {
    let is_good = |symbol: char| symbol.is_ascii_alphanumeric() || "_+=,.@-".contains(symbol);
    if !name.is_empty() && name.len() <= longest && name.chars().all(is_good) {
        return;
    }
    lowering.report(
        Diagnostic::error(format!("`{}` is not a valid name of a {what} in IAM", name.value), name.span, "").note(
            format!("1 to {longest} letters, digits and any of _+=,.@- (IAM user guide, \"IAM and AWS STS quotas\")"),
        ),
    );
}

fn user(given: &UserFile, arns: &Arns, taken: &mut BTreeSet<String>, lowering: &mut Lowering<'_>) -> User {
    let mut access_keys = BTreeMap::new();
    for (id, secret) in given.access_keys.iter().flat_map(|keys| keys.iter()) {
        let is_good =
            (16..=128).contains(&id.len()) && id.chars().all(|symbol| symbol.is_ascii_alphanumeric() || symbol == '_');
        if !is_good {
            lowering.report(
                Diagnostic::error(format!("`{}` is not the id of an access key", id.value), id.span, "")
                    .note("16 to 128 letters, digits and _ (IAM API reference, AccessKey)")
                    .help("e.g. `AKIAIOSFODNN7EXAMPLE`"),
            );
        } else if !taken.insert(id.value.clone()) {
            lowering.report(Diagnostic::error(format!("the access key `{}` has two users", id.value), id.span, ""));
        }
        access_keys.insert(id.value.clone(), AccessKey { secret: Redacted::new(&secret.value), is_active: true });
    }
    let inline = documents(given.inline_policies.as_ref(), lowering);
    let boundary = given.permissions_boundary.as_ref();
    User {
        path: path(given.path.as_ref(), lowering),
        permissions: permissions(inline, given.managed_policy_arns.as_deref(), boundary, arns, lowering),
        access_keys,
        tags: tags(given.tags.as_ref()),
    }
}

fn role(given: &RoleFile, arns: &Arns, lowering: &mut Lowering<'_>) -> Option<Role> {
    let seconds = given.max_session_duration.as_ref();
    if let Some(seconds) = seconds.filter(|seconds| !(LEAST_SESSION..=MOST_SESSION).contains(&seconds.value)) {
        let nearest = seconds.value.clamp(LEAST_SESSION, MOST_SESSION);
        lowering.report(
            Diagnostic::error("`max_session_duration` is out of range", seconds.span, "3600 to 43200")
                .note("3600 to 43200 seconds (IAM API reference, CreateRole)")
                .help(format!("the nearest valid value is {nearest}")),
        );
    }
    let inline = documents(given.inline_policies.as_ref(), lowering);
    let boundary = given.permissions_boundary.as_ref();
    let permissions = permissions(inline, given.managed_policy_arns.as_deref(), boundary, arns, lowering);
    Some(Role {
        path: path(given.path.as_ref(), lowering),
        assume_role_policy: document(given.assume_role_policy.as_ref()?, Purpose::Trust, lowering)?,
        permissions,
        max_session_duration: seconds.map_or(LEAST_SESSION, |seconds| seconds.value),
        description: given.description.as_ref().map(|text| text.value.clone()),
        tags: tags(given.tags.as_ref()),
    })
}

fn policy(given: &PolicyFile, lowering: &mut Lowering<'_>) -> Option<ManagedPolicy> {
    Some(ManagedPolicy {
        path: path(given.path.as_ref(), lowering),
        document: document(given.policy.as_ref()?, Purpose::Identity, lowering)?,
        description: given.description.as_ref().map(|text| text.value.clone()),
        tags: tags(given.tags.as_ref()),
    })
}

fn providers(given: Option<&Named<ProviderFile>>) -> BTreeMap<String, OidcProvider> {
    let texts = |list: Option<&Vec<Spanned<String>>>| {
        list.iter().flat_map(|texts| texts.iter()).map(|text| text.value.clone()).collect()
    };
    let one = |(url, provider): (&Spanned<String>, &ProviderFile)| {
        let url = url.strip_prefix("https://").unwrap_or(&url.value).trim_end_matches('/').to_owned();
        let client_ids = texts(provider.client_id_list.as_ref());
        let thumbprints = texts(provider.thumbprint_list.as_ref());
        (url, OidcProvider { client_ids, thumbprints, tags: tags(provider.tags.as_ref()) })
    };
    given.iter().flat_map(|named| named.iter()).map(one).collect()
}

fn tags(given: Option<&Named<Spanned<String>>>) -> Tags {
    let tags = given.iter().flat_map(|named| named.iter());
    tags.map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
}

fn path(given: Option<&Spanned<String>>, lowering: &mut Lowering<'_>) -> String {
    let Some(path) = given else { return "/".to_owned() };
    if !(path.starts_with('/') && path.ends_with('/')) {
        lowering.report(
            Diagnostic::error("a path begins and ends with a slash", path.span, "")
                .help(format!("write `/{}/`", path.trim_matches('/'))),
        );
    }
    path.value.clone()
}

fn documents(given: Option<&Named<DocumentFile>>, lowering: &mut Lowering<'_>) -> BTreeMap<String, String> {
    let mut documents = BTreeMap::new();
    for (name, one) in given.iter().flat_map(|named| named.iter()) {
        judge_name(name, "policy", 128, lowering);
        if let Some(text) = document(one, Purpose::Identity, lowering) {
            documents.insert(name.value.clone(), text);
        }
    }
    documents
}

/// The document as JSON.
fn document(given: &DocumentFile, purpose: Purpose, lowering: &mut Lowering<'_>) -> Option<String> {
    let text = match given {
        DocumentFile::Here(text) => text.value.clone(),
        DocumentFile::At(path) => match (lowering.source.read_file)(&lowering.source.folder.join(&path.value)) {
            Ok(text) => text,
            Err(error) => {
                lowering.report(
                    Diagnostic::error(format!("cannot read `{}`: {error}", path.value), path.span, "")
                        .note("the path is relative to the folder of this file"),
                );
                return None;
            }
        },
    };
    let Err(malformed) = Document::parse(&text, purpose) else { return Some(text) };
    let (what, page) = match purpose {
        Purpose::Identity => ("this is not a policy", "PutRolePolicy"),
        Purpose::Trust => ("this is not a trust policy", "CreateRole"),
    };
    let because =
        serde_json::from_str::<serde_json::Value>(&text).err().map(|error| format!("it is not JSON: {error}"));
    lowering.report(
        Diagnostic::error(what, given.span(), "")
            .aws(&malformed.0, &format!("IAM API reference, {page}, MalformedPolicyDocument"))
            .maybe_help(because),
    );
    None
}

/// Which managed policies there are.
struct Arns {
    own: BTreeMap<String, String>,
    /// Names that could not be read have been reported.
    lost: BTreeSet<String>,
}

impl Arns {
    fn of(aws: &AwsFile, policies: &BTreeMap<String, ManagedPolicy>) -> Self {
        let arn = |(name, policy): (&String, &ManagedPolicy)| {
            (name.clone(), format!("arn:aws:iam::{ACCOUNT}:policy{}{name}", policy.path))
        };
        let written = aws.policies.iter().flat_map(|named| named.iter()).map(|(name, _)| name.value.clone());
        Self {
            own: policies.iter().map(arn).collect(),
            lost: written.filter(|name| !policies.contains_key(name)).collect(),
        }
    }

    fn find(&self, given: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<String> {
        if let Some(arn) = self.own.get(&given.value) {
            return Some(arn.clone());
        }
        if self.own.values().any(|arn| *arn == given.value) || managed::document(given).is_some() {
            return Some(given.value.clone());
        }
        if self.lost.contains(&given.value) {
            return None;
        }
        let mut known: Vec<&str> = self.own.keys().chain(&self.lost).map(String::as_str).collect();
        for arn in managed::arns().filter(|_| given.starts_with("arn:")) {
            known.push(arn);
        }
        // Some of AWS's have a path that is easily forgotten.
        let last = given.rsplit('/').next().filter(|_| given.starts_with("arn:")).unwrap_or_default();
        let with_path = managed::arns().find(|arn| arn.rsplit('/').next() == Some(last));
        let help = match with_path {
            Some(arn) => Some(format!("did you mean `{arn}`?")),
            None => help_for(given, "the policies are", known),
        };
        lowering.report(
            Diagnostic::error(format!("there is no managed policy `{}`", given.value), given.span, "")
                .aws(
                    &format!("Policy {} does not exist or is not attachable.", given.value),
                    "IAM API reference, AttachRolePolicy, NoSuchEntity",
                )
                .maybe_help(help),
        );
        None
    }
}

fn permissions(
    inline_policies: BTreeMap<String, String>,
    managed: Option<&[Spanned<String>]>,
    boundary: Option<&Spanned<String>>,
    arns: &Arns,
    lowering: &mut Lowering<'_>,
) -> Permissions {
    let managed = managed.unwrap_or_default();
    Permissions {
        inline_policies,
        managed_policy_arns: managed.iter().filter_map(|given| arns.find(given, lowering)).collect(),
        permissions_boundary: boundary.and_then(|given| arns.find(given, lowering)),
    }
}
