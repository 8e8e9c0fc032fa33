//! What is wrong with a rule or a listener, as data.

use neargate_model::{LoadBalancerName, TargetGroupName};

use crate::undecided::Undecided;
use crate::witness::Witness;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub kind: Kind,
    /// Where.
    pub place: Place,
}

/// A rule or a listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whose.
    pub load_balancer: LoadBalancerName,
    /// Index into its listeners.
    pub listener: usize,
    /// Index into the listener's rules; the default rule comes after the last.
    pub rule: Option<usize>,
}

/// What is wrong. Rules are indices into those of the listener; the default rule comes after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Earlier rules match all that the rule matches.
    Shadowed {
        /// Which of them, together.
        by: Vec<usize>,
    },
    /// The conditions of the rule contradict each other, or match nothing that a client can send.
    NeverMatches,
    /// A value of a condition with several decides nothing.
    ValueWithoutEffect {
        /// The condition's `field`.
        field: &'static str,
        /// Which of its values, from 0.
        value: usize,
        /// The rules that match it before; none if nothing can match it.
        by: Vec<usize>,
    },
    /// Without the rule, all its requests would find the same action.
    WithoutEffect,
    /// A rule that looks at less takes requests from a later one with another action.
    TakesFrom {
        /// The later rule.
        later: usize,
        /// A request that matches both.
        witness: Box<Witness>,
    },
    /// `/api/*` goes one way, `/api` another.
    PrefixWithoutRoot {
        /// The request without the slash.
        witness: Box<Witness>,
        /// Where that goes.
        goes_to: usize,
    },
    /// A regular expression that is found in the middle of a text, too.
    Unanchored {
        /// The condition's `field`.
        field: &'static str,
        /// The expression.
        expression: String,
        /// A text in which it is not found at the beginning.
        text: String,
    },
    /// Redirects lead back to where they began.
    RedirectLoop {
        /// The request that begins it.
        witness: Box<Witness>,
        /// Where each redirect leads.
        locations: Vec<String>,
    },
    /// A redirect to HTTPS on a port that speaks HTTP, or the reverse.
    RedirectToWrongProtocol {
        /// A request that is redirected so.
        witness: Box<Witness>,
        /// Where to.
        location: String,
    },
    /// A listener without TLS forwards, although there is one with TLS.
    PlainForward {
        /// A request that is forwarded.
        witness: Box<Witness>,
    },
    /// There is a listener with TLS, and none on port 80 that redirects to it.
    NoRedirectToHttps,
    /// Clients of the health check's path are redirected.
    HealthCheckRedirected {
        /// The group.
        group: TargetGroupName,
        /// The request.
        witness: Box<Witness>,
    },
    /// All weights of the action are 0.
    NoWeight,
    /// Every rule that forwards to the group decides nothing.
    UnreachableGroup {
        /// The group.
        group: TargetGroupName,
    },
    /// A host that the rule matches is in no certificate of the listener.
    HostWithoutCertificate {
        /// The host.
        host: String,
        /// Whether certificates name other hosts that the rule matches.
        others: bool,
    },
    /// It was not found out what the rule decides.
    Undecided(Undecided),
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; may be meant so.
    Note,
    /// Probably not what was meant.
    Warning,
}

/// Every name of a finding.
pub const IDS: [&str; 16] = [
    "shadowed",
    "never-matches",
    "partly-shadowed",
    "duplicate",
    "order",
    "prefix-hole",
    "regex-unanchored",
    "redirect-loop",
    "redirect-keeps-port",
    "plain-forward",
    "no-https-redirect",
    "health-path",
    "weight-zero",
    "unreachable-group",
    "host-not-in-certificate",
    "undecided",
];

impl Kind {
    /// The name by which a file accepts it.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Shadowed { .. } => "shadowed",
            Self::NeverMatches => "never-matches",
            Self::ValueWithoutEffect { .. } => "partly-shadowed",
            Self::WithoutEffect => "duplicate",
            Self::TakesFrom { .. } => "order",
            Self::PrefixWithoutRoot { .. } => "prefix-hole",
            Self::Unanchored { .. } => "regex-unanchored",
            Self::RedirectLoop { .. } => "redirect-loop",
            Self::RedirectToWrongProtocol { .. } => "redirect-keeps-port",
            Self::PlainForward { .. } => "plain-forward",
            Self::NoRedirectToHttps => "no-https-redirect",
            Self::HealthCheckRedirected { .. } => "health-path",
            Self::NoWeight => "weight-zero",
            Self::UnreachableGroup { .. } => "unreachable-group",
            Self::HostWithoutCertificate { .. } => "host-not-in-certificate",
            Self::Undecided(_) => "undecided",
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::TakesFrom { .. }
            | Self::PrefixWithoutRoot { .. }
            | Self::Unanchored { .. }
            | Self::HealthCheckRedirected { .. }
            | Self::HostWithoutCertificate { others: true, .. }
            | Self::Undecided(_) => Severity::Note,
            _ => Severity::Warning,
        }
    }

    /// A request that shows it.
    pub fn witness(&self) -> Option<&Witness> {
        match self {
            Self::TakesFrom { witness, .. }
            | Self::PrefixWithoutRoot { witness, .. }
            | Self::RedirectLoop { witness, .. }
            | Self::RedirectToWrongProtocol { witness, .. }
            | Self::PlainForward { witness }
            | Self::HealthCheckRedirected { witness, .. } => Some(witness),
            _ => None,
        }
    }
}
