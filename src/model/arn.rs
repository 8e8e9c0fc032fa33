//! ARNs in AWS's format, derived only from names so that they are the same in every run.
//!
//! Account and region are those of AWS's documentation examples; the ID part of a load balancer or target group is 16
//! hexadecimal digits derived from its name.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key_algorithm::KeyAlgorithm;
use crate::ids::{
    CertificateId, ClusterName, ContainerName, DeploymentId, ListenerId, LoadBalancerName, RuleId, SecurityGroupName,
    ServiceName, TargetGroupName, TaskId, Zone,
};
use crate::rule::ListenerRule;
use crate::task_definition::RevisionName;

/// The account id of AWS's documentation examples.
pub const ACCOUNT: &str = "111122223333";
/// The region that tasks and ARNs name.
pub const REGION: &str = "us-east-1";

/// The name of one resource: `arn:<partition>:<service>:<region>:<account>:<resource>`. Region and account may be empty,
/// as in those of S3 objects. (AWS General Reference, "Amazon Resource Names".)
///
/// Cheap to clone: logs and meters keep the one of each target group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Arn(Arc<str>);

/// Why a text is no ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoArn {
    /// It starts with something else.
    Prefix,
    /// It has fewer than six parts.
    TooShort,
    /// A part that every ARN has is empty: its name.
    Empty(&'static str),
    /// White space or a control character.
    Space,
}

impl fmt::Display for NoArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix => f.write_str("an ARN starts with `arn:`"),
            Self::TooShort => f.write_str("an ARN has six parts: arn:partition:service:region:account:resource"),
            Self::Empty(part) => write!(f, "its {part} is empty"),
            Self::Space => f.write_str("it contains white space or a control character"),
        }
    }
}

impl std::error::Error for NoArn {}

impl Arn {
    /// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>`
    pub fn target_group(name: &TargetGroupName) -> Self {
        Self::own("elasticloadbalancing", format_args!("targetgroup/{name}/{:016x}", target_group_id(name)))
    }

    /// `arn:aws:elasticloadbalancing:…:listener-rule/app/<load balancer>/<id>/<id>/<id>`
    pub fn listener_rule(rule: &ListenerRule) -> Self {
        let ListenerRule { load_balancer, listener, priority } = rule;
        let listener_id = listener_id(load_balancer, *listener);
        let id = match priority {
            Some(priority) => rule_id(load_balancer, *listener, *priority).to_string(),
            None => format!("{:016x}", fingerprint(&["default rule", listener_id.as_str()])),
        };
        let load_balancer = load_balancer_id(load_balancer);
        Self::own("elasticloadbalancing", format_args!("listener-rule/{load_balancer}/{listener_id}/{id}"))
    }

    /// `arn:aws:elasticloadbalancing:…:loadbalancer/app/<name>/<id>`
    pub fn load_balancer(name: &LoadBalancerName) -> Self {
        Self::own("elasticloadbalancing", format_args!("loadbalancer/{}", load_balancer_id(name)))
    }

    /// `arn:aws:acm:…:certificate/<id>`
    pub fn certificate(id: &CertificateId) -> Self {
        Self::own("acm", format_args!("certificate/{id}"))
    }

    /// `arn:aws:ecs:…:cluster/<name>`
    pub fn cluster(name: &ClusterName) -> Self {
        Self::own("ecs", format_args!("cluster/{name}"))
    }

    /// `arn:aws:ecs:…:service/<cluster>/<name>`
    pub fn service(cluster: &ClusterName, name: &ServiceName) -> Self {
        Self::own("ecs", format_args!("service/{cluster}/{name}"))
    }

    /// `arn:aws:ecs:…:task-definition/<family>:<revision>`
    pub fn task_definition(name: &RevisionName) -> Self {
        Self::own("ecs", format_args!("task-definition/{name}"))
    }

    /// `arn:aws:ecs:…:service-deployment/<cluster>/<service>/<id>`
    pub fn service_deployment(cluster: &ClusterName, name: &ServiceName, id: &DeploymentId) -> Self {
        let id = fingerprint(&["service-deployment", id.as_str()]);
        Self::own("ecs", format_args!("service-deployment/{cluster}/{name}/{id:016x}"))
    }

    /// `arn:aws:ecs:…:service-revision/<cluster>/<service>/<digits>`
    pub fn service_revision(cluster: &ClusterName, name: &ServiceName, id: &DeploymentId) -> Self {
        let digits = id.as_str().trim_start_matches("ecs-svc/");
        Self::own("ecs", format_args!("service-revision/{cluster}/{name}/{digits}"))
    }

    /// `arn:aws:ecs:…:task/<cluster>/<id>`
    pub fn task(cluster: &ClusterName, id: &TaskId) -> Self {
        Self::own("ecs", format_args!("task/{cluster}/{id}"))
    }

    /// `arn:aws:ecs:…:container/<cluster>/<task>/<uuid>`
    pub fn container(cluster: &ClusterName, task: &TaskId, name: &ContainerName) -> Self {
        let id = uuid(&["container", task.as_str(), name.as_str()]);
        Self::own("ecs", format_args!("container/{cluster}/{task}/{id}"))
    }

    fn own(service: &str, resource: fmt::Arguments<'_>) -> Self {
        Self(format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}").into())
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The AWS service that it belongs to: `ecs`, `elasticloadbalancing`, …
    pub fn namespace(&self) -> &str {
        self.part(2)
    }

    /// What follows the account, such as `cluster/default`.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    fn part(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }
}

impl FromStr for Arn {
    type Err = NoArn;

    fn from_str(text: &str) -> Result<Self, NoArn> {
        let rest = text.strip_prefix("arn:").ok_or(NoArn::Prefix)?;
        if text.contains(|symbol: char| symbol.is_whitespace() || symbol.is_control()) {
            return Err(NoArn::Space);
        }
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        let [partition, service, _, _, resource] = parts[..] else { return Err(NoArn::TooShort) };
        let named = [("partition", partition), ("service", service), ("resource", resource)];
        match named.into_iter().find(|(_, part)| part.is_empty()) {
            Some((name, _)) => Err(NoArn::Empty(name)),
            None => Ok(Self(text.into())),
        }
    }
}

impl TryFrom<String> for Arn {
    type Error = NoArn;

    fn try_from(text: String) -> Result<Self, NoArn> {
        text.parse()
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> Self {
        arn.as_str().to_owned()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The hexadecimal ID in a target group's ARN.
pub fn target_group_id(name: &TargetGroupName) -> u64 {
    fingerprint(&["targetgroup", name.as_str()])
}

/// `app/<name>/<id>`, as logs and metrics name a load balancer.
pub fn load_balancer_id(name: &LoadBalancerName) -> String {
    format!("app/{name}/{:016x}", fingerprint(&["loadbalancer", name.as_str()]))
}

/// The last part of the ARN of a listener that the file declares.
pub fn listener_id(load_balancer: &LoadBalancerName, port: u16) -> ListenerId {
    let parts = ["listener", load_balancer.as_str(), &port.to_string()];
    ListenerId::new(format!("{:016x}", fingerprint(&parts)))
}

/// The last part of the ARN of a rule that the file declares.
pub fn rule_id(load_balancer: &LoadBalancerName, port: u16, priority: u32) -> RuleId {
    let parts = ["rule", load_balancer.as_str(), &port.to_string(), &priority.to_string()];
    RuleId::new(format!("{:016x}", fingerprint(&parts)))
}

/// The last part of the ARN of a certificate with these names and this kind of key, the same for every one: a renewal keeps its
/// ARN.
pub fn certificate_id<N: Borrow<str>>(names: &[N], key_algorithm: KeyAlgorithm) -> CertificateId {
    let key = (key_algorithm != KeyAlgorithm::default()).then_some(key_algorithm.into());
    let parts = ["certificate"].into_iter().chain(names.iter().map(Borrow::borrow)).chain(key);
    CertificateId::new(uuid(&parts.collect::<Vec<&str>>()))
}

/// `sg-` and 17 hexadecimal digits (EC2 user guide, "Resource IDs").
pub fn security_group_id(name: &SecurityGroupName) -> String {
    ec2_id("sg", name.as_str())
}

/// `subnet-` and 17 hexadecimal digits, for the subnet that each zone has.
pub fn subnet_id(zone: &Zone) -> String {
    ec2_id("subnet", zone.as_str())
}

/// A task's network interface: `eni-` and 17 hexadecimal digits.
pub fn network_interface_id(task: &TaskId) -> String {
    ec2_id("eni", task.as_str())
}

fn ec2_id(kind: &str, name: &str) -> String {
    format!("{kind}-0{:016x}", fingerprint(&[kind, name]))
}

/// A UUID that follows from what it is for, which comes first, and from names.
pub fn uuid(parts: &[&str]) -> String {
    let (purpose, names) = parts.split_first().unwrap_or((&"", &[]));
    let second = format!("{purpose}, second half");
    let (high, low) = (fingerprint(parts), fingerprint(&[&[second.as_str()], names].concat()));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// Letters and digits of Base32 that follow from a number, as ids of IAM have them.
pub fn base32(seed: u64, count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut word = seed;
    (0..count)
        .map(|_| {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(ALPHABET[(word >> 59) as usize])
        })
        .collect()
}

/// The load balancer's own DNS name, used as `Host` for requests that have none.
pub fn load_balancer_dns_name(name: &LoadBalancerName, internal: bool) -> String {
    let digits = fingerprint(&["dns", name.as_str()]) % 10_000_000_000;
    let scheme = if internal { "internal-" } else { "" };
    format!("{scheme}{}-{digits}.{REGION}.elb.amazonaws.com", name.as_str().to_ascii_lowercase())
}

/// FNV-1a: stable between builds and platforms, which the standard hasher does not promise.
pub fn fingerprint(parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_the_form_that_aws_documents() {
        let arn = Arn::target_group(&TargetGroupName::new("tg-backend"));
        let id = arn
            .as_str()
            .strip_prefix("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/tg-backend/")
            .expect("the documented prefix");
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }

    #[test]
    fn every_arn_of_ours_reads_back_as_itself() {
        let (cluster, task) = (ClusterName::new("default"), TaskId::new("cd189a933e5849daa93386466019ab50"));
        for (arn, namespace, resource) in [
            (Arn::cluster(&cluster), "ecs", "cluster/default"),
            (Arn::service(&cluster, &"web".into()), "ecs", "service/default/web"),
            (
                Arn::service_deployment(&cluster, &"web".into(), &"ecs-svc/1".into()),
                "ecs",
                "service-deployment/default/web/",
            ),
            (
                Arn::service_revision(&cluster, &"web".into(), &"ecs-svc/1".into()),
                "ecs",
                "service-revision/default/web/1",
            ),
            (Arn::task(&cluster, &task), "ecs", "task/default/cd189a933e5849daa93386466019ab50"),
            (Arn::container(&cluster, &task, &"app".into()), "ecs", "container/default/"),
            (Arn::target_group(&"web".into()), "elasticloadbalancing", "targetgroup/web/"),
            (Arn::load_balancer(&"main".into()), "elasticloadbalancing", "loadbalancer/app/main/"),
            (Arn::certificate(&certificate_id(&["example.com"], KeyAlgorithm::Rsa2048)), "acm", "certificate/"),
        ] {
            assert_eq!(arn.to_string().parse(), Ok(arn.clone()));
            assert_eq!(arn.namespace(), namespace);
            assert!(arn.resource().starts_with(resource), "{arn}");
        }
    }

    #[test]
    fn text_that_is_no_arn_is_refused_with_the_reason() {
        for (text, refused) in [
            ("", Some(NoArn::Prefix)),
            ("web", Some(NoArn::Prefix)),
            ("arn:aws:ecs", Some(NoArn::TooShort)),
            ("arn:aws:ecs:us-east-1:111122223333", Some(NoArn::TooShort)),
            ("arn::ecs:us-east-1:111122223333:cluster/default", Some(NoArn::Empty("partition"))),
            ("arn:aws::us-east-1:111122223333:cluster/default", Some(NoArn::Empty("service"))),
            ("arn:aws:ecs:us-east-1:111122223333:", Some(NoArn::Empty("resource"))),
            ("arn:aws:ecs:us-east-1:111122223333:cluster/de fault", Some(NoArn::Space)),
            ("arn:aws:s3:::bucket/web.env", None),
            ("arn:aws:secretsmanager:us-east-1:111122223333:secret:app/db-AbCdEf", None),
        ] {
            assert_eq!(text.parse::<Arn>().err(), refused, "{text}");
        }
    }
}
