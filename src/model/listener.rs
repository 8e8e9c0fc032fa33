//! The load balancer and its listeners (ELBv2 API: LoadBalancer, Listener; ALB user guide, "Listeners").

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::certificate::IssuedCertificate;
use super::ids::{DomainName, LoadBalancerName, SecurityGroupName, TargetGroupName};
use super::rule::{Action, Actions, Rule};

/// An Application Load Balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Unique in the topology. A single load balancer takes the project's name unless the file sets one.
    pub name: LoadBalancerName,
    /// Whether `Scheme` is `internal` rather than `internet-facing`.
    pub internal: bool,
    /// The domain names that resolve to it, as DNS records would on AWS.
    pub domains: Vec<DomainName>,
    /// Its security groups; ingress rules of targets' groups refer to them by `security_group`.
    pub security_groups: Vec<SecurityGroupName>,
    /// In ascending order of port; one listener per port (`DuplicateListener` otherwise).
    pub listeners: Vec<Listener>,
    /// Load balancer attributes.
    pub attributes: LoadBalancerAttributes,
    /// The local address the listeners bind: loopback unless the user asks for more.
    pub bind_address: IpAddr,
}

impl LoadBalancer {
    /// A load balancer with the defaults of CreateLoadBalancer, on 127.0.0.1 and without domain names.
    pub fn new(name: impl Into<LoadBalancerName>, listeners: Vec<Listener>) -> Self {
        Self {
            name: name.into(),
            internal: false,
            domains: Vec::new(),
            security_groups: Vec::new(),
            listeners,
            attributes: LoadBalancerAttributes::default(),
            bind_address: Ipv4Addr::LOCALHOST.into(),
        }
    }

    /// Default actions and the actions of rules.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.listeners.iter().flat_map(|listener| {
            listener.rules.iter().map(|rule| &rule.actions.routing).chain([&listener.default_actions.routing])
        })
    }

    /// The target groups that actions forward to; a group appears once for each action that names it.
    pub fn forwards_to(&self) -> impl Iterator<Item = &TargetGroupName> {
        self.actions().flat_map(Action::forwards_to)
    }

    /// Names of the security policies of the HTTPS listeners.
    pub fn security_policies(&self) -> impl Iterator<Item = &str> {
        self.listeners.iter().filter_map(|listener| match &listener.protocol {
            ListenerProtocol::Http => None,
            ListenerProtocol::Https(settings) => Some(settings.ssl_policy.as_str()),
        })
    }
}

/// One port that clients may connect to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The port as on AWS, used in `X-Forwarded-Port` and `#{port}`.
    pub port: u16,
    /// The local port that is actually bound: `port`, unless remapped with `--listen 443=8443`.
    pub bind_port: u16,
    /// The protocol that clients use.
    pub protocol: ListenerProtocol,
    /// Action of the default rule: no conditions, always last.
    pub default_actions: Actions,
    /// In ascending order of priority.
    pub rules: Vec<Rule>,
    /// Listener attributes that change headers.
    pub headers: HeaderModification,
}

impl Listener {
    /// A listener with the defaults of CreateListener, bound to its own port.
    pub fn new(port: u16, protocol: ListenerProtocol, default_actions: impl Into<Actions>) -> Self {
        Self {
            port,
            bind_port: port,
            protocol,
            default_actions: default_actions.into(),
            rules: Vec::new(),
            headers: HeaderModification::default(),
        }
    }
}

/// Default name of the header that carries the TLS version.
pub const TLS_VERSION: &str = "X-Amzn-Tls-Version";
/// Default name of the header that carries the cipher suite.
pub const TLS_CIPHER_SUITE: &str = "X-Amzn-Tls-Cipher-Suite";

/// Headers that a listener can set in responses.
pub const RESPONSE_HEADERS: [&str; 10] = [
    "Strict-Transport-Security",
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
];

/// Listener attributes `routing.http.…` (ALB user guide, "HTTP header modification").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderModification {
    /// `routing.http.response.server.enabled`: whether the load balancer's own responses say `Server: awselb/2.0`.
    pub server: bool,
    /// Names and values of `routing.http.response.….header_value`: set on every response, replacing the target's own.
    pub response: Vec<(String, String)>,
    /// `routing.http.request.x_amzn_tls_version.header_name`
    pub tls_version_name: String,
    /// `routing.http.request.x_amzn_tls_cipher_suite.header_name`
    pub tls_cipher_suite_name: String,
}

impl Default for HeaderModification {
    fn default() -> Self {
        Self {
            server: true,
            response: Vec::new(),
            tls_version_name: TLS_VERSION.to_owned(),
            tls_cipher_suite_name: TLS_CIPHER_SUITE.to_owned(),
        }
    }
}

/// The protocol of an ALB listener, with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ListenerProtocol {
    /// Plain HTTP/1.x.
    Http,
    /// TLS; HTTP/2 and HTTP/1.x by ALPN.
    Https(TlsSettings),
}

/// Settings of an HTTPS listener.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TlsSettings {
    /// Name of the security policy, e.g. `ELBSecurityPolicy-TLS13-1-2-2021-06`.
    pub ssl_policy: String,
    /// The default certificate first, then those chosen by SNI.
    pub certificates: Vec<Certificate>,
}

/// Where a listener's certificate comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Certificate {
    /// Issued by the local authority.
    Issued(IssuedCertificate),
    /// The user's own PEM files.
    Files {
        /// Certificate chain, leaf first.
        certificate: PathBuf,
        /// PKCS#8, PKCS#1 or SEC1 key.
        private_key: PathBuf,
    },
}

/// Load balancer attributes (ALB user guide, "Edit attributes for your Application Load Balancer").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerAttributes {
    /// `idle_timeout.timeout_seconds`: 1–4000, applies to client and target connections.
    pub idle_timeout: Duration,
    /// `client_keep_alive.seconds`: 60–604800, from the connection's start.
    pub client_keep_alive: Duration,
    /// `routing.http2.enabled`.
    pub http2_enabled: bool,
    /// `routing.http.preserve_host_header.enabled`.
    pub preserve_host_header: bool,
    /// `routing.http.xff_client_port.enabled`.
    pub xff_client_port: bool,
    /// `routing.http.xff_header_processing.mode`.
    pub xff_mode: XffMode,
    /// `routing.http.drop_invalid_header_fields.enabled`.
    pub drop_invalid_header_fields: bool,
    /// `routing.http.desync_mitigation_mode`.
    pub desync_mitigation_mode: DesyncMode,
    /// `routing.http.x_amzn_tls_version_and_cipher_suite.enabled`.
    pub tls_headers: bool,
    /// `access_logs.s3.*`
    pub access_logs: Option<LogDelivery>,
    /// `connection_logs.s3.*`
    pub connection_logs: Option<LogDelivery>,
    /// `health_check_logs.s3.*`
    pub health_check_logs: Option<LogDelivery>,
}

/// Where one of the load balancer's logs goes when it is enabled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDelivery {
    /// `bucket`: here a folder below the state folder.
    pub bucket: String,
    /// `prefix` of the object keys; may be empty.
    pub prefix: String,
    /// Whether files are compressed when they are finished, as in S3.
    pub gzip: bool,
}

impl Default for LoadBalancerAttributes {
    fn default() -> Self {
        Self {
            idle_timeout: Duration::from_secs(60),
            client_keep_alive: Duration::from_secs(3600),
            http2_enabled: true,
            preserve_host_header: false,
            xff_client_port: false,
            xff_mode: XffMode::Append,
            drop_invalid_header_fields: false,
            desync_mitigation_mode: DesyncMode::Defensive,
            tls_headers: false,
            access_logs: None,
            connection_logs: None,
            health_check_logs: None,
        }
    }
}

/// What happens to `X-Forwarded-For` (ALB user guide, "X-Forwarded-For").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum XffMode {
    /// The client's address is appended to the existing value.
    Append,
    /// Untouched, and not created.
    Preserve,
    /// Deleted.
    Remove,
}

/// How strictly requests are classified (ALB user guide, "Desync mitigation mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesyncMode {
    /// Log only.
    Monitor,
    /// Block severe requests; close connections after ambiguous ones.
    Defensive,
    /// Block whatever is not compliant.
    Strictest,
}
