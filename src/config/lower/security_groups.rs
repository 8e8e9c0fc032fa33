//! `security_groups` and their members (Amazon VPC user guide, "Security groups for your VPC").

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::lowering::Lowering;
use crate::file::{File, IngressFile};
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;
use neargate_alb::security_group;
use neargate_model::listener::LoadBalancer;
use neargate_model::security_group::{IngressRule, IpProtocol, SecurityGroup, Source};
use neargate_model::service::Service;
use neargate_model::{LoadBalancerName, SecurityGroupName, ServiceName};

const PAGE: &str = "Amazon VPC user guide, Security group rules";

pub(super) type Groups = BTreeMap<SecurityGroupName, SecurityGroup>;

/// All groups, by name.
pub(super) fn lower(file: &File, lowering: &mut Lowering<'_>) -> Groups {
    let names: Vec<&str> =
        file.security_groups.iter().flat_map(|groups| groups.iter()).map(|(name, _)| name.as_str()).collect();
    let mut groups = Groups::new();
    for (name, group) in file.security_groups.iter().flat_map(|groups| groups.iter()) {
        let rules = group.ingress.iter().flatten();
        let ingress = rules.filter_map(|rule| ingress(rule, &names, lowering)).collect();
        groups.insert(SecurityGroupName::new(&name.value), SecurityGroup { ingress });
    }
    groups
}

fn ingress(file: &IngressFile, names: &[&str], lowering: &mut Lowering<'_>) -> Option<IngressRule> {
    let protocol = match file.protocol.as_ref().map(|protocol| protocol.as_str()) {
        None | Some("tcp" | "6") => IpProtocol::Tcp,
        Some("udp" | "17") => IpProtocol::Udp,
        Some("-1" | "all") => IpProtocol::All,
        Some(_) => {
            if let Some(protocol) = &file.protocol {
                lowering.report(
                    Diagnostic::error(format!("`{}` is not a protocol here", protocol.value), protocol.span, "")
                        .note(format!("`tcp`, `udp`, or `-1` for all protocols and ports ({PAGE})"))
                        .maybe_help(help_for(protocol, "write", ["tcp", "udp", "-1"])),
                );
            }
            return None;
        }
    };
    let ports = ports(file, protocol, lowering);
    let source = source(file, names, lowering);
    let ((from_port, to_port), source) = (ports?, source?);
    Some(IngressRule { protocol, from_port, to_port, source })
}

fn ports(file: &IngressFile, protocol: IpProtocol, lowering: &mut Lowering<'_>) -> Option<(u16, u16)> {
    match (&file.port, &file.from_port, &file.to_port) {
        _ if protocol == IpProtocol::All => Some((0, u16::MAX)),
        (Some(port), None, None) => Some((port.value, port.value)),
        (None, Some(from), Some(to)) if security_group::ports(from.value, to.value).is_ok() => {
            Some((from.value, to.value))
        }
        (None, Some(from), Some(to)) => {
            let wrong = Diagnostic::error("the range of ports runs backwards", from.span, "");
            lowering.report(wrong.also(to.span, "up to here"));
            None
        }
        _ if lowering.reader.reported_inside(file.whole) => None,
        _ => {
            lowering.report(
                Diagnostic::error("an ingress rule needs `port`, or `from_port` and `to_port`", file.span, "")
                    .help("for all ports, write `protocol: \"-1\"`"),
            );
            None
        }
    }
}

fn source(file: &IngressFile, names: &[&str], lowering: &mut Lowering<'_>) -> Option<Source> {
    match (&file.cidr, &file.security_group) {
        (Some(cidr), None) => {
            if let Ok(network) = cidr.parse::<IpNet>() {
                return Some(Source::Cidr(network));
            }
            let help = cidr.parse::<std::net::IpAddr>().ok().map(|address| {
                format!("for one address, write {address}/{}", if address.is_ipv4() { 32 } else { 128 })
            });
            lowering.report(
                Diagnostic::error(format!("`{}` is not a network", cidr.value), cidr.span, "")
                    .note(format!("an address and the length of its prefix, e.g. 10.0.0.0/16 ({PAGE})"))
                    .maybe_help(help),
            );
            None
        }
        (None, Some(group)) => {
            known(group, names, lowering)?;
            Some(Source::SecurityGroup(SecurityGroupName::new(&group.value)))
        }
        _ if lowering.reader.reported_inside(file.whole) => None,
        _ => {
            lowering.report(
                Diagnostic::error("an ingress rule needs either `cidr` or `security_group`", file.span, "")
                    .help("let the load balancer in with `security_group: NAME`, all addresses with `cidr: 0.0.0.0/0`"),
            );
            None
        }
    }
}

/// The groups that a load balancer or a service is in.
pub(super) fn members(
    names: Option<&Vec<Spanned<String>>>,
    groups: &Groups,
    lowering: &mut Lowering<'_>,
) -> Vec<SecurityGroupName> {
    let all: Vec<&str> = groups.keys().map(SecurityGroupName::as_str).collect();
    if let Some(names) = names
        && security_group::members(names.len()).is_err()
        && let Some(sixth) = names.get(security_group::GROUPS_PER_INTERFACE)
    {
        lowering.report(
            Diagnostic::error("more than five security groups", sixth.span, "the sixth")
                .note("a network interface is in at most five (ECS API reference, AwsVpcConfiguration)"),
        );
    }
    names
        .into_iter()
        .flatten()
        .filter_map(|name| known(name, &all, lowering).map(|()| SecurityGroupName::new(&name.value)))
        .collect()
}

fn known(name: &Spanned<String>, names: &[&str], lowering: &mut Lowering<'_>) -> Option<()> {
    if names.contains(&name.as_str()) {
        return Some(());
    }
    if lowering.reader.has_lost(name) || lowering.reader.has_lost("security_groups") {
        return None;
    }
    lowering.report(
        Diagnostic::error(format!("there is no security group `{}`", name.value), name.span, "").maybe_help(
            help_for(name, "the security groups are", names.iter().copied())
                .or_else(|| Some("declare it under `security_groups`".to_owned())),
        ),
    );
    None
}

/// Without any group, the VPC's `default` group applies, which admits only its own members.
pub(super) fn join_default(
    groups: &mut Groups,
    load_balancers: &mut BTreeMap<LoadBalancerName, LoadBalancer>,
    services: &mut BTreeMap<ServiceName, Service>,
) {
    let default = SecurityGroupName::new("default");
    let mut needed = false;
    let lists = load_balancers
        .values_mut()
        .map(|balancer| &mut balancer.security_groups)
        .chain(services.values_mut().map(|service| &mut service.security_groups));
    for list in lists {
        if list.is_empty() {
            list.push(default.clone());
            needed = true;
        }
    }
    if needed {
        groups.entry(default.clone()).or_insert_with(|| SecurityGroup {
            ingress: vec![IngressRule {
                protocol: IpProtocol::All,
                from_port: 0,
                to_port: u16::MAX,
                source: Source::SecurityGroup(default),
            }],
        });
    }
}
