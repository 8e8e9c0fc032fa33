//! Actions of rules and listeners (ALB user guide, "Action types for listener rules").

use std::collections::BTreeMap;

use super::conditions;
use super::lowering::Lowering;
use crate::file::actions::{
    ActionFile, FixedResponseFile, ForwardFile, ForwardGroupsFile, RedirectFile, RedirectStatusWord,
};
use crate::read::OneOrMany;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use crate::text::suggest::help_for;
use neargate_model::TargetGroupName;
use neargate_model::rule::{
    Action, Actions, AuthenticateAction, FixedResponse, Forward, Redirect, WeightedTargetGroup,
};
use neargate_model::target_group::{ProtocolVersion, TargetGroup};

const PAGE: &str = "ALB user guide, Action types for listener rules";
const MEDIA_TYPES: [&str; 5] = ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

/// The context of an action.
pub(super) struct Where<'a> {
    pub(super) https: bool,
    pub(super) port: u16,
    pub(super) groups: &'a BTreeMap<TargetGroupName, TargetGroup>,
}

/// The one routing action of a rule or a listener: the last of its actions. `place`: where to point if there is none.
pub(super) fn lower(
    files: &OneOrMany<ActionFile>,
    place: Span,
    at: &Where<'_>,
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
            lowering.within(order, 1, 50000, "order", "ELBv2 API reference, Action");
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

fn one(file: &ActionFile, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Option<Actions> {
    let before = authenticating(file, at, lowering);
    Some(Actions { before, routing: routing(file, at, lowering)? })
}

fn authenticating(file: &ActionFile, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Vec<AuthenticateAction> {
    let mut actions = Vec::new();
    for (given, name, action) in [
        (file.authenticate_oidc.is_some(), "authenticate_oidc", AuthenticateAction::Oidc),
        (file.authenticate_cognito.is_some(), "authenticate_cognito", AuthenticateAction::Cognito),
        (file.jwt_validation.is_some(), "jwt_validation", AuthenticateAction::JwtValidation),
    ] {
        if given {
            actions.push(action);
        }
        if given && !at.https {
            lowering.report(
                Diagnostic::error(format!("`{name}` on an HTTP listener"), file.span, "")
                    .note(format!("authentication needs an HTTPS listener ({PAGE})")),
            );
        }
    }
    actions
}

fn routing(file: &ActionFile, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Option<Action> {
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

fn forward(file: &ForwardFile, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Option<Forward> {
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
fn member(name: &Spanned<String>, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Option<TargetGroupName> {
    let group = lowering.target_group(name)?;
    let version = at.groups.get(&group).map(|settings| settings.protocol_version);
    if !at.https && matches!(version, Some(ProtocolVersion::Grpc | ProtocolVersion::Http2)) {
        let word = if version == Some(ProtocolVersion::Grpc) { "GRPC" } else { "HTTP2" };
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

fn weighted(file: &ForwardGroupsFile, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Option<Forward> {
    let entries = file.target_groups.as_ref()?;
    if entries.is_empty() {
        lowering.report(
            Diagnostic::error("a forward action without target groups", file.span, "").note(format!("see {PAGE}")),
        );
        return None;
    }
    if let Some(sixth) = entries.get(5) {
        lowering.report(
            Diagnostic::error(format!("{} target groups in one action", entries.len()), sixth.span, "the sixth").note(
                "at most 5 target groups per action (ALB user guide, Quotas for your Application Load Balancers)",
            ),
        );
    }
    let mut target_groups: Vec<WeightedTargetGroup> = Vec::new();
    for entry in entries {
        if let Some(weight) = &entry.weight {
            lowering.within(weight, 0, 999, "weight", PAGE);
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
        lowering.within(duration, 1, 604_800, "duration", PAGE);
    } else if let Some(stickiness) =
        stickiness.filter(|stickiness| sticky && !lowering.reader.has_explained(stickiness.whole, "duration"))
    {
        lowering.report(
            Diagnostic::error("group stickiness needs `duration`", stickiness.span, "")
                .note(format!("DurationSeconds: 1 to 604800 ({PAGE})")),
        );
    }
    if !sticky && target_groups.len() > 1 {
        let sticky_member = target_groups.iter().find(|member| {
            at.groups.get(&member.target_group).is_some_and(|group| group.attributes.stickiness.is_some())
        });
        if let Some(member) = sticky_member {
            let place = lowering.places.target_groups.get(member.target_group.as_str()).copied();
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
    }
    (!target_groups.is_empty()).then_some(Forward {
        target_groups,
        stickiness_seconds: duration.map(|duration| duration.value).filter(|_| sticky),
    })
}

fn redirect(file: &RedirectFile, at: &Where<'_>, lowering: &mut Lowering<'_>) -> Option<Redirect> {
    let status = file.status_code.as_ref().map(|word| match word.value {
        RedirectStatusWord::Permanent => 301,
        RedirectStatusWord::Temporary => 302,
    });
    let mut redirect = Redirect::with_defaults(status.unwrap_or(301));
    if let Some(protocol) = &file.protocol {
        if !["HTTP", "HTTPS", "#{protocol}"].contains(&protocol.as_str()) {
            lowering.report(
                Diagnostic::error(format!("`{}` is not a protocol to redirect to", protocol.value), protocol.span, "")
                    .note(format!("Protocol: ^(HTTPS?|#\\{{protocol\\}})$ ({PAGE})"))
                    .maybe_help(help_for(protocol, "write", ["HTTPS", "HTTP", "#{protocol}"])),
            );
        } else if protocol.value == "HTTP" && at.https {
            lowering.report(Diagnostic::error("a redirect from HTTPS to HTTP", protocol.span, "").note(format!(
                "HTTP to HTTP, HTTP to HTTPS and HTTPS to HTTPS are possible, HTTPS to HTTP is not ({PAGE})"
            )));
        }
        redirect.protocol.clone_from(&protocol.value);
    }
    type Part<'a> = (Option<&'a Spanned<String>>, &'a mut String, &'static str, &'static [&'static str]);
    let parts: [Part<'_>; 4] = [
        (file.host.as_ref(), &mut redirect.host, "host", &["host"]),
        (file.port.as_ref(), &mut redirect.port, "port", &["port"]),
        (file.path.as_ref(), &mut redirect.path, "path", &["host", "port", "path"]),
        (file.query.as_ref(), &mut redirect.query, "query", &["protocol", "host", "port", "path", "query"]),
    ];
    for (written, part, name, keywords) in parts {
        if let Some(text) = written {
            part_of_redirect(text, name, keywords, lowering);
            part.clone_from(&text.value);
        }
    }
    // #{port} on the listener's own port is what it was: writing the number changes nothing either.
    let own_protocol = if at.https { "HTTPS" } else { "HTTP" };
    let same = (redirect.protocol == "#{protocol}" || redirect.protocol == own_protocol)
        && redirect.host == "#{host}"
        && (redirect.port == "#{port}" || redirect.port == at.port.to_string())
        && redirect.path == "/#{path}";
    if same && !lowering.reader.reported_inside(file.whole) {
        lowering.report(
            Diagnostic::error("a redirect to the same URL", file.span, "a browser would follow it forever")
                .note(format!("at least one of protocol, host, port and path must change ({PAGE})")),
        );
    }
    status.map(|_| redirect)
}

fn part_of_redirect(text: &Spanned<String>, name: &str, keywords: &[&str], lowering: &mut Lowering<'_>) {
    let wrong = |message: String, label: &str| Diagnostic::error(message, text.span, label.to_owned());
    if name == "port" {
        let number = text.parse::<u16>().is_ok_and(|port| port > 0);
        if !number && text.value != "#{port}" {
            lowering.report(
                wrong(format!("`{}` is not a port to redirect to", text.value), "")
                    .note(format!("1 to 65535, or #{{port}} ({PAGE})")),
            );
        }
        return;
    }
    let length = text.chars().count();
    let least = usize::from(name != "query");
    if !(least..=128).contains(&length) {
        lowering.report(
            wrong(format!("the {name} of a redirect has {least} to 128 characters"), &format!("this has {length}"))
                .note(format!("see {PAGE}")),
        );
    } else if name == "path" && !text.starts_with('/') {
        lowering.report(
            wrong("the path of a redirect begins with `/`".to_owned(), "")
                .note(format!("see {PAGE}"))
                .help(format!("write `/{}`", text.value)),
        );
    }
    if name == "query" && text.starts_with('?') {
        lowering.report(
            wrong("the query of a redirect is written without `?`".to_owned(), "")
                .note(format!("see {PAGE}"))
                .help(format!("write `{}`", &text[1..])),
        );
    }
    if name == "host" && (text.contains("://") || text.contains('/')) {
        lowering.report(wrong("the host of a redirect is a name only".to_owned(), "").note(format!("see {PAGE}")));
        return;
    }
    let mut rest = text.as_str();
    let mut plain = String::new();
    while let Some(start) = rest.find("#{") {
        plain.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        let Some(end) = after.find('}') else {
            lowering.report(wrong("`#{` is not closed with `}`".to_owned(), ""));
            return;
        };
        let keyword = &after[..end];
        if !keywords.contains(&keyword) {
            let known = keywords.iter().map(|keyword| format!("#{{{keyword}}}")).collect::<Vec<_>>().join(", ");
            lowering.report(
                wrong(format!("`#{{{keyword}}}` cannot be used in the {name} of a redirect"), "")
                    .note(format!("allowed here: {known} ({PAGE})")),
            );
        }
        rest = &after[end + 1..];
    }
    plain.push_str(rest);
    let listed = match name {
        "host" => "-.*?",
        "path" => conditions::PATH_CHARACTERS,
        _ => return,
    };
    let strange = plain.chars().find(|c| !c.is_ascii_alphanumeric() && !listed.contains(*c) && !matches!(c, '*' | '?'));
    if let Some(strange) = strange {
        let characters = listed.trim_end_matches("*?").chars().map(String::from).collect::<Vec<_>>().join(" ");
        lowering.report(
            Diagnostic::warning(format!("`{strange}` in the {name} of a redirect"), text.span, "AWS may refuse it")
                .note(format!("it may contain only letters, digits, `*`, `?` and {characters} ({PAGE})")),
        );
    }
}

fn fixed_response(file: &FixedResponseFile, lowering: &mut Lowering<'_>) -> Option<FixedResponse> {
    let status = file.status_code.as_ref();
    if let Some(status) = status.filter(|status| !matches!(status.value, 200..=299 | 400..=599)) {
        let diagnostic = Diagnostic::error("not a status of a fixed response", status.span, "")
            .note(format!("StatusCode: ^(2|4|5)\\d\\d$ ({PAGE})"));
        lowering.report(match status.value {
            301 | 302 => diagnostic.help("use a `redirect` action"),
            _ => diagnostic,
        });
    }
    if let Some(media) = file.content_type.as_ref().filter(|media| !MEDIA_TYPES.contains(&media.as_str())) {
        lowering.report(
            Diagnostic::error(format!("`{}` is not a type of a fixed response", media.value), media.span, "")
                .note(format!("see {PAGE}"))
                .maybe_help(help_for(media, "the types are", MEDIA_TYPES)),
        );
    }
    let body = file.message_body.as_ref();
    if let Some(body) = body.filter(|body| body.chars().count() > 1024) {
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
