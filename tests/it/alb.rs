//! A load balancer on loopback, targets that follow a script, clients that speak raw bytes.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use neargate::control::observation::Observation;
use neargate::engine::logs::connection::ConnectionEntry;
use neargate::engine::routing::RoutingTable;
use neargate::model::listener::{
    HeaderModification, Listener, ListenerProtocol, LoadBalancer, LoadBalancerAttributes, TlsSettings,
};
use neargate::model::rule::{Action, FixedResponse, Forward, Redirect, Rule, WeightedTargetGroup};
use neargate::model::target_group::{
    HealthCheck, Matcher, ProtocolVersion, TargetGroup, TargetGroupAttributes, TargetProtocol,
};
use neargate::model::target_health::{Target, TargetHealth, TargetState};
use neargate::model::topology::TimeScale;
use neargate::model::{TargetGroupName, Topology};
use neargate::proxy::{AccessSink, ConnectionSink, DataPlane, DataPlaneConfig, ListenerTls, Transaction, tls};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Nothing on loopback takes longer, unless it hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Fails the test instead of hanging.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

/// What the load balancer is to look like.
pub(crate) struct Setup {
    pub(crate) topology: Topology,
    pub(crate) targets: BTreeMap<TargetGroupName, Vec<TargetState>>,
    pub(crate) connect_timeout: Duration,
    pub(crate) anomaly_period: Duration,
    pub(crate) workers: usize,
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
        let listener = Listener {
            port: 80,
            bind_port: free_port(),
            protocol: ListenerProtocol::Http,
            default_action,
            rules: Vec::new(),
            headers: HeaderModification::default(),
        };
        let load_balancer = LoadBalancer {
            name: "test".into(),
            security_groups: Vec::new(),
            listeners: vec![listener],
            attributes: LoadBalancerAttributes::default(),
            bind_address: [127, 0, 0, 1].into(),
        };
        let topology = Topology {
            name: "test".into(),
            domains: vec!["app.example.com".into()],
            security_groups: BTreeMap::new(),
            target_groups: BTreeMap::new(),
            load_balancer,
            cluster: "test".into(),
            services: BTreeMap::new(),
            secrets: BTreeMap::new(),
            time_scale: TimeScale::REAL,
        };
        Self {
            topology,
            targets: BTreeMap::new(),
            connect_timeout: Duration::from_secs(10),
            anomaly_period: neargate::engine::anomaly::PERIOD,
            workers: 2,
        }
    }

    pub(crate) fn group(&mut self, name: &str, targets: Vec<TargetState>) {
        self.topology.target_groups.insert(name.into(), target_group());
        self.targets.insert(name.into(), targets);
    }

    /// Sets how targets of group `web` are spoken to; for HTTP/2 the listener has to be HTTPS.
    pub(crate) fn speaking(&mut self, protocol: TargetProtocol, version: ProtocolVersion) {
        let group = self.topology.target_groups.get_mut(&TargetGroupName::from("web")).unwrap();
        (group.protocol, group.protocol_version) = (protocol, version);
    }

    pub(crate) fn attributes(&mut self) -> &mut LoadBalancerAttributes {
        &mut self.topology.load_balancer.attributes
    }

    pub(crate) fn rules(&mut self, rules: Vec<Rule>) {
        self.topology.load_balancer.listeners[0].rules = rules;
    }

    /// Turns the listener into HTTPS on AWS's port 443.
    pub(crate) fn https(&mut self) {
        let listener = &mut self.topology.load_balancer.listeners[0];
        listener.port = 443;
        listener.protocol =
            ListenerProtocol::Https(TlsSettings { ssl_policy: String::new(), certificates: Vec::new() });
    }

    pub(crate) async fn start(self) -> Alb {
        let generation = 1;
        let bind_port = self.topology.load_balancer.listeners[0].bind_port;
        let (table, tables) =
            watch::channel(Arc::new(RoutingTable::compile(&self.topology, &self.targets, generation)));
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
        tls::complete(&mut tls_config, self.topology.load_balancer.attributes.http2_enabled).unwrap();
        let configs = HashMap::from([(443, Arc::new(tls_config))]);
        let target_tls = neargate::certs::targets::client_configs().unwrap();
        let mut config = DataPlaneConfig::new(ListenerTls(watch::channel(Arc::new(configs)).1), target_tls, 7);
        config.workers = self.workers;
        config.connect_timeout = self.connect_timeout;
        config.anomaly_period = self.anomaly_period;
        config.access = Some(access.clone());
        config.connections = Some(connection_sink);
        let plane = DataPlane::start(config, tables, observe).unwrap();
        let mut alb = Alb {
            address: SocketAddr::new(self.topology.load_balancer.bind_address, bind_port),
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

    /// One request on a connection of its own, answered until the load balancer closes.
    pub(crate) async fn exchange(&self, request: &str) -> String {
        let mut wire = self.connect().await;
        wire.send(request).await;
        wire.rest().await
    }

    /// What was published last.
    pub(crate) fn routing_table(&self) -> Arc<RoutingTable> {
        Arc::clone(&self.table.borrow())
    }

    /// Publishes what `topology` and `targets` now say, and waits until listeners follow.
    pub(crate) async fn publish(&mut self) {
        self.publish_without_waiting();
        self.bound().await;
    }

    pub(crate) fn publish_without_waiting(&mut self) {
        self.generation += 1;
        let table = RoutingTable::compile(&self.topology, &self.targets, self.generation);
        self.table.send_replace(Arc::new(table));
    }

    async fn bound(&mut self) {
        let wanted = self.generation;
        self.observed(
            "listeners bound",
            |observation| matches!(observation, Observation::ListenersBound { generation } if *generation == wanted),
        )
        .await;
    }

    /// Waits for an observation; others are passed over.
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

    /// The account of the next connection that was made.
    pub(crate) async fn connected(&mut self) -> ConnectionEntry {
        within("connecting", self.connections.recv()).await.unwrap()
    }

    /// The account of the next request that was settled.
    pub(crate) async fn settled(&mut self) -> Transaction {
        within("settling", self.transactions.recv()).await.unwrap()
    }
}

/// One end of a connection, in text.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        within("sending", self.stream.write_all(text.as_bytes())).await.unwrap();
    }

    /// Everything up to and including an empty line.
    pub(crate) async fn head(&mut self) -> String {
        self.through("\r\n\r\n").await
    }

    /// Everything up to and including this text.
    pub(crate) async fn through(&mut self, end: &str) -> String {
        within("reading", async {
            loop {
                let found = self.unread.windows(end.len()).position(|window| window == end.as_bytes());
                if let Some(start) = found {
                    return String::from_utf8(self.unread.drain(..start + end.len()).collect()).unwrap();
                }
                assert!(self.fill().await, "closed before {end:?}: {:?}", String::from_utf8_lossy(&self.unread));
            }
        })
        .await
    }

    /// So many bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        within("reading", async {
            while self.unread.len() < count {
                assert!(self.fill().await, "closed after {} of {count} bytes", self.unread.len());
            }
            self.unread.drain(..count).collect()
        })
        .await
    }

    /// A response with a Content-Length, head and body.
    pub(crate) async fn response(&mut self) -> String {
        let mut text = self.head().await;
        let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
        let body = self.bytes(length.parse().unwrap()).await;
        text.push_str(std::str::from_utf8(&body).unwrap());
        text
    }

    /// Everything up to the end of the connection; a reset ends it too.
    pub(crate) async fn rest(&mut self) -> String {
        within("the end of the connection", async {
            while self.fill().await {}
            String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
        })
        .await
    }

    /// Waits for something to read; false at the end.
    pub(crate) async fn fill_or_end(&mut self) -> bool {
        !self.unread.is_empty() || self.fill().await
    }

    async fn fill(&mut self) -> bool {
        let mut part = [0; 16 * 1024];
        let count = self.stream.read(&mut part).await.unwrap_or(0);
        self.unread.extend_from_slice(&part[..count]);
        count > 0
    }
}

/// A target whose connections follow a script. Counts them.
pub(crate) struct ScriptedTarget {
    pub(crate) address: SocketAddr,
    connections: watch::Receiver<usize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// A connection from the load balancer.
pub(crate) struct Incoming {
    pub(crate) wire: Wire<TcpStream>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Incoming {
    /// The next request head, also kept for [`ScriptedTarget::heads`].
    pub(crate) async fn head(&mut self) -> String {
        let head = self.wire.head().await;
        self.heads.lock().unwrap().push(head.clone());
        head
    }
}

impl ScriptedTarget {
    pub(crate) async fn new<F, R>(script: F) -> Self
    where
        F: Fn(Incoming) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (counter, connections) = watch::channel(0);
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counter.send_modify(|count| *count += 1);
                tokio::spawn(script(Incoming { wire: Wire::new(stream), heads: Arc::clone(&kept) }));
            }
        });
        Self { address, connections, heads }
    }

    /// Reads a request and says nothing until it is left.
    pub(crate) async fn silent() -> Self {
        Self::new(|mut incoming| async move {
            incoming.head().await;
            incoming.wire.rest().await;
        })
        .await
    }

    /// Answers every bodyless request with the same bytes, and keeps its connections open.
    pub(crate) async fn answering(response: &'static str) -> Self {
        Self::new(move |mut incoming| async move {
            loop {
                let mut first = [0; 1];
                // The end of the connection is the end of the script.
                if incoming.wire.unread.is_empty() && !matches!(incoming.wire.stream.peek(&mut first).await, Ok(1..)) {
                    return;
                }
                incoming.head().await;
                incoming.wire.send(response).await;
            }
        })
        .await
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    /// All request heads so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
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

/// A closed port: connections to it are refused.
pub(crate) fn refusing() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// Replaces what differs from run to run: the date, and the id in a trace.
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
    TargetGroup {
        protocol: TargetProtocol::Http,
        protocol_version: ProtocolVersion::Http1,
        port: 80,
        health_check: HealthCheck {
            protocol: TargetProtocol::Http,
            port: None,
            path: "/".into(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher(vec![200..=200]),
        },
        attributes: TargetGroupAttributes::default(),
        static_targets: Vec::new(),
    }
}
