//! Log lines and counts for requests, connections and failures.
//!
//! Lines are compared whole. What differs between runs is replaced by a word: times, ports, IDs. Bytes sent and
//! received are not replaced, because the test knows them exactly.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use neargate::alb::logs::connection::Handshake;
use neargate::alb::logs::line::{LogLine, Names};
use neargate::alb::metrics::figures::{Count, Figures, GroupCount};
use neargate::model::arn;
use neargate::model::rule::{Action, Condition, Patterns, Rule};
use regex::Regex;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::alb::{Alb, ScriptedTarget, Setup, Wire, fixed, forward, healthy, redirect_to_https, refusing};
use crate::{http2, websocket};

const GET: &str = "GET /a?b=c HTTP/1.1\r\nHost: e.com\r\nUser-Agent: curl/8.5.0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A line of any log, with words in place of what differs between runs.
fn line(account: &impl LogLine) -> String {
    let (id, dns_name) = (arn::load_balancer_id(&"test".into()), arn::load_balancer_dns_name(&"test".into(), false));
    let mut line = Vec::new();
    account.write(Names { id: &id, dns_name: &dns_name }, &mut line);
    let mut text = String::from_utf8(line).unwrap();
    for (pattern, word) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "<time>"),
        (r" \d+\.\d{3}\b", " <s>"),
        (r"TID_[0-9a-f]{32}", "<connection>"),
        (r"1-[0-9a-f]{8}-[0-9a-f]{24}", "<trace>"),
        (r"127\.0\.0\.1( |:)\d+", "<address>"),
        (r"arn:aws:elasticloadbalancing:\S*:targetgroup/web/[0-9a-f]{16}", "<web>"),
        (r"arn:aws:acm:us-east-1:111122223333:certificate/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<certificate>"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, word).into_owned();
    }
    text.replace(&id, "<elb>").replace(&dns_name, "<dns>")
}

async fn exchange(setup: Setup, request: &str) -> (Alb, String) {
    let alb = setup.start().await;
    let mut wire = alb.connect().await;
    wire.send(request).await;
    let response = wire.response().await;
    (alb, response)
}

pub(crate) fn figures(alb: &Alb) -> Figures {
    alb.plane.as_ref().unwrap().meters().read()
}

fn of_group(figures: &Figures, group: &str, count: GroupCount) -> u64 {
    let arn = arn::Arn::target_group(&group.into());
    let found = figures.groups.iter().find(|figures| arn.as_str().ends_with(&figures.target_group));
    found.unwrap_or_else(|| panic!("no figures for {group}")).counts[count as usize]
}

#[tokio::test]
async fn a_forwarded_request() {
    let target = ScriptedTarget::answering(OK).await;
    let (mut alb, response) = exchange(Setup::forwarding(&[target.address]), GET).await;
    let (received, sent) = (GET.len(), response.len());
    assert_eq!(
        line(&alb.settled().await),
        format!(
            "http <time> <elb> <address> <address> <s> <s> <s> 200 200 {received} {sent} \
             \"GET http://e.com:80/a?b=c HTTP/1.1\" \"curl/8.5.0\" - - <web> \"Root=<trace>\" \"-\" \"-\" 0 <time> \
             \"forward\" \"-\" \"-\" \"<address>\" \"200\" \"-\" \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
}

#[tokio::test]
async fn the_trace_id_is_the_one_that_the_target_saw() {
    let target = ScriptedTarget::answering(OK).await;
    let (mut alb, _) = exchange(Setup::forwarding(&[target.address]), GET).await;
    let text = alb.settled().await.text.unwrap();
    let trace_id = std::str::from_utf8(text.trace_id()).unwrap();
    assert!(target.heads()[0].contains(&format!("\r\nX-Amzn-Trace-Id: {trace_id}\r\n")));
}

#[tokio::test]
async fn a_redirect_and_a_fixed_response() {
    let (mut alb, response) = exchange(Setup::answering(redirect_to_https()), GET).await;
    let (received, sent) = (GET.len(), response.len());
    assert_eq!(
        line(&alb.settled().await),
        format!(
            "http <time> <elb> <address> - -1 -1 -1 301 - {received} {sent} \"GET http://e.com:80/a?b=c HTTP/1.1\" \
             \"curl/8.5.0\" - - - \"Root=<trace>\" \"-\" \"-\" 0 <time> \"redirect\" \
             \"https://e.com:443/a?b=c\" \"-\" \"-\" \"-\" \"-\" \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
    let (mut alb, response) = exchange(Setup::answering(fixed(404, "no such page")), GET).await;
    let sent = response.len();
    assert_eq!(
        line(&alb.settled().await),
        format!(
            "http <time> <elb> <address> - -1 -1 -1 404 - {received} {sent} \"GET http://e.com:80/a?b=c HTTP/1.1\" \
             \"curl/8.5.0\" - - - \"Root=<trace>\" \"-\" \"-\" 0 <time> \"fixed-response\" \"-\" \"-\" \"-\" \"-\" \"-\" \
             \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
}

/// A request to group `web` that no target answers: only the target, the times and the status differ.
async fn unanswered(setup: Setup, middle: &str) {
    let (mut alb, response) = exchange(setup, GET).await;
    let (received, sent) = (GET.len(), response.len());
    let target = if middle.starts_with('-') { "-" } else { "<address>" };
    assert_eq!(
        line(&alb.settled().await),
        format!(
            "http <time> <elb> <address> {middle} - {received} {sent} \"GET http://e.com:80/a?b=c HTTP/1.1\" \
             \"curl/8.5.0\" - - <web> \"Root=<trace>\" \"-\" \"-\" 0 <time> \"forward\" \"-\" \"-\" \"{target}\" \"-\" \
             \"-\" \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
}

#[tokio::test]
async fn a_group_without_targets_is_503_without_a_target() {
    unanswered(Setup::forwarding(&[]), "- -1 -1 -1 503").await;
}

#[tokio::test]
async fn a_target_that_refuses_is_502_without_times() {
    unanswered(Setup::forwarding(&[refusing()]), "<address> -1 -1 -1 502").await;
}

#[tokio::test]
async fn a_target_that_closes_is_502_with_the_time_it_took() {
    let target = ScriptedTarget::new(|mut incoming| async move {
        incoming.head().await;
    })
    .await;
    unanswered(Setup::forwarding(&[target.address]), "<address> <s> <s> -1 502").await;
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_is_504_without_times() {
    let mut setup = Setup::forwarding(&[]);
    setup.group("web", vec![neargate::model::target_health::TargetState { reachable: false, ..healthy(refusing()) }]);
    setup.connect_timeout = Duration::from_millis(100);
    unanswered(setup, "<address> -1 -1 -1 504").await;
}

#[tokio::test]
async fn a_silent_target_is_504_with_the_time_of_the_request() {
    let target = ScriptedTarget::silent().await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.attributes().idle_timeout = Duration::from_millis(200);
    unanswered(setup, "<address> <s> -1 -1 504").await;
}

#[tokio::test]
async fn a_client_that_leaves_is_460_with_nothing_sent() {
    let target = ScriptedTarget::silent().await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    while target.heads().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(wire);
    assert_eq!(
        line(&alb.settled().await),
        format!(
            "http <time> <elb> <address> <address> -1 -1 -1 460 - {} 0 \"GET http://e.com:80/a?b=c HTTP/1.1\" \
             \"curl/8.5.0\" - - <web> \"Root=<trace>\" \"-\" \"-\" 0 <time> \"forward\" \"-\" \"-\" \"<address>\" \"-\" \
             \"-\" \"-\" <connection> \"-\" \"-\" \"-\"",
            GET.len()
        )
    );
    assert_eq!(figures(&alb).get(Count::Elb4xx), 1, "the guide counts 460 among HTTPCode_ELB_4XX_Count");
}

#[tokio::test]
async fn a_malformed_request_has_dashes() {
    let mut alb = Setup::answering(fixed(200, "")).start().await;
    let response = alb.exchange("what is this\r\n\r\n").await;
    let sent = response.len();
    assert_eq!(
        line(&alb.settled().await),
        format!(
            "http <time> <elb> <address> - -1 -1 -1 400 - 0 {sent} \"- http://<dns>:80- -\" \"-\" - - - \"-\" \"-\" \"-\" \
             - <time> \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
}

#[tokio::test]
async fn a_websocket_is_one_line_at_its_end() {
    let target = ScriptedTarget::new(|incoming| async move {
        let mut socket = accept_async(incoming.wire.stream).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && socket.send(message).await.is_err() {
                return;
            }
        }
    })
    .await;
    let mut alb = Setup::forwarding(&[target.address]).start().await;
    let mut socket = websocket::open(&alb).await;
    socket.send(Message::text("x".repeat(5000))).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap().len(), 5000);
    assert_eq!(of_group(&figures(&alb), "web", GroupCount::Requests), 1, "counted when it begins");
    socket.close(None).await.unwrap();
    while socket.next().await.is_some() {}

    let transaction = alb.settled().await;
    assert!(transaction.received_bytes > 5000 && transaction.sent_bytes > 5000, "{transaction:?}");
    let (received, sent) = (transaction.received_bytes, transaction.sent_bytes);
    assert_eq!(
        line(&transaction),
        format!(
            "ws <time> <elb> <address> <address> <s> <s> <s> 101 101 {received} {sent} \
             \"GET http://e.com:80/chat HTTP/1.1\" \"-\" - - <web> \"Root=<trace>\" \"-\" \"-\" 0 <time> \"forward\" \"-\" \
             \"-\" \"<address>\" \"101\" \"-\" \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
}

#[tokio::test]
async fn the_form_of_a_request_and_its_rewriting_are_in_its_line() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[]);
    setup.group("api", vec![healthy(target.address)]);
    let url = neargate::model::rule::Rewrite { regex: "^/old".into(), replace: "/new".into() };
    let transforms = neargate::model::rule::Transforms { host_header: None, url: Some(url) };
    setup.rules(vec![Rule { transforms, ..rule(1, "/old*", forward(&["api"])) }]);
    let mut alb = setup.start().await;
    alb.exchange("GET /old x HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    // A blank in a URL is accepted from a client, but not in a rewritten URL.
    let line = line(&alb.settled().await);
    assert!(
        line.contains(" \"-\" \"-\" \"-\" \"-\" \"-\" \"Acc") && line.contains("\"Acceptable\" \"SpaceInUri\""),
        "{line}"
    );
    assert!(line.ends_with("\"-\" \"-\" \"TransformInvalidPath\""), "{line}");
    alb.exchange("GET /old HTTP/1.1\r\nHost: e.com\r\nConnection: close\r\n\r\n").await;
    let line = self::line(&alb.settled().await);
    assert!(line.contains(" \"rewrite,forward\" ") && line.ends_with("\"-\" \"/new\" \"TransformSuccess\""), "{line}");
    assert_eq!(figures(&alb).get(Count::DesyncNonCompliant), 1);
}

#[tokio::test]
async fn an_http_2_line_names_the_certificate_and_the_connection() {
    let target = ScriptedTarget::answering(OK).await;
    let mut setup = Setup::forwarding(&[target.address]);
    setup.https();
    let mut alb = setup.start().await;
    let mut client = http2::http2(&alb).await;
    http2::send(&mut client, http2::get("/a?b=c")).await;
    http2::send(&mut client, http2::get("/second")).await;

    let (first, second, connection) = (alb.settled().await, alb.settled().await, alb.connected().await);
    // As in HTTP/1: the size of heads compressed by HPACK is not known.
    let received = "GET /a?b=c HTTP/2.0\r\nhost: app.example.com\r\n\r\n".len();
    let sent = "HTTP/2.0 200\r\ncontent-length: 2\r\n\r\nok".len();
    assert_eq!(
        line(&first),
        format!(
            "h2 <time> <elb> <address> <address> <s> <s> <s> 200 200 {received} {sent} \
             \"GET https://app.example.com:443/a?b=c HTTP/2.0\" \"-\" TLS_AES_256_GCM_SHA384 TLSv1.3 <web> \
             \"Root=<trace>\" \"app.example.com\" \"<certificate>\" 0 <time> \"forward\" \"-\" \"-\" \"<address>\" \"200\" \
             \"-\" \"-\" <connection> \"-\" \"-\" \"-\""
        )
    );
    assert!(first.connection == second.connection && second.connection == connection.id);
    assert_eq!(
        line(&connection),
        "<time> <address> 443 TLSv1.3 TLS_AES_256_GCM_SHA384 <s> \"-\" - - Success <connection> X25519MLKEM768 \
         <elb> 127.0.0.1"
    );
}

#[tokio::test]
async fn a_connection_to_an_http_listener_has_a_line_too() {
    let mut alb = Setup::answering(fixed(200, "")).start().await;
    let _wire = alb.connect().await;
    assert_eq!(line(&alb.connected().await), "<time> <address> 80 - - - \"-\" - - - <connection> - <elb> 127.0.0.1");
}

#[tokio::test]
async fn a_failed_handshake_is_a_line_and_a_count_but_no_request() {
    let mut setup = Setup::answering(fixed(200, ""));
    setup.https();
    let mut alb = setup.start().await;
    alb.exchange("\x16no hello").await;
    let connection = alb.connected().await;
    assert_eq!(connection.tls, Some(Handshake::Failed));
    assert_eq!(
        line(&connection),
        "<time> <address> 443 - - - \"-\" - - Failed:UnmappedConnectionError <connection> - <elb> 127.0.0.1"
    );
    assert_eq!(figures(&alb).get(Count::ClientTlsNegotiationErrors), 1);
}

fn rule(priority: u32, path: &str, action: Action) -> Rule {
    let conditions = vec![Condition::PathPattern(Patterns::Wildcards(vec![path.into()]))];
    Rule { priority, conditions, actions: action.into(), transforms: neargate::model::rule::Transforms::default() }
}

#[tokio::test]
async fn a_slow_log_loses_lines_but_delays_no_request() {
    let mut alb = Setup::answering(fixed(200, "ok")).start().await;
    let mut wire = alb.connect().await;
    // Nothing reads log entries, and there is room for 1024.
    for _ in 0..1100 {
        wire.send(GET).await;
        assert!(wire.response().await.ends_with("ok"));
    }
    while alb.access.dropped() < 1100 - 1024 {
        tokio::task::yield_now().await;
    }
    assert_eq!(alb.access.dropped(), 1100 - 1024);
    assert_eq!(alb.settled().await.status, 200);
}

#[tokio::test]
async fn without_a_reader_entries_are_dropped_and_counted() {
    let alb = Setup::answering(fixed(200, "ok")).start().await;
    alb.access.set_open(false);
    let mut wire = alb.connect().await;
    wire.send(GET).await;
    wire.response().await;
    while figures(&alb).get(Count::FixedResponses) < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(alb.access.dropped(), 0);
}

/// ALB user guide, "Access logs", `chosen_cert_arn`: "session-reused" for a connection that resumed a session.
#[tokio::test]
async fn a_resumed_session_shows_no_certificate_and_both_logs_have_its_line() {
    let mut setup = Setup::answering(fixed(200, "ok"));
    setup.https();
    setup.workers = 1;
    let mut alb = setup.start().await;
    let connector = http2::connector(&alb, &["http/1.1"]);
    for expected in ["\"<certificate>\"", "\"session-reused\""] {
        let mut wire = Wire::new(http2::connect(&alb, &connector).await);
        wire.send(GET).await;
        // The ticket with which the next connection resumes has arrived before the response.
        wire.response().await;
        let line = self::line(&alb.settled().await);
        assert!(line.contains(expected), "{line}");
        let connection = alb.connected().await;
        assert!(matches!(connection.tls, Some(Handshake::Established { protocol: "TLSv1.3", .. })), "{connection:?}");
    }
}
