//! The counters: their names, what each counts, and how they add up.

use neargate_model::arn::Arn;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::targets::anomaly::Anomalies;
use neargate_model::TargetGroupName;

/// Counters whose only dimension is the load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// "from clients to the load balancer and from the load balancer to targets"
    NewConnections,
    /// Not a metric by itself: active connections are new ones minus closed ones.
    ClosedConnections,
    /// "TLS connections initiated by the client that did not establish a session"
    ClientTlsNegotiationErrors,
    /// "The number of fixed-response actions that were successful."
    FixedResponses,
    /// "The number of redirect actions that were successful."
    Redirects,
    /// "redirect actions that couldn't be completed because the URL … is larger than 8K"
    RedirectUrlLimitExceeded,
    /// "HTTP 3XX redirection codes that originate from the load balancer"
    Elb3xx,
    /// 4XX that originate from the load balancer, including 460.
    Elb4xx,
    /// 5XX that originate from the load balancer.
    Elb5xx,
    /// 500
    Elb500,
    /// 502
    Elb502,
    /// 503
    Elb503,
    /// 504
    Elb504,
    /// "bytes processed by the load balancer …, traffic to and from clients"; counted when a request ends.
    ProcessedBytes,
    /// Bytes of clients that use IPv6.
    Ipv6ProcessedBytes,
    /// Requests of clients that use IPv6; as with all requests, only if a target was chosen.
    Ipv6Requests,
    /// "rules evaluated by the load balancer while processing requests. The default rule is not counted."
    RuleEvaluations,
    /// "requests that do not comply with RFC 7230"
    DesyncNonCompliant,
    /// "the load balancer chose a new target because it couldn't use an existing sticky session"
    NonSticky,
    /// "requests where the load balancer removed HTTP headers with header fields that are not valid"
    DroppedInvalidHeaders,
    /// "requests routed by the load balancer that had HTTP headers with header fields that are not valid"
    ForwardedInvalidHeaders,
}

impl Count {
    /// Every counter, in the order of its discriminant.
    pub const ALL: [Self; 21] = [
        Self::NewConnections,
        Self::ClosedConnections,
        Self::ClientTlsNegotiationErrors,
        Self::FixedResponses,
        Self::Redirects,
        Self::RedirectUrlLimitExceeded,
        Self::Elb3xx,
        Self::Elb4xx,
        Self::Elb5xx,
        Self::Elb500,
        Self::Elb502,
        Self::Elb503,
        Self::Elb504,
        Self::ProcessedBytes,
        Self::Ipv6ProcessedBytes,
        Self::Ipv6Requests,
        Self::RuleEvaluations,
        Self::DesyncNonCompliant,
        Self::NonSticky,
        Self::DroppedInvalidHeaders,
        Self::ForwardedInvalidHeaders,
    ];

    /// CloudWatch's name.
    pub fn cloudwatch(self) -> Option<&'static str> {
        Some(match self {
            Self::NewConnections => "NewConnectionCount",
            Self::ClosedConnections => return None,
            Self::ClientTlsNegotiationErrors => "ClientTLSNegotiationErrorCount",
            Self::FixedResponses => "HTTP_Fixed_Response_Count",
            Self::Redirects => "HTTP_Redirect_Count",
            Self::RedirectUrlLimitExceeded => "HTTP_Redirect_Url_Limit_Exceeded_Count",
            Self::Elb3xx => "HTTPCode_ELB_3XX_Count",
            Self::Elb4xx => "HTTPCode_ELB_4XX_Count",
            Self::Elb5xx => "HTTPCode_ELB_5XX_Count",
            Self::Elb500 => "HTTPCode_ELB_500_Count",
            Self::Elb502 => "HTTPCode_ELB_502_Count",
            Self::Elb503 => "HTTPCode_ELB_503_Count",
            Self::Elb504 => "HTTPCode_ELB_504_Count",
            Self::ProcessedBytes => "ProcessedBytes",
            Self::Ipv6ProcessedBytes => "IPv6ProcessedBytes",
            Self::Ipv6Requests => "IPv6RequestCount",
            Self::RuleEvaluations => "RuleEvaluations",
            Self::DesyncNonCompliant => "DesyncMitigationMode_NonCompliant_Request_Count",
            Self::NonSticky => "NonStickyRequestCount",
            Self::DroppedInvalidHeaders => "DroppedInvalidHeaderRequestCount",
            Self::ForwardedInvalidHeaders => "ForwardedInvalidHeaderRequestCount",
        })
    }

    /// The counters for the load balancer's own response: one for its class, and for some codes another.
    ///
    /// Fixed responses and redirects count as the load balancer's own. The guide does not say so outright, but its sentence
    /// on 3XX ("redirection codes that originate from the load balancer") can mean nothing else.
    pub fn from_own_status(status: u16) -> impl Iterator<Item = Self> {
        let class = match status / 100 {
            3 => Some(Self::Elb3xx),
            4 => Some(Self::Elb4xx),
            5 => Some(Self::Elb5xx),
            _ => None,
        };
        let own = match status {
            500 => Some(Self::Elb500),
            502 => Some(Self::Elb502),
            503 => Some(Self::Elb503),
            504 => Some(Self::Elb504),
            _ => None,
        };
        class.into_iter().chain(own)
    }

    /// The counter for a request with invalid header names.
    pub fn from_invalid_headers(dropped: bool) -> Self {
        if dropped { Self::DroppedInvalidHeaders } else { Self::ForwardedInvalidHeaders }
    }
}

/// Counters that also have the target group as a dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum GroupCount {
    /// "only incremented for requests where the load balancer node was able to choose a target"
    Requests,
    /// "The number of gRPC requests processed over IPv4 and IPv6."
    GrpcRequests,
    /// 2XX from targets.
    Target2xx,
    /// 3XX from targets.
    Target3xx,
    /// 4XX from targets.
    Target4xx,
    /// 5XX from targets.
    Target5xx,
    /// "connections that were not successfully established between the load balancer and target"
    TargetConnectionErrors,
    /// "TLS connections initiated by the load balancer that did not establish a session with the target"
    TargetTlsNegotiationErrors,
    /// "requests that are routed using the routing failover action (fail open)"
    UnhealthyRoutingRequests,
}

impl GroupCount {
    /// Every counter, in the order of its discriminant.
    pub const ALL: [Self; 9] = [
        Self::Requests,
        Self::GrpcRequests,
        Self::Target2xx,
        Self::Target3xx,
        Self::Target4xx,
        Self::Target5xx,
        Self::TargetConnectionErrors,
        Self::TargetTlsNegotiationErrors,
        Self::UnhealthyRoutingRequests,
    ];

    /// CloudWatch's name.
    pub fn cloudwatch(self) -> &'static str {
        match self {
            Self::Requests => "RequestCount",
            Self::GrpcRequests => "GrpcRequestCount",
            Self::Target2xx => "HTTPCode_Target_2XX_Count",
            Self::Target3xx => "HTTPCode_Target_3XX_Count",
            Self::Target4xx => "HTTPCode_Target_4XX_Count",
            Self::Target5xx => "HTTPCode_Target_5XX_Count",
            Self::TargetConnectionErrors => "TargetConnectionErrorCount",
            Self::TargetTlsNegotiationErrors => "TargetTLSNegotiationErrorCount",
            Self::UnhealthyRoutingRequests => "UnhealthyRoutingRequestCount",
        }
    }

    /// The counter for a target's response.
    pub fn from_target_status(status: u16) -> Option<Self> {
        match status / 100 {
            2 => Some(Self::Target2xx),
            3 => Some(Self::Target3xx),
            4 => Some(Self::Target4xx),
            5 => Some(Self::Target5xx),
            _ => None,
        }
    }
}

/// What one request adds to `RequestCountPerTarget`, in millionths: "the total number of requests received by the
/// target group, divided by the number of healthy targets in the target group. If there are no healthy targets … it is
/// divided by the total number of registered targets".
pub fn share_of_target(healthy: usize, registered: usize) -> u64 {
    let targets = if healthy > 0 { healthy } else { registered };
    1_000_000 / targets.max(1) as u64
}

/// Upper bounds of the buckets of `TargetResponseTime`, in milliseconds; one more bucket holds the rest.
pub const BUCKETS: [u64; 14] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000];

/// The bucket of a response time.
pub fn bucket(time: Duration) -> usize {
    let millis = time.as_nanos().div_ceil(1_000_000);
    BUCKETS.iter().position(|bound| millis <= u128::from(*bound)).unwrap_or(BUCKETS.len())
}

/// All counters, summed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// By [`Count`].
    pub counts: [u64; Count::ALL.len()],
    /// In order of their names.
    pub groups: Vec<GroupFigures>,
    /// Anomaly detection results.
    pub anomalies: BTreeMap<TargetGroupName, Anomalies>,
    /// Lines that were dropped because the log writer could not keep up.
    pub dropped_lines: u64,
}

/// Counters of one target group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFigures {
    /// The dimension `TargetGroup`: `targetgroup/<name>/<id>`.
    pub target_group: String,
    /// By [`GroupCount`].
    pub counts: [u64; GroupCount::ALL.len()],
    /// `RequestCountPerTarget` in millionths: the sum of [`share_of_target`].
    pub requests_per_target: u64,
    /// Response times by [`bucket`], not cumulative.
    pub buckets: [u64; BUCKETS.len() + 1],
    /// Sum of all response times.
    pub response_time: Duration,
}

impl Figures {
    /// One counter.
    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }
}

/// `targetgroup/<name>/<id>`: the end of the ARN, which CloudWatch uses as the dimension.
pub fn dimension(arn: &Arn) -> &str {
    arn.resource()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_in_the_order_of_their_discriminants() {
        assert!(Count::ALL.iter().enumerate().all(|(index, count)| *count as usize == index));
        assert!(GroupCount::ALL.iter().enumerate().all(|(index, count)| *count as usize == index));
    }

    #[test]
    fn a_response_time_falls_into_the_first_bucket_that_holds_it() {
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::from_millis(1)), 0);
        assert_eq!(bucket(Duration::from_micros(1001)), 1);
        assert_eq!(bucket(Duration::from_secs(61)), BUCKETS.len());
    }
}
