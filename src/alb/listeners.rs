//! What AWS takes as a load balancer and as a listener (ELBv2 API reference, CreateLoadBalancer, CreateListener; ALB user
//! guide, "Edit attributes for your Application Load Balancer", "HTTP header modification", "Security policies for your
//! Application Load Balancer").

use neargate_model::listener::{HeaderModification, Listener, ListenerProtocol, LoadBalancerAttributes, TlsSettings};

use crate::actions::limits::{self as actions, Context};
use crate::limits;
use crate::rules::limits as rules;
use crate::violation::Violation;

/// "The value for the attribute can not exceed 1K bytes in size" (ALB user guide, HTTP header modification).
pub const LONGEST_HEADER_VALUE: usize = 1024;

/// The characters that the value of a header may contain besides letters and digits.
pub const HEADER_MARKS: &str = "_ :;.,\\/'?!(){}[]@<>=-+*#&`|~^%";

/// Every policy except those of RFC 9151.
pub const SSL_POLICIES: &[&str] = &[
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09",
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-FS-1-2-Res-2019-08",
    "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09",
];

/// Judges attributes of a load balancer.
pub fn attributes(attributes: &LoadBalancerAttributes) -> Vec<Violation> {
    let judged = [
        limits::IDLE_TIMEOUT.judge_seconds(attributes.idle_timeout),
        limits::CLIENT_KEEP_ALIVE.judge_seconds(attributes.client_keep_alive),
    ];
    judged.into_iter().filter_map(|judged| judged.map_err(Violation::from).err()).collect()
}

/// Judges a listener with its rules. That its port and their priorities are free is judged where all of them are known.
pub fn listener(listener: &Listener, context: &Context<'_>) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    found.extend(limits::PORT.judge(listener.port).map_err(Violation::from).err());
    found.extend(protocol(&listener.protocol));
    found.extend(actions::judge(&listener.default_actions, context));
    for rule in &listener.rules {
        found.extend(rules::judge(rule));
        found.extend(actions::judge(&rule.actions, context));
    }
    found.extend(headers(&listener.headers));
    found
}

/// Judges the protocol of a listener.
pub fn protocol(protocol: &ListenerProtocol) -> Option<Violation> {
    match protocol {
        ListenerProtocol::Http => None,
        ListenerProtocol::Https(TlsSettings { ssl_policy, certificates }) => {
            let missing = certificates.is_empty().then_some(Violation::CertificateMissing);
            self::ssl_policy(ssl_policy).err().or(missing)
        }
    }
}

/// Judges the name of a security policy.
///
/// # Errors
///
/// There is no such policy.
pub fn ssl_policy(name: &str) -> Result<(), Violation> {
    let known =
        SSL_POLICIES.contains(&name) || (name.starts_with("ELBSecurityPolicy-TLS13-1-") && name.contains("RFC9151"));
    if known { Ok(()) } else { Err(Violation::SslPolicyNotFound(name.to_owned())) }
}

/// Judges listener attributes that change headers.
pub fn headers(headers: &HeaderModification) -> Vec<Violation> {
    let mut found: Vec<Violation> = headers.response.iter().flat_map(|(_, value)| header_value(value)).collect();
    let names = [&headers.tls_version_name, &headers.tls_cipher_suite_name];
    found.extend(names.into_iter().filter_map(|name| header_name(name).err()));
    found
}

/// Judges the value of a header that a listener sets.
pub fn header_value(value: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    if value.len() > LONGEST_HEADER_VALUE {
        found.push(Violation::HeaderValueTooLong { bytes: value.len() });
    }
    let odd = value.chars().find(|&letter| !letter.is_ascii_alphanumeric() && !HEADER_MARKS.contains(letter));
    found.extend(odd.map(Violation::InvalidHeaderCharacter));
    found
}

/// Judges the name of a header that a listener renames.
///
/// # Errors
///
/// It has characters other than letters, digits, hyphens and underscores.
pub fn header_name(name: &str) -> Result<(), Violation> {
    let fits = name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'));
    if fits { Ok(()) } else { Err(Violation::InvalidHeaderName(name.to_owned())) }
}
