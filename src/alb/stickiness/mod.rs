//! Sticky sessions: which group and which target a client is bound to, and the cookies that bind it
//! (ALB user guide, "Sticky sessions" and "Forward actions").
//!
//! ```text
//!  Cookie: AWSALBTG ──> bound_group ──> the group, else one by weight
//!  Cookie: AWSALB or AWSALBAPP with the application's own ──> Bond::read ──> the target, else one by the algorithm
//!  response ──> Session::set_cookies ──> the same cookies again, with a new end
//! ```

use jiff::Timestamp;

use super::cookie_seal::{CookieKey, Purpose, Ticket};
use super::routing::{RoutedForward, RoutedTargetGroup, RoutingTable};
use neargate_http1::fields::{FieldKind, Fields};
use neargate_model::target_group::Stickiness;
use neargate_model::target_health::Target;

/// "The load balancer generated cookie has its own expiry of 7 days which is non-configurable."
const COOKIE_LIFETIME_SECONDS: i64 = 7 * 24 * 60 * 60;
/// "Most browsers limit cookies to 4K": a longer application cookie continues in the next shard.
const SHARD: usize = 4 * 1024 - 64;
/// `AWSALBAPP-0` to `AWSALBAPP-3`.
const SHARDS: usize = 4;
/// Value of an unused shard, as in captures.
const REMOVE: &str = "_remove_";

/// The group that a client's `AWSALBTG` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupBond {
    /// The table's index of the group.
    pub group: Option<usize>,
    /// It could not be decoded: access logs show `AWSALBTGCookieInvalid` as `error_reason`.
    pub invalid: bool,
}

/// Reads which group of a forward action the client is bound to. Does no work if group stickiness is off.
pub fn bound_group(
    action: &RoutedForward,
    table: &RoutingTable,
    key: &CookieKey,
    fields: Fields<'_>,
    now: i64,
) -> GroupBond {
    if action.stickiness_seconds.is_none() {
        return GroupBond::default();
    }
    let value = cookie(fields, "AWSALBTGCORS").or_else(|| cookie(fields, "AWSALBTG"));
    let Some(value) = value else { return GroupBond::default() };
    let Some(tickets) = key.open(Purpose::Group, value) else { return GroupBond { group: None, invalid: true } };
    let ticket = tickets.into_iter().find(|ticket| ticket.valid_until > now);
    let group = ticket.and_then(|ticket| {
        action.groups.iter().map(|weighted| weighted.group).find(|&group| table.target_groups[group].id == ticket.group)
    });
    GroupBond { group, invalid: false }
}

/// What a client's cookies mean for a target group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bond {
    /// The target to use, as an index into the group's targets. It may take new requests.
    pub target: Option<usize>,
    /// The group is sticky and a new target has to be chosen: the client is new, or its cookie cannot be used
    /// (CloudWatch metric `NonStickyRequestCount`).
    pub non_sticky: bool,
    /// The client named a target, even one that cannot be used.
    asked: bool,
    /// Bonds with other groups, kept for the response.
    others: Vec<Ticket>,
}

impl Bond {
    /// Reads which target of a group the client is bound to. Does no work if stickiness is off.
    pub fn read(
        action: &RoutedForward,
        group: &RoutedTargetGroup,
        key: &CookieKey,
        fields: Fields<'_>,
        now: i64,
    ) -> Self {
        let tickets = match stickiness_of(group, action) {
            None => return Self::default(),
            // "The value in AWSALBCORS will take precedence."
            Some(Stickiness::LbCookie { .. }) => cookie(fields, "AWSALBCORS")
                .or_else(|| cookie(fields, "AWSALB"))
                .map(|value| key.open(Purpose::Target, value).unwrap_or_default()),
            // "Clients have to send back both cookies to maintain stickiness."
            Some(Stickiness::AppCookie { cookie_name, .. }) => cookie(fields, cookie_name)
                .and_then(|_| shards(fields))
                .map(|value| key.open(Purpose::Application, &value).unwrap_or_default()),
        };
        let Some(tickets) = tickets else { return Self { non_sticky: true, ..Self::default() } };
        let (own, others): (Vec<_>, Vec<_>) =
            tickets.into_iter().filter(|ticket| ticket.valid_until > now).partition(|ticket| ticket.group == group.id);
        // A target that is deregistered, draining or unhealthy is not eligible: the client gets another one.
        let target = own.first().and_then(|ticket| {
            group.eligible.iter().copied().find(|&index| group.targets[index].target == ticket.target)
        });
        Self { target, non_sticky: target.is_none(), asked: true, others }
    }
}

/// The cookies that the client will get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    group: u64,
    target: Target,
    /// Duration of group stickiness, in seconds.
    group_duration: Option<u32>,
    stickiness: Option<Stickiness>,
    bond: Bond,
    https: bool,
    /// A cross-origin request by a browser that requires `SameSite=None; Secure`.
    modern_cors: bool,
}

impl Session {
    /// The session of a request to this target; `None` if nothing is sticky.
    pub fn new(
        action: &RoutedForward,
        group: &RoutedTargetGroup,
        target: Target,
        bond: Bond,
        fields: Fields<'_>,
        https: bool,
    ) -> Option<Self> {
        let stickiness = stickiness_of(group, action).cloned();
        if action.stickiness_seconds.is_none() && stickiness.is_none() {
            return None;
        }
        let modern = fields.first(FieldKind::UserAgent).is_some_and(is_chromium_80);
        Some(Self {
            group: group.id,
            target,
            group_duration: action.stickiness_seconds,
            stickiness,
            bond,
            https,
            modern_cors: modern && fields.named(b"origin").next().is_some(),
        })
    }

    /// Values of the `Set-Cookie` fields added to a target's response: the group's before the target's, each followed
    /// by its twin for cross-origin requests. Every response gets all of them.
    pub fn set_cookies(
        &self,
        key: &CookieKey,
        now: Timestamp,
        mut nonce: impl FnMut() -> [u8; 12],
        response: Fields<'_>,
    ) -> Vec<String> {
        let expires = Timestamp::from_second(now.as_second() + COOKIE_LIFETIME_SECONDS).unwrap_or(now);
        let expires = expires.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let ticket = |seconds: i64| Ticket {
            group: self.group,
            target: self.target,
            valid_until: now.as_second().saturating_add(seconds),
        };
        let mut cookies = Vec::new();
        if let Some(seconds) = self.group_duration {
            let value = key.seal(Purpose::Group, &[ticket(seconds.into())], nonce());
            self.push_pair("AWSALBTG", &value, &expires, &mut cookies);
        }
        match &self.stickiness {
            None => {}
            Some(Stickiness::LbCookie { duration }) => {
                let value = key.seal(Purpose::Target, &[ticket(duration.as_secs() as i64)], nonce());
                self.push_pair("AWSALB", &value, &expires, &mut cookies);
            }
            Some(Stickiness::AppCookie { cookie_name, duration }) => {
                let mut tickets = self.bond.others.clone();
                // Bound by the application's cookie in this response or earlier, even if the target has changed.
                if self.bond.asked || sets_cookie(response, cookie_name) {
                    tickets.push(ticket(duration.as_secs() as i64));
                }
                let value =
                    if tickets.is_empty() { String::new() } else { key.seal(Purpose::Application, &tickets, nonce()) };
                self.push_shards(&value, &expires, &mut cookies);
            }
        }
        cookies
    }

    fn push_pair(&self, name: &str, value: &str, expires: &str, cookies: &mut Vec<String>) {
        let secure = if self.https { "; Secure" } else { "" };
        cookies.push(format!("{name}={value}; Expires={expires}; Path=/"));
        cookies.push(format!("{name}CORS={value}; Expires={expires}; Path=/; SameSite=None{secure}"));
    }

    fn push_shards(&self, value: &str, expires: &str, cookies: &mut Vec<String>) {
        let attributes = if self.modern_cors { "; SameSite=None; Secure" } else { "" };
        for shard in 0..SHARDS {
            let start = (shard * SHARD).min(value.len());
            let part = &value[start..(start + SHARD).min(value.len())];
            let part = if part.is_empty() { REMOVE } else { part };
            cookies.push(format!("AWSALBAPP-{shard}={part}; Expires={expires}; Path=/{attributes}"));
        }
    }
}

/// Which stickiness applies to requests that arrive through this action.
fn stickiness_of<'a>(group: &'a RoutedTargetGroup, action: &RoutedForward) -> Option<&'a Stickiness> {
    let works = |stickiness: &&Stickiness| match stickiness {
        Stickiness::LbCookie { .. } => true,
        // "Application-based stickiness does not work with weighted target groups."
        Stickiness::AppCookie { .. } => action.groups.len() == 1,
    };
    group.settings.attributes.stickiness.as_ref().filter(works)
}

/// Value of the first cookie of this name.
fn cookie<'a>(fields: Fields<'a>, name: &str) -> Option<&'a [u8]> {
    let pairs = fields.named(b"cookie").flat_map(|value| value.split(|&byte| byte == b';'));
    pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")).next()
}

/// The application cookie, joined from its shards; `None` if the client has none.
fn shards(fields: Fields<'_>) -> Option<Vec<u8>> {
    let mut value = cookie(fields, "AWSALBAPP-0").filter(|value| *value != REMOVE.as_bytes())?.to_vec();
    for shard in ["AWSALBAPP-1", "AWSALBAPP-2", "AWSALBAPP-3"] {
        match cookie(fields, shard).filter(|value| *value != REMOVE.as_bytes()) {
            Some(more) => value.extend_from_slice(more),
            None => break,
        }
    }
    Some(value)
}

/// "The load balancer only validates the name": a response that deletes the cookie counts as well.
fn sets_cookie(response: Fields<'_>, name: &str) -> bool {
    response.named(b"set-cookie").any(|value| {
        value
            .trim_ascii_start()
            .strip_prefix(name.as_bytes())
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
    })
}

fn is_chromium_80(user_agent: &[u8]) -> bool {
    let major = |word: &[u8]| {
        let at = memchr::memmem::find(user_agent, word)? + word.len();
        let digits = user_agent[at..].iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0_u32, |number, digit| number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))))
    };
    major(b"Chrome/").or_else(|| major(b"Chromium/")).is_some_and(|major| major >= 80)
}

#[cfg(test)]
mod tests;
