//! Security groups between clients, load balancer and targets: which connections they allow, and why they drop the
//! others.
//!
//! Rules can only allow traffic; all other traffic is dropped, so the other side times out (Amazon VPC user guide,
//! "Security groups"). Responses to allowed traffic always pass. Every verdict has a sentence that names the groups and
//! the rule, or the missing rule, because people can spend an afternoon on "Request timed out" alone.
//!
//! Three things differ from a VPC, and each is decided in favour of configurations that work in production:
//!
//! - **The load balancer's private address** is not known. A `cidr` rule for part of a private range (RFC 1918) is
//!   assumed to mean the VPC, and allows the load balancer. Targets are reached over IPv4, so an IPv6 range never does.
//! - **A client on this machine** comes from loopback, which no production rule names. It represents any client that
//!   production allows: it is dropped only if no rule opens the port.
//! - **Static targets** are in no group and always reachable.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::violation::Violation;
use neargate_model::SecurityGroupName;
use neargate_model::security_group::{IngressRule, IpProtocol, SecurityGroup, Source};

/// Judges a rule.
///
/// # Errors
///
/// Its range of ports runs backwards.
pub fn judge(rule: &IngressRule) -> Result<(), Violation> {
    ports(rule.from_port, rule.to_port)
}

/// The most groups of one network interface (ECS API reference, AwsVpcConfiguration: "There's a limit of 5 security
/// groups").
pub const GROUPS_PER_INTERFACE: usize = 5;

/// Judges the groups of a load balancer or a service.
///
/// # Errors
///
/// There are more than [`GROUPS_PER_INTERFACE`].
pub fn members(count: usize) -> Result<(), Violation> {
    if count <= GROUPS_PER_INTERFACE { Ok(()) } else { Err(Violation::TooManySecurityGroups { count }) }
}

/// Judges a range of ports.
///
/// # Errors
///
/// It runs backwards.
pub fn ports(from: u16, to: u16) -> Result<(), Violation> {
    if from <= to { Ok(()) } else { Err(Violation::InvalidPortRange { from, to }) }
}

/// Differences from AWS, for the fidelity report.
pub const DEVIATIONS: &[&str] = &[
    "security groups: enforced on the way through the load balancer and for health checks, not between tasks",
    "security groups: a cidr rule of a private range (RFC 1918) is taken to cover the load balancer",
    "security groups: a client on this machine stands for any client that a rule lets in",
];

/// The default group of a network interface: "Each VPC has a default security group", which allows only its own
/// members.
const DEFAULT_GROUP: &str = "default";

/// Whether a connection is allowed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// If not, packets are dropped.
    pub allowed: bool,
    /// One sentence.
    pub because: String,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.because)
    }
}

/// Security groups by name, as the topology has them.
pub type Groups = BTreeMap<SecurityGroupName, SecurityGroup>;

/// Whether the load balancer (in its groups) can reach a port of a task (in its service's groups).
pub fn load_balancer_reaches(
    groups: &Groups,
    load_balancer: &[SecurityGroupName],
    target: &[SecurityGroupName],
    port: u16,
) -> Verdict {
    let (from, to) = (membership(load_balancer), membership(target));
    let let_in = rules(groups, &to).find(|(_, rule)| {
        opens(rule, port)
            && match &rule.source {
                Source::SecurityGroup(group) => from.contains(group),
                Source::Cidr(range) => covers_vpc(*range),
            }
    });
    match let_in {
        Some((group, rule)) => Verdict { allowed: true, because: format!("{group} lets in {}", in_words(rule)) },
        None if own_default(groups, &from, &to) => Verdict {
            allowed: true,
            because: "both are in the VPC's default group, which lets in its own members".into(),
        },
        None => Verdict { allowed: false, because: missing_rule(groups, &from, &to, port) },
    }
}

/// Whether a client can reach a port of the load balancer.
pub fn client_reaches(groups: &Groups, load_balancer: &[SecurityGroupName], port: u16, client: IpAddr) -> Verdict {
    let to = membership(load_balancer);
    let client = client.to_canonical();
    let mut opened = rules(groups, &to).filter(|(_, rule)| opens(rule, port));
    let let_in = if client.is_loopback() {
        opened.next()
    } else {
        opened.find(|(_, rule)| matches!(rule.source, Source::Cidr(range) if range.contains(&client)))
    };
    match let_in {
        Some((group, rule)) => Verdict { allowed: true, because: format!("{group} lets in {}", in_words(rule)) },
        None => {
            let whom = if client.is_loopback() { "anybody".to_owned() } else { client.to_string() };
            let because = format!(
                "the load balancer is in {}, which does not let {whom} in on port {port}; add {{ protocol: tcp, port: \
                 {port}, cidr: 0.0.0.0/0 }} to its ingress",
                list(&to)
            );
            Verdict { allowed: false, because }
        }
    }
}

/// Static targets are outside every group.
pub fn static_target() -> Verdict {
    Verdict { allowed: true, because: "a static target is in no security group".into() }
}

/// The groups that something is in.
fn membership(named: &[SecurityGroupName]) -> Vec<SecurityGroupName> {
    if named.is_empty() { vec![SecurityGroupName::new(DEFAULT_GROUP)] } else { named.to_vec() }
}

/// Whether both are in a default group that the file does not define.
fn own_default(groups: &Groups, from: &[SecurityGroupName], to: &[SecurityGroupName]) -> bool {
    let is_default = |group: &SecurityGroupName| group.as_str() == DEFAULT_GROUP;
    !groups.contains_key(DEFAULT_GROUP) && from.iter().any(is_default) && to.iter().any(is_default)
}

fn rules<'a>(
    groups: &'a Groups,
    members: &'a [SecurityGroupName],
) -> impl Iterator<Item = (&'a SecurityGroupName, &'a IngressRule)> {
    members.iter().flat_map(|name| {
        groups.get(name).into_iter().flat_map(move |group| group.ingress.iter().map(move |rule| (name, rule)))
    })
}

fn opens(rule: &IngressRule, port: u16) -> bool {
    match rule.protocol {
        IpProtocol::All => true,
        IpProtocol::Tcp => (rule.from_port..=rule.to_port).contains(&port),
        IpProtocol::Udp => false,
    }
}

/// Whether a range can contain addresses inside the VPC.
fn covers_vpc(range: IpNet) -> bool {
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    private
        .iter()
        .filter_map(|private| private.parse::<IpNet>().ok())
        .any(|private| range.contains(&private) || private.contains(&range))
}

/// Explains why nothing allows the load balancer, with the nearest miss first.
fn missing_rule(groups: &Groups, from: &[SecurityGroupName], to: &[SecurityGroupName], port: u16) -> String {
    let (from_list, to_list) = (list(from), list(to));
    let fix = match (from, to) {
        ([from, ..], [to, ..]) if groups.contains_key(to) => {
            format!("add {{ protocol: tcp, port: {port}, security_group: {from} }} to the ingress of {to}")
        }
        _ => "give the service a security group that lets the load balancer in".to_owned(),
    };
    let other_port = rules(groups, to).find(|(_, rule)| {
        matches!(&rule.source, Source::SecurityGroup(group) if from.contains(group)) && rule.protocol == IpProtocol::Tcp
    });
    let same_port = rules(groups, to).find(|(_, rule)| opens(rule, port));
    let miss = match (same_port, other_port) {
        (Some((group, rule)), _) => format!("; {group} lets in {} only", in_words(rule)),
        (None, Some((group, rule))) => format!("; {group} lets in {}, not port {port}", in_words(rule)),
        (None, None) => String::new(),
    };
    format!("the target is in {to_list}, which does not let {from_list} in on port {port}{miss}; {fix}")
}

/// `tcp 8000 from alb-sg`
pub fn in_words(rule: &IngressRule) -> String {
    let source = match &rule.source {
        Source::Cidr(range) => range.to_string(),
        Source::SecurityGroup(group) => group.to_string(),
    };
    let protocol = match rule.protocol {
        IpProtocol::All => return format!("everything from {source}"),
        IpProtocol::Tcp => "tcp",
        IpProtocol::Udp => "udp",
    };
    if rule.from_port == rule.to_port {
        format!("{protocol} {} from {source}", rule.from_port)
    } else {
        format!("{protocol} {}-{} from {source}", rule.from_port, rule.to_port)
    }
}

fn list(groups: &[SecurityGroupName]) -> String {
    match groups {
        [one] if one.as_str() == DEFAULT_GROUP => "the VPC's default group".to_owned(),
        groups => groups.iter().map(SecurityGroupName::as_str).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests;
