//! What Cloud Map and ECS refuse of a service registry (Cloud Map API, DnsRecord; ECS API, ServiceRegistry).

use std::fmt;

use neargate_model::discovery::RecordKind;

/// A refused registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A combination of record types that Cloud Map does not create.
    RecordTypes,
    /// SRV records without a port.
    PortMissing,
    /// Two ways to give the port.
    PortTwice,
    /// A container without a port, or a port without its container.
    PortIncomplete,
}

/// As the API's documentation says it; the texts of the errors are not published.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RecordTypes => {
                "You can specify values for Type in the following combinations: A; AAAA; A and AAAA; SRV; CNAME"
            }
            Self::PortMissing => {
                "If the task definition your service task specifies uses the awsvpc network mode and a type SRV DNS \
                 record is used, you must specify either a containerName and containerPort combination or a port value."
            }
            Self::PortTwice => {
                "you must specify either a containerName and containerPort combination or a port value. However, you \
                 can't specify both."
            }
            Self::PortIncomplete => "you must specify a containerName and containerPort combination",
        })
    }
}

impl std::error::Error for Refused {}

/// Judges the types of a service's records.
pub fn records(kinds: &[RecordKind]) -> Result<(), Refused> {
    match kinds {
        [RecordKind::A | RecordKind::Aaaa | RecordKind::Srv]
        | [RecordKind::A, RecordKind::Aaaa]
        | [RecordKind::Aaaa, RecordKind::A] => Ok(()),
        _ => Err(Refused::RecordTypes),
    }
}

/// Judges how the port of a registration is given: `port`, `containerName`, `containerPort`.
pub fn port(has_srv: bool, port: bool, container: bool, container_port: bool) -> Result<(), Refused> {
    match (port, container, container_port) {
        (true, true, _) | (true, _, true) => Err(Refused::PortTwice),
        (false, true, false) | (false, false, true) => Err(Refused::PortIncomplete),
        (false, false, false) if has_srv => Err(Refused::PortMissing),
        _ => Ok(()),
    }
}
