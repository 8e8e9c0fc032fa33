//! Rehearsals as data: tasks and requests in, findings in words out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use neargate_fixture as fixture;
use neargate_model::settled_request::{SettledRequest, TargetFault};
use serde::Deserialize;

use crate::findings::judge;
use crate::life::{ContainerLife, TargetLife, TaskLife};
use crate::recording::{Outcome, Recording, Sample, Settings, Way};
use crate::{picture, words};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    /// In the order of creation.
    tasks: Vec<Task>,
    requests: Vec<Request>,
    #[serde(default = "hundred")]
    minimum_healthy_percent: u32,
    /// The symptom and the advice of each finding.
    findings: Vec<(String, String)>,
    /// Every failed request, as it is listed.
    #[serde(default)]
    lost: Vec<String>,
    #[serde(default)]
    remarks: Vec<String>,
}

fn hundred() -> u32 {
    100
}

/// Times are in seconds from the beginning.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    id: String,
    revision: String,
    #[serde(default)]
    new: bool,
    target: SocketAddr,
    #[serde(default)]
    created: f64,
    registered: f64,
    healthy: Option<f64>,
    unhealthy: Option<f64>,
    draining: Option<f64>,
    signalled: Option<f64>,
    exited: Option<(f64, i64)>,
    stopped: Option<f64>,
    #[serde(default = "thirty")]
    stop_timeout: f64,
}

fn thirty() -> f64 {
    30.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    sent: f64,
    settled: f64,
    #[serde(default = "kept")]
    way: String,
    /// What the client got.
    status: Option<u16>,
    cut: Option<String>,
    no_connection: Option<String>,
    #[serde(default)]
    gave_up: bool,
    #[serde(default)]
    closed: bool,
    /// What the load balancer says; nothing, if it never saw the request.
    target: Option<SocketAddr>,
    target_status: Option<u16>,
    fault: Option<TargetFault>,
    /// How many of them there were.
    #[serde(default = "once")]
    times: usize,
}

fn kept() -> String {
    "kept".into()
}

fn once() -> usize {
    1
}

fn way(name: &str) -> Way {
    match name {
        "new" => Way::New,
        "http2" => Way::Http2,
        "websocket" => Way::WebSocket,
        _ => Way::Kept,
    }
}

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

impl Task {
    fn life(self) -> TaskLife {
        let time = |seconds: Option<f64>| seconds.map(at);
        let target = TargetLife {
            container: "web".to_owned(),
            registered: at(self.registered),
            healthy: time(self.healthy),
            unhealthy: time(self.unhealthy),
            draining: time(self.draining),
            gone: None,
        };
        let container = ContainerLife {
            signalled: time(self.signalled),
            exited: self.exited.map(|(seconds, _)| at(seconds)),
            exit_code: self.exited.map(|(_, code)| code),
            stop_timeout: at(self.stop_timeout),
        };
        TaskLife {
            id: self.id,
            revision: self.revision,
            is_new: self.new,
            created: at(self.created),
            stopping: time(self.draining),
            reason: None,
            stopped: time(self.stopped),
            targets: BTreeMap::from([(self.target, target)]),
            containers: BTreeMap::from([("web".to_owned(), container)]),
        }
    }
}

fn recording(case: &mut Case) -> Recording {
    let mut recording = Recording {
        length: at(10.0),
        deployed: at(1.0),
        ended: Some(at(9.0)),
        tasks: std::mem::take(&mut case.tasks).into_iter().map(Task::life).collect(),
        settings: Settings {
            deregistration_delay: Duration::from_secs(300),
            idle_timeout: Duration::from_secs(60),
            minimum_healthy_percent: case.minimum_healthy_percent,
        },
        ..Recording::default()
    };
    for (number, request) in case.requests.iter().flat_map(|one| std::iter::repeat_n(one, one.times)).enumerate() {
        let root = format!("1-00000000-{number:024x}");
        let outcome = match (request.status, &request.cut, &request.no_connection) {
            (Some(status), ..) => Outcome::Answered(status),
            (None, Some(why), _) => Outcome::Cut(why.clone()),
            (None, None, Some(why)) => Outcome::NoConnection(why.clone()),
            (None, None, None) if request.closed => Outcome::Closed,
            (None, None, None) => Outcome::GaveUp,
        };
        assert_eq!(request.gave_up, outcome == Outcome::GaveUp, "{}: say what the client got", case.name);
        if request.no_connection.is_none() {
            let way = way(&request.way);
            recording.log(SettledRequest {
                trace_id: format!("Self=1-00000000-1;Root={root}"),
                target: request.target,
                status: if way == Way::WebSocket { 101 } else { request.status.unwrap_or(200) },
                target_status: request.target_status,
                fault: request.fault,
            });
        }
        recording.samples.push(Sample {
            root,
            way: way(&request.way),
            sent: at(request.sent),
            settled: at(request.settled),
            outcome,
        });
    }
    recording
}

#[test]
fn what_failed_is_explained() {
    fixture::each("ecs/rehearsal", |mut case: Case| {
        let recording = recording(&mut case);
        let verdict = judge(&recording);
        let findings: Vec<(String, String)> = verdict
            .findings
            .iter()
            .map(|finding| (words::symptom(finding, &verdict), words::advice(finding, &recording)))
            .collect();
        assert_eq!(findings, case.findings, "{}", case.name);
        let listed = verdict.findings.iter().map(|finding| finding.lost.len()).sum::<usize>();
        assert_eq!(listed, verdict.lost.len(), "{}: each failure has one finding", case.name);
        let lost: Vec<String> = verdict.lost.iter().map(words::line).collect();
        assert!(case.lost.is_empty() || lost == case.lost, "{}: {lost:#?}", case.name);
        let remarks: Vec<String> = verdict.remarks.iter().map(words::remark).collect();
        assert_eq!(remarks, case.remarks, "{}", case.name);
        is_a_picture(&picture::draw(&recording, &verdict, "a <title> & more"), &verdict.lost.len().to_string());
    });
}

/// It is one element, needs nothing else, and shows each failure.
#[track_caller]
fn is_a_picture(svg: &str, lost: &str) {
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(!svg.contains("href") && !svg.contains("url(") && !svg.contains("NaN"), "{svg}");
    assert!(svg.contains("a &lt;title&gt; &amp; more"), "{svg}");
    let summary = if lost == "0" { "none failed".to_owned() } else { format!("{lost} failed") };
    assert!(svg.contains(&summary), "{svg}");
    let opened = svg.matches("<text").count() + svg.matches("<title>").count() + svg.matches("<style>").count();
    let closed = svg.matches("</text>").count() + svg.matches("</title>").count() + svg.matches("</style>").count();
    assert_eq!(opened, closed, "{svg}");
}
