//! The ranges of the API's numbers (ELBv2 API reference, "Valid Range" of each parameter; ALB user guide, "Edit target
//! group attributes for your Application Load Balancer", "Edit attributes for your Application Load Balancer").

use std::fmt;
use std::time::Duration;

/// A number of the API and the values that it may have.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    kind: Kind,
    /// The lowest value.
    pub least: u32,
    /// The highest value.
    pub most: u32,
}

/// A parameter is checked against the API's model before the service sees it, an attribute by the service: each has its
/// own words.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Parameter(&'static str),
    Attribute(&'static str),
}

use Kind::{Attribute, Parameter};

const fn limit(kind: Kind, least: u32, most: u32) -> Limit {
    Limit { kind, least, most }
}

/// `Port` of a listener, a target group or a target.
pub static PORT: Limit = limit(Parameter("port"), 1, 65535);
/// `Priority` of a rule.
pub static PRIORITY: Limit = limit(Parameter("priority"), 1, 50000);
/// `Order` of an action.
pub static ORDER: Limit = limit(Parameter("order"), 1, 50000);
/// `Weight` of a target group in a forward action.
pub static WEIGHT: Limit = limit(Parameter("weight"), 0, 999);
/// `TargetGroupStickinessConfig.DurationSeconds`
pub static GROUP_STICKINESS: Limit = limit(Parameter("durationSeconds"), 1, 604_800);
/// `HealthCheckIntervalSeconds`
pub static HEALTH_CHECK_INTERVAL: Limit = limit(Parameter("healthCheckIntervalSeconds"), 5, 300);
/// `HealthCheckTimeoutSeconds`
pub static HEALTH_CHECK_TIMEOUT: Limit = limit(Parameter("healthCheckTimeoutSeconds"), 2, 120);
/// `HealthyThresholdCount`
pub static HEALTHY_THRESHOLD: Limit = limit(Parameter("healthyThresholdCount"), 2, 10);
/// `UnhealthyThresholdCount`
pub static UNHEALTHY_THRESHOLD: Limit = limit(Parameter("unhealthyThresholdCount"), 2, 10);
/// How long a deregistered target drains.
pub static DEREGISTRATION_DELAY: Limit = limit(Attribute("deregistration_delay.timeout_seconds"), 0, 3600);
/// How long a new target is warmed up, unless it is 0.
pub static SLOW_START: Limit = limit(Attribute("slow_start.duration_seconds"), 30, 900);
/// How long a client stays with a target by the load balancer's cookie.
pub static LB_COOKIE: Limit = limit(Attribute("stickiness.lb_cookie.duration_seconds"), 1, 604_800);
/// How long a client stays with a target by the application's cookie.
pub static APP_COOKIE: Limit = limit(Attribute("stickiness.app_cookie.duration_seconds"), 1, 604_800);
/// Healthy targets below which requests go to all targets.
pub static ROUTING_COUNT: Limit =
    limit(Attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"), 1, u32::MAX);
/// The same as a percentage.
pub static ROUTING_PERCENTAGE: Limit =
    limit(Attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage"), 1, 100);
/// Healthy targets below which DNS leaves the zone out.
pub static DNS_COUNT: Limit =
    limit(Attribute("target_group_health.dns_failover.minimum_healthy_targets.count"), 1, u32::MAX);
/// The same as a percentage.
pub static DNS_PERCENTAGE: Limit =
    limit(Attribute("target_group_health.dns_failover.minimum_healthy_targets.percentage"), 1, 100);
/// Silence after which a connection is closed.
pub static IDLE_TIMEOUT: Limit = limit(Attribute("idle_timeout.timeout_seconds"), 1, 4000);
/// Age at which a connection to a client is closed.
pub static CLIENT_KEEP_ALIVE: Limit = limit(Attribute("client_keep_alive.seconds"), 60, 604_800);

impl Limit {
    /// Judges a value.
    ///
    /// # Errors
    ///
    /// It is outside of the range.
    pub fn judge(&'static self, value: impl Into<u64>) -> Result<(), OutOfRange> {
        let value = value.into();
        match (u64::from(self.least)..=u64::from(self.most)).contains(&value) {
            true => Ok(()),
            false => Err(OutOfRange { limit: self, value }),
        }
    }

    /// Judges a duration in whole seconds.
    ///
    /// # Errors
    ///
    /// It is outside of the range.
    pub fn judge_seconds(&'static self, value: Duration) -> Result<(), OutOfRange> {
        self.judge(value.as_secs())
    }
}

/// A number outside of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The range.
    pub limit: &'static Limit,
    /// The number.
    pub value: u64,
}

/// AWS's message about it.
impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit: Limit { kind, least, most }, value } = self;
        match kind {
            Parameter(name) => {
                let (than, bound) = match *value < u64::from(*least) {
                    true => ("greater", least),
                    false => ("less", most),
                };
                write!(
                    f,
                    "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must \
                     have value {than} than or equal to {bound}"
                )
            }
            Attribute(name) if *most == u32::MAX => write!(f, "'{name}' value '{value}' must be at least '{least}'"),
            Attribute(name) => write!(f, "'{name}' value '{value}' must be between '{least}-{most}' inclusive"),
        }
    }
}
