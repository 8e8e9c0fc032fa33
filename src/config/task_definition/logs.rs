//! Destinations of container output: log drivers, their options, and the FireLens router.

use super::context::Context;
use super::context::{FARGATE, REGISTER};
use super::file::{ContainerFile, LogConfigurationFile};
use crate::read::reader::{Reader, Spanned};
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::nearest;
use neargate_model::task_definition::LogConfiguration;

const DRIVERS: &[&str] = &["awslogs", "splunk", "awsfirelens"];

/// The log configuration of a container.
pub(super) fn lower(
    file: &LogConfigurationFile,
    context: &Context<'_>,
    reader: &mut Reader,
) -> Option<LogConfiguration> {
    let driver = file.log_driver.as_ref()?;
    if !DRIVERS.contains(&driver.as_str()) {
        reader.report(Diagnostic::error("a log driver that Fargate does not have", driver.span, "").aws(
            &format!("{} is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]", driver.value),
            REGISTER,
        ));
        return None;
    }
    if driver.value != "awslogs" {
        return Some(LogConfiguration { group: context.family.to_owned(), stream_prefix: driver.value.clone() });
    }
    let option = |key: &str| file.options.as_ref()?.iter().find(|(name, _)| name.value == key).map(|(_, value)| value);
    awslogs(file, driver, reader);
    // A mistyped option has been reported, and is the one that is missing.
    let sure = !reader.reported_inside(file.whole);
    let missing: Vec<&str> =
        ["awslogs-region", "awslogs-group"].into_iter().filter(|key| option(key).is_none()).collect();
    if sure && !missing.is_empty() {
        reader.report(
            Diagnostic::error("the log driver lacks options", driver.span, "")
                .aws(&format!("Log driver awslogs requires options: {}", missing.join(", ")), REGISTER),
        );
    }
    if sure && option("awslogs-stream-prefix").is_none() {
        reader.report(Diagnostic::error("the log driver lacks a stream prefix", driver.span, "").aws(
            "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs.",
            REGISTER,
        ));
    }
    Some(LogConfiguration {
        group: option("awslogs-group")?.value.clone(),
        stream_prefix: option("awslogs-stream-prefix")?.value.clone(),
    })
}

/// The options of the `awslogs` driver (ECS API reference, LogConfiguration).
const AWSLOGS: &[&str] = &[
    "awslogs-create-group",
    "awslogs-region",
    "awslogs-group",
    "awslogs-stream-prefix",
    "awslogs-datetime-format",
    "awslogs-multiline-pattern",
    "mode",
    "max-buffer-size",
];

fn awslogs(file: &LogConfigurationFile, driver: &Spanned<String>, reader: &mut Reader) {
    let options = || file.options.iter().flat_map(|options| options.iter());
    for (name, _) in options().filter(|(name, _)| !AWSLOGS.contains(&name.as_str())) {
        let near = nearest(name, AWSLOGS.iter().copied());
        reader.report(
            Diagnostic::error(format!("the driver awslogs has no option `{}`", name.value), name.span, "")
                .aws(&format!("Log driver awslogs disallows options: {}", name.value), REGISTER)
                .help(match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("its options are {}", AWSLOGS.join(", ")),
                }),
        );
    }
    let find = |key: &str| options().find(|(name, _)| name.value == key);
    if let Some((_, value)) = find("awslogs-create-group").filter(|(_, value)| value.value != "true") {
        reader.report(
            Diagnostic::error("awslogs-create-group is `true` or absent", value.span, "")
                .aws(
                    "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', else omit option.",
                    REGISTER,
                )
                .help("omit the option: then no group is created"),
        );
    }
    if let Some((_, mode)) = find("mode").filter(|(_, mode)| !matches!(mode.as_str(), "blocking" | "non-blocking")) {
        reader.report(
            Diagnostic::warning(format!("`{}` is not a mode of delivery", mode.value), mode.span, "")
                .note("it is `blocking` or `non-blocking` (ECS API reference, LogConfiguration)"),
        );
    }
    if let (Some((format, _)), Some((pattern, _))) =
        (find("awslogs-datetime-format"), find("awslogs-multiline-pattern"))
    {
        reader.report(
            Diagnostic::warning("two settings for where a message starts", pattern.span, "not looked at")
                .also(format.span, "this one counts")
                .note(
                    "awslogs-datetime-format takes precedence when both are there (ECS developer guide, Send Amazon ECS logs \
                     to CloudWatch)",
                )
                .help(format!("leave one of them out of the options of `{}`", driver.value)),
        );
    }
}

/// FireLens takes two containers: a router, and at least one whose output it routes.
pub(super) fn routers(containers: &[ContainerFile], reader: &mut Reader) {
    let sent = containers
        .iter()
        .filter_map(|container| container.log_configuration.as_ref()?.log_driver.as_ref())
        .find(|driver| driver.value == "awsfirelens");
    let router = containers.iter().find_map(|container| container.firelens_configuration.as_ref());
    let explained = |field| containers.iter().any(|container| reader.has_explained(container.whole, field));
    match (sent, router) {
        (Some(_), None) if explained("firelensConfiguration") => {}
        (None, Some(_)) if explained("logConfiguration") => {}
        (Some(driver), None) => reader.report(
            Diagnostic::error("no container of the task routes these logs", driver.span, "")
                .aws(
                    "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be \
                     configured in one of the containers.",
                    REGISTER,
                )
                .help(
                    "add a container with the image public.ecr.aws/aws-observability/aws-for-fluent-bit:stable and \
                     \"firelensConfiguration\": {\"type\": \"fluentbit\"}",
                ),
        ),
        (None, Some(router)) => reader.report(
            Diagnostic::error("a log router that no container sends logs to", router.span, "")
                .aws(
                    "When a firelensConfiguration object is specified, at least one container has to be configured with the \
                     awsfirelens log driver.",
                    REGISTER,
                )
                .help("give a container \"logConfiguration\": {\"logDriver\": \"awsfirelens\"}"),
        ),
        _ => {}
    }
    for router in containers.iter().filter_map(|container| container.firelens_configuration.as_ref()) {
        let kind =
            router.options.iter().flat_map(|options| options.iter()).find(|(name, _)| name.value == "config-file-type");
        if let Some((_, kind)) = kind.filter(|(_, kind)| kind.value != "file") {
            reader.report(
                Diagnostic::error("a configuration of the log router that is not in its image", kind.span, "")
                    .note(format!("tasks on Fargate only support the configuration file type `file` ({FARGATE})"))
                    .help("copy the file into the image of the router, and name its path in config-file-value"),
            );
        }
    }
}
