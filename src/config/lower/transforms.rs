//! `transform` of a rule (ELBv2 API reference, RuleTransform; ALB user guide, "Transforms for listener rules").

use super::Lowering;
use crate::config::diagnostics::Diagnostic;
use crate::config::file::load_balancer::{RewriteFile, TransformFile, TransformWord};
use crate::config::read::Spanned;
use crate::model::rule::{Rewrite, Transforms};

const PAGE: &str = "ALB user guide, Transforms for listener rules";
const API: &str = "ELBv2 API reference, RewriteConfig";
const LONGEST: usize = 1024;

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
    for (text, what) in [(regex, "regex"), (replace, "replace")] {
        if text.chars().count() > LONGEST {
            lowering.report(
                Diagnostic::error(format!("{what} has more than {LONGEST} characters"), text.span, "")
                    .note(format!("at most {LONGEST} ({API})")),
            );
        }
    }
    match regex::Regex::new(&regex.value) {
        Err(_) => lowering.report(
            Diagnostic::error(
                format!("`{}` is not a regular expression", regex.value),
                regex.span,
                "TransformRegexSyntaxError",
            )
            .note(format!("no look-around, back-references or possessive quantifiers ({PAGE})")),
        ),
        Ok(compiled) => {
            let highest = highest_group(&replace.value);
            if highest >= compiled.captures_len() {
                lowering.report(
                    Diagnostic::warning(format!("there is no group ${highest}"), replace.span, "")
                        .also(regex.span, format!("groups in here: {}", compiled.captures_len() - 1))
                        .note(format!("a request that matches is answered with 500 ({PAGE})")),
                );
            }
        }
    }
    Some(Rewrite { regex: regex.value.clone(), replace: replace.value.clone() })
}

/// The highest group that a replacement refers to, `$1` to `$9`.
fn highest_group(replacement: &str) -> usize {
    let groups = replacement.split('$').skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10));
    groups.max().unwrap_or(0) as usize
}
