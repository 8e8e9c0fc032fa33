//! A load balancer on loopback. Targets that follow a script and clients that speak raw bytes are in `alb/wire.rs`.

mod wire;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use neargate::alb::logs::connection::ConnectionEntry;
use neargate::alb::routing::RoutingTable;
use neargate::control::observation::Observation;
use neargate::model::listener::{Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes, TlsSettings};
use neargate::model::rule::{Action, FixedResponse, Forward, Redirect, Rule, WeightedTargetGroup};
use neargate::model::target_group::{ProtocolVersion, TargetGroup, TargetProtocol};
use neargate::model::target_health::{Target, TargetHealth, TargetState};
use neargate::model::{TargetGroupName, Topology};
use neargate::proxy::{AccessSink, ConnectionSink, DataPlane, DataPlaneConfig, ListenerTls, Transaction};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
pub(crate) use wire::{Incoming, ScriptedTarget, Wire};

/// The deadline for anything on loopback, unless it hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Fails the test instead of hanging.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

/// The configuration of the load balancer under test.
pub(crate) struct Setup {
    pub(crate) topology: Topology,
    pub(crate) targets: BTreeMap<TargetGroupName, Vec<TargetState>>,
    pub(crate) connect_timeout: Duration,
    pub(crate) anomaly_period: Duration,
    pub(crate) workers: usize,
}

/// The only load balancer of a topology, for changes.
pub(crate) fn load_balancer(topology: &mut Topology) -> &mut LoadBalancer {
    topology.load_balancers.values_mut().next().unwrap()
}

impl Setup {
    /// One HTTP listener, AWS's port 80, that forwards everything to group `web` of these targets.
    pub(crate) fn forwarding(targets: &[SocketAddr]) -> Self {
        let mut setup = Self::answering(forward(&["web"]));
        setup.group("web", targets.iter().map(|target| healthy(*target)).collect());
        setup
    }

    /// One HTTP listener, AWS's port 80, with this default action.
    pub(crate) fn answering(default_action: Action) -> Self {
        let listener = Listener { bind_port: free_port(), ..Listener::new(80, ListenerProtocol::Http, default_action) };
        let domains = vec!["app.example.com".into()];
        let load_balancer = LoadBalancer { domains: domains.clone(), ..LoadBalancer::new("test", vec![listener]) };
        let topology = Topology { domains, ..Topology::new("test", [load_balancer]) };
        Self {
            topology,
            targets: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            anomaly_period: neargate::alb::targets::anomaly::PERIOD,
            workers: 2,
        }
    }

    pub(crate) fn group(&mut self, name: &str, targets: Vec<TargetState>) {
        self.topology.target_groups.insert(name.into(), target_group());
        self.targets.insert(name.into(), targets);
    }

    /// Sets the protocol for targets of group `web`. HTTP/2 requires an HTTPS listener.
    pub(crate) fn speaking(&mut self, protocol: TargetProtocol, version: ProtocolVersion) {
        let group = self.topology.target_groups.get_mut(&TargetGroupName::from("web")).unwrap();
        (group.protocol, group.protocol_version) = (protocol, version);
    }

    pub(crate) fn attributes(&mut self) -> &mut LoadBalancerAttributes {
        &mut load_balancer(&mut self.topology).attributes
    }

    pub(crate) fn rules(&mut self, rules: Vec<Rule>) {
        load_balancer(&mut self.topology).listeners[0].rules = rules;
    }

    /// Turns the listener into HTTPS on AWS's port 443.
    pub(crate) fn https(&mut self) {
        let listener = &mut load_balancer(&mut self.topology).listeners[0];
        listener.port = 443;
        listener.protocol =
            ListenerProtocol::Https(TlsSettings { ssl_policy: String::new(), certificates: Vec::new() });
    }

    pub(crate) async fn start(self) -> Alb {
        let generation = 1;
        let bind_port = self.topology.main_load_balancer().listeners[0].bind_port;
        let balancer = self.topology.main_load_balancer();
        let table = RoutingTable::compile(&self.topology, balancer, &self.targets, generation);
        let (table, tables) = watch::channel(Arc::new(table));
        let (observe, observations) = mpsc::channel(64);
        let (access, transactions) = AccessSink::bounded(1024);
        let (connection_sink, connections) = ConnectionSink::bounded(64);
        let certificate = rcgen::generate_simple_self_signed(["app.example.com".to_owned()]).unwrap();
        let mut tls_config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.cert.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap(),
            )
            .unwrap();
        neargate::certs::store::complete(&mut tls_config, self.topology.main_load_balancer().attributes.http2_enabled)
            .unwrap();
        let name = self.topology.main_load_balancer().name.clone();
        let configs = HashMap::from([((name.clone(), 443), Arc::new(tls_config))]);
        let target_tls = neargate::certs::targets::client_configs().unwrap();
        let mut config =
            DataPlaneConfig::new(ListenerTls::new(name, watch::channel(Arc::new(configs)).1), target_tls, 7);
        config.workers = self.workers;
        config.connect_timeout = self.connect_timeout;
        config.anomaly_period = self.anomaly_period;
        config.access = Some(access.clone());
        config.connections = Some(connection_sink);
        let plane = DataPlane::start(config, tables, observe).unwrap();
        let mut alb = Alb {
            address: SocketAddr::new(self.topology.main_load_balancer().bind_address, bind_port),
            certificate: certificate.cert.der().clone(),
            plane: Some(plane),
            table,
            topology: self.topology,
            targets: self.targets,
            generation,
            observations,
            access,
            transactions,
            connections,
        };
        alb.bound().await;
        alb
    }
}

/// A running load balancer.
pub(crate) struct Alb {
    pub(crate) address: SocketAddr,
    pub(crate) certificate: rustls::pki_types::CertificateDer<'static>,
    pub(crate) plane: Option<DataPlane>,
    table: watch::Sender<Arc<RoutingTable>>,
    pub(crate) topology: Topology,
    pub(crate) targets: BTreeMap<TargetGroupName, Vec<TargetState>>,
    generation: u64,
    pub(crate) observations: mpsc::Receiver<Observation>,
    pub(crate) access: AccessSink,
    transactions: mpsc::Receiver<Transaction>,
    connections: mpsc::Receiver<ConnectionEntry>,
}

impl Alb {
    pub(crate) async fn connect(&self) -> Wire<TcpStream> {
        Wire::new(within("connecting", TcpStream::connect(self.address)).await.unwrap())
    }

    /// Sends one request on its own connection and reads until the load balancer closes it.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut wire = self.connect().await;
        wire.send(request).await;
        wire.rest().await
    }

    /// The table that was published last.
    pub(crate) fn routing_table(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.table.borrow())
    }

    /// Publishes the current `topology` and `targets`, and waits until the listeners follow.
    pub(crate) async fn publish(&mut self) {
        self.publish_without_waiting();
        self.bound().await;
    }

    pub(crate) fn publish_without_waiting(&mut self) {
        self.generation += 1;
        let balancer = self.topology.main_load_balancer();
        let table = RoutingTable::compile(&self.topology, balancer, &self.targets, self.generation);
        self.table.send_replace(Arc::new(table));
    }

    async fn bound(&mut self) {
        let wanted = self.generation;
        self.observed(
            "listeners bound",
            |observation| matches!(observation, Observation::ListenersBound { generation, .. } if *generation == wanted),
        )
        .await;
    }

    /// Waits for a certain observation and skips others.
    pub(crate) async fn observed(&mut self, what: &str, wanted: impl Fn(&Observation) -> bool) -> Observation {
        within(what, async {
            loop {
                let observation = self.observations.recv().await.expect("the data plane is gone");
                if wanted(&observation) {
                    return observation;
                }
            }
        })
        .await
    }

    /// The log entry of the next connection.
    pub(crate) async fn connected(&mut self) -> ConnectionEntry {
        within("connecting", self.connections.recv()).await.unwrap()
    }

    /// The log entry of the next completed request.
    pub(crate) async fn settled(&mut self) -> Transaction {
        within("settling", self.transactions.recv()).await.unwrap()
    }
}

pub(crate) fn healthy(address: SocketAddr) -> TargetState {
    TargetState {
        target: Target { address: address.ip(), port: address.port() },
        dial: address,
        reachable: true,
        health: TargetHealth::Healthy,
    }
}

pub(crate) fn forward(groups: &[&str]) -> Action {
    let weighted = |name: &&str| WeightedTargetGroup { target_group: (*name).into(), weight: 1 };
    Action::Forward(Forward { target_groups: groups.iter().map(weighted).collect(), stickiness_seconds: None })
}

pub(crate) fn redirect_to_https() -> Action {
    Action::Redirect(Redirect { protocol: "HTTPS".into(), port: "443".into(), ..Redirect::with_defaults(301) })
}

pub(crate) fn fixed(status_code: u16, body: &str) -> Action {
    Action::FixedResponse(FixedResponse {
        status_code,
        content_type: Some("text/plain".into()),
        message_body: body.into(),
    })
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A port that refuses connections. It is bound without a listener, so that no other test gets it in the meantime, and
/// released when the tests end.
pub(crate) fn refusing() -> SocketAddr {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// Replaces what differs between runs: the date, and the ID in a trace.
pub(crate) fn stable(text: &str) -> String {
    let dates = regex::Regex::new(r"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT").unwrap();
    let traces = regex::Regex::new("1-[0-9a-f]{8}-[0-9a-f]{24}").unwrap();
    traces.replace_all(&dates.replace_all(text, "Date: <date>"), "<trace>").into_owned()
}

/// The page of an error or redirect.
pub(crate) fn page(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

fn target_group() -> TargetGroup {
    TargetGroup::new(80)
}
