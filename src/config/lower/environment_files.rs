//! `environment_files`: the local files that stand for those in S3 (ECS developer guide, "Use a file to pass environment
//! variables to a container").

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::lowering::Lowering;
use crate::file::File;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_model::Redacted;

/// The text of every file, by the ARN that containers name it by.
pub(super) fn lower(file: &File, lowering: &mut Lowering<'_>) -> BTreeMap<String, Redacted> {
    let mut texts = BTreeMap::new();
    let wanted = std::mem::take(&mut lowering.wanted_files);
    for (arn, path) in file.environment_files.iter().flat_map(|files| files.iter()) {
        match (lowering.source.read_file)(&lowering.source.folder.join(&path.value)) {
            Ok(text) => drop(texts.insert(arn.value.clone(), Redacted::new(text))),
            Err(error) => {
                let why = match error.kind() {
                    ErrorKind::NotFound => "there is no such file".to_owned(),
                    _ => error.to_string(),
                };
                lowering.report(
                    Diagnostic::error(format!("cannot read `{}`", path.value), path.span, why)
                        .note("the path is relative to the folder of this file"),
                );
            }
        }
        if !wanted.is_empty() && wanted.iter().all(|want| want.value != arn.value) {
            let names = wanted.iter().map(|want| want.value.as_str());
            lowering.report(
                Diagnostic::warning("no container asks for this environment file", arn.span, "").maybe_help(help_for(
                    arn,
                    "the containers ask for",
                    names,
                )),
            );
        }
    }
    let given = |arn: &str| {
        let mut files = file.environment_files.iter().flat_map(|files| files.iter());
        files.any(|(known, _)| known.value == arn)
    };
    for want in wanted.iter().filter(|want| !given(&want.value)) {
        if lowering.reader.has_lost(&want.value) || lowering.reader.has_lost("environment_files") {
            continue;
        }
        lowering.report(
            Diagnostic::warning("no local file stands for this one in S3", want.span, "its variables are not set here")
                .help(format!(
                    "add to `environment_files` in {}:\n  \"{}\": PATH",
                    crate::text::source::show_path(lowering.source.path),
                    want.value
                )),
        );
    }
    texts
}
