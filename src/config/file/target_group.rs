//! `target_groups:` in the file (Terraform: `aws_lb_target_group`).

use crate::read::reader::Spanned;
use crate::read::{Anything, keywords, record};

record! {
    /// A target group (Terraform: `aws_lb_target_group`).
    TargetGroupFile, "target group" {
        /// The protocol towards targets. Default: `HTTP`.
        protocol: Spanned<TargetProtocolWord>,
        /// Version of HTTP towards the targets. Default: `HTTP1`.
        protocol_version: Spanned<ProtocolVersionWord>,
        /// Port of targets that are registered without one.
        port: Spanned<u16> [required],
        /// Only `ip` is supported, as Fargate needs. Default: `ip`.
        target_type: Spanned<TargetTypeWord>,
        /// How targets are checked.
        health_check: HealthCheckFile,
        /// Seconds that a deregistered target has to finish requests: 0–3600. Default: 300.
        deregistration_delay: Spanned<u32>,
        /// How a target is chosen. Default: `round_robin`.
        load_balancing_algorithm_type: Spanned<AlgorithmWord>,
        /// Seconds over which a new target's share grows: 0 (off) or 30–900. Default: 0.
        slow_start: Spanned<u32>,
        /// Whether a client stays with its target.
        stickiness: StickinessFile,
        /// When the load balancer also sends requests to unhealthy targets.
        target_group_health: TargetGroupHealthFile,
        /// Targets that are not tasks, such as processes on this machine.
        targets: Vec<StaticTargetFile>,
        /// Recognised; the project's network replaces it.
        vpc_id: String,
        /// Whether targets with more errors than their peers get fewer requests; only for `weighted_random`. Default: `off`.
        load_balancing_anomaly_mitigation: Spanned<SwitchWord>,
        /// Recognised; there is one zone.
        load_balancing_cross_zone_enabled: Spanned<String>,
        /// Recognised; targets have IPv4 addresses.
        ip_address_type: String,
        /// Recognised; there are no Lambda targets.
        lambda_multi_value_headers_enabled: bool,
        /// Recognised; targets do not control the load balancer.
        target_control_port: u16,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

keywords! {
    /// Protocols of a target group or health check.
    TargetProtocolWord, "a protocol of a target group" {
        /// Plain.
        Http = "HTTP",
        /// TLS; the target's certificate is not validated.
        Https = "HTTPS",
    }
}

keywords! {
    /// Versions of HTTP towards targets.
    ProtocolVersionWord, "a protocol version" {
        /// HTTP/1.1
        Http1 = "HTTP1",
        /// HTTP/2
        Http2 = "HTTP2",
        /// gRPC
        Grpc = "GRPC",
    }
}

keywords! {
    /// What targets are.
    TargetTypeWord, "a target type" {
        /// IP addresses, as Fargate needs.
        Ip = "ip",
        /// EC2 instances: recognised.
        Instance = "instance",
        /// A Lambda function: recognised.
        Lambda = "lambda",
    }
}

keywords! {
    /// How a target is chosen.
    AlgorithmWord, "a load balancing algorithm" {
        /// In turn.
        RoundRobin = "round_robin",
        /// The one with the fewest requests in flight.
        LeastOutstandingRequests = "least_outstanding_requests",
        /// At random.
        WeightedRandom = "weighted_random",
    }
}

keywords! {
    /// On or off, as Terraform writes it.
    SwitchWord, "a switch" {
        /// Enabled.
        On = "on",
        /// Disabled.
        Off = "off",
    }
}

record! {
    /// A health check (ALB user guide, "Health checks for Application Load Balancer target groups").
    HealthCheckFile, "health check" {
        /// Always true for targets of type `ip`.
        enabled: Spanned<bool>,
        /// Path, possibly with a query. Default: `/`, for gRPC `/AWS.ALB/healthcheck`.
        path: Spanned<String>,
        /// `traffic-port`, or a port. Default: `traffic-port`.
        port: Spanned<String>,
        /// Default: `HTTP`.
        protocol: Spanned<TargetProtocolWord>,
        /// Seconds between two checks: 5–300. Default: 30.
        interval: Spanned<u32>,
        /// Seconds to wait for a response: 2–120, less than the interval. Default: 5.
        timeout: Spanned<u32>,
        /// Successes in a row that make an unhealthy target healthy: 2–10. Default: 5 (3 in Terraform).
        healthy_threshold: Spanned<u32>,
        /// Failures in a row that make a target unhealthy: 2–10. Default: 2 (3 in Terraform).
        unhealthy_threshold: Spanned<u32>,
        /// Status codes that pass, e.g. `200`, `200,202` or `200-299`. Default: `200`, for gRPC `12`.
        matcher: Spanned<String>,
    }
}

record! {
    /// Stickiness of targets.
    StickinessFile, "stickiness" {
        /// Default: true if `stickiness` is given, as in Terraform.
        enabled: bool,
        /// Whose cookie it is.
        kind = "type": Spanned<StickinessWord> [required],
        /// Seconds: 1–604800. Default: 86400.
        cookie_duration: Spanned<u32>,
        /// The application's cookie, for `app_cookie`.
        cookie_name: Spanned<String>,
    }
}

keywords! {
    /// Whose cookie makes a client stick.
    StickinessWord, "a type of stickiness" {
        /// The load balancer's own.
        LbCookie = "lb_cookie",
        /// One of the application's.
        AppCookie = "app_cookie",
    }
}

record! {
    /// Thresholds of the group's health.
    TargetGroupHealthFile, "target group health" {
        /// When requests also go to unhealthy targets.
        unhealthy_state_routing: UnhealthyStateRoutingFile,
        /// When a zone leaves DNS. There is no DNS here; only CloudWatch metrics show it.
        dns_failover: DnsFailoverFile,
    }
}

record! {
    /// Below this many healthy targets, a zone leaves DNS.
    DnsFailoverFile, "dns failover" {
        /// `off`, or 1 to the number of targets; not below that of `unhealthy_state_routing`. Default: 1.
        minimum_healthy_targets_count: Spanned<String>,
        /// `off`, or 1–100; not below that of `unhealthy_state_routing`. Default: `off`.
        minimum_healthy_targets_percentage: Spanned<String>,
    }
}

record! {
    /// Below this many healthy targets, requests go to all of them.
    UnhealthyStateRoutingFile, "unhealthy state routing" {
        /// 1 to the number of targets. Default: 1.
        minimum_healthy_targets_count: Spanned<u32>,
        /// `off`, or 1–100. Default: `off`.
        minimum_healthy_targets_percentage: Spanned<String>,
    }
}

record! {
    /// A target that is not a task.
    StaticTargetFile, "target" {
        /// Address.
        address: Spanned<String> [required],
        /// Port. Default: the group's.
        port: Spanned<u16>,
    }
}
