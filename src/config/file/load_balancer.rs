//! `load_balancer:` and its listeners in the file (Terraform: `aws_lb`, `aws_lb_listener`, `aws_lb_listener_rule`).

use super::actions::ActionFile;
use super::conditions::ConditionFile;
use crate::read::reader::Spanned;
use crate::read::{Anything, OneOrMany, keywords, record};

record! {
    /// An Application Load Balancer (Terraform: `aws_lb`).
    LoadBalancerFile, "load balancer" {
        /// Its name: at most 32 letters, digits and hyphens. Default: its key in `load_balancers`; for the only one, the
        /// project's name.
        name: Spanned<String>,
        /// The names that lead to it, one or a list, as records in DNS would. Default: those of `domain` at the top of the
        /// file, for the first load balancer without its own.
        domain: OneOrMany<Spanned<String>>,
        /// The security groups it is in: keys of `security_groups`.
        security_groups: Vec<Spanned<String>>,
        /// The ports that clients may connect to.
        listeners: Vec<ListenerFile> [required],
        /// The local address that the listeners bind. Default: `127.0.0.1`; for the second load balancer `127.0.0.2`, and
        /// so on.
        bind_address: Spanned<String>,
        /// Seconds without a byte before a connection is closed: 1–4000. Default: 60.
        idle_timeout: Spanned<u32>,
        /// Seconds a client connection may live: 60–604800. Default: 3600.
        client_keep_alive: Spanned<u32>,
        /// Whether HTTPS listeners offer HTTP/2. Default: true.
        enable_http2: bool,
        /// Whether targets see the `Host` header as the client wrote it. Default: false.
        preserve_host_header: bool,
        /// Whether `X-Forwarded-For` carries the client's port. Default: false.
        enable_xff_client_port: bool,
        /// What happens to `X-Forwarded-For`. Default: `append`.
        xff_header_processing_mode: XffWord,
        /// Whether headers with invalid names are removed. Default: false.
        drop_invalid_header_fields: bool,
        /// How strictly requests are classified. Default: `defensive`.
        desync_mitigation_mode: Spanned<DesyncWord>,
        /// Whether targets see `X-Amzn-TLS-Version` and `X-Amzn-TLS-Cipher-Suite`. Default: false.
        enable_tls_version_and_cipher_suite_headers: bool,
        /// Recognised: an Application Load Balancer is the only type.
        load_balancer_type: Spanned<String>,
        /// Whether it is `internal` rather than `internet-facing`: its DNS name says so. Default: false.
        internal: bool,
        /// Recognised; the listeners bind `bind_address`.
        ip_address_type: String,
        /// Recognised; the project's network replaces them.
        subnets: Anything,
        /// Recognised; the project's network replaces them.
        subnet_mapping: Anything,
        /// One line per request (Terraform: `access_logs`).
        access_logs: LogDeliveryFile,
        /// One line per client connection (Terraform: `connection_logs`).
        connection_logs: LogDeliveryFile,
        /// One line per health check (Terraform: `health_check_logs`).
        health_check_logs: LogDeliveryFile,
        /// Recognised; `neargate down` always removes the stack.
        enable_deletion_protection: bool,
        /// Recognised; there is one zone.
        enable_cross_zone_load_balancing: bool,
        /// Recognised; there is no firewall.
        enable_waf_fail_open: bool,
        /// Recognised; there is one zone.
        enable_zonal_shift: bool,
        /// Recognised; the load balancer is as large as this machine.
        minimum_load_balancer_capacity: Anything,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

record! {
    /// Where to write a log of the load balancer: below `s3/` in the project's state folder, with the same keys as in S3.
    LogDeliveryFile, "log" {
        /// The bucket, which becomes a folder. Default: `logs`.
        bucket: Spanned<String>,
        /// Prefix of the keys. Default: none.
        prefix: Spanned<String>,
        /// Whether the log is written. Default: false, as with Terraform.
        enabled: bool,
        /// Whether files are compressed when their five minutes are over, as in S3. Default: false, so that any tool
        /// can follow and search them. Only neargate has this key.
        gzip: bool,
    }
}

keywords! {
    /// Processing of `X-Forwarded-For`.
    XffWord, "a mode of X-Forwarded-For" {
        /// The client's address is added at the end.
        Append = "append",
        /// The header stays as it is.
        Preserve = "preserve",
        /// The header is removed.
        Remove = "remove",
    }
}

keywords! {
    /// Strictness about requests that two parties could read differently.
    DesyncWord, "a desync mitigation mode" {
        /// Only logs.
        Monitor = "monitor",
        /// Blocks dangerous requests.
        Defensive = "defensive",
        /// Blocks requests that do not comply.
        Strictest = "strictest",
    }
}

record! {
    /// One port that clients may connect to (Terraform: `aws_lb_listener`).
    ListenerFile, "listener" {
        /// 1–65535; one listener per port.
        port: Spanned<u16> [required],
        /// The protocol that clients use.
        protocol: Spanned<ListenerProtocolWord> [required],
        /// What happens when no rule matches: one action, or a list whose last one routes.
        default_action: OneOrMany<ActionFile> [required],
        /// The rules, in any order: their priority decides.
        rules: Vec<RuleFile>,
        /// Name of a security policy. Default: `ELBSecurityPolicy-2016-08`, as with the API and Terraform.
        ssl_policy: Spanned<String>,
        /// The certificate, or a list whose first element is the default certificate. Default: one issued for `domain`.
        certificate: OneOrMany<CertificateFile>,
        /// Recognised; client certificates are not requested.
        mutual_authentication: Anything,
        /// Recognised: Network Load Balancers only.
        alpn_policy: Anything,
        /// Whether the load balancer's own responses carry `Server: awselb/2.0`. Default: true.
        routing_http_response_server_enabled: bool,
        /// `Strict-Transport-Security` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_strict_transport_security_header_value: Spanned<String>,
        /// `Access-Control-Allow-Origin` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_access_control_allow_origin_header_value: Spanned<String>,
        /// `Access-Control-Allow-Methods` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_access_control_allow_methods_header_value: Spanned<String>,
        /// `Access-Control-Allow-Headers` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_access_control_allow_headers_header_value: Spanned<String>,
        /// `Access-Control-Allow-Credentials` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_access_control_allow_credentials_header_value: Spanned<String>,
        /// `Access-Control-Expose-Headers` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_access_control_expose_headers_header_value: Spanned<String>,
        /// `Access-Control-Max-Age` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_access_control_max_age_header_value: Spanned<String>,
        /// `Content-Security-Policy` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_content_security_policy_header_value: Spanned<String>,
        /// `X-Content-Type-Options` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_x_content_type_options_header_value: Spanned<String>,
        /// `X-Frame-Options` on every response, replacing the target's value. Default: unchanged.
        routing_http_response_x_frame_options_header_value: Spanned<String>,
        /// The header in which targets see the TLS version. Default: `X-Amzn-Tls-Version`.
        routing_http_request_x_amzn_tls_version_header_name: Spanned<String>,
        /// The header in which targets see the cipher suite. Default: `X-Amzn-Tls-Cipher-Suite`.
        routing_http_request_x_amzn_tls_cipher_suite_header_name: Spanned<String>,
        /// Recognised; client certificates are not requested.
        routing_http_request_x_amzn_mtls_clientcert_serial_number_header_name: Anything,
        /// Recognised; client certificates are not requested.
        routing_http_request_x_amzn_mtls_clientcert_issuer_header_name: Anything,
        /// Recognised; client certificates are not requested.
        routing_http_request_x_amzn_mtls_clientcert_subject_header_name: Anything,
        /// Recognised; client certificates are not requested.
        routing_http_request_x_amzn_mtls_clientcert_validity_header_name: Anything,
        /// Recognised; client certificates are not requested.
        routing_http_request_x_amzn_mtls_clientcert_leaf_header_name: Anything,
        /// Recognised; client certificates are not requested.
        routing_http_request_x_amzn_mtls_clientcert_header_name: Anything,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

keywords! {
    /// Protocols of a listener.
    ListenerProtocolWord, "a protocol of a listener" {
        /// Plain HTTP/1.x.
        Http = "HTTP",
        /// TLS with HTTP/2 and HTTP/1.x.
        Https = "HTTPS",
    }
}

record! {
    /// A certificate: issued here for names, or your own files.
    CertificateFile, "certificate" {
        /// Issue one for this name, which may start with `*.` (Terraform: `aws_acm_certificate`).
        domain_name: Spanned<String>,
        /// More names for the issued one.
        subject_alternative_names: Vec<Spanned<String>>,
        /// The key of the issued one: `RSA_2048`, `EC_prime256v1` or `EC_secp384r1`. Default: `RSA_2048`, as in ACM. A listener
        /// may have certificates with both kinds of key for one name; clients that can get the ECDSA one.
        key_algorithm: Spanned<String>,
        /// Path of your own certificate chain in PEM, leaf first.
        certificate_body: Spanned<String>,
        /// Path of its private key in PEM.
        private_key: Spanned<String>,
        /// ARN of a certificate in ACM. It cannot be exported, so one is issued locally for `domain` instead.
        certificate_arn: Spanned<String>,
    }
}

record! {
    /// One rule (Terraform: `aws_lb_listener_rule`).
    RuleFile, "rule" {
        /// 1–50000, unique in the listener; the lowest that matches wins.
        priority: Spanned<u32> [required],
        /// All of them must match.
        conditions: Vec<ConditionFile> [required],
        /// What happens to a request that matches: one action, or a list whose last one routes.
        action: OneOrMany<ActionFile> [required],
        /// How the request is rewritten before it is forwarded: at most one transform of each type.
        transform: OneOrMany<TransformFile>,
        /// Recognised; shown nowhere.
        tags: Anything,
    }
}

record! {
    /// A transform (ALB user guide, "Transforms for listener rules").
    TransformFile, "transform" {
        /// What is rewritten.
        kind = "type": Spanned<TransformWord> [required],
        /// For `host-header-rewrite`.
        host_header_rewrite_config: RewriteConfigFile,
        /// For `url-rewrite`.
        url_rewrite_config: RewriteConfigFile,
    }
}

keywords! {
    /// What a transform rewrites.
    TransformWord, "a type of transform" {
        /// The host.
        HostHeader = "host-header-rewrite",
        /// Path and query.
        Url = "url-rewrite",
    }
}

record! {
    /// What a transform does.
    RewriteConfigFile, "rewrite config" {
        /// The one rewrite.
        rewrite: RewriteFile [required],
    }
}

record! {
    /// A rewrite.
    RewriteFile, "rewrite" {
        /// The pattern to look for in the host, or in path and query.
        regex: Spanned<String> [required],
        /// The replacement; `$1` is the text that the first group matched.
        replace: Spanned<String> [required],
    }
}
