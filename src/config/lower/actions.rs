//! Actions of rules and listeners (ALB user guide, "Action types for listener rules").

use super::lowering::Lowering;
use crate::file::actions::{
    ActionFile, FixedResponseFile, ForwardFile, ForwardGroupsFile, RedirectFile, RedirectStatusWord,
};
use crate::read::OneOrMany;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::help_for;
use neargate_alb::actions::limits::{self as judge, Context};
use neargate_alb::limits;
use neargate_alb::rules::limits as rules;
use neargate_alb::violation::Violation;
use neargate_alb::violation::problems::{RedirectPart, RedirectProblem};
use neargate_model::TargetGroupName;
use neargate_model::rule::{
    Action, Actions, AuthenticateAction, FixedResponse, Forward, Redirect, WeightedTargetGroup,
};
use neargate_model::target_group::ProtocolVersion;

const PAGE: &str = "ALB user guide, Action types for listener rules";

/// The one routing action of a rule or a listener: the last of its actions. `place`: where to point if there is none.
pub(super) fn lower(
    files: &OneOrMany<ActionFile>,
    place: Span,
    at: &Context<'_>,
    lowering: &mut Lowering<'_>,
) -> Option<Actions> {
    let exactly_one = "each rule must include exactly one of forward, redirect and fixed-response, and it must be the \
                       last action to be performed (ELBv2 API reference, CreateRule)";
    let files = in_order(&files.0, lowering);
    let routes =
        |file: &&&ActionFile| file.forward.is_some() || file.redirect.is_some() || file.fixed_response.is_some();
    let routing: Vec<&&ActionFile> = files.iter().filter(routes).collect();
    if let [only] = files.as_slice() {
        return one(only, at, lowering);
    }
    let wrong = match (routing.as_slice(), files.last()) {
        ([routing], Some(last)) if std::ptr::eq(**routing, *last) => {
            let before = files.iter().flat_map(|file| authenticating(file, at, lowering)).collect();
            return Some(Actions { before, routing: self::routing(last, at, lowering)? });
        }
        ([routing], Some(last)) => {
            Diagnostic::error("an action that routes the request is not the last", routing.span, "")
                .also(last.span, "this one would be performed after it")
        }
        ([], last) | ([_], last) => {
            let place = last.map_or(place, |file| file.span);
            Diagnostic::error("no action that routes the request", place, "")
        }
        ([first, second, ..], _) => {
            Diagnostic::error("several actions that route the request", second.span, "").also(first.span, "the other")
        }
    };
    if !files.iter().any(|file| lowering.reader.reported_inside(file.whole)) {
        lowering.report(wrong.note(exactly_one));
    }
    None
}

/// By `order`, which is required of several in the API and the place in the list in Terraform.
fn in_order<'f>(files: &'f [ActionFile], lowering: &mut Lowering<'_>) -> Vec<&'f ActionFile> {
    let mut ordered: Vec<(u32, &ActionFile)> = Vec::new();
    for (file, place) in files.iter().zip(1..) {
        let order = file.order.as_ref().map_or(place, |order| order.value);
        if let Some(order) = &file.order {
            lowering.within(order, &limits::ORDER, "order", "ELBv2 API reference, Action");
        }
        if let Some((_, first)) = ordered.iter().find(|(known, _)| *known == order) {
            let span = |file: &ActionFile| file.order.as_ref().map_or(file.span, |order| order.span);
            lowering.report(
                Diagnostic::error(format!("two actions with order {order}"), span(file), "")
                    .also(span(first), "the other")
                    .note(
                        "the action with the lowest value for order is performed first (ELBv2 API reference, Action)",
                    ),
            );
        }
        ordered.push((order, file));
    }
    ordered.sort_by_key(|(order, _)| *order);
    ordered.into_iter().map(|(_, file)| file).collect()
}

fn one(file: &ActionFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<Actions> {
    let before = authenticating(file, at, lowering);
    Some(Actions { before, routing: routing(file, at, lowering)? })
}

fn authenticating(file: &ActionFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Vec<AuthenticateAction> {
    let mut actions = Vec::new();
    for (given, name, action) in [
        (file.authenticate_oidc.is_some(), "authenticate_oidc", AuthenticateAction::Oidc),
        (file.authenticate_cognito.is_some(), "authenticate_cognito", AuthenticateAction::Cognito),
        (file.jwt_validation.is_some(), "jwt_validation", AuthenticateAction::JwtValidation),
    ] {
        if given {
            actions.push(action);
        }
        if given && judge::authenticate(action, at).is_err() {
            lowering.report(
                Diagnostic::error(format!("`{name}` on an HTTP listener"), file.span, "")
                    .note(format!("authentication needs an HTTPS listener ({PAGE})")),
            );
        }
    }
    actions
}

fn routing(file: &ActionFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<Action> {
    match (&file.forward, &file.redirect, &file.fixed_response) {
        (Some(forward), None, None) => self::forward(forward, at, lowering).map(Action::Forward),
        (None, Some(redirect), None) => self::redirect(redirect, at, lowering).map(Action::Redirect),
        (None, None, Some(fixed)) => fixed_response(fixed, lowering).map(Action::FixedResponse),
        (None, None, None) if lowering.reader.reported_inside(file.whole) => None,
        (None, None, None) => {
            lowering.report(
                Diagnostic::error("an action that does nothing with the request", file.span, "")
                    .note(format!("exactly one of forward, redirect and fixed-response ends every rule ({PAGE})"))
                    .help("e.g. `forward: NAME` with a key of `target_groups`"),
            );
            None
        }
        _ => {
            lowering.report(
                Diagnostic::error("several actions for one request", file.span, "")
                    .note(format!("exactly one of forward, redirect and fixed-response ends every rule ({PAGE})")),
            );
            None
        }
    }
}

fn forward(file: &ForwardFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<Forward> {
    match file {
        ForwardFile::Name(name) => {
            let group = member(name, at, lowering)?;
            Some(Forward {
                target_groups: vec![WeightedTargetGroup { target_group: group, weight: 1 }],
                stickiness_seconds: None,
            })
        }
        ForwardFile::Groups(groups) => weighted(groups, at, lowering),
    }
}

/// A group that this listener can forward to.
fn member(name: &Spanned<String>, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<TargetGroupName> {
    let group = lowering.target_group(name)?;
    lowering.places.forwards.push((group.clone(), name.span));
    if let Err(Violation::ProtocolVersionNeedsHttps { version, .. }) = judge::member(&group, at) {
        let word = if version == ProtocolVersion::Grpc { "GRPC" } else { "HTTP2" };
        let declared = lowering.places.target_groups.get(group.as_str()).copied();
        let wrong = Diagnostic::error(
            format!("`{group}` speaks {word}, which needs an HTTPS listener"),
            name.span,
            format!("the listener on port {} is HTTP", at.port),
        );
        let wrong = match declared {
            Some(span) => wrong.also(span, format!("protocol_version: {word}")),
            None => wrong,
        };
        lowering.report(wrong.note(
            "target groups with HTTP/2 or gRPC work behind HTTPS listeners only (ALB user guide, Target groups, Protocol versions)",
        ));
    }
    Some(group)
}

fn weighted(file: &ForwardGroupsFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<Forward> {
    let entries = file.target_groups.as_ref()?;
    if entries.is_empty() {
        lowering.report(
            Diagnostic::error("a forward action without target groups", file.span, "").note(format!("see {PAGE}")),
        );
        return None;
    }
    if let Some(sixth) = entries.get(judge::TARGET_GROUPS_PER_ACTION) {
        lowering.report(
            Diagnostic::error(format!("{} target groups in one action", entries.len()), sixth.span, "the sixth").note(
                "at most 5 target groups per action (ALB user guide, Quotas for your Application Load Balancers)",
            ),
        );
    }
    let mut target_groups: Vec<WeightedTargetGroup> = Vec::new();
    for entry in entries {
        if let Some(weight) = &entry.weight {
            lowering.within(weight, &limits::WEIGHT, "weight", PAGE);
        }
        let Some(group) = entry.target_group.as_ref().and_then(|name| member(name, at, lowering)) else { continue };
        if let Some(twice) = target_groups.iter().find(|known| known.target_group == group) {
            lowering.report(Diagnostic::error(
                format!("`{}` is in the action twice", twice.target_group),
                entry.target_group.as_ref().map_or(entry.span, |name| name.span),
                "",
            ));
        }
        let weight = entry.weight.as_ref().map_or(1, |weight| u16::try_from(weight.value).unwrap_or(999));
        target_groups.push(WeightedTargetGroup { target_group: group, weight });
    }
    let stickiness = file.stickiness.as_ref();
    let sticky = stickiness.is_some_and(|stickiness| stickiness.enabled.unwrap_or(false));
    let duration = stickiness.and_then(|stickiness| stickiness.duration.as_ref());
    if let Some(duration) = duration {
        lowering.within(duration, &limits::GROUP_STICKINESS, "duration", PAGE);
    } else if let Some(stickiness) =
        stickiness.filter(|stickiness| sticky && !lowering.reader.has_explained(stickiness.whole, "duration"))
    {
        lowering.report(
            Diagnostic::error("group stickiness needs `duration`", stickiness.span, "")
                .note(format!("DurationSeconds: 1 to 604800 ({PAGE})")),
        );
    }
    let forward =
        Forward { target_groups, stickiness_seconds: duration.map(|duration| duration.value).filter(|_| sticky) };
    // That its duration is missing has been said.
    if !sticky && let Err(Violation::StickyTargetGroupInAction(member)) = judge::stickiness(&forward, at) {
        let place = lowering.places.target_groups.get(member.as_str()).copied();
        let wrong = Diagnostic::error("a sticky target group in an action that is not sticky", file.span, "");
        let wrong = match place {
            Some(place) => wrong.also(place, "its targets are sticky"),
            None => wrong,
        };
        lowering.report(
            wrong
                .note(format!("if a target group has stickiness, group-level stickiness must also be on ({PAGE})"))
                .help("add `stickiness: {enabled: true, duration: 3600}` next to `target_groups`"),
        );
    }
    (!forward.target_groups.is_empty()).then_some(forward)
}

fn redirect(file: &RedirectFile, at: &Context<'_>, lowering: &mut Lowering<'_>) -> Option<Redirect> {
    let status = file.status_code.as_ref().map(|word| match word.value {
        RedirectStatusWord::Permanent => 301,
        RedirectStatusWord::Temporary => 302,
    });
    let mut redirect = Redirect::with_defaults(status.unwrap_or(301));
    if let Some(protocol) = &file.protocol {
        if !judge::redirect_part(RedirectPart::Protocol, protocol).is_empty() {
            lowering.report(
                Diagnostic::error(format!("`{}` is not a protocol to redirect to", protocol.value), protocol.span, "")
                    .note(format!("Protocol: ^(HTTPS?|#\\{{protocol\\}})$ ({PAGE})"))
                    .maybe_help(help_for(protocol, "write", ["HTTPS", "HTTP", "#{protocol}"])),
            );
        } else if judge::redirect_protocol(protocol, at).is_err() {
            lowering.report(Diagnostic::error("a redirect from HTTPS to HTTP", protocol.span, "").note(format!(
                "HTTP to HTTP, HTTP to HTTPS and HTTPS to HTTPS are possible, HTTPS to HTTP is not ({PAGE})"
            )));
        }
        redirect.protocol.clone_from(&protocol.value);
    }
    let parts = [
        (file.host.as_ref(), &mut redirect.host, RedirectPart::Host),
        (file.port.as_ref(), &mut redirect.port, RedirectPart::Port),
        (file.path.as_ref(), &mut redirect.path, RedirectPart::Path),
        (file.query.as_ref(), &mut redirect.query, RedirectPart::Query),
    ];
    for (written, text, part) in parts {
        if let Some(written) = written {
            part_of_redirect(written, part, lowering);
            text.clone_from(&written.value);
        }
    }
    if judge::loops(&redirect, at).is_err() && !lowering.reader.reported_inside(file.whole) {
        lowering.report(
            Diagnostic::error("a redirect to the same URL", file.span, "a browser would follow it forever")
                .note(format!("at least one of protocol, host, port and path must change ({PAGE})")),
        );
    }
    status.map(|_| redirect)
}

fn part_of_redirect(text: &Spanned<String>, part: RedirectPart, lowering: &mut Lowering<'_>) {
    let problems = judge::redirect_part(part, text);
    let sure = !problems.iter().any(|problem| matches!(problem, RedirectProblem::NotAName | RedirectProblem::Unclosed));
    for problem in problems {
        lowering.report(redirect_problem(text, part, problem));
    }
    if sure {
        strange_character(text, part, lowering);
    }
}

fn redirect_problem(text: &Spanned<String>, part: RedirectPart, problem: RedirectProblem) -> Diagnostic {
    let wrong = |message: String, label: &str| Diagnostic::error(message, text.span, label.to_owned());
    let see = format!("see {PAGE}");
    match problem {
        RedirectProblem::Port | RedirectProblem::Protocol => {
            wrong(format!("`{}` is not a port to redirect to", text.value), "")
                .note(format!("1 to 65535, or #{{port}} ({PAGE})"))
        }
        RedirectProblem::Length { least, most, count } => {
            wrong(format!("the {part} of a redirect has {least} to {most} characters"), &format!("this has {count}"))
                .note(see)
        }
        RedirectProblem::NoSlash => wrong("the path of a redirect begins with `/`".to_owned(), "")
            .note(see)
            .help(format!("write `/{}`", text.value)),
        RedirectProblem::QuestionMark => wrong("the query of a redirect is written without `?`".to_owned(), "")
            .note(see)
            .help(format!("write `{}`", &text[1..])),
        RedirectProblem::NotAName => wrong("the host of a redirect is a name only".to_owned(), "").note(see),
        RedirectProblem::Unclosed => wrong("`#{` is not closed with `}`".to_owned(), ""),
        RedirectProblem::Keyword(keyword) => {
            let known = part.keywords().iter().map(|keyword| format!("#{{{keyword}}}")).collect::<Vec<_>>().join(", ");
            wrong(format!("`#{{{keyword}}}` cannot be used in the {part} of a redirect"), "")
                .note(format!("allowed here: {known} ({PAGE})"))
        }
    }
}

/// The guide lists the characters of hosts and paths; whether AWS refuses others is not known.
fn strange_character(text: &Spanned<String>, part: RedirectPart, lowering: &mut Lowering<'_>) {
    let listed = match part {
        RedirectPart::Host => "-.*?",
        RedirectPart::Path => rules::PATH_CHARACTERS,
        _ => return,
    };
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, (_, after))) =
        rest.split_once("#{").and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        plain.push_str(before);
        rest = after;
    }
    plain.push_str(rest);
    let strange = plain.chars().find(|c| !c.is_ascii_alphanumeric() && !listed.contains(*c) && !matches!(c, '*' | '?'));
    if let Some(strange) = strange {
        let characters = listed.trim_end_matches("*?").chars().map(String::from).collect::<Vec<_>>().join(" ");
        lowering.report(
            Diagnostic::warning(format!("`{strange}` in the {part} of a redirect"), text.span, "AWS may refuse it")
                .note(format!("it may contain only letters, digits, `*`, `?` and {characters} ({PAGE})")),
        );
    }
}

fn fixed_response(file: &FixedResponseFile, lowering: &mut Lowering<'_>) -> Option<FixedResponse> {
    let status = file.status_code.as_ref();
    if let Some(status) = status.filter(|status| judge::fixed_status(status.value).is_err()) {
        let diagnostic = Diagnostic::error("not a status of a fixed response", status.span, "")
            .note(format!("StatusCode: ^(2|4|5)\\d\\d$ ({PAGE})"));
        lowering.report(match status.value {
            301 | 302 => diagnostic.help("use a `redirect` action"),
            _ => diagnostic,
        });
    }
    if let Some(media) = file.content_type.as_ref().filter(|media| judge::fixed_media(media).is_err()) {
        lowering.report(
            Diagnostic::error(format!("`{}` is not a type of a fixed response", media.value), media.span, "")
                .note(format!("see {PAGE}"))
                .maybe_help(help_for(media, "the types are", judge::MEDIA_TYPES)),
        );
    }
    let body = file.message_body.as_ref();
    if let Some(body) = body.filter(|body| judge::fixed_body(body).is_err()) {
        lowering.report(
            Diagnostic::error("the body is too long", body.span, format!("{} characters", body.chars().count()))
                .note(format!("MessageBody: at most 1024 characters ({PAGE})")),
        );
    }
    Some(FixedResponse {
        status_code: status?.value,
        content_type: file.content_type.as_ref().map(|media| media.value.clone()),
        message_body: body.map(|body| body.value.clone()).unwrap_or_default(),
    })
}
