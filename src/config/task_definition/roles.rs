//! The execution role: everything on Fargate that needs it. If it is missing, that is reported once.

use super::context::REGISTER;
use super::file::{ContainerFile, TaskDefinitionFile};
use crate::read::reader::Reader;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;

/// Something that needs the role.
struct Need {
    at: Span,
    /// For the label.
    what: &'static str,
    /// The words in which RegisterTaskDefinition refuses it; `None` if only the task would fail.
    refusal: Option<&'static str>,
}

/// Reports a missing role together with everything that needs it.
pub(super) fn execution(file: &TaskDefinitionFile, containers: &[ContainerFile], reader: &mut Reader) {
    if file.execution_role_arn.is_some() || reader.has_explained(file.whole, "executionRoleArn") {
        return;
    }
    let mut needs: Vec<Need> = containers.iter().flat_map(needs).collect();
    needs.sort_by_key(|need| (need.refusal.is_none(), need.at));
    let [first, more @ ..] = needs.as_slice() else { return };
    let mut diagnostic = match first.refusal {
        Some(_) => Diagnostic::error("the task needs an execution role", first.at, first.what),
        None => Diagnostic::warning("on Fargate the task stops because it has no execution role", first.at, first.what),
    };
    for need in more.iter().take(3) {
        diagnostic = diagnostic.also(need.at, need.what);
    }
    let mut refusals: Vec<&str> = Vec::new();
    for refusal in needs.iter().filter_map(|need| need.refusal) {
        if !refusals.contains(&refusal) {
            refusals.push(refusal);
            diagnostic = diagnostic.aws(refusal, REGISTER);
        }
    }
    reader.report(diagnostic.help(
        "add \"executionRoleArn\": \"arn:aws:iam::ACCOUNT:role/ecsTaskExecutionRole\" next to `containerDefinitions`",
    ));
}

fn needs(container: &ContainerFile) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut add = |at: Option<Span>, what, refusal| {
        if let Some(at) = at {
            needs.push(Need { at, what, refusal });
        }
    };
    add(
        container.image.as_ref().filter(|image| is_private_ecr(image)).map(|image| image.span),
        "an image from ECR",
        Some("Fargate requires task definition to have execution role ARN to support ECR images."),
    );
    add(
        container.repository_credentials.as_ref().map(|credentials| credentials.span),
        "credentials of a registry",
        Some(
            "Private repository authentication requires that the task definition specify a value for executionRoleArn.",
        ),
    );
    add(
        container.secrets.as_ref().and_then(|secrets| secrets.first()).map(|secret| secret.span),
        "secrets",
        Some("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."),
    );
    let log = container.log_configuration.as_ref();
    let driver = log.and_then(|log| log.log_driver.as_ref());
    add(
        driver.filter(|driver| driver.value == "awslogs").map(|driver| driver.span),
        "logs to CloudWatch",
        Some("Fargate requires task definition to have execution role ARN to support log driver awslogs."),
    );
    let options = log.and_then(|log| log.secret_options.as_ref()).and_then(|options| options.first());
    add(options.map(|option| option.span), "options of the log driver from secrets", None);
    let files = container.environment_files.as_ref().and_then(|files| files.first());
    add(files.map(|file| file.span), "environment files in S3", None);
    needs
}

/// `123456789012.dkr.ecr.REGION.amazonaws.com/…`, also with placeholders for the account and the region; not
/// `public.ecr.aws`.
fn is_private_ecr(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    host.len() < image.len()
        && (host.contains(".dkr.ecr.") || host.contains(".dkr.ecr-fips.") || host.contains(".dkr-ecr."))
}
