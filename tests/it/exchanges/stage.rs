//! A load balancer as a case describes it, its clients and its target, and their actions step by step.

use std::net::SocketAddr;
use std::time::Duration;

use neargate::alb::logs::line::{LogLine, Names};
use neargate::model::arn;
use neargate::model::listener::HeaderModification;
use neargate::model::rule::{Condition, Patterns, Rewrite, Rule, Transforms};
use neargate::model::target_group::{ProtocolVersion, Stickiness, TargetProtocol};
use neargate::model::target_health::TargetHealth;
use neargate::proxy::Transaction;
use tokio::net::TcpListener;

use super::frames::{PREFACE, Reader, settings};
use super::over_http2::Translated;
use super::party::Party;
use super::{ActionWord, Exchange, Protocol, Speaks, TargetWord, Version};
use crate::alb::{
    Alb, DEADLINE, Setup, fixed, forward, free_port, healthy, load_balancer, redirect_to_https, refusing,
};
use crate::http2;

/// Headers that a listener can set, by their names in the code.
const RESPONSE_HEADERS: [&str; 2] = ["Strict-Transport-Security", "X-Frame-Options"];

pub(super) struct Stage {
    alb: Alb,
    listener: Option<TcpListener>,
    clients: Vec<Party>,
    targets: Vec<Party>,
    /// Clients whose script is in HTTP/1.1 and which speak HTTP/2.
    translated: Vec<Translated>,
    over_http2: bool,
    speaks: Speaks,
    every_frame: bool,
    /// Whether the target's script consists of frames.
    framed_target: bool,
    /// Pause between the bytes of slow data: short enough to keep a connection alive.
    pause: Duration,
}

impl Stage {
    /// `over_http2`: clients whose script is in HTTP/1.1 speak HTTP/2.
    pub(super) async fn prepare(case: &Exchange, over_http2: bool) -> Self {
        let group = &case.target_group;
        let listens = matches!(
            group.target,
            TargetWord::Present | TargetWord::Draining | TargetWord::Unused | TargetWord::Filtered
        );
        let listener = if listens { Some(TcpListener::bind("127.0.0.1:0").await.unwrap()) } else { None };
        let mut setup = Setup::forwarding(&[]);
        let mut state = healthy(listener.as_ref().map_or_else(refusing, |listener| listener.local_addr().unwrap()));
        match group.target {
            TargetWord::Unused => state.health = TargetHealth::Unused,
            // Linux reports that there is no route, as a router would.
            TargetWord::Unreachable => state.dial = SocketAddr::from(([255, 255, 255, 255], 9)),
            TargetWord::Draining => state.health = TargetHealth::Draining,
            TargetWord::Filtered => state.reachable = false,
            _ => {}
        }
        if group.target != TargetWord::Absent {
            setup.group("web", vec![state]);
        }
        let version = match group.protocol_version {
            None => ProtocolVersion::Http1,
            Some(Version::Http2) => ProtocolVersion::Http2,
            Some(Version::Grpc) => ProtocolVersion::Grpc,
        };
        let protocol =
            if group.protocol == Some(Protocol::Https) { TargetProtocol::Https } else { TargetProtocol::Http };
        setup.speaking(protocol, version);
        if let Some(seconds) = group.stickiness {
            let duration = Duration::from_secs_f64(seconds);
            let settings = setup.topology.target_groups.get_mut("web").unwrap();
            settings.attributes.stickiness = Some(Stickiness::LbCookie { duration });
        }
        if case.client.offers().is_some() || case.client == Speaks::Mistaken || over_http2 {
            setup.https();
        }
        configure(case, &mut setup);
        if over_http2 {
            // That includes a handshake, which takes its time on a busy machine.
            setup.attributes().idle_timeout =
                case.idle_timeout().map_or(setup.attributes().idle_timeout, |time| time * 3);
        }
        // So that a second request finds the connection of the first.
        setup.workers = 1;
        Self {
            pause: setup.attributes().idle_timeout / 6,
            alb: setup.start().await,
            listener,
            clients: Vec::new(),
            translated: Vec::new(),
            over_http2,
            targets: Vec::new(),
            speaks: if over_http2 { Speaks::Http2 } else { case.client },
            every_frame: case.every_frame,
            framed_target: version != ProtocolVersion::Http1,
        }
    }

    /// Performs one step.
    pub(super) async fn play(&mut self, what: &str, text: &str) -> Result<(), String> {
        match what {
            "the deregistration delay ends" => {
                let address = self.listener.as_ref().unwrap().local_addr().unwrap();
                deregister(&mut self.alb, address).await;
                return Ok(());
            }
            "the listener is removed" => {
                let listeners = &mut load_balancer(&mut self.alb.topology).listeners;
                (listeners[0].port, listeners[0].bind_port) = (8080, free_port());
                self.alb.publish().await;
                return Ok(());
            }
            _ => {}
        }
        let (who, rest) = what.split_once(' ').unwrap_or((what, ""));
        let (number, verb) = match rest.split_once(' ') {
            Some((number, verb)) if number.bytes().all(|byte| byte.is_ascii_digit()) => (number.parse().unwrap(), verb),
            _ => (1, rest),
        };
        let pause = self.pause;
        if who == "client" && self.over_http2 {
            return self.play_translated(number, verb, text).await;
        }
        let over_http2 = self.over_http2;
        let party = match who {
            "client" => self.client(number).await,
            "target" => self.target(number).await?,
            _ => return Err("only clients and targets do something".to_owned()),
        };
        match verb {
            "connects" => {}
            "sends" => party.say(text).await,
            "drips" => party.drip(text, pause).await,
            "gets" if over_http2 => party.hear_of_http2(text).await?,
            "gets" => party.hear(text).await?,
            "shakes hands" => party.accept_tls().await,
            "does not listen" => party.ignore(),
            "is asked" => party.hear_head().await?,
            "asks" => party.ask(text.split(' ').next().unwrap().parse().unwrap_or(1)).await?,
            "ends" => party.end().await,
            "closes" => party.leave(),
            "resets" => party.reset(),
            "sees the end" => party.hear_the_end().await?,
            _ => return Err(format!("nobody can do this: {verb}")),
        }
        Ok(())
    }

    async fn play_translated(&mut self, number: usize, verb: &str, text: &str) -> Result<(), String> {
        while self.translated.len() < number {
            let stream = http2::tls_at_last(&self.alb, &["h2"]).await?;
            let socket = Party::socket(stream.get_ref().0);
            let mut party = Party::plain(Box::pin(stream), socket);
            party.write(&[PREFACE, &settings()].concat()).await;
            self.translated.push(Translated::new(party));
        }
        let client = &mut self.translated[number - 1];
        match verb {
            "connects" => {}
            "sends" => client.say(text).await?,
            "drips" => client.drip(text, self.pause).await?,
            "gets" => client.hear(text).await?,
            "sees the end" => client.hear_the_end().await?,
            "closes" => client.party().leave(),
            "resets" => client.party().reset(),
            _ => return Err(format!("over HTTP/2 nobody can do this: {verb}")),
        }
        Ok(())
    }

    /// The client with this number; it connects when it is first mentioned.
    async fn client(&mut self, number: usize) -> &mut Party {
        if self.clients.len() < number {
            let client = match self.speaks.offers() {
                None => {
                    let stream = self.alb.connect().await.stream;
                    let socket = Party::socket(&stream);
                    Party::plain(Box::pin(stream), socket)
                }
                Some(protocols) => {
                    let stream = http2::tls(&self.alb, protocols).await;
                    let socket = Party::socket(stream.get_ref().0);
                    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                        let opening = [PREFACE, &settings()].concat();
                        Party::framed(Box::pin(stream), socket, Reader::new(false, self.every_frame), &opening).await
                    } else {
                        Party::plain(Box::pin(stream), socket)
                    }
                }
            };
            self.clients.push(client);
        }
        &mut self.clients[number - 1]
    }

    /// The target's end of the connection with this number, once it has been accepted.
    async fn target(&mut self, number: usize) -> Result<&mut Party, String> {
        while self.targets.len() < number {
            let accepting = self.listener.as_ref().ok_or("there is no target")?.accept();
            let accepted = tokio::time::timeout(DEADLINE, accepting).await;
            let (stream, _) = accepted.map_err(|_| "the target is not connected to")?.unwrap();
            let socket = Party::socket(&stream);
            self.targets.push(if self.framed_target {
                Party::framed(Box::pin(stream), socket, Reader::new(true, self.every_frame), &settings()).await
            } else {
                Party::plain(Box::pin(stream), socket)
            });
        }
        Ok(&mut self.targets[number - 1])
    }

    /// Checks that nothing else was received, and that the log is as expected. Returns why the last request failed.
    pub(super) async fn finish(mut self, log: &[String]) -> Result<String, String> {
        let mut error = String::new();
        let mut logged = Vec::new();
        for _ in log {
            let settled = tokio::time::timeout(DEADLINE / 2, self.alb.settled()).await;
            let transaction = settled.map_err(|_| format!("the log has no more than {logged:?} instead of {log:?}"))?;
            logged.push(statuses(&transaction));
            error = transaction.error.unwrap_or_default();
        }
        if logged != log {
            return Err(format!("the log has {logged:?} instead of {log:?}"));
        }
        for client in &mut self.translated {
            client.silence().await?;
        }
        for party in self.clients.iter_mut().chain(&mut self.targets) {
            party.catch_up().await;
            party.silence()?;
        }
        if let Some(listener) = &self.listener {
            tokio::select! {
                biased;
                _ = listener.accept() => return Err("the target was connected to once more".to_owned()),
                () = tokio::task::yield_now() => {}
            }
        }
        Ok(error)
    }
}

/// Attributes of the load balancer, its listener and its rules.
fn configure(case: &Exchange, setup: &mut Setup) {
    let settings = &case.load_balancer;
    let attributes = setup.attributes();
    attributes.idle_timeout = case.idle_timeout().unwrap_or(attributes.idle_timeout);
    attributes.http2_enabled = settings.http2.unwrap_or(true);
    attributes.tls_headers = settings.tls_headers;
    attributes.preserve_host_header = settings.preserve_host_header;
    if let Some(seconds) = settings.client_keep_alive {
        attributes.client_keep_alive = Duration::from_secs_f64(seconds);
    }
    if let Some(mode) = settings.desync_mitigation_mode {
        attributes.desync_mitigation_mode = mode.into();
    }
    if let Some(seconds) = settings.connect_timeout {
        setup.connect_timeout = Duration::from_secs_f64(seconds);
    }
    let listener = &mut load_balancer(&mut setup.topology).listeners[0];
    listener.port = settings.port.unwrap_or(listener.port);
    let name = |name: &String| RESPONSE_HEADERS.into_iter().find(|known| known == name).unwrap();
    listener.headers = HeaderModification {
        server: settings.server.unwrap_or(true),
        response: settings.response_headers.iter().map(|(key, value)| (name(key).to_owned(), value.clone())).collect(),
        ..HeaderModification::default()
    };
    match &settings.action {
        ActionWord::Forward => {}
        ActionWord::Redirect => listener.default_actions = redirect_to_https().into(),
        ActionWord::Fixed(text) => listener.default_actions = fixed(200, text).into(),
        ActionWord::Guarded => setup.rules(vec![Rule {
            priority: 1,
            conditions: vec![Condition::HostHeader(Patterns::Wildcards(vec!["admin.example.com".into()]))],
            actions: fixed(403, "no").into(),
            transforms: Transforms::default(),
        }]),
        ActionWord::Rewrite => setup.rules(vec![Rule {
            priority: 1,
            conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/bad".into()]))],
            actions: forward(&["web"]).into(),
            transforms: Transforms {
                host_header: None,
                url: Some(Rewrite { regex: "^/bad".into(), replace: "no slash".into() }),
            },
        }]),
    }
}

/// The access log's status and target status, and the request's classification, if any.
fn statuses(transaction: &Transaction) -> String {
    let (id, dns_name) = (arn::load_balancer_id(&"test".into()), arn::load_balancer_dns_name(&"test".into(), false));
    let mut line = Vec::new();
    transaction.write(Names { id: &id, dns_name: &dns_name }, &mut line);
    let line = String::from_utf8(line).unwrap();
    let statuses = line.split(' ').skip(8).take(2).collect::<Vec<_>>().join(" ");
    match &transaction.classification {
        Some(found) => format!("{statuses} {} {}", found.tier.name(), found.reason),
        None => statuses,
    }
}

/// Deregisters the only target, and lets its delay expire.
async fn deregister(alb: &mut Alb, address: SocketAddr) {
    let mut draining = healthy(address);
    draining.health = TargetHealth::Draining;
    alb.targets.insert("web".into(), vec![draining]);
    alb.publish().await;
    alb.targets.insert("web".into(), Vec::new());
    alb.publish().await;
}
