//! Port mappings under `awsvpc`: one port space for all containers of a task.

use super::context::REGISTER;
use super::file::{ContainerFile, PortMappingFile, PortProtocolWord};
use crate::read::reader::{Reader, Spanned};
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_model::task_definition::PortMapping;

/// The mappings of one container.
pub(super) fn lower(file: &ContainerFile, container: &str, reader: &mut Reader) -> Vec<PortMapping> {
    file.port_mappings.iter().flatten().flat_map(|mapping| one(mapping, container, reader)).collect()
}

fn one(mapping: &PortMappingFile, container: &str, reader: &mut Reader) -> Vec<PortMapping> {
    let udp = mapping.protocol.as_ref().is_some_and(|word| word.value == PortProtocolWord::Udp);
    if let Some(range) = &mapping.container_port_range {
        if let Some(port) = mapping.container_port.as_ref().or(mapping.host_port.as_ref()) {
            reader.report(
                Diagnostic::error("a port and a range in one mapping", port.span, "")
                    .also(range.span, "the range")
                    .aws("cannot specify both single port and port range", REGISTER),
            );
        }
        let bounds = range.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        return match bounds {
            Some((from, to)) if 0 < from && from <= to => {
                (from..=to).map(|container_port: u16| PortMapping { container_port, udp }).collect()
            }
            _ => {
                let wrong = Diagnostic::error(format!("`{}` is not a range of ports", range.value), range.span, "");
                if crate::variables::template::is_one(Some(range)) {
                    reader.template(range.span);
                }
                reader.report(wrong.help("write it as \"8000-8010\", the lower port first"));
                Vec::new()
            }
        };
    }
    let Some(port) = mapping.container_port.as_ref().filter(|port| port.value > 0) else {
        let at = mapping.container_port.as_ref().map_or(mapping.span, |port| port.span);
        if reader.reported_inside(mapping.whole) {
            return Vec::new();
        }
        reader.report(
            Diagnostic::error("a port mapping without a port", at, "")
                .aws(&format!("Invalid 'containerPort' setting for container '{container}'."), REGISTER),
        );
        return Vec::new();
    };
    if let Some(host) = mapping.host_port.as_ref().filter(|host| host.value != port.value) {
        reader.report(
            Diagnostic::error(format!("hostPort {} is not containerPort {}", host.value, port.value), host.span, "")
                .also(port.span, "the container listens here")
                .aws(
                    "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                    REGISTER,
                )
                .help("leave `hostPort` out: the load balancer reaches the container at its own port"),
        );
    }
    vec![PortMapping { container_port: port.value, udp }]
}

/// Two containers that map the same port can never both listen: the task is one network namespace.
pub(super) fn clashes(containers: &[ContainerFile], reader: &mut Reader) {
    let mut seen: Vec<(u16, bool, &str, Span)> = Vec::new();
    let mut names: Vec<(&str, Span)> = Vec::new();
    for container in containers {
        let owner = container.name.as_ref().map_or("?", |name| name.as_str());
        for mapping in container.port_mappings.iter().flatten() {
            if let Some(name) = &mapping.name {
                if let Some((_, first)) = names.iter().find(|(known, _)| *known == name.as_str()) {
                    reader.report(
                        Diagnostic::error(format!("two port mappings are named `{}`", name.value), name.span, "")
                            .also(*first, "the other")
                            .aws("When networkMode=awsvpc, port mapping name is already used", REGISTER),
                    );
                }
                names.push((name, name.span));
                mapping_name(name, reader);
            }
            let Some(port) = &mapping.container_port else { continue };
            let udp = mapping.protocol.as_ref().is_some_and(|word| word.value == PortProtocolWord::Udp);
            let twin = seen.iter().find(|(number, is_udp, ..)| *number == port.value && *is_udp == udp);
            if let Some((_, _, other, first)) = twin {
                let transport = if udp { "UDP" } else { "TCP" };
                let who = if *other == owner {
                    format!("container `{owner}` maps port {} twice", port.value)
                } else {
                    format!("containers `{other}` and `{owner}` both map port {}", port.value)
                };
                reader.report(
                    Diagnostic::error(who, port.span, format!("`{owner}`"))
                        .also(*first, format!("`{other}`"))
                        .aws(&format!("{transport} host port '{}' is mapped multiple times in task.", port.value), REGISTER)
                        .note("the containers of a task share one network namespace, so only one of them can listen there")
                        .help("make one of them listen on another port"),
                );
            }
            let other_protocol =
                seen.iter().find(|(number, is_udp, who, _)| *number == port.value && *is_udp != udp && *who == owner);
            if let Some((.., first)) = other_protocol {
                reader.report(
                    Diagnostic::error(format!("port {} for both TCP and UDP", port.value), port.span, "")
                        .also(*first, "the other")
                        .aws(
                            &format!(
                                "Container port {} is used in more than one port mapping for container {owner}",
                                port.value
                            ),
                            REGISTER,
                        ),
                );
            }
            seen.push((port.value, udp, owner, port.span));
        }
        ranges(container, reader);
    }
}

/// Lower-case letters, digits, `_` and `-`, not `-` first, at most 64 (ECS API reference, PortMapping).
fn mapping_name(name: &Spanned<String>, reader: &mut Reader) {
    let fits =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'));
    if fits && !name.starts_with('-') && name.len() <= 64 {
        return;
    }
    if crate::variables::template::is_one(Some(name)) {
        return reader.template(name.span);
    }
    reader.report(
        Diagnostic::error(format!("`{}` cannot name a port mapping", name.value), name.span, "").note(
            "at most 64 lower-case letters, digits, `_` and `-`, and no `-` at the beginning (ECS API reference, PortMapping)",
        ),
    );
}

/// The maximum number of ranges of a container (ECS API reference, PortMapping).
const MOST_RANGES: usize = 100;

/// Checks the ranges of one container: they must not overlap, and their number is limited.
fn ranges(container: &ContainerFile, reader: &mut Reader) {
    let mut seen: Vec<(u16, u16, Span)> = Vec::new();
    let mut count = 0;
    for mapping in container.port_mappings.iter().flatten() {
        let (from, to, span) = match (&mapping.container_port_range, &mapping.container_port) {
            (Some(range), _) => {
                count += 1;
                if count == MOST_RANGES + 1 {
                    reader.report(
                        Diagnostic::error(
                            format!("more than {MOST_RANGES} port ranges in one container"),
                            range.span,
                            "",
                        )
                        .note("(ECS API reference, PortMapping)"),
                    );
                }
                let bounds = range.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
                let Some((from, to)) = bounds else { continue };
                (from, to, range.span)
            }
            (None, Some(port)) => (port.value, port.value, port.span),
            (None, None) => continue,
        };
        let overlapping = seen.iter().find(|(low, high, _)| *low <= to && from <= *high && (low, high) != (&from, &to));
        if let Some((.., first)) = overlapping {
            reader.report(
                Diagnostic::error("port mappings that overlap", span, "")
                    .also(*first, "the other")
                    .note("port ranges of a container must not overlap (ECS API reference, PortMapping)"),
            );
        }
        seen.push((from, to, span));
    }
}
