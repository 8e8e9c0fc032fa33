//! Service Connect in cases that readers can compare with AWS's pages: `fixtures/ecs/service-connect`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::balancer::Balancer;
use super::{endpoints, limits};
use crate::discovery::files;
use neargate_model::TaskId;
use neargate_model::service::Service;
use neargate_model::service_connect::{AppProtocol, ClientAlias, Endpoint, OfferedPort, ServiceConnect};
use neargate_model::task_definition::{ContainerDefinition, PortMapping, Revision, TaskDefinition};
use neargate_model::topology::TimeScale;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "source")]
    _source: String,
    /// The services that there are, and the one whose new tasks are asked about.
    #[serde(default)]
    services: BTreeMap<String, Described>,
    #[serde(default)]
    client: Option<String>,
    /// `<name>:<port> <protocol>, idle <seconds>, request <seconds>`
    #[serde(default)]
    finds: Vec<String>,
    /// The lines that `/etc/hosts` has more than without Service Connect.
    #[serde(default)]
    hosts: Vec<String>,
    /// Servers, and what happens: `choose -> a`, `a fails`, `a fails 5 times`, `30 s later`, `choose again -> b` for the
    /// same request.
    #[serde(default)]
    servers: Vec<String>,
    #[serde(default)]
    happens: Vec<String>,
    #[serde(default)]
    dns_name: Option<String>,
    #[serde(default)]
    discovery_name: Option<String>,
    #[serde(default)]
    aliases: Option<usize>,
    #[serde(default)]
    request_timeout_of: Option<Protocol>,
    #[serde(default)]
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(default)]
    namespace: Option<String>,
    /// The named port, if it has one.
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    protocol: Option<Protocol>,
    /// `name:port`, if it offers its port.
    #[serde(default)]
    alias: Option<String>,
    #[serde(default)]
    idle_timeout: Option<u64>,
    #[serde(default)]
    per_request_timeout: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Tcp,
    Http,
    Http2,
    Grpc,
}

impl Protocol {
    fn model(self) -> AppProtocol {
        match self {
            Self::Tcp => AppProtocol::Tcp,
            Self::Http => AppProtocol::Http,
            Self::Http2 => AppProtocol::Http2,
            Self::Grpc => AppProtocol::Grpc,
        }
    }
}

#[test]
fn services_find_each_other_as_on_aws() {
    neargate_fixture::each("ecs/service-connect", check);
}

fn check(case: Case) {
    if let Some(client) = &case.client {
        let services: BTreeMap<&str, Service> =
            case.services.iter().map(|(name, described)| (name.as_str(), service(name, described))).collect();
        let found = endpoints::of_deployment(&services[client.as_str()], services.values());
        let lines: Vec<String> = found.iter().map(shown).collect();
        assert_eq!(lines, case.finds, "{}", case.name);
        if !case.hosts.is_empty() {
            let address = [172, 31, 2, 72].into();
            let without = files::hosts(address, "us-east-1", &[]);
            let with = files::hosts(address, "us-east-1", &found);
            let more: Vec<&str> = with.strip_prefix(&without).expect("the same at first").lines().collect();
            assert_eq!(more, case.hosts, "{}", case.name);
        }
    }
    balance(&case);
    let judged = [
        case.dns_name.as_deref().map(limits::dns_name),
        case.discovery_name.as_deref().map(limits::discovery_name),
        case.aliases.map(limits::aliases),
        case.request_timeout_of.map(|protocol| limits::timeout(protocol.model(), true)),
    ];
    for judged in judged.into_iter().flatten() {
        assert_eq!(judged.err().map(|refused| refused.to_string()), case.refused, "{}", case.name);
    }
}

fn shown(endpoint: &Endpoint) -> String {
    let seconds = |limit: Option<Duration>| limit.map_or("never".to_owned(), |limit| limit.as_secs().to_string());
    let protocol = match endpoint.protocol {
        AppProtocol::Tcp => "tcp",
        AppProtocol::Http => "http",
        AppProtocol::Http2 => "http2",
        AppProtocol::Grpc => "grpc",
    };
    let (idle, request) = (seconds(endpoint.idle_timeout), seconds(endpoint.per_request_timeout));
    format!("{}:{} {protocol}, idle {idle}, request {request}", endpoint.dns_name, endpoint.port)
}

fn service(name: &str, described: &Described) -> Service {
    let mut container = ContainerDefinition::new("app", "app");
    container.port_mappings = described
        .port
        .map(|port| PortMapping {
            name: Some(name.to_owned()),
            app_protocol: described.protocol.map(Protocol::model).unwrap_or_default(),
            ..PortMapping::tcp(port)
        })
        .into_iter()
        .collect();
    let mut service = Service::new(Revision::first(TaskDefinition::new(name, vec![container])), 1);
    service.service_connect = described.namespace.as_ref().map(|namespace| ServiceConnect {
        namespace: namespace.clone(),
        services: described
            .alias
            .iter()
            .map(|alias| {
                let (dns_name, port) = alias.split_once(':').expect("a name and a port");
                OfferedPort {
                    port_name: name.to_owned(),
                    discovery_name: name.to_owned(),
                    alias: ClientAlias { dns_name: dns_name.to_owned(), port: port.parse().expect("a port") },
                    idle_timeout: described.idle_timeout.map(Duration::from_secs),
                    per_request_timeout: described.per_request_timeout.map(Duration::from_secs),
                }
            })
            .collect(),
    });
    service
}

fn balance(case: &Case) {
    let servers: Vec<TaskId> = case.servers.iter().map(TaskId::new).collect();
    let mut balancer = Balancer::default();
    let mut now = Instant::now();
    let mut tried = BTreeSet::new();
    for line in &case.happens {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["choose", "->", expected] => {
                tried.clear();
                let chosen = balancer.choose(&servers, &tried, now).expect("a server");
                assert_eq!(chosen.as_str(), *expected, "{}: {line}", case.name);
                tried.insert(chosen.clone());
            }
            ["choose", "again", "->", expected] => {
                let chosen = balancer.choose(&servers, &tried, now).expect("a server");
                assert_eq!(chosen.as_str(), *expected, "{}: {line}", case.name);
                tried.insert(chosen.clone());
            }
            [server, "fails"] => balancer.failed(&TaskId::new(server), now, TimeScale::REAL),
            [server, "fails", times, "times"] => {
                for _ in 0..times.parse().expect("a number") {
                    balancer.failed(&TaskId::new(server), now, TimeScale::REAL);
                }
            }
            [seconds, "s", "later"] => now += Duration::from_secs(seconds.parse().expect("a number")),
            _ => panic!("{}: {line:?} is not understood", case.name),
        }
    }
}
