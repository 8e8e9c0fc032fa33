//! Rules of security groups as EC2 has them: one for each protocol, range of ports and peer.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::answers::missing;
use crate::model::arn::{ACCOUNT, REGION, fingerprint};
use crate::model::security_group::{IngressRule, IpProtocol, Source};
use crate::protocols::fault::Fault;

/// A rule, without what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) is_egress: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `-1` for all, or a number.
    pub(super) protocol: String,
    /// -1 for all.
    pub(super) from_port: i64,
    pub(super) to_port: i64,
    pub(super) peer: Peer,
}

/// Who is on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    Range(IpNet),
    /// By id.
    Group(String),
    /// By id.
    PrefixList(String),
}

/// `IpPermissions.N`: several rules in one.
#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Permission {
    ip_protocol: String,
    from_port: Option<i64>,
    to_port: Option<i64>,
    ip_ranges: Vec<Range>,
    ipv6_ranges: Vec<Range>,
    groups: Vec<Pair>,
    prefix_list_ids: Vec<PrefixList>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Range {
    #[serde(alias = "CidrIpv6")]
    cidr_ip: String,
    description: Option<String>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Pair {
    group_id: Option<String>,
    group_name: Option<String>,
    description: Option<String>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct PrefixList {
    prefix_list_id: String,
    description: Option<String>,
}

/// The old form, without `IpPermissions`.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Short {
    ip_protocol: Option<String>,
    from_port: Option<i64>,
    to_port: Option<i64>,
    cidr_ip: Option<String>,
    source_security_group_name: Option<String>,
}

impl Short {
    /// The same as a permission, if anything is given.
    pub(super) fn permission(self) -> Option<Permission> {
        let group = self.source_security_group_name;
        if self.ip_protocol.is_none() && group.is_none() {
            return None;
        }
        let range = |cidr_ip| Range { cidr_ip, description: None };
        let pair = |name| Pair { group_name: Some(name), ..Pair::default() };
        Some(Permission {
            ip_protocol: self.ip_protocol.unwrap_or_else(|| "-1".to_owned()),
            from_port: self.from_port,
            to_port: self.to_port,
            ip_ranges: self.cidr_ip.map(range).into_iter().collect(),
            groups: group.map(pair).into_iter().collect(),
            ..Permission::default()
        })
    }
}

impl Permission {
    /// Its rules, each with its description. `named` finds the id of a group by its name or id.
    pub(super) fn rules(
        self,
        is_egress: bool,
        named: &dyn Fn(&str) -> Result<String, Fault>,
    ) -> Result<Vec<(Rule, Option<String>)>, Fault> {
        let protocol = protocol(&self.ip_protocol)?;
        let (from_port, to_port) = ports(&protocol, self.from_port, self.to_port)?;
        let mut peers = Vec::new();
        for Range { cidr_ip, description } in self.ip_ranges.into_iter().chain(self.ipv6_ranges) {
            peers.push((range(&cidr_ip)?, description));
        }
        for Pair { group_id, group_name, description } in self.groups {
            let given = group_id.or(group_name).ok_or_else(|| missing("GroupId"))?;
            peers.push((Peer::Group(named(&given)?), description));
        }
        for PrefixList { prefix_list_id, description } in self.prefix_list_ids {
            peers.push((Peer::PrefixList(prefix_list_id), description));
        }
        let rule = |peer| Rule { is_egress, protocol: protocol.clone(), from_port, to_port, peer };
        Ok(peers.into_iter().map(|(peer, description)| (rule(peer), description)).collect())
    }
}

/// Numbers of well-known protocols are their names (EC2 API reference, IpPermission).
fn protocol(given: &str) -> Result<String, Fault> {
    let name = match given.to_ascii_lowercase().as_str() {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        "" => return Err(missing("ipProtocol")),
        name @ ("tcp" | "udp" | "icmp" | "icmpv6" | "-1") => return Ok(name.to_owned()),
        number if number.parse::<u8>().is_ok() => return Ok(number.to_owned()),
        _ => {
            let message = format!("Invalid value '{given}' for IP protocol. Unknown protocol.");
            return Err(Fault::new("InvalidParameterValue", message));
        }
    };
    Ok(name.to_owned())
}

fn ports(protocol: &str, from: Option<i64>, to: Option<i64>) -> Result<(i64, i64), Fault> {
    if !["tcp", "udp", "icmp", "icmpv6"].contains(&protocol) {
        return Ok((-1, -1));
    }
    let (Some(from), Some(to)) = (from, to) else {
        let message = format!(
            "Invalid value for portRange. Must specify both from and to ports with {}.",
            protocol.to_uppercase()
        );
        return Err(Fault::new("InvalidParameterValue", message));
    };
    let is_valid = protocol.starts_with("icmp") || ((0..=65535).contains(&from) && (from..=65535).contains(&to));
    if is_valid {
        return Ok((from, to));
    }
    let message = match (0..=65535).contains(&from) && (0..=65535).contains(&to) {
        true => format!("Invalid TCP/UDP port range ({from}:{to})"),
        false => {
            format!("Invalid value '{}' for portRange. Must be between 0 and 65535.", if from < 0 { from } else { to })
        }
    };
    Err(Fault::new("InvalidParameterValue", message))
}

/// The other side of a rule by its id, as ModifySecurityGroupRules has it.
pub(super) struct Given {
    pub(super) range: Option<String>,
    pub(super) group: Option<String>,
    pub(super) prefix_list: Option<String>,
}

fn range(given: &str) -> Result<Peer, Fault> {
    let range: IpNet =
        given.parse().map_err(|_| Fault::new("InvalidParameterValue", format!("CIDR block {given} is malformed")))?;
    Ok(Peer::Range(range.trunc()))
}

impl Rule {
    /// A single rule.
    pub(super) fn of_request(
        is_egress: bool,
        name: &str,
        from: Option<i64>,
        to: Option<i64>,
        given: Given,
    ) -> Result<Self, Fault> {
        let protocol = protocol(name)?;
        let (from_port, to_port) = ports(&protocol, from, to)?;
        let peer = match given {
            Given { range: Some(given), .. } => range(&given)?,
            Given { group: Some(group), .. } => Peer::Group(group),
            Given { prefix_list, .. } => Peer::PrefixList(prefix_list.ok_or_else(|| missing("CidrIpv4"))?),
        };
        Ok(Self { is_egress, protocol, from_port, to_port, peer })
    }

    /// What AWS gives to a new group: everything may leave.
    pub(super) fn all_egress() -> Self {
        Self {
            is_egress: true,
            protocol: "-1".to_owned(),
            from_port: -1,
            to_port: -1,
            peer: Peer::Range(IpNet::V4(ipnet::Ipv4Net::default())),
        }
    }

    /// A rule of the topology. `id_of` gives the id of a group.
    pub(super) fn of_ingress(rule: &IngressRule, id_of: impl Fn(&crate::model::SecurityGroupName) -> String) -> Self {
        let (protocol, from_port, to_port) = match rule.protocol {
            IpProtocol::Tcp => ("tcp", i64::from(rule.from_port), i64::from(rule.to_port)),
            IpProtocol::Udp => ("udp", i64::from(rule.from_port), i64::from(rule.to_port)),
            IpProtocol::All => ("-1", -1, -1),
        };
        let peer = match &rule.source {
            Source::Cidr(range) => Peer::Range(range.trunc()),
            Source::SecurityGroup(group) => Peer::Group(id_of(group)),
        };
        Self { is_egress: false, protocol: protocol.to_owned(), from_port, to_port, peer }
    }

    /// The same for the topology, which has no other protocols, and decides only what comes in.
    pub(super) fn ingress(
        &self,
        key_of: impl Fn(&str) -> Option<crate::model::SecurityGroupName>,
    ) -> Option<IngressRule> {
        let protocol = match self.protocol.as_str() {
            "tcp" => IpProtocol::Tcp,
            "udp" => IpProtocol::Udp,
            "-1" => IpProtocol::All,
            _ => return None,
        };
        let (from_port, to_port) = match protocol {
            IpProtocol::All => (0, u16::MAX),
            IpProtocol::Tcp | IpProtocol::Udp => {
                (u16::try_from(self.from_port).ok()?, u16::try_from(self.to_port).ok()?)
            }
        };
        let source = match &self.peer {
            Peer::Range(range) => Source::Cidr(*range),
            Peer::Group(id) => Source::SecurityGroup(key_of(id)?),
            Peer::PrefixList(_) => return None,
        };
        (!self.is_egress).then_some(IngressRule { protocol, from_port, to_port, source })
    }

    /// `sgr-` and 17 hexadecimal digits. A rule has the first of these ids that no other rule of its group has taken: a
    /// modified rule keeps the id that it was made with.
    pub(super) fn ids(&self, group: &str) -> impl Iterator<Item = String> {
        let id = move |number: usize| if number == 0 { self.id(group) } else { self.id(&format!("{group} {number}")) };
        (0..).map(id)
    }

    /// The id that it has without any other rule in the way, so that rules of the file have the same one everywhere.
    pub(super) fn id(&self, group: &str) -> String {
        let Self { is_egress, protocol, from_port, to_port, peer } = self;
        let parts = [
            "sgr",
            group,
            &is_egress.to_string(),
            protocol,
            &from_port.to_string(),
            &to_port.to_string(),
            &peer.text(),
        ];
        format!("sgr-0{:016x}", fingerprint(&parts))
    }

    /// As an error calls it: `peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW`
    pub(super) fn in_words(&self) -> String {
        let peer = self.peer.text();
        match self.protocol.as_str() {
            "-1" => format!("peer: {peer}, ALL, ALLOW"),
            protocol => {
                let (protocol, from, to) = (protocol.to_uppercase(), self.from_port, self.to_port);
                format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}, ALLOW")
            }
        }
    }

    /// As DescribeSecurityGroupRules has it.
    pub(super) fn shape(
        &self,
        id: &str,
        group: &str,
        description: Option<&str>,
        vpc_of: impl Fn(&str) -> Option<String>,
    ) -> Value {
        let mut shape = json!({
            "securityGroupRuleId": id,
            "securityGroupRuleArn": format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group-rule/{id}"),
            "groupId": group,
            "groupOwnerId": ACCOUNT,
            "isEgress": self.is_egress,
            "ipProtocol": self.protocol,
            "fromPort": self.from_port,
            "toPort": self.to_port,
            "description": description,
        });
        match &self.peer {
            Peer::Range(range @ IpNet::V4(_)) => shape["cidrIpv4"] = json!(range.to_string()),
            Peer::Range(range @ IpNet::V6(_)) => shape["cidrIpv6"] = json!(range.to_string()),
            Peer::PrefixList(id) => shape["prefixListId"] = json!(id),
            Peer::Group(id) => {
                shape["referencedGroupInfo"] = json!({ "groupId": id, "userId": ACCOUNT, "vpcId": vpc_of(id) });
            }
        }
        shape
    }

    /// As RevokeSecurityGroupIngress and its like list what is gone, with less about it.
    pub(super) fn revoked(&self, id: &str, group: &str, description: Option<&str>) -> Value {
        let mut shape = self.shape(id, group, description, |_| None);
        if let Some(members) = shape.as_object_mut() {
            for member in ["securityGroupRuleArn", "groupOwnerId", "referencedGroupInfo"] {
                members.remove(member);
            }
        }
        if let Peer::Group(id) = &self.peer {
            shape["referencedGroupId"] = json!(id);
        }
        shape
    }

    /// What is remembered of it, from which [`Rule::read`] makes it again.
    pub(super) fn written(&self, group: &str, description: Option<&str>) -> Value {
        let (kind, peer) = match &self.peer {
            Peer::Range(range) => ("range", range.to_string()),
            Peer::Group(id) => ("group", id.clone()),
            Peer::PrefixList(id) => ("prefixList", id.clone()),
        };
        json!({
            "groupId": group,
            "isEgress": self.is_egress,
            "ipProtocol": self.protocol,
            "fromPort": self.from_port,
            "toPort": self.to_port,
            kind: peer,
            "description": description,
        })
    }

    /// A rule that was written.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |member: &str| value[member].as_str().map(str::to_owned);
        let peer = match (text("range"), text("group"), text("prefixList")) {
            (Some(range), _, _) => Peer::Range(range.parse().ok()?),
            (_, Some(group), _) => Peer::Group(group),
            (_, _, list) => Peer::PrefixList(list?),
        };
        Some(Self {
            is_egress: value["isEgress"].as_bool()?,
            protocol: text("ipProtocol")?,
            from_port: value["fromPort"].as_i64()?,
            to_port: value["toPort"].as_i64()?,
            peer,
        })
    }
}

impl Peer {
    fn text(&self) -> String {
        match self {
            Self::Range(range) => range.to_string(),
            Self::Group(id) | Self::PrefixList(id) => id.clone(),
        }
    }
}
