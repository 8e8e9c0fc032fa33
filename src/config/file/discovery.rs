//! `service_discovery` in the file, and `service_registries` of a service.

use crate::read::reader::Spanned;
use crate::read::{Anything, keywords, record};

record! {
    /// A Cloud Map service in a private DNS namespace (Terraform: `aws_service_discovery_service`). Tasks resolve its name,
    /// which is `NAME.NAMESPACE`.
    DiscoveryServiceFile, "service_discovery entry" {
        /// Its name: the first part of the DNS name. Default: the key.
        name: Spanned<String>,
        /// The records of each task.
        dns_config: DnsConfigFile [required],
        /// Its presence takes tasks whose container health checks fail out of the answers.
        health_check_custom_config: CustomHealthFile,
        /// Recognised; Route 53 cannot check tasks in a VPC.
        health_check_config: Anything,
        /// Recognised; shown nowhere.
        description: String,
        /// Recognised; nothing is left behind in either case.
        force_destroy: bool,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

record! {
    /// The records of each task (Terraform: `dns_config`).
    DnsConfigFile, "dns_config" {
        /// Name of the private DNS namespace, such as `internal.local`: the last part of the DNS name.
        namespace: Spanned<String> [required],
        /// Record types, each with its TTL.
        dns_records: Vec<DnsRecordFile> [required],
        /// `MULTIVALUE` (default): up to eight tasks in an answer. `WEIGHTED`: one.
        routing_policy: Spanned<RoutingWord>,
    }
}

record! {
    /// A record of each task (Terraform: `dns_records`).
    DnsRecordFile, "dns_records entry" {
        /// `A`, `AAAA` or `SRV`.
        kind = "type": Spanned<RecordWord> [required],
        /// Seconds during which resolvers may remember an answer.
        ttl: Spanned<u32> [required],
    }
}

record! {
    /// Whether tasks whose container health checks fail leave the answers (Terraform: `health_check_custom_config`).
    CustomHealthFile, "health_check_custom_config" {
        /// Recognised; AWS always takes 1.
        failure_threshold: Spanned<u32>,
    }
}

record! {
    /// Where the tasks of a service are registered (Terraform: `service_registries` of `aws_ecs_service`).
    RegistryFile, "service_registries" {
        /// A key of `service_discovery`.
        registry: Spanned<String> [required],
        /// The port in SRV records, if `container_name` and `container_port` do not say.
        port: Spanned<u16>,
        /// A container of the task definition, for SRV records.
        container_name: Spanned<String>,
        /// A port of that container's `portMappings`, for SRV records.
        container_port: Spanned<u16>,
    }
}

keywords! {
    /// How many tasks an answer names.
    RoutingWord, "a routing policy" {
        /// Up to eight.
        Multivalue = "MULTIVALUE",
        /// One.
        Weighted = "WEIGHTED",
    }
}

keywords! {
    /// The type of a record.
    RecordWord, "a type of records" {
        /// The task's IPv4 address.
        A = "A",
        /// The task's IPv6 address; tasks have none here.
        Aaaa = "AAAA",
        /// Port and name of the task.
        Srv = "SRV",
    }
}
