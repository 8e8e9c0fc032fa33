//! `transform` of a rule (ELBv2 API reference, RuleTransform; ALB user guide, "Transforms for listener rules").

use super::lowering::Lowering;
use crate::file::load_balancer::{RewriteFile, TransformFile, TransformWord};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use neargate_alb::actions::transform;
use neargate_alb::violation::Violation;
use neargate_model::rule::{Rewrite, Transforms};

const PAGE: &str = "ALB user guide, Transforms for listener rules";
const RULES: &str = "ALB user guide, Listener rules";
const API: &str = "ELBv2 API reference, RewriteConfig";

/// The transforms of a rule.
pub(super) fn lower(files: &[TransformFile], lowering: &mut Lowering<'_>) -> Transforms {
    let mut transforms = Transforms::default();
    let mut seen: Vec<&Spanned<TransformWord>> = Vec::new();
    for file in files {
        let Some(kind) = &file.kind else { continue };
        if let Some(first) = seen.iter().find(|known| known.value == kind.value) {
            lowering.report(
                Diagnostic::error("two transforms of one type in one rule", kind.span, "")
                    .also(first.span, "the other")
                    .note(format!("one host header rewrite and one URL rewrite per rule ({PAGE})")),
            );
            continue;
        }
        seen.push(kind);
        let (own, other, key) = match kind.value {
            TransformWord::HostHeader => {
                (&file.host_header_rewrite_config, &file.url_rewrite_config, "host_header_rewrite_config")
            }
            TransformWord::Url => (&file.url_rewrite_config, &file.host_header_rewrite_config, "url_rewrite_config"),
        };
        if let Some(other) = other {
            lowering.report(
                Diagnostic::error("this config belongs to the other type of transform", other.span, "")
                    .also(kind.span, "the type"),
            );
        }
        let Some(own) = own else {
            lowering.report(Diagnostic::error(format!("this transform needs `{key}`"), kind.span, ""));
            continue;
        };
        let rewrite = own.rewrite.as_ref().and_then(|file| rewrite(file, lowering));
        match kind.value {
            TransformWord::HostHeader => transforms.host_header = rewrite,
            TransformWord::Url => transforms.url = rewrite,
        }
    }
    transforms
}

fn rewrite(file: &RewriteFile, lowering: &mut Lowering<'_>) -> Option<Rewrite> {
    let (regex, replace) = (file.regex.as_ref()?, file.replace.as_ref()?);
    let rewrite = Rewrite { regex: regex.value.clone(), replace: replace.value.clone() };
    for violation in transform::rewrite(&rewrite) {
        lowering.report(match violation {
            Violation::RewriteRegexTooLong { .. } => too_long("regex", regex),
            Violation::RewriteReplaceTooLong { .. } => too_long("replace", replace),
            Violation::InvalidRewriteRegex { status, .. } => {
                Diagnostic::error(format!("`{}` cannot be a regular expression here", regex.value), regex.span, status)
                    .note(format!(
                        "no look-around, back-references, possessive quantifiers or Unicode classes ({RULES})"
                    ))
            }
            other => Diagnostic::error("this cannot be a rewrite", regex.span, "").refused(&other, "CreateRule"),
        });
    }
    if let Ok(groups) = transform::check_rewrite(&rewrite)
        && groups.asked_for > groups.there_are
    {
        lowering.report(
            Diagnostic::warning(format!("there is no group ${}", groups.asked_for), replace.span, "")
                .also(regex.span, format!("groups in here: {}", groups.there_are))
                .note(format!("a request that matches is answered with 500 ({PAGE})")),
        );
    }
    Some(rewrite)
}

fn too_long(what: &str, text: &Spanned<String>) -> Diagnostic {
    let most = transform::LONGEST;
    Diagnostic::error(format!("{what} has more than {most} characters"), text.span, "")
        .note(format!("at most {most} ({API})"))
}
