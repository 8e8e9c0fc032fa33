//! Exchanges on the wire, as dialogues: what clients and targets send, and, to the byte, what each of them receives.
//! The cases of `fixtures/alb/exchanges/`, `errors/` and `limits/`; `exchanges/README.md` there explains how to write
//! one.

pub(crate) mod frames;
mod over_http2;
mod party;
mod stage;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use neargate::model::listener::DesyncMode;
use serde::Deserialize;

use crate::support::expected::{cases, read};
use stage::Stage;

/// Most cases wait for something other than the processor.
const AT_ONCE: usize = 4;

/// One case.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    name: String,
    source: String,
    #[serde(default)]
    load_balancer: LoadBalancer,
    #[serde(default)]
    target_group: TargetGroup,
    /// How clients connect.
    #[serde(default)]
    client: Speaks,
    /// Whether the frames that keep HTTP/2 going are shown as well.
    #[serde(default)]
    every_frame: bool,
    /// Why it is played over HTTP/1.1 only.
    http1_only: Option<String>,
    steps: Vec<Step>,
    /// The access log's status and target status of every request, in the order in which they ended, and its
    /// classification, if it has one.
    pub(crate) log: Vec<String>,
    /// Why the last request failed: a name in `src/proxy/answer/error.rs`.
    pub(crate) cause: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LoadBalancer {
    /// AWS's port of the listener.
    port: Option<u16>,
    idle_timeout: Option<f64>,
    connect_timeout: Option<f64>,
    client_keep_alive: Option<f64>,
    desync_mitigation_mode: Option<Mode>,
    http2: Option<bool>,
    tls_headers: bool,
    preserve_host_header: bool,
    action: ActionWord,
    /// Headers that the listener sets in responses.
    response_headers: BTreeMap<String, String>,
    /// Whether the load balancer sends its `Server` header.
    server: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Monitor,
    Defensive,
    Strictest,
}

impl From<Mode> for DesyncMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Monitor => Self::Monitor,
            Mode::Defensive => Self::Defensive,
            Mode::Strictest => Self::Strictest,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActionWord {
    #[default]
    Forward,
    Redirect,
    /// A transform turns the path `/bad` into an invalid one.
    Rewrite,
    /// 403 for `admin.example.com`; all other requests are forwarded.
    Guarded,
    /// Responds 200 with this text.
    Fixed(String),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TargetGroup {
    protocol: Option<Protocol>,
    protocol_version: Option<Version>,
    /// The condition of its only target.
    target: TargetWord,
    /// Duration of stickiness in seconds.
    stickiness: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Protocol {
    Https,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Version {
    Http2,
    Grpc,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TargetWord {
    /// It follows the steps.
    #[default]
    Present,
    /// There is none.
    Absent,
    Draining,
    Unused,
    /// Nothing listens there.
    Refuses,
    /// No network route leads there.
    Unreachable,
    /// No security group allows the load balancer.
    Filtered,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
enum Speaks {
    #[default]
    #[serde(rename = "HTTP/1.1")]
    Http1,
    #[serde(rename = "HTTP/1.1 over TLS")]
    Http1OverTls,
    #[serde(rename = "TLS without ALPN")]
    WithoutAlpn,
    #[serde(rename = "HTTP/2")]
    Http2,
    #[serde(rename = "HTTP/2 or HTTP/1.1")]
    Either,
    #[serde(rename = "HTTP/1.1 without TLS, to an HTTPS listener")]
    Mistaken,
}

impl Speaks {
    /// The protocols that the client offers; `None` without TLS.
    fn offers(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Http1 | Self::Mistaken => None,
            Self::Http1OverTls => Some(&["http/1.1"]),
            Self::WithoutAlpn => Some(&[]),
            Self::Http2 => Some(&["h2"]),
            Self::Either => Some(&["h2", "http/1.1"]),
        }
    }
}

/// `who does` or `who does: text`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Step {
    Bare(String),
    With(BTreeMap<String, String>),
}

impl Step {
    fn parts(&self) -> (&str, &str) {
        match self {
            Self::Bare(what) => (what, ""),
            Self::With(step) => step.first_key_value().map(|(what, text)| (what.as_str(), text.as_str())).unwrap(),
        }
    }
}

impl Exchange {
    /// Deviations from the case. The cause of the last failure is looked up among those that the code knows.
    pub(crate) async fn difference(&self, causes: &BTreeMap<String, String>, over_http2: bool) -> Option<String> {
        let outcome = self.run(causes, over_http2).await;
        let over = if over_http2 { ", over HTTP/2" } else { "" };
        outcome.err().map(|error| format!("== {}{over} ({})\n{error}", self.name, self.source))
    }

    /// The versions over which it is played.
    pub(crate) fn played(&self) -> Played {
        match (&self.http1_only, self.client) {
            (Some(reason), _) => Played::OverHttp1(reason.clone()),
            (None, Speaks::Http2 | Speaks::Either) => Played::InFrames,
            (None, Speaks::Mistaken) => Played::OverHttp1("it is about a client that speaks no TLS".into()),
            (None, Speaks::Http1 | Speaks::Http1OverTls | Speaks::WithoutAlpn) => Played::OverBoth,
        }
    }

    async fn run(&self, causes: &BTreeMap<String, String>, over_http2: bool) -> Result<(), String> {
        let mut stage = Stage::prepare(self, over_http2).await;
        for step in &self.steps {
            let (what, text) = step.parts();
            stage.play(what, text).await.map_err(|error| format!("{what}\n{error}"))?;
        }
        let error = stage.finish(&self.log).await?;
        let Some(cause) = &self.cause else { return Ok(()) };
        let expected = causes.get(cause).ok_or_else(|| format!("no cause is called {cause}"))?;
        if error.starts_with(expected) {
            Ok(())
        } else {
            Err(format!("it failed because {error:?}, which is not {cause}"))
        }
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.load_balancer.idle_timeout.map(Duration::from_secs_f64)
    }
}

/// All cases of a folder of `fixtures/alb/`.
pub(crate) fn of_folder(folder: &str) -> Vec<Exchange> {
    let files = cases(&format!("alb/{folder}"), "yaml").into_iter().filter(|file| !file.ends_with("not-yet.yaml"));
    files.flat_map(|file| read::<Vec<Exchange>>(&file)).collect()
}

/// Which versions of HTTP a case is played over.
#[derive(PartialEq)]
pub(crate) enum Played {
    OverBoth,
    /// It is specific to HTTP/2.
    InFrames,
    /// HTTP/1.1 only, for this reason.
    OverHttp1(String),
}

/// Names of all cases of a folder, and how each is played.
pub(crate) fn of_folder_with_names(folder: &str) -> Vec<(String, Played)> {
    let cases = if folder == "exchanges" { of_folder(folder) } else { of_file(&format!("{folder}/recipes.yaml")) };
    cases.into_iter().map(|case| (case.name.clone(), case.played())).collect()
}

/// All cases of a file of `fixtures/alb/`.
pub(crate) fn of_file(file: &str) -> Vec<Exchange> {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alb").join(file))
}

/// Plays every case and reports all deviations at once.
pub(crate) async fn check_all(exchanges: &[Exchange], causes: &BTreeMap<String, String>) {
    let of_both =
        exchanges.iter().filter(|exchange| exchange.played() == Played::OverBoth).map(|exchange| (exchange, true));
    let all = exchanges.iter().map(|exchange| (exchange, false)).chain(of_both);
    let playing = futures_util::stream::iter(all).map(|(exchange, over_http2)| exchange.difference(causes, over_http2));
    let differences: Vec<String> = playing.buffered(AT_ONCE).filter_map(std::future::ready).collect().await;
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn every_side_receives_what_the_cases_say() {
    check_all(&of_folder("exchanges"), &crate::recipes::causes()).await;
}
