//! Names as AWS would give them: ARNs and ids, made from the project's own names so that they stay the same from run
//! to run.

use crate::model::TargetGroupName;

/// The region in ARNs. Any would do: nothing here is in a region.
pub const REGION: &str = "us-east-1";
/// The account in ARNs, the one AWS's own documentation uses.
pub const ACCOUNT: &str = "111122223333";

/// `app/<name>/<16 hexadecimal digits>`
pub fn load_balancer_id(name: &str) -> String {
    format!("app/{name}/{}", hex_id("loadbalancer", name))
}

/// The load balancer's own DNS name, which requests without a `Host` are given.
pub fn load_balancer_dns_name(name: &str) -> String {
    let digits = fnv(&["dns", name]) % 10_000_000_000;
    format!("{}-{digits}.{REGION}.elb.amazonaws.com", name.to_ascii_lowercase())
}

/// `arn:aws:elasticloadbalancing:…:targetgroup/<name>/<16 hexadecimal digits>`
pub fn target_group(name: &TargetGroupName) -> String {
    let id = hex_id("targetgroup", name.as_str());
    format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/{id}")
}

fn hex_id(kind: &str, name: &str) -> String {
    format!("{:016x}", fnv(&[kind, name]))
}

/// FNV-1a: short, and the same on every machine and in every version, which std's hashers do not promise.
fn fnv(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
