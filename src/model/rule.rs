//! Rules: conditions, actions, priorities (ALB user guide, "Listener rules"; ELBv2 API: Rule, RuleCondition, Action).

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::ids::{LoadBalancerName, TargetGroupName};

/// Where a rule is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListenerRule {
    /// Whose listener it is in.
    pub load_balancer: LoadBalancerName,
    /// The listener's port.
    pub listener: u16,
    /// `None` for the listener's default rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

impl fmt::Display for ListenerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listener = self.listener;
        match self.priority {
            Some(priority) => write!(f, "rule {priority} of listener {listener}"),
            None => write!(f, "the default rule of listener {listener}"),
        }
    }
}

/// One rule of a listener, other than its default rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// 1–50000, unique per listener; rules are tried in ascending order.
    pub priority: u32,
    /// All must match. Never empty.
    pub conditions: Vec<Condition>,
    /// What happens to a request that matches.
    pub actions: Actions,
    /// How it is rewritten before it is forwarded.
    pub transforms: Transforms,
}

/// Transforms of a rule: at most one of each type; the default rule has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transforms {
    /// `host-header-rewrite`
    pub host_header: Option<Rewrite>,
    /// `url-rewrite`
    pub url: Option<Rewrite>,
}

/// `RewriteConfig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The pattern to look for: at most 1024 characters.
    pub regex: String,
    /// The replacement, with `$1` for groups: at most 1024 characters.
    pub replace: String,
}

/// One condition; its values are alternatives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// `host-header`: case-insensitive, `*` and `?`.
    HostHeader(Patterns),
    /// `path-pattern`: case-sensitive, `*` and `?`, the path only.
    PathPattern(Patterns),
    /// `http-header`: name and values case-insensitive.
    HttpHeader {
        /// Header name, as written.
        name: String,
        /// Values to compare with.
        values: Patterns,
    },
    /// `http-request-method`: exact, case-sensitive.
    HttpRequestMethod(Vec<String>),
    /// `query-string`: case-insensitive, `*` and `?`, `\` escapes.
    QueryString(Vec<QueryStringPair>),
    /// `source-ip`: the peer of the TCP connection.
    SourceIp(Vec<IpNet>),
}

impl Condition {
    /// How many values the conditions of one rule may have together. The guide says three values per condition, but AWS
    /// is known to refuse only the sixth value of a rule.
    pub const VALUES_PER_RULE: usize = 5;

    /// How many values the condition has.
    pub fn values(&self) -> usize {
        match self {
            Self::HostHeader(patterns) | Self::PathPattern(patterns) | Self::HttpHeader { values: patterns, .. } => {
                match patterns {
                    Patterns::Wildcards(values) | Patterns::Regexes(values) => values.len(),
                }
            }
            Self::HttpRequestMethod(methods) => methods.len(),
            Self::QueryString(pairs) => pairs.len(),
            Self::SourceIp(networks) => networks.len(),
        }
    }

    /// Its values, as people write them; a regular expression is marked as one.
    pub fn texts(&self) -> Vec<String> {
        let patterns = |patterns: &Patterns| match patterns {
            Patterns::Wildcards(values) => values.clone(),
            Patterns::Regexes(values) => values.iter().map(|value| format!("regex {value}")).collect(),
        };
        match self {
            Self::HostHeader(values) | Self::PathPattern(values) => patterns(values),
            Self::HttpHeader { name, values } => {
                patterns(values).into_iter().map(|value| format!("{name}: {value}")).collect()
            }
            Self::HttpRequestMethod(methods) => methods.clone(),
            Self::QueryString(pairs) => pairs
                .iter()
                .map(|pair| match &pair.key {
                    Some(key) => format!("{key}={}", pair.value),
                    None => pair.value.clone(),
                })
                .collect(),
            Self::SourceIp(networks) => networks.iter().map(IpNet::to_string).collect(),
        }
    }

    /// `Field` of the API.
    pub fn field(&self) -> &'static str {
        match self {
            Self::HostHeader(_) => "host-header",
            Self::PathPattern(_) => "path-pattern",
            Self::HttpHeader { .. } => "http-header",
            Self::HttpRequestMethod(_) => "http-request-method",
            Self::QueryString(_) => "query-string",
            Self::SourceIp(_) => "source-ip",
        }
    }
}

/// Values of a condition: wildcards or regular expressions, never both in one condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Patterns {
    /// `*` any run of characters, `?` exactly one.
    Wildcards(Vec<String>),
    /// RE2 expressions; unanchored unless they contain anchors.
    Regexes(Vec<String>),
}

/// One value of a `query-string` condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryStringPair {
    /// `None` compares the value with the value of any key.
    pub key: Option<String>,
    /// Pattern for the value.
    pub value: String,
}

/// The routing action of a rule, which is the last of its actions. An authentication action before it has no effect
/// here, so the topology leaves it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// Send to one of these groups, by weight.
    Forward(Forward),
    /// Answer 301 or 302.
    Redirect(Redirect),
    /// Answer with a fixed page.
    FixedResponse(FixedResponse),
}

/// Actions in the order in which they are performed (ELBv2 API reference, Action, `Order`): exactly one routes the
/// request, and it is the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Actions {
    /// Authentication actions, in order. They are stored but have no effect: requests pass as if the client had
    /// satisfied them.
    pub before: Vec<AuthenticateAction>,
    /// What happens to the request.
    pub routing: Action,
}

impl From<Action> for Actions {
    fn from(routing: Action) -> Self {
        Self { before: Vec::new(), routing }
    }
}

/// An action that may precede the routing action (ELBv2 API reference, ActionTypeEnum).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthenticateAction {
    /// `authenticate-oidc`
    Oidc,
    /// `authenticate-cognito`
    Cognito,
    /// `jwt-validation`
    JwtValidation,
}

impl Action {
    /// The target groups that it forwards to.
    pub fn forwards_to(&self) -> impl Iterator<Item = &TargetGroupName> {
        let groups = match self {
            Self::Forward(forward) => forward.target_groups.as_slice(),
            Self::Redirect(_) | Self::FixedResponse(_) => &[],
        };
        groups.iter().map(|weighted| &weighted.target_group)
    }
}

/// `ForwardConfig`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forward {
    /// 1–5 groups.
    pub target_groups: Vec<WeightedTargetGroup>,
    /// `TargetGroupStickinessConfig.DurationSeconds` (1–604800) when enabled.
    pub stickiness_seconds: Option<u32>,
}

/// A group and its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedTargetGroup {
    /// Key of the topology's target groups.
    pub target_group: TargetGroupName,
    /// 0–999.
    pub weight: u16,
}

/// `RedirectActionConfig`, with AWS's defaults filled in where a part was omitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// `HTTP`, `HTTPS` or `#{protocol}`.
    pub protocol: String,
    /// Text with keywords; default `#{host}`.
    pub host: String,
    /// Number or `#{port}`.
    pub port: String,
    /// Begins with `/`; default `/#{path}`.
    pub path: String,
    /// Without `?`; default `#{query}`.
    pub query: String,
    /// 301 or 302.
    pub status_code: u16,
}

impl Redirect {
    /// All parts as AWS fills them in when they are omitted.
    pub fn with_defaults(status_code: u16) -> Self {
        Self {
            protocol: "#{protocol}".into(),
            host: "#{host}".into(),
            port: "#{port}".into(),
            path: "/#{path}".into(),
            query: "#{query}".into(),
            status_code,
        }
    }
}

/// `FixedResponseActionConfig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixedResponse {
    /// 2xx, 4xx or 5xx.
    pub status_code: u16,
    /// One of the five media types AWS allows.
    pub content_type: Option<String>,
    /// At most 1024 characters.
    pub message_body: String,
}
