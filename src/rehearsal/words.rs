//! Findings in words: what happened, what a client on AWS would get, and what to do about it.

use std::time::Duration;

use crate::findings::{Cause, Finding, Lost, Remark, Verdict};
use crate::recording::{Outcome, Recording, Way};

/// The longest `stopTimeout` on Fargate (ECS API, ContainerDefinition.stopTimeout).
const LONGEST_STOP_TIMEOUT: u64 = 120;

/// What happened, in one sentence.
pub fn symptom(finding: &Finding, verdict: &Verdict) -> String {
    let count = finding.lost.len();
    let requests = number(count, "request");
    let on_aws = on_aws(finding, verdict);
    let were = if count == 1 { "was" } else { "were" };
    let it_is = if count == 1 { "this is" } else { "these are" };
    match finding.cause {
        Cause::EndedOnSignal { after } => format!(
            "the back end exited {} after SIGTERM while {requests} {were} in flight; on AWS {it_is} {on_aws}",
            seconds(after)
        ),
        Cause::Killed { stop_timeout } => format!(
            "the back end was killed {} after SIGTERM, when stopTimeout was over, while {requests} {were} in flight; on AWS \
             {it_is} {on_aws}",
            seconds(stop_timeout)
        ),
        Cause::Crashed { exit_code } => {
            let code = exit_code.map_or_else(String::new, |code| format!(" with exit code {code}"));
            format!(
                "the back end ended by itself{code}, and {requests} failed before its target was deregistered; on AWS {it_is} \
                 {on_aws}"
            )
        }
        Cause::DelayOver => {
            format!("{requests} {were} in flight when the deregistration delay was over; on AWS {it_is} {on_aws}")
        }
        Cause::NoTargets => {
            format!("{requests} came while no target was registered; on AWS {it_is} {on_aws}")
        }
        Cause::NotListening => format!(
            "{requests} went to a task on which nothing listened: no target was healthy, and then the load balancer sends to \
             all; on AWS {it_is} {on_aws}"
        ),
        Cause::Refused => {
            format!(
                "the back end refused the connection for {requests} although it was healthy; on AWS {it_is} {on_aws}"
            )
        }
        Cause::ClosedByTarget => format!(
            "the back end closed the connection while {requests} {were} in flight, although it had not been stopped; on AWS \
             {it_is} {on_aws}"
        ),
        Cause::ConnectTimeout => {
            format!("the load balancer could not connect to the target in time for {requests}; on AWS {it_is} {on_aws}")
        }
        Cause::Silent => {
            format!("{requests} had no answer within the idle timeout; on AWS {it_is} {on_aws}")
        }
        Cause::Tls => format!("the TLS handshake with the target failed for {requests}; on AWS {it_is} {on_aws}"),
        Cause::Malformed => {
            format!("the response to {requests} was no HTTP that can be passed on; on AWS {it_is} {on_aws}")
        }
        Cause::Answered { status } => {
            format!("the application itself answered {requests} with {status}, as it would on AWS")
        }
        Cause::SocketCut => format!(
            "{} broke off without a close frame when the back end ended; on AWS too",
            number(count, "WebSocket")
        ),
        Cause::LoadBalancer => format!("{requests} did not reach the load balancer: {}", reason(finding, verdict)),
        Cause::Unknown => format!("{requests} failed: {}", reason(finding, verdict)),
    }
}

/// What to do about it.
pub fn advice(finding: &Finding, recording: &Recording) -> String {
    let container = finding.container.as_ref().map_or_else(|| "the container".to_owned(), |name| format!("`{name}`"));
    let settings = &recording.settings;
    match finding.cause {
        Cause::EndedOnSignal { .. } => format!(
            "handle SIGTERM in {container}: answer what is in flight, then exit. A shell or a package manager as process 1 \
             does not pass the signal on"
        ),
        Cause::Killed { stop_timeout } => {
            let longer = match stop_timeout.as_secs() < LONGEST_STOP_TIMEOUT {
                true => format!(
                    "raise stopTimeout of {container} ({} now, at most {LONGEST_STOP_TIMEOUT} s), or ",
                    seconds(stop_timeout)
                ),
                false => String::new(),
            };
            format!("{longer}handle SIGTERM: take no new work, answer what is in flight, exit")
        }
        Cause::Crashed { .. } => format!("see why it ended: neargate logs {}", container.trim_matches('`')),
        Cause::DelayOver => format!(
            "raise deregistration_delay of the target group ({} now) above the longest request",
            seconds(settings.deregistration_delay)
        ),
        Cause::NoTargets => match settings.minimum_healthy_percent {
            100.. => "see why no task was there: neargate events, neargate doctor".to_owned(),
            percent => format!(
                "raise deployment_minimum_healthy_percent ({percent} now) so that tasks stop only when others are healthy"
            ),
        },
        Cause::NotListening => {
            "keep a healthy task until another one is: deployment_minimum_healthy_percent 100, maximum 200".to_owned()
        }
        Cause::Refused => format!("see whether {container} stopped listening, or its backlog was full"),
        Cause::ClosedByTarget => format!(
            "keep idle connections in {container} open for longer than the load balancer's idle timeout ({})",
            seconds(settings.idle_timeout)
        ),
        Cause::ConnectTimeout => {
            "see whether its security group lets the load balancer in, and whether it accepts connections".to_owned()
        }
        Cause::Silent => format!(
            "see what {container} waits for; the idle timeout is {} (idle_timeout)",
            seconds(settings.idle_timeout)
        ),
        Cause::Tls => format!("see what TLS {container} speaks; neargate doctor names the versions"),
        Cause::Malformed => format!("see what {container} writes as a response"),
        Cause::Answered { .. } => format!("see its output: neargate logs {}", container.trim_matches('`')),
        Cause::SocketCut => {
            format!("on SIGTERM, send a close frame (1001, going away) from {container}, so that clients open another")
        }
        Cause::LoadBalancer | Cause::Unknown => "neargate logs, neargate doctor".to_owned(),
    }
}

/// A remark, with what to do about it.
pub fn remark(remark: &Remark) -> String {
    match remark {
        Remark::IgnoresSignal { task, container, stop_timeout } => {
            let task = task.get(..8).unwrap_or(task);
            format!(
                "container `{container}` of task {task} ignored SIGTERM and was killed after stopTimeout ({}): nothing was in \
                 flight this time, but what is will be lost, and every deployment takes that much longer",
                seconds(*stop_timeout)
            )
        }
    }
}

/// A failed request on one line: when, how, what came back, which task in which phase.
pub fn line(lost: &Lost) -> String {
    let Lost { sample, task, phase, .. } = lost;
    let what = match &sample.outcome {
        Outcome::Answered(status) => status.to_string(),
        Outcome::Closed => "closed".to_owned(),
        Outcome::Cut(why) => format!("cut off ({why})"),
        Outcome::NoConnection(why) => format!("no connection ({why})"),
        Outcome::GaveUp => "no answer".to_owned(),
    };
    let whom = match (task, phase) {
        (Some(task), Some(phase)) => format!("task {} ({})", task.get(..8).unwrap_or(task), phase.as_str()),
        _ => "no target".to_owned(),
    };
    let took = sample.settled.saturating_sub(sample.sent);
    format!(
        "{:.3} s  {}  {what}  {whom}, {:.0} ms after it was sent",
        sample.settled.as_secs_f64(),
        sample.way.as_str(),
        took.as_secs_f64() * 1000.0
    )
}

/// What clients on AWS would see of the requests of a finding.
fn on_aws(finding: &Finding, verdict: &Verdict) -> String {
    let several = finding.lost.len() > 1;
    let all = || finding.lost.iter().map(|index| &verdict.lost[*index].sample);
    let mut statuses: Vec<u16> = all()
        .filter_map(|sample| match sample.outcome {
            Outcome::Answered(status) => Some(status),
            _ => None,
        })
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    let mut kinds: Vec<String> =
        statuses.iter().map(|status| if several { format!("{status}s") } else { format!("a {status}") }).collect();
    if all().any(|sample| !matches!(sample.outcome, Outcome::Answered(_)) && sample.way != Way::WebSocket) {
        kinds.push(if several {
            "responses that break off".to_owned()
        } else {
            "a response that breaks off".to_owned()
        });
    }
    if all().any(|sample| sample.way == Way::WebSocket) {
        kinds.push(if several {
            "WebSockets that break off".to_owned()
        } else {
            "a WebSocket that breaks off".to_owned()
        });
    }
    kinds.join(" and ")
}

fn reason<'v>(finding: &Finding, verdict: &'v Verdict) -> &'v str {
    let first = finding.lost.first().map(|index| &verdict.lost[*index].sample.outcome);
    match first {
        Some(Outcome::Cut(why) | Outcome::NoConnection(why)) => why.as_str(),
        _ => "the load balancer says nothing about why",
    }
}

fn number(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `0.4 s`, `30 s`
pub fn seconds(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round() / 10.0;
    format!("{tenths} s")
}
