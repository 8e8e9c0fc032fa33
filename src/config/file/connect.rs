//! `service_connect_configuration` of a service.

use crate::read::reader::Spanned;
use crate::read::{Anything, OneOrMany, record};

record! {
    /// How a service connects to others of its namespace, and they to it (Terraform: `service_connect_configuration` of
    /// `aws_ecs_service`).
    ConnectFile, "service_connect_configuration" {
        /// Whether Service Connect is used.
        enabled: Spanned<bool> [required],
        /// Name of the namespace. Services in the same one reach each other.
        namespace: Spanned<String>,
        /// The ports that it offers, one or a list; none for a service that is only a client.
        service: OneOrMany<OfferedFile>,
        /// Recognised; the proxy writes nothing.
        log_configuration: Anything,
        /// Recognised; the proxy writes nothing.
        access_log_configuration: Anything,
    }
}

record! {
    /// A port that other services of the namespace reach (Terraform: `service` of `service_connect_configuration`).
    OfferedFile, "service_connect service" {
        /// The `name` of a port mapping of the task definition.
        port_name: Spanned<String> [required],
        /// Its name in the namespace. Default: `port_name`.
        discovery_name: Spanned<String>,
        /// The name and port that clients use.
        client_alias: OneOrMany<ClientAliasFile>,
        /// How long connections and requests may take.
        timeout: ConnectTimeoutFile,
        /// Recognised; clients connect to the container's port.
        ingress_port_override: Spanned<u16>,
        /// Recognised; traffic between tasks is not encrypted.
        tls: Anything,
    }
}

record! {
    /// The name and port that clients use (Terraform: `client_alias`).
    ClientAliasFile, "client_alias" {
        /// The port, which need not be the container's.
        port: Spanned<u16> [required],
        /// The name. Default: `discovery_name` and `namespace`, with a dot between them.
        dns_name: Spanned<String>,
        /// Recognised; deployments always roll.
        test_traffic_rules: Anything,
    }
}

record! {
    /// How long connections and requests may take (Terraform: `timeout` of `service`).
    ConnectTimeoutFile, "timeout" {
        /// Seconds without a byte after which a connection ends; 0 is never. Default: 300, and 3600 for TCP.
        idle_timeout_seconds: Spanned<u32>,
        /// Seconds until an answer must be complete; 0 is for ever. Not for TCP. Default: 15.
        per_request_timeout_seconds: Spanned<u32>,
    }
}
