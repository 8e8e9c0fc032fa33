//! The part of the table that is about names: service discovery and Service Connect.

use super::level::Entry;
use super::level::Entry::{Aws, Holds};
use super::level::Level::{Approximated, Honoured, Ignored, NotYet};
use super::line::{Line, UNSEEN};

const HEALTH: Entry = Aws(Approximated(
    "names resolve in tasks where there is a metadata endpoint; AWS takes about 30 seconds to follow a change of health",
));

/// The lines.
pub(super) const NAMES: &[Line] = &[
    ("service_connect_configuration", &["service"], &[], Holds),
    (
        "service_connect_configuration",
        &["enabled", "namespace"],
        &[],
        Aws(Approximated(
            "names resolve in tasks where there is a metadata endpoint; one proxy serves all tasks, at link-local addresses \
             where AWS has 127.255.0.x",
        )),
    ),
    (
        "service_connect_configuration",
        &["log_configuration", "access_log_configuration"],
        &[],
        Aws(NotYet("the proxy writes no logs")),
    ),
    ("service_connect service", &["port_name", "discovery_name"], &[], Aws(Honoured)),
    ("service_connect service", &["client_alias", "timeout"], &[], Holds),
    ("service_connect service", &["ingress_port_override"], &[], Aws(NotYet("clients reach the container's own port"))),
    ("service_connect service", &["tls"], &[], Aws(NotYet("traffic between tasks is not encrypted"))),
    ("client_alias", &["port", "dns_name"], &[], Aws(Honoured)),
    ("client_alias", &["test_traffic_rules"], &[], Aws(NotYet("test traffic is led by listener rules alone"))),
    ("timeout", &["idle_timeout_seconds", "per_request_timeout_seconds"], &[], Aws(Honoured)),
    ("service_registries", &["registry", "port", "container_name", "container_port"], &[], Aws(Honoured)),
    ("service_discovery entry", &["name"], &[], Aws(Honoured)),
    ("service_discovery entry", &["dns_config"], &[], Holds),
    ("service_discovery entry", &["health_check_custom_config"], &[], Holds),
    ("service_discovery entry", &["health_check_config"], &[], Aws(Ignored("Route 53 does not reach tasks in a VPC"))),
    ("service_discovery entry", &["description", "force_destroy", "tags"], &[], UNSEEN),
    ("dns_config", &["namespace", "routing_policy"], &[], Aws(Honoured)),
    ("dns_config", &["dns_records"], &[], Holds),
    ("dns_records entry", &["type"], &["AAAA"], Aws(Approximated("tasks have IPv4 addresses"))),
    ("dns_records entry", &["type", "ttl"], &[], Aws(Honoured)),
    ("health_check_custom_config", &["failure_threshold"], &[], HEALTH),
];
