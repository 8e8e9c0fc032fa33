//! What AWS takes as an action (ALB user guide, "Action types for listener rules"; ELBv2 API reference, Action).

use std::collections::BTreeMap;

use neargate_model::TargetGroupName;
use neargate_model::listener::ListenerProtocol;
use neargate_model::rule::{Action, Actions, AuthenticateAction, FixedResponse, Forward, Redirect};
use neargate_model::target_group::{ProtocolVersion, TargetGroup};

use crate::limits;
use crate::violation::Violation;
use crate::violation::problems::{RedirectPart, RedirectProblem};

/// Target groups of one forward action (ALB user guide, Quotas for your Application Load Balancers).
pub const TARGET_GROUPS_PER_ACTION: usize = 5;

/// The content types of a fixed response.
pub const MEDIA_TYPES: [&str; 5] =
    ["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

/// The longest body of a fixed response, in characters.
pub const LONGEST_BODY: usize = 1024;

/// The longest part of a redirect, in characters.
pub const LONGEST_PART: usize = 128;

/// The listener of an action, and the target groups that there are.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Whether it is an HTTPS listener.
    pub https: bool,
    /// Its port.
    pub port: u16,
    /// By name.
    pub groups: &'a BTreeMap<TargetGroupName, TargetGroup>,
}

impl<'a> Context<'a> {
    /// Those of a listener.
    pub fn new(protocol: &ListenerProtocol, port: u16, groups: &'a BTreeMap<TargetGroupName, TargetGroup>) -> Self {
        Self { https: matches!(protocol, ListenerProtocol::Https(_)), port, groups }
    }
}

/// Judges the actions of a rule or a listener.
pub fn judge(actions: &Actions, context: &Context<'_>) -> Vec<Violation> {
    let mut found: Vec<Violation> =
        actions.before.iter().filter_map(|action| authenticate(*action, context).err()).collect();
    found.extend(match &actions.routing {
        Action::Forward(forward) => self::forward(forward, context),
        Action::Redirect(redirect) => self::redirect(redirect, context),
        Action::FixedResponse(fixed) => fixed_response(fixed),
    });
    found
}

/// Judges an action that asks something of the client.
///
/// # Errors
///
/// The listener is not an HTTPS listener.
pub fn authenticate(action: AuthenticateAction, context: &Context<'_>) -> Result<(), Violation> {
    if context.https { Ok(()) } else { Err(Violation::ActionNeedsHttps(action)) }
}

/// Judges a forward action. That its target groups exist and belong to no other load balancer is judged where all of
/// them are known.
pub fn forward(forward: &Forward, context: &Context<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    let groups = &forward.target_groups;
    if groups.is_empty() {
        found.push(Violation::NoTargetGroups);
    }
    if groups.len() > TARGET_GROUPS_PER_ACTION {
        found.push(Violation::TooManyTargetGroupsInAction { count: groups.len() });
    }
    for (index, weighted) in groups.iter().enumerate() {
        found.extend(member(&weighted.target_group, context).err());
        found.extend(limits::WEIGHT.judge(weighted.weight).map_err(Violation::from).err());
        if groups[..index].iter().any(|other| other.target_group == weighted.target_group) {
            found.push(Violation::TargetGroupTwiceInAction(weighted.target_group.clone()));
        }
    }
    if let Some(seconds) = forward.stickiness_seconds {
        found.extend(limits::GROUP_STICKINESS.judge(seconds).map_err(Violation::from).err());
    }
    found.extend(stickiness(forward, context).err());
    found
}

/// Judges whether the listener can forward to a target group.
///
/// # Errors
///
/// The group speaks HTTP/2 or gRPC, which works behind HTTPS listeners only.
pub fn member(group: &TargetGroupName, context: &Context<'_>) -> Result<(), Violation> {
    match context.groups.get(group).map(|settings| settings.protocol_version) {
        Some(version @ (ProtocolVersion::Http2 | ProtocolVersion::Grpc)) if !context.https => {
            Err(Violation::ProtocolVersionNeedsHttps { group: group.clone(), version })
        }
        _ => Ok(()),
    }
}

/// "If a target group has stickiness enabled, group-level stickiness must also be enabled" (ALB user guide, Action types
/// for listener rules, Sticky sessions and weighted target groups).
///
/// # Errors
///
/// A group of several is sticky, and the action is not.
pub fn stickiness(forward: &Forward, context: &Context<'_>) -> Result<(), Violation> {
    if forward.stickiness_seconds.is_some() || forward.target_groups.len() < 2 {
        return Ok(());
    }
    let is_sticky = |group: &&TargetGroupName| {
        context.groups.get(*group).is_some_and(|settings| settings.attributes.stickiness.is_some())
    };
    match forward.target_groups.iter().map(|weighted| &weighted.target_group).find(is_sticky) {
        Some(group) => Err(Violation::StickyTargetGroupInAction(group.clone())),
        None => Ok(()),
    }
}

/// Judges a redirect.
pub fn redirect(redirect: &Redirect, context: &Context<'_>) -> Vec<Violation> {
    let parts = [
        (RedirectPart::Protocol, &redirect.protocol),
        (RedirectPart::Host, &redirect.host),
        (RedirectPart::Port, &redirect.port),
        (RedirectPart::Path, &redirect.path),
        (RedirectPart::Query, &redirect.query),
    ];
    let problems = parts.into_iter().flat_map(|(part, text)| {
        let problems = redirect_part(part, text).into_iter();
        problems.map(move |problem| Violation::InvalidRedirect { part, text: text.clone(), problem })
    });
    let mut found: Vec<Violation> = problems.collect();
    found.extend(redirect_protocol(&redirect.protocol, context).err());
    found.extend(loops(redirect, context).err());
    found
}

/// "You can redirect HTTP to HTTP, HTTP to HTTPS, and HTTPS to HTTPS. You can't redirect HTTPS to HTTP" (ELBv2 API
/// reference, RedirectActionConfig).
///
/// # Errors
///
/// An HTTPS listener would redirect to HTTP.
pub fn redirect_protocol(protocol: &str, context: &Context<'_>) -> Result<(), Violation> {
    if context.https && protocol == "HTTP" { Err(Violation::RedirectToHttp) } else { Ok(()) }
}

/// Judges whether a redirect changes anything. The listener's own port changes nothing, written or not.
///
/// # Errors
///
/// It leads to the URL of the request.
pub fn loops(redirect: &Redirect, context: &Context<'_>) -> Result<(), Violation> {
    let own_protocol = if context.https { "HTTPS" } else { "HTTP" };
    let same = (redirect.protocol == "#{protocol}" || redirect.protocol == own_protocol)
        && redirect.host == "#{host}"
        && (redirect.port == "#{port}" || redirect.port == context.port.to_string())
        && redirect.path == "/#{path}";
    if same { Err(Violation::RedirectLoop) } else { Ok(()) }
}

/// Judges one part of a redirect.
pub fn redirect_part(part: RedirectPart, text: &str) -> Vec<RedirectProblem> {
    match part {
        RedirectPart::Protocol => {
            let known = ["HTTP", "HTTPS", "#{protocol}"].contains(&text);
            return if known { Vec::new() } else { vec![RedirectProblem::Protocol] };
        }
        RedirectPart::Port => {
            let known = text == "#{port}" || text.parse::<u16>().is_ok_and(|port| port > 0);
            return if known { Vec::new() } else { vec![RedirectProblem::Port] };
        }
        RedirectPart::Host | RedirectPart::Path | RedirectPart::Query => {}
    }
    let mut found = Vec::new();
    let count = text.chars().count();
    let least = usize::from(part != RedirectPart::Query);
    if !(least..=LONGEST_PART).contains(&count) {
        found.push(RedirectProblem::Length { least, most: LONGEST_PART, count });
    } else if part == RedirectPart::Path && !text.starts_with('/') {
        found.push(RedirectProblem::NoSlash);
    }
    if part == RedirectPart::Query && text.starts_with('?') {
        found.push(RedirectProblem::QuestionMark);
    }
    if part == RedirectPart::Host && text.contains('/') {
        found.push(RedirectProblem::NotAName);
        return found;
    }
    for keyword in redirect_keywords(text) {
        match keyword {
            Some(keyword) if part.keywords().contains(&keyword) => {}
            Some(keyword) => found.push(RedirectProblem::Keyword(keyword.to_owned())),
            None => found.push(RedirectProblem::Unclosed),
        }
    }
    found
}

/// What stands between `#{` and `}`; `None` for one that does not end, which is the last.
fn redirect_keywords(text: &str) -> Vec<Option<&str>> {
    let mut keywords = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("#{") {
        let Some((keyword, more)) = after.split_once('}') else {
            keywords.push(None);
            break;
        };
        keywords.push(Some(keyword));
        rest = more;
    }
    keywords
}

/// Judges a fixed response.
pub fn fixed_response(fixed: &FixedResponse) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(fixed_status(fixed.status_code).err());
    found.extend(fixed.content_type.as_deref().and_then(|media| fixed_media(media).err()));
    found.extend(fixed_body(&fixed.message_body).err());
    found
}

/// Judges the status of a fixed response.
///
/// # Errors
///
/// It is neither 2xx nor 4xx nor 5xx.
pub fn fixed_status(status: u16) -> Result<(), Violation> {
    match status {
        200..=299 | 400..=599 => Ok(()),
        _ => Err(Violation::InvalidFixedStatus(status)),
    }
}

/// Judges the type of a fixed response.
///
/// # Errors
///
/// It is none of the five.
pub fn fixed_media(media: &str) -> Result<(), Violation> {
    if MEDIA_TYPES.contains(&media) { Ok(()) } else { Err(Violation::InvalidFixedType(media.to_owned())) }
}

/// Judges the body of a fixed response.
///
/// # Errors
///
/// It is too long.
pub fn fixed_body(body: &str) -> Result<(), Violation> {
    if body.chars().count() > LONGEST_BODY { Err(Violation::FixedBodyTooLong) } else { Ok(()) }
}
