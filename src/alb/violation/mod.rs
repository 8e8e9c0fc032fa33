//! Why a change to load balancers, target groups or security groups is refused, as the API says it: a code and a message
//! (ELBv2 API reference, "Common errors" and the errors of each action; EC2 API reference, "Error codes").
//!
//! A file says the same with its own words and a caret; what the rule is stands here. Where AWS's own message is not known
//! from its documentation or from a report, the message says the rule in the form of those that are.

pub mod problems;

use std::fmt;
use std::time::Duration;

use neargate_model::arn::Arn;
use neargate_model::quota::Quota;
use neargate_model::rule::{AuthenticateAction, Condition};
use neargate_model::security_group::{IngressRule, IpProtocol, Source};
use neargate_model::target_group::{Algorithm, ProtocolVersion};
use neargate_model::{CertificateId, ListenerId, LoadBalancerName, RuleId, SecurityGroupName, TargetGroupName};

use crate::limits::OutOfRange;
use problems::{AttributeProblem, NameKind, NameProblem, RedirectPart, RedirectProblem, ValueProblem};

/// A refused change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// CreateLoadBalancer with a name that is taken.
    DuplicateLoadBalancerName(LoadBalancerName),
    /// There is no such load balancer.
    LoadBalancerNotFound(LoadBalancerName),
    /// Two listeners of one load balancer on one port.
    DuplicateListener {
        /// That port.
        port: u16,
    },
    /// There is no such listener.
    ListenerNotFound(ListenerId),
    /// Two rules of one listener with one priority.
    PriorityInUse {
        /// That priority.
        priority: u32,
    },
    /// SetRulePriorities with one priority for two rules.
    PriorityProvidedTwice {
        /// That priority.
        priority: u32,
    },
    /// A number outside of its range.
    OutOfRange(OutOfRange),
    /// A name that a load balancer or a target group cannot have.
    InvalidName {
        /// What it names.
        kind: NameKind,
        /// The name.
        name: String,
        /// Why not.
        problem: NameProblem,
    },
    /// A rule without conditions.
    NoConditions,
    /// A condition without values.
    NoConditionValues,
    /// A rule with two conditions of a kind of which it may have one.
    ConditionTwice {
        /// That kind.
        field: &'static str,
    },
    /// A value that a condition does not take.
    InvalidConditionValue {
        /// The kind of condition.
        field: &'static str,
        /// Why not.
        problem: ValueProblem,
    },
    /// More wildcards in one rule than AWS takes.
    TooManyWildcards {
        /// How many there are.
        count: usize,
    },
    /// More condition values in one rule than AWS takes.
    TooManyConditionValues {
        /// How many there are.
        count: usize,
    },
    /// There is no such rule.
    RuleNotFound(RuleId),
    /// CreateTargetGroup with a name that is taken.
    DuplicateTargetGroupName(TargetGroupName),
    /// There is no such target group.
    TargetGroupNotFound(TargetGroupName),
    /// PutMetricAlarm with another `Period` than 10, 20, 30 or a multiple of 60 seconds (CloudWatch).
    InvalidAlarmPeriod(u32),
    /// PutMetricAlarm with `EvaluationPeriods` 0 (CloudWatch).
    NoEvaluationPeriods,
    /// PutMetricAlarm with `DatapointsToAlarm` 0, or more than `EvaluationPeriods` (CloudWatch).
    InvalidDatapointsToAlarm,
    /// PutMetricAlarm with periods of more than a day together (CloudWatch).
    AlarmLooksBackTooLong,
    /// More than the account may have.
    QuotaExceeded(Quota),
    /// A listener names a certificate that nobody requested.
    CertificateNotFound(CertificateId),
    /// DeleteCertificate of a certificate that does not exist (ACM).
    NoSuchCertificate(CertificateId),
    /// DeleteCertificate while a listener has it (ACM).
    CertificateInUse(CertificateId),
    /// DeleteTargetGroup while an action forwards to it.
    TargetGroupInUse(TargetGroupName),
    /// An action forwards to a target group of another load balancer.
    TargetGroupAssociationLimit(TargetGroupName),
    /// The timeout of a health check is not below its interval.
    TimeoutNotBelowInterval {
        /// The timeout.
        timeout: Duration,
        /// The interval.
        interval: Duration,
    },
    /// A path that health checks cannot ask for.
    InvalidHealthCheckPath(String),
    /// Codes that are not those of a target group's protocol.
    InvalidMatcher {
        /// The protocol.
        version: ProtocolVersion,
        /// The codes, as they are written.
        codes: String,
    },
    /// Health checks are turned off, which targets of type `ip` do not take.
    HealthChecksTurnedOff,
    /// Anomaly mitigation with an algorithm that has none.
    AnomalyMitigationWithoutWeightedRandom,
    /// Slow start with an algorithm that has none.
    SlowStartWithoutRoundRobin(Algorithm),
    /// Stickiness with an algorithm that excludes it.
    StickinessWithWeightedRandom,
    /// Stickiness while cross-zone load balancing is off.
    StickinessWithoutCrossZone,
    /// A key or a value that is no attribute's.
    Attribute(AttributeProblem),
    /// `app_cookie` without the name of the cookie.
    CookieNameMissing,
    /// The name of a cookie of the load balancer.
    ReservedCookieName(String),
    /// DNS would leave a zone out only after routing has failed over.
    DnsFailoverBelowRouting {
        /// Whether the percentages are meant rather than the counts.
        percentage: bool,
    },
    /// An action of a kind that needs an HTTPS listener.
    ActionNeedsHttps(AuthenticateAction),
    /// A target group that works behind HTTPS listeners only.
    ProtocolVersionNeedsHttps {
        /// The group.
        group: TargetGroupName,
        /// Its protocol.
        version: ProtocolVersion,
    },
    /// A forward action without target groups.
    NoTargetGroups,
    /// More target groups in one action than AWS takes.
    TooManyTargetGroupsInAction {
        /// How many there are.
        count: usize,
    },
    /// A target group that an action names twice.
    TargetGroupTwiceInAction(TargetGroupName),
    /// A sticky target group in an action with several, which is not sticky itself.
    StickyTargetGroupInAction(TargetGroupName),
    /// A part of a redirect.
    InvalidRedirect {
        /// Which part.
        part: RedirectPart,
        /// What it says.
        text: String,
        /// Why it is refused.
        problem: RedirectProblem,
    },
    /// A redirect from HTTPS to HTTP.
    RedirectToHttp,
    /// A redirect to the URL of the request.
    RedirectLoop,
    /// A status that a fixed response does not have.
    InvalidFixedStatus(u16),
    /// A type that a fixed response does not have.
    InvalidFixedType(String),
    /// The body of a fixed response is too long.
    FixedBodyTooLong,
    /// An HTTPS listener without a certificate.
    CertificateMissing,
    /// A security policy that does not exist.
    SslPolicyNotFound(String),
    /// The value of a response header is too long.
    HeaderValueTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A character that the value of a response header may not contain.
    InvalidHeaderCharacter(char),
    /// A name that a request header cannot have.
    InvalidHeaderName(String),
    /// A range of ports that runs backwards.
    InvalidPortRange {
        /// The first port.
        from: u16,
        /// The last port.
        to: u16,
    },
    /// More security groups than a network interface can be in.
    TooManySecurityGroups {
        /// How many there are.
        count: usize,
    },
    /// The expression of a rewrite is too long.
    RewriteRegexTooLong {
        /// The limit, in characters.
        most: usize,
    },
    /// The replacement of a rewrite is too long.
    RewriteReplaceTooLong {
        /// The limit, in characters.
        most: usize,
    },
    /// The expression of a rewrite does not compile.
    InvalidRewriteRegex {
        /// The expression.
        regex: String,
        /// Why not, as access logs say it.
        status: &'static str,
    },
    /// DeregisterTargets for a target that is not registered.
    InvalidTarget(String),
    /// CreateSecurityGroup with a name that is taken.
    DuplicateSecurityGroup(SecurityGroupName),
    /// There is no such security group.
    SecurityGroupNotFound(SecurityGroupName),
    /// DeleteSecurityGroup while something is in the group or refers to it.
    SecurityGroupInUse(SecurityGroupName),
    /// AuthorizeSecurityGroupIngress with a rule that is there already.
    DuplicatePermission(IngressRule),
    /// RevokeSecurityGroupIngress with a rule that is not there.
    PermissionNotFound,
}

impl Violation {
    /// `Code` of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DuplicateLoadBalancerName(_) => "DuplicateLoadBalancerName",
            Self::LoadBalancerNotFound(_) => "LoadBalancerNotFound",
            Self::DuplicateListener { .. } => "DuplicateListener",
            Self::ListenerNotFound(_) => "ListenerNotFound",
            Self::PriorityInUse { .. } => "PriorityInUse",
            Self::PriorityProvidedTwice { .. }
            | Self::OutOfRange(_)
            | Self::InvalidName { .. }
            | Self::NoConditions
            | Self::NoConditionValues
            | Self::ConditionTwice { .. }
            | Self::InvalidConditionValue { .. }
            | Self::TooManyWildcards { .. }
            | Self::TooManyConditionValues { .. }
            | Self::TimeoutNotBelowInterval { .. }
            | Self::InvalidHealthCheckPath(_)
            | Self::InvalidMatcher { .. }
            | Self::InvalidAlarmPeriod(_)
            | Self::NoEvaluationPeriods
            | Self::InvalidDatapointsToAlarm
            | Self::AlarmLooksBackTooLong
            | Self::HealthChecksTurnedOff
            | Self::Attribute(_)
            | Self::CookieNameMissing
            | Self::ReservedCookieName(_)
            | Self::NoTargetGroups
            | Self::TargetGroupTwiceInAction(_)
            | Self::InvalidRedirect { .. }
            | Self::InvalidFixedStatus(_)
            | Self::FixedBodyTooLong
            | Self::CertificateMissing
            | Self::HeaderValueTooLong { .. }
            | Self::InvalidHeaderCharacter(_)
            | Self::RewriteRegexTooLong { .. }
            | Self::RewriteReplaceTooLong { .. }
            | Self::InvalidRewriteRegex { .. }
            | Self::InvalidHeaderName(_) => "ValidationError",
            Self::AnomalyMitigationWithoutWeightedRandom
            | Self::SlowStartWithoutRoundRobin(_)
            | Self::StickinessWithWeightedRandom
            | Self::StickinessWithoutCrossZone
            | Self::DnsFailoverBelowRouting { .. }
            | Self::StickyTargetGroupInAction(_) => "InvalidConfigurationRequest",
            Self::ActionNeedsHttps(_)
            | Self::ProtocolVersionNeedsHttps { .. }
            | Self::RedirectToHttp
            | Self::RedirectLoop
            | Self::InvalidFixedType(_) => "InvalidLoadBalancerAction",
            Self::TooManyTargetGroupsInAction { .. } => "TooManyTargetGroups",
            Self::SslPolicyNotFound(_) => "SSLPolicyNotFound",
            Self::InvalidPortRange { .. } => "InvalidParameterValue",
            Self::TooManySecurityGroups { .. } => "SecurityGroupsPerInterfaceLimitExceeded",
            Self::RuleNotFound(_) => "RuleNotFound",
            Self::DuplicateTargetGroupName(_) => "DuplicateTargetGroupName",
            Self::TargetGroupNotFound(_) => "TargetGroupNotFound",
            Self::TargetGroupInUse(_) => "ResourceInUse",
            Self::QuotaExceeded(quota) => match quota {
                Quota::RulesPerLoadBalancer => "TooManyRules",
                Quota::ListenersPerLoadBalancer => "TooManyListeners",
                Quota::CertificatesPerLoadBalancer => "TooManyCertificates",
                Quota::TargetGroupsPerLoadBalancer => "TooManyUniqueTargetGroupsPerLoadBalancer",
                Quota::TargetsPerTargetGroup | Quota::TargetsPerLoadBalancer => "TooManyTargets",
            },
            Self::CertificateNotFound(_) => "CertificateNotFound",
            Self::NoSuchCertificate(_) => "ResourceNotFoundException",
            Self::CertificateInUse(_) => "ResourceInUseException",
            Self::TargetGroupAssociationLimit(_) => "TargetGroupAssociationLimit",
            Self::InvalidTarget(_) => "InvalidTarget",
            Self::DuplicateSecurityGroup(_) => "InvalidGroup.Duplicate",
            Self::SecurityGroupNotFound(_) => "InvalidGroup.NotFound",
            Self::SecurityGroupInUse(_) => "DependencyViolation",
            Self::DuplicatePermission(_) => "InvalidPermission.Duplicate",
            Self::PermissionNotFound => "InvalidPermission.NotFound",
        }
    }
}

/// `Message` of the error.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateLoadBalancerName(name) => {
                write!(f, "A load balancer with the same name '{name}' exists, but with different settings")
            }
            Self::LoadBalancerNotFound(name) => write!(f, "Load balancers '[{}]' not found", Arn::load_balancer(name)),
            Self::DuplicateListener { .. } => f.write_str("A listener with the specified port already exists."),
            Self::ListenerNotFound(_) => f.write_str("One or more listeners not found"),
            Self::PriorityInUse { .. } => f.write_str("The specified priority is in use."),
            Self::PriorityProvidedTwice { priority } => write!(f, "Priority '{priority}' was provided multiple times"),
            Self::TooManyConditionValues { .. } => {
                write!(f, "A rule can only have '{}' condition values and regex values", Condition::VALUES_PER_RULE)
            }
            Self::OutOfRange(out) => out.fmt(f),
            Self::TooManySecurityGroups { .. } => {
                f.write_str("The maximum number of security groups per interface has been reached.")
            }
            Self::RewriteRegexTooLong { most } => too_long("regex", *most, f),
            Self::RewriteReplaceTooLong { most } => too_long("replace", *most, f),
            Self::InvalidRewriteRegex { regex, .. } => write!(f, "The regex '{regex}' of a transform is not valid"),
            Self::InvalidName { kind, name, problem } => invalid_name(*kind, name, *problem, f),
            Self::NoConditions => f.write_str("A condition must be specified"),
            Self::NoConditionValues => f.write_str("A condition value must be specified"),
            Self::ConditionTwice { field } => write!(f, "A rule can only have one '{field}' condition"),
            Self::InvalidConditionValue { field, problem } => invalid_value(field, problem, f),
            Self::TooManyWildcards { .. } => f.write_str("A rule can only have '6' wildcards"),
            Self::TimeoutNotBelowInterval { timeout, interval } => write!(
                f,
                "Health check timeout '{}' must be smaller than the interval '{}'",
                timeout.as_secs(),
                interval.as_secs()
            ),
            Self::InvalidHealthCheckPath(path) => write!(f, "Health check path '{path}' is not a valid path"),
            Self::InvalidMatcher { version: ProtocolVersion::Grpc, codes } => {
                write!(f, "Health check matcher GRPC code '{codes}' must be within '0-99' inclusive")
            }
            Self::InvalidMatcher { codes, .. } => {
                write!(f, "Health check matcher HTTP code '{codes}' must be within '200-499' inclusive")
            }
            Self::InvalidAlarmPeriod(_) => f.write_str("Period must be 10, 20, 30 or a multiple of 60"),
            Self::NoEvaluationPeriods => f.write_str("EvaluationPeriods must be at least 1"),
            Self::InvalidDatapointsToAlarm => {
                f.write_str("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods")
            }
            Self::AlarmLooksBackTooLong => f.write_str("Period times EvaluationPeriods must be at most 86400 seconds"),
            Self::HealthChecksTurnedOff => {
                f.write_str("Health check enabled must be true for target groups with target type 'ip'")
            }
            Self::AnomalyMitigationWithoutWeightedRandom => f.write_str(
                "'load_balancing.algorithm.anomaly_mitigation' can be enabled only if 'load_balancing.algorithm.type' is \
                 'weighted_random'",
            ),
            Self::SlowStartWithoutRoundRobin(algorithm) => {
                let algorithm = match algorithm {
                    Algorithm::RoundRobin => "round robin",
                    Algorithm::LeastOutstandingRequests => "least outstanding requests",
                    Algorithm::WeightedRandom => "weighted random",
                };
                write!(f, "You cannot enable both slow start and {algorithm} algorithm on a target group")
            }
            Self::StickinessWithWeightedRandom => f.write_str(
                "You cannot have both stickiness and weighted random algorithm enabled on the same target group.",
            ),
            Self::StickinessWithoutCrossZone => f.write_str(
                "'stickiness.enabled' cannot be true if 'load_balancing.cross_zone.enabled' is 'false'",
            ),
            Self::Attribute(problem) => problem.fmt(f),
            Self::CookieNameMissing => {
                f.write_str("'stickiness.app_cookie.cookie_name' must be specified if 'stickiness.type' is 'app_cookie'")
            }
            Self::ReservedCookieName(name) => {
                write!(f, "'stickiness.app_cookie.cookie_name' value '{name}' is reserved for the load balancer")
            }
            Self::DnsFailoverBelowRouting { percentage } => {
                let unit = if *percentage { "percentage" } else { "count" };
                write!(
                    f,
                    "'target_group_health.dns_failover.minimum_healthy_targets.{unit}' must be greater than or equal to \
                     'target_group_health.unhealthy_state_routing.minimum_healthy_targets.{unit}'"
                )
            }
            Self::ActionNeedsHttps(action) => {
                let action = match action {
                    AuthenticateAction::Oidc => "authenticate-oidc",
                    AuthenticateAction::Cognito => "authenticate-cognito",
                    AuthenticateAction::JwtValidation => "jwt-validation",
                };
                write!(f, "Actions of type '{action}' are supported only on HTTPS listeners")
            }
            Self::ProtocolVersionNeedsHttps { version, .. } => {
                let version = match version {
                    ProtocolVersion::Http1 => "HTTP1",
                    ProtocolVersion::Http2 => "HTTP2",
                    ProtocolVersion::Grpc => "GRPC",
                };
                write!(
                    f,
                    "Listener protocol 'HTTP' is not supported with a target group with the protocol-version '{version}'"
                )
            }
            Self::NoTargetGroups => f.write_str("A target group must be specified"),
            Self::TooManyTargetGroupsInAction { .. } => {
                f.write_str("You've reached the limit on the number of target groups per action.")
            }
            Self::TargetGroupTwiceInAction(name) => {
                write!(f, "Target group '{}' was provided multiple times", Arn::target_group(name))
            }
            Self::StickyTargetGroupInAction(name) => write!(
                f,
                "This target group appears behind a rule with group stickiness disabled ({}). You must enable group \
                 stickiness before enabling target stickiness",
                Arn::target_group(name)
            ),
            Self::InvalidRedirect { part, text, problem } => invalid_redirect(*part, text, problem, f),
            Self::RedirectToHttp => f.write_str("Redirects from HTTPS to HTTP are not supported"),
            Self::RedirectLoop => {
                f.write_str("The redirect configuration is not valid because it creates a loop.")
            }
            Self::InvalidFixedStatus(status) => write!(
                f,
                "1 validation error detected: Value '{status}' at 'actions.1.member.fixedResponseConfig.statusCode' failed \
                 to satisfy constraint: Member must satisfy regular expression pattern: ^(2|4|5)\\d\\d$"
            ),
            Self::InvalidFixedType(_) => f.write_str(
                "The ContentType must be one of:'text/html', 'application/json', 'application/javascript', 'text/css', \
                 'text/plain'",
            ),
            Self::FixedBodyTooLong => f.write_str(
                "1 validation error detected: Value at 'actions.1.member.fixedResponseConfig.messageBody' failed to \
                 satisfy constraint: Member must have length less than or equal to 1024",
            ),
            Self::CertificateMissing => f.write_str("A certificate must be specified for HTTPS listeners"),
            Self::SslPolicyNotFound(name) => write!(f, "SSL policy '{name}' not found"),
            Self::HeaderValueTooLong { .. } => f.write_str("A header value cannot be longer than '1024' bytes"),
            Self::InvalidHeaderCharacter(letter) => {
                write!(f, "A header value contains the character '{letter}', which is not valid")
            }
            Self::InvalidHeaderName(name) => write!(f, "'{name}' is not a valid header name"),
            Self::InvalidPortRange { from, to } => {
                write!(f, "Invalid value '{from}-{to}' for portRange. The range runs backwards.")
            }
            Self::RuleNotFound(_) => f.write_str("One or more rules not found"),
            Self::DuplicateTargetGroupName(_) => f.write_str("A target group with the specified name already exists."),
            Self::TargetGroupNotFound(name) => write!(f, "Target group '{}' not found", Arn::target_group(name)),
            Self::QuotaExceeded(quota) => {
                f.write_str("You've reached the limit on the number of ")?;
                f.write_str(match quota {
                    Quota::RulesPerLoadBalancer => "rules per load balancer.",
                    Quota::ListenersPerLoadBalancer => "listeners per load balancer.",
                    Quota::CertificatesPerLoadBalancer => "certificates per load balancer.",
                    Quota::TargetGroupsPerLoadBalancer => {
                        "unique target groups per load balancer across all listeners."
                    }
                    Quota::TargetsPerTargetGroup | Quota::TargetsPerLoadBalancer => "targets.",
                })
            }
            Self::CertificateNotFound(id) => write!(f, "Certificate '{}' not found", Arn::certificate(id)),
            Self::NoSuchCertificate(id) => write!(f, "Could not find certificate {}.", Arn::certificate(id)),
            Self::CertificateInUse(id) => write!(f, "Certificate {} is in use.", Arn::certificate(id)),
            Self::TargetGroupInUse(name) => {
                write!(f, "Target group '{}' is currently in use by a listener or a rule", Arn::target_group(name))
            }
            Self::TargetGroupAssociationLimit(name) => write!(
                f,
                "The following target groups cannot be associated with more than one load balancer: {}",
                Arn::target_group(name)
            ),
            Self::InvalidTarget(target) => write!(f, "The following targets are not registered: {target}"),
            Self::DuplicateSecurityGroup(name) => write!(f, "The security group '{name}' already exists"),
            Self::SecurityGroupNotFound(name) => write!(f, "The security group '{name}' does not exist"),
            Self::SecurityGroupInUse(name) => write!(f, "resource {name} has a dependent object"),
            Self::DuplicatePermission(rule) => {
                write!(f, "the specified rule \"{}\" already exists", permission(rule))
            }
            Self::PermissionNotFound => f.write_str("The specified rule does not exist in this security group."),
        }
    }
}

impl std::error::Error for Violation {}

/// A text of a rewrite, in the words of a parameter that is checked against the API's model.
fn too_long(what: &str, most: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "1 validation error detected: Value at '{what}' failed to satisfy constraint: Member must have length less than or \
         equal to {most}"
    )
}

impl From<OutOfRange> for Violation {
    fn from(out: OutOfRange) -> Self {
        Self::OutOfRange(out)
    }
}

fn invalid_name(kind: NameKind, name: &str, problem: NameProblem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let kind = match kind {
        NameKind::LoadBalancer => "Load balancer",
        NameKind::TargetGroup => "Target group",
    };
    match problem {
        NameProblem::Empty => write!(f, "{kind} name cannot be empty"),
        NameProblem::TooLong => write!(f, "{kind} name '{name}' cannot be longer than '32' characters"),
        NameProblem::Characters => {
            write!(f, "{kind} name '{name}' can only contain characters that are alphanumeric characters or hyphens(-)")
        }
        NameProblem::Hyphen => write!(f, "{kind} name '{name}' cannot begin or end with a hyphen(-)"),
        NameProblem::Internal => write!(f, "{kind} name '{name}' cannot begin with 'internal-'"),
    }
}

fn invalid_value(field: &str, problem: &ValueProblem, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match problem {
        ValueProblem::Empty => write!(f, "The '{field}' value cannot be empty"),
        ValueProblem::TooLong { most } => write!(f, "The '{field}' value is too long; the limit is '{most}'"),
        ValueProblem::Character { letter, .. } => {
            write!(f, "The '{field}' value contains the character '{letter}', which is not valid")
        }
        ValueProblem::NoHost => write!(f, "The '{field}' value is not a valid host name"),
        ValueProblem::HostHeader => write!(f, "The '{field}' name cannot be 'Host'"),
        ValueProblem::Broadcast => write!(f, "The '{field}' value '255.255.255.255/32' is not valid"),
        ValueProblem::Regex(why) => write!(f, "The '{field}' regular expression is not valid: {why}"),
    }
}

fn invalid_redirect(
    part: RedirectPart,
    text: &str,
    problem: &RedirectProblem,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match problem {
        RedirectProblem::Protocol => write!(
            f,
            "1 validation error detected: Value '{text}' at 'actions.1.member.redirectConfig.protocol' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: ^(HTTPS?|#\\{{protocol\\}})$"
        ),
        RedirectProblem::Length { least, most, .. } => write!(
            f,
            "1 validation error detected: Value '{text}' at 'actions.1.member.redirectConfig.{part}' failed to satisfy \
             constraint: Member must have length between {least} and {most}"
        ),
        RedirectProblem::Port => {
            write!(f, "The redirect port '{text}' must be between '1-65535' inclusive or #{{port}}")
        }
        RedirectProblem::NoSlash => write!(f, "The redirect path '{text}' must start with '/'"),
        RedirectProblem::QuestionMark => write!(f, "The redirect query '{text}' cannot start with '?'"),
        RedirectProblem::NotAName => write!(f, "The redirect host '{text}' is not a valid host name"),
        RedirectProblem::Unclosed => write!(f, "The redirect {part} '{text}' contains a keyword that is not closed"),
        RedirectProblem::Keyword(keyword) => {
            write!(f, "The redirect {part} '{text}' contains the keyword '#{{{keyword}}}', which is not valid there")
        }
    }
}

/// `peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW`
fn permission(rule: &IngressRule) -> String {
    let peer = match &rule.source {
        Source::Cidr(network) => network.to_string(),
        Source::SecurityGroup(group) => group.to_string(),
    };
    match rule.protocol {
        IpProtocol::All => format!("peer: {peer}, ALL, ALLOW"),
        IpProtocol::Tcp => {
            format!("peer: {peer}, TCP, from port: {}, to port: {}, ALLOW", rule.from_port, rule.to_port)
        }
        IpProtocol::Udp => {
            format!("peer: {peer}, UDP, from port: {}, to port: {}, ALLOW", rule.from_port, rule.to_port)
        }
    }
}
