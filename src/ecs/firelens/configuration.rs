//! The configuration that Fargate writes for the log router, and what containers that log to it are told.
//!
//! Sources: captures of `/fluent-bit/etc/fluent-bit.conf` on Fargate (order of the sections); amazon-ecs-agent,
//! `firelensconfig_unix.go`; go-config-generator-for-fluentd-and-fluentbit.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use neargate_model::arn::Arn;
use neargate_model::task::TaskSpec;
use neargate_model::task_definition::{ContainerDefinition, LogRouter, RouterKind};
use neargate_model::{ClusterName, ContainerName, TaskId};

/// Where the router finds its configuration.
pub fn path(kind: RouterKind) -> &'static str {
    match kind {
        RouterKind::Fluentd => "/fluentd/etc/fluent.conf",
        RouterKind::Fluentbit => "/fluent-bit/etc/fluent-bit.conf",
    }
}

/// The socket to which the output of the other containers is written, as the router sees it.
pub const SOCKET_FOLDER: &str = "/var/run";
/// Its name there.
pub const SOCKET_NAME: &str = "fluent.sock";

/// What containers that log to the router are told: where they can send more themselves.
pub const VARIABLES: [(&str, &str); 2] = [("FLUENT_HOST", "127.0.0.1"), ("FLUENT_PORT", "24224")];

/// The option of the log configuration that is the driver's, and not the router's.
const BUFFER_LIMIT: &str = "log-driver-buffer-limit";
const INCLUDE: &str = "include-pattern";
const EXCLUDE: &str = "exclude-pattern";

/// The tag of a container's output.
pub fn tag(container: &ContainerName, task: &TaskId) -> String {
    format!("{container}-firelens-{task}")
}

/// The number of messages that wait for the router, if the log configuration says (`log-driver-buffer-limit`).
pub fn buffer_limit(container: &ContainerDefinition) -> Option<&str> {
    container.router_options.as_ref()?.get(BUFFER_LIMIT).map(String::as_str)
}

/// The configuration of a task's router.
pub fn configuration(task: &TaskSpec, router: &LogRouter, cluster: &ClusterName) -> String {
    let senders = task.definition.containers.iter();
    let senders: Vec<(&ContainerName, &BTreeMap<String, String>)> =
        senders.filter_map(|container| Some((&container.name, container.router_options.as_ref()?))).collect();
    let metadata = [
        ("ecs_cluster", cluster.to_string()),
        ("ecs_task_arn", Arn::task(cluster, &task.id).to_string()),
        ("ecs_task_definition", task.task_definition()),
    ];
    let metadata: &[(&str, String)] = if router.adds_metadata { &metadata } else { &[] };
    match router.kind {
        RouterKind::Fluentbit => fluentbit(&senders, metadata, router.configuration_file.as_deref()),
        RouterKind::Fluentd => fluentd(&senders, metadata, router.configuration_file.as_deref()),
    }
}

type Senders<'s> = [(&'s ContainerName, &'s BTreeMap<String, String>)];

fn fluentbit(senders: &Senders<'_>, metadata: &[(&str, String)], included: Option<&str>) -> String {
    let mut sections = vec![
        "[INPUT]\n    Name tcp\n    Listen 127.0.0.1\n    Port 8877\n    Tag firelens-healthcheck\n".to_owned(),
        "[INPUT]\n    Name forward\n    Mem_Buf_Limit 25MB\n    unix_path /var/run/fluent.sock\n".to_owned(),
        "[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port 24224\n".to_owned(),
    ];
    for (name, options) in senders {
        let filter = |key: &str, pattern: &String| {
            format!("[FILTER]\n    Name   grep\n    Match {name}-firelens*\n    {key} log {pattern}\n")
        };
        sections.extend(options.get(INCLUDE).map(|pattern| filter("Regex ", pattern)));
        sections.extend(options.get(EXCLUDE).map(|pattern| filter("Exclude", pattern)));
    }
    if !metadata.is_empty() {
        let records = indented(4, metadata.iter().map(|(key, value)| ("Record", format!("{key} {value}"))));
        sections.push(format!("[FILTER]\n    Name record_modifier\n    Match *\n{records}"));
    }
    sections.extend(included.map(|path| format!("@INCLUDE {path}\n")));
    sections.push("[OUTPUT]\n    Name null\n    Match firelens-healthcheck\n".to_owned());
    for (name, options) in senders {
        let Some(plugin) = options.get("Name") else { continue };
        let options = indented(4, plugin_options(options, "Name"));
        sections.push(format!("[OUTPUT]\n    Name {plugin}\n    Match {name}-firelens*\n{options}"));
    }
    sections.join("\n")
}

fn fluentd(senders: &Senders<'_>, metadata: &[(&str, String)], included: Option<&str>) -> String {
    let mut sections = vec![
        "<source>\n    @type unix\n    path /var/run/fluent.sock\n</source>\n".to_owned(),
        "<source>\n    @type forward\n    bind 127.0.0.1\n    port 24224\n</source>\n".to_owned(),
    ];
    for (name, options) in senders {
        let filter = |key: &str, pattern: &String| {
            let block = format!("    <{key}>\n        key log\n        pattern {pattern}\n    </{key}>\n");
            format!("<filter {name}-firelens**>\n    @type  grep\n{block}</filter>\n")
        };
        sections.extend(options.get(INCLUDE).map(|pattern| filter("regexp", pattern)));
        sections.extend(options.get(EXCLUDE).map(|pattern| filter("exclude", pattern)));
    }
    if !metadata.is_empty() {
        let records = indented(8, metadata.iter().map(|(key, value)| (*key, value)));
        let block = format!("    <record>\n{records}    </record>\n");
        sections.push(format!("<filter **>\n    @type record_transformer\n{block}</filter>\n"));
    }
    sections.extend(included.map(|path| format!("@include {path}\n")));
    for (name, options) in senders {
        let Some(plugin) = options.get("@type") else { continue };
        let options = indented(4, plugin_options(options, "@type"));
        sections.push(format!("<match {name}-firelens**>\n    @type {plugin}\n{options}</match>\n"));
    }
    sections.join("\n")
}

fn indented<V: Display>(by: usize, lines: impl IntoIterator<Item = (impl Display, V)>) -> String {
    lines.into_iter().fold(String::new(), |mut text, (key, value)| {
        let _ = writeln!(text, "{:by$}{key} {value}", "");
        text
    })
}

/// The options that are the plugin's own, in order of their names.
fn plugin_options<'o>(
    options: &'o BTreeMap<String, String>,
    plugin: &'o str,
) -> impl Iterator<Item = (&'o str, &'o str)> {
    let is_own = move |name: &str| name != plugin && ![INCLUDE, EXCLUDE, BUFFER_LIMIT].contains(&name);
    options.iter().filter(move |(name, _)| is_own(name)).map(|(name, value)| (name.as_str(), value.as_str()))
}
