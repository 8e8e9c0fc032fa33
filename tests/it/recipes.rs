//! Every error of the load balancer, provoked on purpose: the recipes of `fixtures/alb/errors/` and `limits/`, which explain
//! themselves. A cause in `src/proxy/error.rs` without a recipe, and a status of the guide without a line, fail here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use neargate::engine::arn;
use neargate::engine::logs::{LogLine, Names};
use neargate::model::listener::DesyncMode;
use neargate::model::rule::{Condition, Patterns, Rewrite, Rule, Transforms};
use neargate::model::target_group::{ProtocolVersion, TargetProtocol};
use neargate::model::target_health::TargetHealth;
use neargate::proxy::Transaction;
use regex::{Captures, Regex};
use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use crate::alb::{Alb, Incoming, ScriptedTarget, Setup, forward, healthy, page, redirect_to_https, refusing, stable};
use crate::endings::{asked, deregister};
use crate::support::expected::read;

/// Statuses in "Troubleshoot your Application Load Balancers" of the ALB user guide, and no others.
const STATUSES: [u16; 19] =
    [400, 401, 403, 405, 408, 413, 414, 460, 463, 464, 500, 501, 502, 503, 504, 505, 507, 561, 562];

/// A line of `unreachable.yaml`.
#[derive(Deserialize)]
struct Gap {
    status: u16,
    cause: Option<String>,
}

/// A line of `recipes.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    name: String,
    source: String,
    #[serde(default)]
    load_balancer: LoadBalancer,
    #[serde(default)]
    target_group: TargetGroup,
    first: Option<String>,
    client: String,
    #[serde(default)]
    then: Then,
    #[serde(default)]
    target: Target,
    answer: String,
    /// The answer is not complete, and the connection ends with it.
    #[serde(default)]
    cut: bool,
    log: String,
    cause: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LoadBalancer {
    desync_mitigation_mode: Option<String>,
    idle_timeout: Option<f64>,
    connect_timeout: Option<f64>,
    action: ActionWord,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TargetGroup {
    protocol: Option<String>,
    protocol_version: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionWord {
    #[default]
    Forward,
    Redirect,
    /// A transform makes a path of `/bad` that is none.
    Rewrite,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Then {
    #[default]
    Waits,
    Ends,
    Leaves,
    TargetGoes,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Target {
    #[default]
    Answers,
    Word(TargetWord),
    Script(Vec<TargetStep>),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetWord {
    Absent,
    Draining,
    Refuses,
    Filtered,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetStep {
    Read,
    Send(String),
    Close,
    Reset,
    Wait,
}

/// As it goes over the wire.
fn wire(text: &str) -> String {
    let repeated = Regex::new(r"<([^<>*]+)\*(\d+)>").unwrap();
    let text = repeated.replace_all(text, |found: &Captures<'_>| found[1].repeat(found[2].parse().unwrap()));
    text.replace('\n', "\r\n")
}

async fn follow(script: Vec<TargetStep>, mut incoming: Incoming) {
    for step in script {
        match step {
            TargetStep::Read => drop(incoming.head().await),
            TargetStep::Send(text) => incoming.wire.send(&wire(&text)).await,
            TargetStep::Close => return,
            TargetStep::Reset => {
                socket2::SockRef::from(&incoming.wire.stream).set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
            TargetStep::Wait => drop(incoming.wire.rest().await),
        }
    }
}

/// The load balancer of a recipe, and the target, if it has one that can be reached.
async fn prepare(recipe: &Recipe) -> (Setup, Option<ScriptedTarget>) {
    let target = match &recipe.target {
        Target::Script(script) => {
            let script = script.clone();
            Some(ScriptedTarget::new(move |incoming| follow(script.clone(), incoming)).await)
        }
        Target::Word(TargetWord::Refuses | TargetWord::Absent) => None,
        Target::Word(_) | Target::Answers => {
            Some(ScriptedTarget::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await)
        }
    };
    let mut setup = Setup::forwarding(&[]);
    let mut state = healthy(target.as_ref().map_or_else(refusing, |target| target.address));
    match recipe.target {
        Target::Word(TargetWord::Draining) => state.health = TargetHealth::Draining,
        Target::Word(TargetWord::Filtered) => state.reachable = false,
        _ => {}
    }
    if !matches!(recipe.target, Target::Word(TargetWord::Absent)) {
        setup.group("web", vec![state]);
    }
    let protocol = match recipe.target_group.protocol.as_deref() {
        None => TargetProtocol::Http,
        Some("HTTPS") => TargetProtocol::Https,
        Some(other) => panic!("no recipe is about {other}"),
    };
    let version = match recipe.target_group.protocol_version.as_deref() {
        None => ProtocolVersion::Http1,
        Some("HTTP2") => ProtocolVersion::Http2,
        Some(other) => panic!("no recipe is about {other}"),
    };
    setup.speaking(protocol, version);
    // A second request finds the connection of the first.
    setup.workers = 1;
    let LoadBalancer { desync_mitigation_mode, idle_timeout, connect_timeout, action } = &recipe.load_balancer;
    if let Some(seconds) = idle_timeout {
        setup.attributes().idle_timeout = Duration::from_secs_f64(*seconds);
    }
    if let Some(seconds) = connect_timeout {
        setup.connect_timeout = Duration::from_secs_f64(*seconds);
    }
    setup.attributes().desync_mitigation_mode = match desync_mitigation_mode.as_deref() {
        Some("monitor") => DesyncMode::Monitor,
        Some("strictest") => DesyncMode::Strictest,
        None => DesyncMode::Defensive,
        Some(other) => panic!("no mode is called {other}"),
    };
    match action {
        ActionWord::Forward => {}
        ActionWord::Redirect => setup.topology.load_balancer.listeners[0].default_action = redirect_to_https(),
        ActionWord::Rewrite => setup.rules(vec![Rule {
            priority: 1,
            conditions: vec![Condition::PathPattern(Patterns::Wildcards(vec!["/bad".into()]))],
            action: forward(&["web"]),
            transforms: Transforms {
                host_header: None,
                url: Some(Rewrite { regex: "^/bad".into(), replace: "no slash".into() }),
            },
        }]),
    }
    (setup, target)
}

/// All that the client gets.
async fn exchange(recipe: &Recipe, alb: &mut Alb, target: Option<&ScriptedTarget>, last: bool) -> String {
    let mut connection = alb.connect().await;
    if let Some(first) = &recipe.first {
        connection.send(&wire(first)).await;
        assert!(connection.response().await.starts_with("HTTP/1.1 200 "));
        assert_eq!(alb.settled().await.status, 200);
    }
    connection.send(&wire(&recipe.client)).await;
    match recipe.then {
        Then::Waits => {}
        Then::Ends => connection.stream.shutdown().await.unwrap(),
        Then::Leaves => {
            asked(target.unwrap()).await;
            return String::new();
        }
        Then::TargetGoes => {
            asked(target.unwrap()).await;
            deregister(alb, target.unwrap().address).await;
        }
    }
    if last { connection.rest().await } else { connection.response().await }
}

/// Status and status of the target, as the access log has them.
fn statuses(transaction: &Transaction) -> String {
    let (id, dns_name) = (arn::load_balancer_id("test"), arn::load_balancer_dns_name("test"));
    let mut line = Vec::new();
    transaction.write(Names { id: &id, dns_name: &dns_name }, &mut line);
    let line = String::from_utf8(line).unwrap();
    line.split(' ').skip(8).take(2).collect::<Vec<_>>().join(" ")
}

async fn check(recipe: &Recipe, causes: &BTreeMap<String, String>) {
    let name = format!("{} ({})", recipe.name, recipe.source);
    let expected_cause = causes.get(&recipe.cause).unwrap_or_else(|| panic!("{name}: no cause is {}", recipe.cause));
    let title = recipe.answer.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).unwrap_or_default();
    let expected = wire(&recipe.answer).replace("<page>\r\n", &page(title));
    let (setup, target) = prepare(recipe).await;
    let mut alb = setup.start().await;
    let last = recipe.cut || expected.contains("\r\nConnection: close\r\n");
    let answer = exchange(recipe, &mut alb, target.as_ref(), last).await;
    assert_eq!(stable(&answer), expected, "{name}");
    let transaction = alb.settled().await;
    assert_eq!(statuses(&transaction), recipe.log, "{name}");
    let cause = transaction.error.unwrap_or_default();
    assert!(cause.starts_with(expected_cause), "{name}: {cause:?} is not {}", recipe.cause);
    if let Some(target) = target {
        assert!(target.connections() <= 1, "{name}: nothing is tried again");
    }
}

fn entries<T: serde::de::DeserializeOwned>(file: &str) -> Vec<T> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alb").join(file))
}

fn recipes() -> impl Iterator<Item = Recipe> {
    ["errors/recipes.yaml", "limits/recipes.yaml"].into_iter().flat_map(entries)
}

/// The causes that the code knows, and how each begins to tell of itself.
fn causes() -> BTreeMap<String, String> {
    let source = include_str!("../../src/proxy/error.rs");
    let declared = source.split("enum ProxyError {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let variants = Regex::new(r"(?m)^    (\w+)[(,]").unwrap();
    let words = Regex::new(r#"Self::(\w+)(?:\(\w+\))? => (?:\{\s*)?(?:write!\(f, |f\.write_str\()"([^"{]*)"#).unwrap();
    let told: BTreeMap<&str, &str> = words.captures_iter(source).map(|found| found.extract().1.into()).collect();
    let told = |name: &str| told.get(name).unwrap_or_else(|| panic!("{name} does not tell of itself")).to_string();
    variants.captures_iter(declared).map(|found| (found[1].to_owned(), told(&found[1]))).collect()
}

#[tokio::test]
async fn every_recipe_brings_its_error_about() {
    let causes = causes();
    for recipe in recipes() {
        check(&recipe, &causes).await;
    }
}

#[test]
fn every_cause_and_every_status_of_the_guide_has_a_recipe_or_says_why_not() {
    let (mut reached, mut statuses) = (BTreeSet::new(), BTreeSet::new());
    for recipe in recipes() {
        statuses.insert(recipe.log[..3].parse::<u16>().unwrap());
        reached.insert(recipe.cause);
    }
    for gap in entries::<Gap>("errors/unreachable.yaml") {
        statuses.insert(gap.status);
        reached.extend(gap.cause);
    }
    let unreached: Vec<String> = causes().into_keys().filter(|cause| !reached.contains(cause)).collect();
    assert!(unreached.is_empty(), "no recipe in fixtures/alb/errors/ leads to {unreached:?}");
    let missing: Vec<u16> = STATUSES.into_iter().filter(|status| !statuses.contains(status)).collect();
    assert!(missing.is_empty(), "fixtures/alb/errors/ says nothing of {missing:?}");
}
