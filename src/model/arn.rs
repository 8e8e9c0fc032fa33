//! ARNs in AWS's format, derived only from names so that they are the same in every run.
//!
//! Account and region are those of AWS's documentation examples; the ID part of a load balancer or target group is 16
//! hexadecimal digits derived from its name.

use crate::ids::{
    CertificateId, ClusterName, ContainerName, DomainName, ListenerId, LoadBalancerName, RuleId, ServiceName,
    TargetGroupName, TaskId,
};

/// The account id of AWS's documentation examples.
pub const ACCOUNT: &str = "111122223333";
/// The region that tasks and ARNs name.
pub const REGION: &str = "us-east-1";

/// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<id>`
pub fn target_group(name: &TargetGroupName) -> String {
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/{:016x}", target_group_id(name))
}

/// The hexadecimal ID in a target group's ARN.
pub fn target_group_id(name: &TargetGroupName) -> u64 {
    fingerprint(&["targetgroup", name.as_str()])
}

/// `app/<name>/<id>`, as logs and metrics name a load balancer.
pub fn load_balancer_id(name: &LoadBalancerName) -> String {
    format!("app/{name}/{:016x}", fingerprint(&["loadbalancer", name.as_str()]))
}

/// `arn:aws:elasticloadbalancing:…:loadbalancer/app/<name>/<id>`
pub fn load_balancer(name: &LoadBalancerName) -> String {
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/{}", load_balancer_id(name))
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

/// `arn:aws:acm:…:certificate/<uuid>`, the same for every certificate with these names: a renewal keeps its ARN.
pub fn certificate(names: &[String]) -> String {
    let parts: Vec<&str> = ["certificate"].into_iter().chain(names.iter().map(String::as_str)).collect();
    format!("arn:aws:acm:{REGION}:{ACCOUNT}:certificate/{}", uuid(&parts))
}

/// `arn:aws:acm:…:certificate/<id>`
pub fn certificate_by_id(id: &CertificateId) -> String {
    format!("arn:aws:acm:{REGION}:{ACCOUNT}:certificate/{id}")
}

/// The last part of the ARN of a certificate with these names.
pub fn certificate_id(names: &[DomainName]) -> CertificateId {
    let parts: Vec<&str> = ["certificate"].into_iter().chain(names.iter().map(DomainName::as_str)).collect();
    CertificateId::new(uuid(&parts))
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

/// The load balancer's own DNS name, used as `Host` for requests that have none.
pub fn load_balancer_dns_name(name: &LoadBalancerName, internal: bool) -> String {
    let digits = fingerprint(&["dns", name.as_str()]) % 10_000_000_000;
    let scheme = if internal { "internal-" } else { "" };
    format!("{scheme}{}-{digits}.{REGION}.elb.amazonaws.com", name.as_str().to_ascii_lowercase())
}

/// `arn:aws:ecs:…:task/<cluster>/<id>`
pub fn task(cluster: &ClusterName, id: &TaskId) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{cluster}/{id}")
}

/// `arn:aws:ecs:…:cluster/<name>`
pub fn cluster(name: &ClusterName) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}")
}

/// `arn:aws:ecs:…:container/<cluster>/<task>/<uuid>`
pub fn container(cluster: &ClusterName, task: &TaskId, name: &ContainerName) -> String {
    format!(
        "arn:aws:ecs:{REGION}:{ACCOUNT}:container/{cluster}/{task}/{}",
        uuid(&["container", task.as_str(), name.as_str()])
    )
}

/// `arn:aws:ecs:…:service/<cluster>/<name>`
pub fn service(cluster: &ClusterName, name: &ServiceName) -> String {
    format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{name}")
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
        let arn = target_group(&TargetGroupName::new("tg-backend"));
        let id = arn
            .strip_prefix("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/tg-backend/")
            .expect("the documented prefix");
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}
