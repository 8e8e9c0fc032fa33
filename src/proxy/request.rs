//! One request, in the steps an ALB takes. This is the file to read first.
//!
//! [`serve`] is the whole path; [`decide`] is the part that never waits. Both work with either protocol, which [`Client`]
//! hides.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use super::answer::additions::Additions;
use super::answer::error::ProxyError;
use super::answer::respond;
use super::answer::respond::{Answer, ResponseHints};
use super::client::{Client, Request, RequestBody, Responder};
use super::connection::Connection;
use super::context::{Snapshot, Worker};
use super::forward;
use super::forward::order::Forward;
use super::io::idle::IdleTimer;
use super::telemetry::transaction::{ActionKind, HttpVersion, Steps, Text, Transaction};
use super::upstream::pool::Dial;
use crate::alb::actions::redirect::RedirectFacts;
use crate::alb::actions::transform::{CompiledTransforms, TransformStatus, Transformed};
use crate::alb::head::headers;
use crate::alb::head::headers::{ClientProtocol, Forwarding, TlsHeaders};
use crate::alb::head::trace_id;
use crate::alb::head::trace_id::TraceSeed;
use crate::alb::metrics::figures::Count;
use crate::alb::request::desync::{Assessment, Verdict};
use crate::alb::request::facts::RequestFacts;
use crate::alb::routing::{RoutedAction, RoutedForward};
use crate::alb::stickiness;
use crate::alb::stickiness::{Bond, Session};
use crate::alb::targets::anomaly;
use crate::alb::targets::protocols;
use crate::alb::targets::protocols::RequestProtocol;
use crate::http1::fields::FieldKind;
use crate::http1::message;
use crate::model::listener::{TLS_CIPHER_SUITE, TLS_VERSION};
use crate::model::target_group::{ProtocolVersion, TargetProtocol};
use crate::proxy::settled::Settled;

/// What to do with a request.
enum Decision {
    Answer(Answer),
    Forward(Forward),
}

/// Serves one request whose head is complete.
pub(super) async fn serve<C: Client>(
    worker: &Worker,
    connection: &Connection,
    client_protocol: ClientProtocol,
    client: &mut C,
    idle: &IdleTimer,
) -> Settled {
    let mut transaction = begin(worker, connection, client_protocol);
    let hints = client.hints();
    if hints.grpc {
        transaction.protocol = RequestProtocol::Grpc;
    }
    let snapshot = worker.snapshot();
    let listener = snapshot.table.listener_by_port(connection.listener_port);
    let modification = listener.and_then(|listener| snapshot.table.listeners[listener].headers.clone());
    let additions = Additions { modification, cookies: Vec::new() };

    // Everything that needs no waiting: classify, snapshot, route, act, choose the target, write its head.
    let assessment = client.take_assessment();
    let close_after = assessment.verdict == Verdict::PassAndClose;
    let decision = match blocked(assessment, &mut transaction).map_or_else(|| client.request(), Err) {
        Err(error) => Err(error),
        Ok(mut request) => {
            if snapshot.table.attributes.preserve_host_header {
                request.facts = request.facts.preserving_host();
            }
            let decision = decide(worker, connection, &snapshot, &request, close_after, &mut transaction);
            note_trace_id(worker, &request, &mut transaction);
            decision
        }
    };
    drop(snapshot);

    // Answer, or forward and stream both ways.
    let (body, responder) = client.split();
    let outcome = match decision {
        Ok(Decision::Answer(answer)) => {
            answer_client(responder, &answer, hints, &additions, idle, &mut transaction).await
        }
        Ok(Decision::Forward(forward)) => {
            let outcome = forward::run(worker, &forward, body, responder, idle, &mut transaction).await;
            let own_status = outcome.as_ref().err().map(|error| error.status());
            if matches!(outcome, Err(ProxyError::TargetTimeout)) {
                forward.in_flight.report_silence(&forward.head, forward.idle_timeout);
            }
            forward.in_flight.record(anomaly::is_error(transaction.target_status, own_status));
            outcome
        }
        Err(error) => Err(error),
    };

    // The one place where an error becomes a response, unless a response is under way already.
    let settled = match outcome {
        Ok(settled) => settled,
        Err(error) => {
            transaction.error = Some(error.to_string());
            transaction.fault = error.fault();
            let started = transaction.status != 0;
            if started || matches!(error, ProxyError::ClientGone) {
                transaction.status = if started { transaction.status } else { error.status() };
                responder.abort().await;
                Settled::Aborted
            } else {
                let answer = respond::for_error(&error, hints);
                let answered = answer_client(responder, &answer, hints, &additions, idle, &mut transaction).await;
                answered.unwrap_or(Settled::Aborted)
            }
        }
    };

    transaction.received_bytes += body.received_bytes();
    transaction.sent_bytes += responder.sent_bytes();
    settle(worker, transaction);
    settled
}

/// Why desync mitigation blocks the request, if it does. The classifier decides before the parser.
fn blocked(assessment: Assessment, transaction: &mut Transaction) -> Option<ProxyError> {
    let reason = assessment.classification.as_ref().map(|found| found.reason.clone());
    transaction.classification = assessment.classification;
    reason.filter(|_| assessment.verdict == Verdict::Block).map(ProxyError::Desync)
}

async fn answer_client(
    responder: &mut impl Responder,
    answer: &Answer,
    hints: ResponseHints,
    additions: &Additions,
    idle: &IdleTimer,
    transaction: &mut Transaction,
) -> Result<Settled, ProxyError> {
    transaction.status = answer.status;
    // The timeout may just have expired, and then it is the error to report.
    idle.touch();
    let answering = async {
        // Due at once, so also before an answer that does not wait for the body.
        responder.send_continue().await?;
        responder.answer(answer, hints, additions).await
    };
    // A client that sends requests and reads no answers must not be waited for forever.
    idle.guard(answering).await.unwrap_or(Err(ProxyError::ClientGone))?;
    Ok(Settled::Answered)
}

fn begin(worker: &Worker, connection: &Connection, client_protocol: ClientProtocol) -> Transaction {
    Transaction {
        protocol: if client_protocol == ClientProtocol::Http1 {
            RequestProtocol::Http1
        } else {
            RequestProtocol::Http2
        },
        scheme: if connection.tls.is_some() { "https" } else { "http" },
        upgraded: false,
        connection: connection.id,
        client: connection.client,
        listener_port: connection.listener_port,
        created: worker.now(),
        settled: jiff::Timestamp::UNIX_EPOCH,
        steps: Steps { received: Instant::now(), dispatched: None, answered: None, responding: None, ended: None },
        status: 0,
        target_status: None,
        received_bytes: 0,
        sent_bytes: 0,
        rule: None,
        action: None,
        target: None,
        classification: None,
        non_sticky: false,
        error_reason: None,
        transform_status: None,
        error: None,
        fault: None,
        text: None,
    }
}

/// Decides, in AWS's order where it is known, and records the decision.
fn decide(
    worker: &Worker,
    connection: &Connection,
    snapshot: &Rc<Snapshot>,
    request: &Request<'_>,
    close_after: bool,
    transaction: &mut Transaction,
) -> Result<Decision, ProxyError> {
    if worker.logs_requests() {
        transaction.text = Some(text(connection, &request.facts, request.version));
    }
    classify(request)?;
    // As nginx, whose 497 it is: a request that is wrong otherwise has been told so.
    if connection.mistaken {
        return Err(ProxyError::PlainHttp);
    }

    // A listener that has gone this very moment; its connections end as soon as they notice.
    let listener = snapshot.table.listener_by_port(connection.listener_port).ok_or(ProxyError::NoTargets)?;

    let route = snapshot.table.route(listener, &request.facts);
    transaction.rule = Some(route.priority);
    worker.meters.add(Count::RuleEvaluations, route.evaluated.into());

    match route.action {
        RoutedAction::Redirect(redirect) => {
            transaction.action = Some(ActionKind::Redirect);
            let host = match request.facts.host() {
                // HTTP/1.0 without a Host.
                b"" => snapshot.table.dns_name.as_bytes(),
                host => host,
            };
            let facts = RedirectFacts {
                protocol: transaction.scheme,
                host,
                port: connection.listener_port,
                path: request.facts.path,
                query: request.facts.query.unwrap_or_default(),
            };
            let location = redirect.location(&facts, |to, port| snapshot.table.bound_port(host, to, port));
            let location = location.map_err(|_| ProxyError::LocationTooLong)?;
            if let Some(text) = &mut transaction.text {
                text.redirect_url = Some(location.clone());
            }
            Ok(Decision::Answer(respond::redirect(redirect.status_code, location)))
        }
        RoutedAction::FixedResponse(fixed) => {
            transaction.action = Some(ActionKind::FixedResponse);
            Ok(Decision::Answer(respond::fixed(fixed)))
        }
        RoutedAction::Forward(action) => {
            let rewritten = rewrite(route.transforms, request, transaction)?;
            transaction.action = Some(ActionKind::Forward);
            let request = Request { facts: rewritten.facts(&request.facts), ..*request };
            let forward = prepare_forward(worker, connection, &request, snapshot, listener, action, transaction)?;
            Ok(Decision::Forward(Forward { close_after, ..forward }))
        }
    }
}

/// Refuses what must not be forwarded, whatever its form.
fn classify(request: &Request<'_>) -> Result<(), ProxyError> {
    if request.facts.method == b"TRACE" {
        return Err(ProxyError::MethodNotAllowed);
    }
    let may_lack_host = matches!(request.version, HttpVersion::Http09 | HttpVersion::Http10);
    match request.facts.host_and_port() {
        None if !may_lack_host => Err(ProxyError::MissingHost),
        Some(host) if !message::is_host(host) => Err(ProxyError::MalformedRequest("a Host that is none")),
        _ => Ok(()),
    }
}

/// The request as the target is to see it, if the rule rewrites it. The rule itself looked at the original.
fn rewrite(
    transforms: Option<&CompiledTransforms>,
    request: &Request<'_>,
    transaction: &mut Transaction,
) -> Result<Transformed, ProxyError> {
    let Some(transforms) = transforms else { return Ok(Transformed::default()) };
    let result = transforms.apply(&request.facts);
    transaction.transform_status = Some(result.as_ref().err().copied().unwrap_or(TransformStatus::Success));
    let transformed = result.map_err(ProxyError::TransformFailed)?;
    if let Some(text) = &mut transaction.text {
        text.transformed = transformed.clone();
    }
    Ok(transformed)
}

/// Chooses group and target, and writes the head that the target will get.
fn prepare_forward(
    worker: &Worker,
    connection: &Connection,
    request: &Request<'_>,
    snapshot: &Rc<Snapshot>,
    listener: usize,
    action: &RoutedForward,
    transaction: &mut Transaction,
) -> Result<Forward, ProxyError> {
    let table = &snapshot.table;
    let key = &worker.shared.cookie_key;
    let now = transaction.created.as_second();
    let fields = request.facts.fields;
    let bound = stickiness::bound_group(action, table, key, fields, now);
    if bound.invalid {
        transaction.error_reason = Some("AWSALBTGCookieInvalid");
    }
    let group = action.choose(bound.group, || worker.random.next()).ok_or(ProxyError::NoTargets)?;
    if let Some(text) = &mut transaction.text {
        text.target_group_arn = Some(snapshot.meters[group].meter.arn.clone());
    }
    let settings = &table.target_groups[group].settings;
    if !protocols::takes(settings.protocol_version, transaction.protocol, request.facts.method) {
        return Err(ProxyError::IncompatibleProtocol);
    }
    let bond = Bond::read(action, &table.target_groups[group], key, fields, now);
    transaction.non_sticky = bond.non_sticky;
    let (target, in_flight) = match bond.target {
        Some(target) => (target, snapshot.loads[group].take(target)),
        None => {
            let chosen = snapshot.loads[group].choose(table, group, worker.random.next());
            chosen.ok_or(ProxyError::NoTargets)?
        }
    };
    let state = &table.target_groups[group].targets[target];
    let https = connection.tls.is_some();
    let session = Session::new(action, &table.target_groups[group], state.target, bond, fields, https);

    let modification = &table.listeners[listener].headers;
    let forwarding = Forwarding {
        scheme: transaction.scheme,
        listener_port: connection.listener_port,
        attributes: &table.attributes,
        default_host: &table.dns_name,
        client_protocol: request.client_protocol,
        body: request.body,
        upgrade: request.upgrade,
        trailers: settings.protocol_version != ProtocolVersion::Http1,
        trace: TraceSeed { seconds: transaction.created.as_second() as u32, random: worker.random.trace_bits() },
        head_size: request.head_size,
        tls: connection.tls.as_ref().filter(|_| table.attributes.tls_headers).map(|tls| {
            let names = modification.as_deref();
            TlsHeaders {
                version_name: names.map_or(TLS_VERSION, |names| &names.tls_version_name),
                version: tls.version,
                cipher_suite_name: names.map_or(TLS_CIPHER_SUITE, |names| &names.tls_cipher_suite_name),
                cipher_suite: tls.cipher,
            }
        }),
    };
    let mut head = worker.buffers.lend_scratch();
    let written =
        headers::write(&request.facts, &forwarding, &mut head).map_err(|_| ProxyError::TooManyForwardedAddresses)?;
    if written.invalid_names {
        worker.meters.add(Count::from_invalid_headers(table.attributes.drop_invalid_header_fields), 1);
    }
    if let Some(text) = &mut transaction.text {
        text.trace_id_space().extend_from_slice(&head[written.trace_id]);
    }
    transaction.target = Some(std::net::SocketAddr::new(state.target.address, state.target.port));
    snapshot.meters[group].count_request(&worker.meters, transaction.protocol, connection.client.is_ipv6());
    Ok(Forward {
        dial: Dial {
            address: state.dial,
            tls: (settings.protocol == TargetProtocol::Https).then_some(table.target_policy),
        },
        version: settings.protocol_version,
        reachable: state.reachable,
        head,
        body: request.body,
        head_only: request.facts.method == b"HEAD",
        upgrade: request.upgrade,
        conversation: transaction.protocol == RequestProtocol::Grpc,
        idle_timeout: table.attributes.idle_timeout,
        close_after: false,
        modification: modification.clone(),
        session: session.map(Box::new),
        listener: Rc::clone(&connection.listener),
        in_flight,
        meter: Arc::clone(&snapshot.meters[group].meter),
    })
}

fn text(connection: &Connection, facts: &RequestFacts<'_>, version: HttpVersion) -> Box<Text> {
    let host = facts.host_and_port().unwrap_or_default();
    let user_agent = facts.fields.first(FieldKind::UserAgent).unwrap_or_default();
    let mut text = Text::new(facts.method, host, facts.path, facts.query, user_agent);
    text.version = version.as_str();
    text.tls = connection.tls.clone();
    Box::new(text)
}

/// A request that is answered here also has a trace ID, once it has been routed.
fn note_trace_id(worker: &Worker, request: &Request<'_>, transaction: &mut Transaction) {
    let routed = transaction.rule.is_some();
    if let Some(text) = transaction.text.as_mut().filter(|text| routed && text.trace_id().is_empty()) {
        let seed = TraceSeed { seconds: transaction.created.as_second() as u32, random: worker.random.trace_bits() };
        let existing = request.facts.fields.first(FieldKind::TraceId);
        trace_id::write(existing, request.head_size, seed, text.trace_id_space());
    }
}

/// Accounts for what a connection was refused for as a whole: to the logs a request that could not be understood.
pub(super) fn refuse_connection(worker: &Worker, connection: &Connection, what: String) {
    tracing::debug!(client = %connection.client, what, "a connection is ended for what its client sent");
    let mut transaction = begin(worker, connection, ClientProtocol::Http2);
    transaction.status = ProxyError::MalformedRequest("").status();
    transaction.error = Some(what);
    settle(worker, transaction);
}

/// Accounts for a stream of HTTP/2 that was refused before anybody could look at it. `facts` and `size` are of its head, if
/// that is known.
pub(super) fn refuse_stream(
    worker: &Worker,
    connection: &Connection,
    facts: Option<RequestFacts<'_>>,
    size: u64,
    error: &ProxyError,
) {
    let mut transaction = begin(worker, connection, ClientProtocol::Http2);
    transaction.status = error.status();
    transaction.error = Some(error.to_string());
    if let Some(facts) = facts {
        transaction.received_bytes = size;
        transaction.text = worker.logs_requests().then(|| text(connection, &facts, HttpVersion::Http2));
    }
    settle(worker, transaction);
}

/// Closes the account and hands it over.
fn settle(worker: &Worker, mut transaction: Transaction) {
    worker.meters.settle(&transaction);
    if let Some(sink) = worker.shared.access.as_ref().filter(|sink| sink.is_open()) {
        transaction.settled = worker.now();
        transaction.steps.ended = Some(Instant::now());
        sink.accept(transaction);
    }
}
