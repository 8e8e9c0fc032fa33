//! What ECS refuses of a Service Connect configuration (ECS API, ServiceConnectService and ServiceConnectClientAlias).

use std::fmt;

use neargate_model::service_connect::AppProtocol;

/// A refused configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// `dnsName` has other characters, or too many.
    DnsName,
    /// `discoveryName` has other characters, or too many.
    DiscoveryName,
    /// An entry of `services` without an alias.
    AliasMissing,
    /// More than one alias.
    TooManyAliases,
    /// A timeout of requests for a port that carries none.
    RequestTimeoutOfTcp,
    /// `portName` names no port mapping.
    UnknownPort,
    /// Two endpoints of a namespace have the same name and port.
    EndpointTaken,
    /// Two services of a namespace have the same name.
    DiscoveryNameTaken,
}

/// As the API's documentation says it; the texts of the errors are not published.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DnsName => {
                "The name can include up to 127 characters. The name can include lowercase letters, numbers, \
                 underscores (_), hyphens (-), and periods (.). The name can't start with a hyphen."
            }
            Self::DiscoveryName => {
                "The name can contain up to 64 characters. The name can include lowercase letters, numbers, \
                 underscores (_), and hyphens (-). The name can't start with a hyphen."
            }
            Self::AliasMissing => {
                "For each ServiceConnectService, you must provide at least one clientAlias with one port."
            }
            Self::TooManyAliases => "The maximum number of client aliases that you can have in this list is 1.",
            Self::RequestTimeoutOfTcp => {
                "perRequestTimeout can only be set if Service Connect appProtocol isn't TCP. Only idleTimeout is \
                 allowed for TCP appProtocol."
            }
            Self::UnknownPort => {
                "The portName must match the name of one of the portMappings from all the containers in the task \
                 definition of this Amazon ECS service."
            }
            Self::EndpointTaken => "Each name and port mapping must be unique within the namespace.",
            Self::DiscoveryNameTaken => "This must be unique within the Cloud Map namespace.",
        })
    }
}

impl std::error::Error for Refused {}

/// Judges `dnsName`.
pub fn dns_name(name: &str) -> Result<(), Refused> {
    if is_name(name, 127, b"_-.") { Ok(()) } else { Err(Refused::DnsName) }
}

/// Judges `discoveryName`.
pub fn discovery_name(name: &str) -> Result<(), Refused> {
    if is_name(name, 64, b"_-") { Ok(()) } else { Err(Refused::DiscoveryName) }
}

fn is_name(name: &str, most: usize, others: &[u8]) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte);
    (1..=most).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-')
}

/// Judges the number of `clientAliases`.
pub fn aliases(count: usize) -> Result<(), Refused> {
    match count {
        0 => Err(Refused::AliasMissing),
        1 => Ok(()),
        _ => Err(Refused::TooManyAliases),
    }
}

/// Judges `timeout` of a port with this protocol.
pub fn timeout(protocol: AppProtocol, has_request_timeout: bool) -> Result<(), Refused> {
    if protocol == AppProtocol::Tcp && has_request_timeout { Err(Refused::RequestTimeoutOfTcp) } else { Ok(()) }
}
