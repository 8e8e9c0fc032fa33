//! Names: of the project, of AWS's objects, and DNS names.

use super::lowering::Lowering;
use crate::file::File;
use crate::read::OneOrMany;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use neargate_alb::violation::Violation;
use neargate_alb::violation::problems::{NameKind, NameProblem};
use neargate_ecs::violation::Violation as Refused;
use neargate_model::{DomainName, ProjectName};

/// `name`, or the folder's.
pub(super) fn project(file: &File, lowering: &mut Lowering<'_>) -> ProjectName {
    let Some(name) = &file.name else {
        let folder = lowering.source.folder.file_name().map(|name| name.to_string_lossy().into_owned());
        return project_name_from(&folder.unwrap_or_default());
    };
    let clean = project_name_from(name);
    if clean.as_str() != name.value || name.len() > 63 {
        lowering.report(
            Diagnostic::error(format!("`{}` cannot name a project", name.value), name.span, "")
                .note("it names Docker objects: lower-case letters, digits, `-` and `_`, at most 63")
                .help(format!("write `{}`", &clean.as_str()[..clean.as_str().len().min(63)])),
        );
    }
    clean
}

/// The name of the cluster.
pub(super) fn cluster(name: &Spanned<String>, lowering: &mut Lowering<'_>) {
    ecs(name, neargate_ecs::names::cluster(name), "CreateCluster", lowering);
}

/// The name of a service.
pub(super) fn service(name: &Spanned<String>, lowering: &mut Lowering<'_>) {
    ecs(name, neargate_ecs::names::service(name), "CreateService", lowering);
}

fn ecs(name: &Spanned<String>, refused: Option<Refused>, action: &str, lowering: &mut Lowering<'_>) {
    let Some(violation) = refused else { return };
    lowering.report(
        Diagnostic::error(format!("`{}` is not a valid name in ECS", name.value), name.span, "")
            .aws(&violation.to_string(), &format!("ECS API reference, {action}")),
    );
}

/// Names of load balancers and target groups.
pub(super) fn elbv2(name: &Spanned<String>, what: NameKind, page: &str, lowering: &mut Lowering<'_>) {
    let Err(Violation::InvalidName { problem, .. }) = neargate_alb::names::judge(what, name) else { return };
    let why = match problem {
        NameProblem::Empty => "it is empty",
        NameProblem::TooLong => "it is longer than 32 characters",
        NameProblem::Characters => "only letters, digits and hyphens are allowed",
        NameProblem::Hyphen => "it begins or ends with a hyphen",
        NameProblem::Internal => "`internal-` is AWS's own prefix",
    };
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(32).collect();
    let clean = clean.trim_matches('-').trim_start_matches("internal-");
    let diagnostic = Diagnostic::error(format!("`{}` cannot name a {what}", name.value), name.span, why).note(format!(
        "at most 32 letters, digits and hyphens, with no hyphen at the start or the end (ELBv2 API reference, {page})"
    ));
    lowering.report(if clean.is_empty() || clean == name.value {
        diagnostic
    } else {
        diagnostic.help(format!("e.g. `{clean}`"))
    });
}

/// The value of `domain`.
pub(super) fn domains(file: Option<&OneOrMany<Spanned<String>>>, lowering: &mut Lowering<'_>) -> Vec<DomainName> {
    let mut domains: Vec<DomainName> = Vec::new();
    for name in file.iter().flat_map(|many| &many.0) {
        if let Some(domain) = domain(name, lowering)
            && !domains.contains(&domain)
        {
            domains.push(domain);
        }
    }
    if let (Some(first), Some(written)) = (domains.first(), file.and_then(|many| many.0.first()))
        && first.as_str().starts_with("*.")
    {
        lowering.report(
            Diagnostic::error(
                "the first domain is the one that is opened, so it cannot have a wildcard",
                written.span,
                "",
            )
            .help(format!("put a name in front of it, e.g. `app.{}`", &first.as_str()[2..])),
        );
    }
    domains
}

/// A name that a certificate can be issued for.
pub(super) fn domain(name: &Spanned<String>, lowering: &mut Lowering<'_>) -> Option<DomainName> {
    let lower = name.to_lowercase();
    let lower = lower.strip_suffix('.').unwrap_or(&lower);
    let Some(why) = why_not_dns(lower) else { return Some(DomainName::new(lower)) };
    let bare = lower.split_once("://").map_or(lower, |(_, rest)| rest);
    let bare = bare.split(['/', ':']).next().unwrap_or_default().replace('_', "-");
    let help = (bare != *lower && why_not_dns(&bare).is_none()).then(|| format!("write `{bare}`"));
    lowering.report(
        Diagnostic::error(format!("`{}` is not a DNS name", name.value), name.span, why)
            .note("certificates are issued for DNS names: labels of letters, digits and hyphens with dots between them, `*.` at most in front (RFC 6125, RFC 1123)")
            .maybe_help(help),
    );
    None
}

fn why_not_dns(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.contains("://") {
        return Some("only the name, without the scheme");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Some("this is an address");
    }
    if name.contains(':') {
        return Some("only the name, without the port");
    }
    if name.contains('/') {
        return Some("only the name, without the path");
    }
    if name.len() > 253 {
        return Some("it is longer than 253 characters");
    }
    let rest = name.strip_prefix("*.").unwrap_or(name);
    if rest.contains('*') {
        return Some("`*` may only stand for the whole first label");
    }
    for label in rest.split('.') {
        if label.is_empty() {
            return Some("there are two dots in a row");
        }
        if label.len() > 63 {
            return Some("a label is longer than 63 characters");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Some("a label begins or ends with a hyphen");
        }
        if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Some("a label has letters, digits and hyphens only");
        }
    }
    None
}

/// The maximum length of a project's name.
pub(crate) const LONGEST_NAME: usize = 63;

/// Turns any folder name into a project name that Docker accepts: `mön projekt` becomes `mon-projekt`.
pub fn project_name_from(text: &str) -> ProjectName {
    let clean: String = deunicode::deunicode(text)
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_' { c } else { '-' })
        .collect();
    let clean = clean.trim_start_matches(['-', '_']);
    let clean = clean[..clean.len().min(LONGEST_NAME)].trim_end_matches(['-', '_']);
    ProjectName::new(if clean.is_empty() { "app" } else { clean })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_names_are_told_from_other_things() {
        for good in ["app.example.com", "*.example.com", "localhost", "a-b.c1", "xn--bcher-kva.example"] {
            assert_eq!(why_not_dns(good), None, "{good}");
        }
        for bad in ["", "https://a.b", "10.0.0.1", "::1", "a.b:443", "a..b", "-a.b", "a_b.c", "a.*.c", "bücher.example"]
        {
            assert!(why_not_dns(bad).is_some(), "{bad}");
        }
    }
}
