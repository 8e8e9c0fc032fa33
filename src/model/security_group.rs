//! Security groups: stateful allow lists. All other traffic is dropped, never refused, so the other side times out
//! (Amazon VPC user guide, "Security groups").

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ids::SecurityGroupName;

/// One security group. Egress is open, as it is by default on AWS.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// Traffic that no rule allows is dropped.
    pub ingress: Vec<IngressRule>,
}

/// One inbound rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngressRule {
    /// The protocol that is allowed.
    pub protocol: IpProtocol,
    /// Lowest port that is allowed.
    pub from_port: u16,
    /// Highest port that is allowed.
    pub to_port: u16,
    /// The source that is allowed.
    pub source: Source,
}

/// `protocol` of an ingress rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpProtocol {
    /// `tcp`
    Tcp,
    /// `udp`
    Udp,
    /// `-1`: all protocols, all ports.
    All,
}

/// The source of allowed traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// `cidr`
    Cidr(IpNet),
    /// `security_group`: every member of that group.
    SecurityGroup(SecurityGroupName),
}
