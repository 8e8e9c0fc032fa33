//! CloudWatch's figures of a load balancer, counted by CloudWatch's rules (ALB user guide, "CloudWatch metrics for
//! your Application Load Balancer"), and the text that Prometheus reads.
//!
//! Names are those that Prometheus' CloudWatch exporter makes of CloudWatch's, so that dashboards and alerts written
//! for production find theirs here: namespace, metric and statistic in lower case, dimensions as labels. CloudWatch
//! has sums per minute; here they grow for as long as the stack lives, which is what `rate()` and `increase()` want.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::anomaly::Anomalies;
use super::balancing;
use super::routing::{RoutedTargetGroup, RoutingTable};
use crate::model::TargetGroupName;
use crate::model::target_group::Algorithm;
use crate::model::target_health::TargetHealth;

/// Counters with the load balancer as their only dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    /// "from clients to the load balancer and from the load balancer to targets"
    NewConnections,
    /// Not a metric of its own: what is open is what was opened and not closed.
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
    /// 4XX that originate from the load balancer, 460 among them.
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
    /// Of clients that use IPv6.
    Ipv6ProcessedBytes,
    /// Likewise; as with requests, only if a target was chosen.
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
    /// "The number of gRPC requests processed over IPv4 and IPv6."
    GrpcRequests,
}

impl Count {
    /// Every counter in the order of its value.
    pub const ALL: [Self; 22] = [
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
        Self::GrpcRequests,
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
            Self::GrpcRequests => "GrpcRequestCount",
        })
    }
}

/// Counters that have the target group as a dimension as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum GroupCount {
    /// "only incremented for requests where the load balancer node was able to choose a target"
    Requests,
    /// 2XX of targets.
    Target2xx,
    /// 3XX of targets.
    Target3xx,
    /// 4XX of targets.
    Target4xx,
    /// 5XX of targets.
    Target5xx,
    /// "connections that were not successfully established between the load balancer and target"
    TargetConnectionErrors,
    /// "TLS connections initiated by the load balancer that did not establish a session with the target"
    TargetTlsNegotiationErrors,
    /// "requests that are routed using the routing failover action (fail open)"
    UnhealthyRoutingRequests,
}

impl GroupCount {
    /// Every counter in the order of its value.
    pub const ALL: [Self; 8] = [
        Self::Requests,
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
            Self::Target2xx => "HTTPCode_Target_2XX_Count",
            Self::Target3xx => "HTTPCode_Target_3XX_Count",
            Self::Target4xx => "HTTPCode_Target_4XX_Count",
            Self::Target5xx => "HTTPCode_Target_5XX_Count",
            Self::TargetConnectionErrors => "TargetConnectionErrorCount",
            Self::TargetTlsNegotiationErrors => "TargetTLSNegotiationErrorCount",
            Self::UnhealthyRoutingRequests => "UnhealthyRoutingRequestCount",
        }
    }

    /// Where a target's answer is counted.
    pub fn of_target_status(status: u16) -> Option<Self> {
        match status / 100 {
            2 => Some(Self::Target2xx),
            3 => Some(Self::Target3xx),
            4 => Some(Self::Target4xx),
            5 => Some(Self::Target5xx),
            _ => None,
        }
    }
}

/// Where an answer of the load balancer's own is counted: in its class, and some codes by themselves.
///
/// Fixed responses and redirects are answers of the load balancer's own, too. The guide does not say so outright; its
/// sentence on 3XX ("redirection codes that originate from the load balancer") can mean nothing else.
pub fn of_own_status(status: u16) -> impl Iterator<Item = Count> {
    let class = match status / 100 {
        3 => Some(Count::Elb3xx),
        4 => Some(Count::Elb4xx),
        5 => Some(Count::Elb5xx),
        _ => None,
    };
    let own = match status {
        500 => Some(Count::Elb500),
        502 => Some(Count::Elb502),
        503 => Some(Count::Elb503),
        504 => Some(Count::Elb504),
        _ => None,
    };
    class.into_iter().chain(own)
}

/// Where a request with invalid header names is counted.
pub fn of_invalid_headers(dropped: bool) -> Count {
    if dropped { Count::DroppedInvalidHeaders } else { Count::ForwardedInvalidHeaders }
}

/// What one request adds to `RequestCountPerTarget`, in millionths: "the total number of requests received by the target
/// group, divided by the number of healthy targets in the target group. If there are no healthy targets … it is divided
/// by the total number of registered targets".
pub fn share_of_target(healthy: usize, registered: usize) -> u64 {
    let targets = if healthy > 0 { healthy } else { registered };
    1_000_000 / targets.max(1) as u64
}

/// Upper bounds of the buckets of `TargetResponseTime`, in milliseconds; one more holds the rest.
pub const BUCKETS: [u64; 14] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 60_000];

/// The bucket of a response time.
pub fn bucket(time: Duration) -> usize {
    let millis = time.as_nanos().div_ceil(1_000_000);
    BUCKETS.iter().position(|bound| millis <= u128::from(*bound)).unwrap_or(BUCKETS.len())
}

/// Everything that was counted, summed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// By [`Count`].
    pub counts: [u64; Count::ALL.len()],
    /// In order of name.
    pub groups: Vec<GroupFigures>,
    /// How targets stand beside their peers.
    pub anomalies: BTreeMap<TargetGroupName, Anomalies>,
    /// Lines that were dropped because the writer of the logs could not follow.
    pub dropped_lines: u64,
}

/// What was counted for one target group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupFigures {
    /// The dimension `TargetGroup`: `targetgroup/<name>/<id>`.
    pub target_group: String,
    /// By [`GroupCount`].
    pub counts: [u64; GroupCount::ALL.len()],
    /// `RequestCountPerTarget` in millionths: the sum of [`share_of_target`].
    pub requests_per_target: u64,
    /// Response times by [`bucket`], not cumulated.
    pub buckets: [u64; BUCKETS.len() + 1],
    /// Sum of all response times.
    pub response_time: Duration,
}

impl Figures {
    /// One counter.
    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    /// What Prometheus reads (text format 0.0.4): what was counted, and the state of targets as the table has it.
    pub fn to_prometheus(&self, table: &RoutingTable) -> String {
        let mut out = Exposition { text: String::new(), load_balancer: &table.load_balancer_id };
        for count in Count::ALL {
            if let Some(name) = count.cloudwatch() {
                out.begin(name, "_sum", "counter");
                out.sample(&snake(name), "_sum", None, self.get(count));
            }
        }
        let open = self.get(Count::NewConnections).saturating_sub(self.get(Count::ClosedConnections));
        out.begin("ActiveConnectionCount", "_sum", "gauge");
        out.sample("active_connection_count", "_sum", None, open);
        for count in GroupCount::ALL {
            out.begin(count.cloudwatch(), "_sum", "counter");
            for group in &self.groups {
                out.sample(&snake(count.cloudwatch()), "_sum", Some(&group.target_group), group.counts[count as usize]);
            }
        }
        let name = "RequestCountPerTarget";
        out.begin(name, "_sum", "counter");
        for group in &self.groups {
            let requests = group.requests_per_target as f64 / 1e6;
            out.sample(&snake(name), "_sum", Some(&group.target_group), requests);
        }
        out.begin("TargetResponseTime", "", "histogram");
        for group in &self.groups {
            out.histogram("target_response_time", group);
        }
        out.health(table);
        out.anomalies(table, &self.anomalies);
        let _ = writeln!(
            out.text,
            "# HELP neargate_log_lines_dropped_total Lines dropped because the writer of the logs could not follow.\n\
             # TYPE neargate_log_lines_dropped_total counter\n\
             neargate_log_lines_dropped_total {}",
            self.dropped_lines
        );
        out.text
    }
}

struct Exposition<'a> {
    text: String,
    load_balancer: &'a str,
}

impl Exposition<'_> {
    fn begin(&mut self, cloudwatch: &str, statistic: &str, kind: &str) {
        let name = snake(cloudwatch);
        let _ = writeln!(
            self.text,
            "# HELP aws_applicationelb_{name}{statistic} CloudWatch metric AWS/ApplicationELB {cloudwatch}.\n\
             # TYPE aws_applicationelb_{name}{statistic} {kind}"
        );
    }

    fn sample(&mut self, name: &str, suffix: &str, group: Option<&str>, value: impl std::fmt::Display) {
        self.labelled(name, suffix, group, None, value);
    }

    fn labelled(
        &mut self,
        name: &str,
        suffix: &str,
        group: Option<&str>,
        bound: Option<&str>,
        value: impl std::fmt::Display,
    ) {
        let _ = write!(self.text, "aws_applicationelb_{name}{suffix}{{load_balancer=\"{}\"", self.load_balancer);
        if let Some(group) = group {
            let _ = write!(self.text, ",target_group=\"{group}\"");
        }
        if let Some(bound) = bound {
            let _ = write!(self.text, ",le=\"{bound}\"");
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn histogram(&mut self, name: &str, group: &GroupFigures) {
        let label = Some(group.target_group.as_str());
        let mut total = 0;
        for (count, bound) in group.buckets.iter().zip(BUCKETS) {
            total += count;
            self.labelled(name, "_bucket", label, Some(&(bound as f64 / 1000.0).to_string()), total);
        }
        total += group.buckets[BUCKETS.len()];
        self.labelled(name, "_bucket", label, Some("+Inf"), total);
        self.sample(name, "_sum", label, group.response_time.as_secs_f64());
        self.sample(name, "_count", label, total);
    }

    /// Groups that no rule uses are not reported: their targets are not checked.
    fn health(&mut self, table: &RoutingTable) {
        let groups: Vec<_> = table
            .target_groups
            .iter()
            .filter(|group| group.in_use)
            .map(|group| {
                let healthy = balancing::count(&group.targets, balancing::is_healthy);
                let unhealthy = balancing::count(&group.targets, |health| matches!(health, TargetHealth::Unhealthy(_)));
                let open = balancing::group_fails_open(&group.targets, &group.settings.attributes);
                (dimension(&group.arn).to_owned(), healthy, unhealthy, usize::from(!open))
            })
            .collect();
        // The last two count zones, and there is one.
        for (name, statistic, value) in [
            ("HealthyHostCount", "_average", (|group| group.1) as fn(&(String, usize, usize, usize)) -> usize),
            ("UnHealthyHostCount", "_average", |group| group.2),
            ("HealthyStateRouting", "_average", |group| group.3),
            ("UnhealthyStateRouting", "_average", |group| 1 - group.3),
        ] {
            self.begin(name, statistic, "gauge");
            for group in &groups {
                self.sample(&snake(name), statistic, Some(&group.0), value(group));
            }
        }
    }

    /// Only groups that are weighted at random look for anomalies (ALB user guide, "Automatic target weights").
    fn anomalies(&mut self, table: &RoutingTable, anomalies: &BTreeMap<TargetGroupName, Anomalies>) {
        let looks = |group: &&RoutedTargetGroup| group.settings.attributes.algorithm == Algorithm::WeightedRandom;
        let groups: Vec<_> = table.target_groups.iter().filter(|group| group.in_use).filter(looks).collect();
        let of = |group: &RoutedTargetGroup| anomalies.get(&group.name).copied().unwrap_or_default();
        for (name, value) in [
            ("AnomalousHostCount", (|counted| counted.anomalous) as fn(Anomalies) -> usize),
            ("MitigatedHostCount", |counted| counted.mitigated),
        ] {
            if !groups.is_empty() {
                self.begin(name, "_average", "gauge");
            }
            for group in &groups {
                self.sample(&snake(name), "_average", Some(dimension(&group.arn)), value(of(group)));
            }
        }
    }
}

/// `targetgroup/<name>/<id>`: the end of the ARN, which is what CloudWatch has for a dimension.
pub fn dimension(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// As Prometheus' CloudWatch exporter does it: an underscore between a lower-case letter or digit and an upper-case
/// letter, then all in lower case. So `HTTPCode_ELB_5XX_Count` becomes `httpcode_elb_5_xx_count`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        before = letter;
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_cloudwatch_exporter() {
        for (cloudwatch, prometheus) in [
            ("RequestCount", "request_count"),
            ("HTTPCode_ELB_5XX_Count", "httpcode_elb_5_xx_count"),
            ("HTTPCode_Target_2XX_Count", "httpcode_target_2_xx_count"),
            ("UnHealthyHostCount", "un_healthy_host_count"),
            ("TargetResponseTime", "target_response_time"),
            ("ClientTLSNegotiationErrorCount", "client_tlsnegotiation_error_count"),
        ] {
            assert_eq!(snake(cloudwatch), prometheus);
        }
    }

    #[test]
    fn counters_stand_where_their_value_says() {
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

    #[test]
    fn a_request_is_shared_by_the_healthy_targets_or_else_by_all() {
        assert_eq!(share_of_target(4, 5), 250_000);
        assert_eq!(share_of_target(0, 2), 500_000);
        assert_eq!(share_of_target(0, 0), 1_000_000);
    }

    #[test]
    fn own_answers_count_in_their_class_and_some_by_themselves() {
        assert_eq!(of_own_status(502).collect::<Vec<_>>(), [Count::Elb5xx, Count::Elb502]);
        assert_eq!(of_own_status(460).collect::<Vec<_>>(), [Count::Elb4xx]);
        assert_eq!(of_own_status(301).collect::<Vec<_>>(), [Count::Elb3xx]);
        assert_eq!(of_own_status(200).count(), 0);
    }

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let mut figures = Figures::default();
        figures.counts[Count::NewConnections as usize] = 5;
        figures.counts[Count::ClosedConnections as usize] = 3;
        let mut group = GroupFigures { target_group: "targetgroup/web/1".into(), ..GroupFigures::default() };
        group.counts[GroupCount::Requests as usize] = 2;
        group.requests_per_target = 2 * share_of_target(3, 4);
        group.buckets[0] = 1;
        group.buckets[BUCKETS.len()] = 1;
        group.response_time = Duration::from_millis(61_001);
        figures.groups.push(group);
        let text = figures.to_prometheus(&RoutingTable::empty());
        for line in [
            "# TYPE aws_applicationelb_request_count_sum counter",
            "aws_applicationelb_new_connection_count_sum{load_balancer=\"\"} 5",
            "aws_applicationelb_active_connection_count_sum{load_balancer=\"\"} 2",
            "aws_applicationelb_request_count_sum{load_balancer=\"\",target_group=\"targetgroup/web/1\"} 2",
            "aws_applicationelb_request_count_per_target_sum{load_balancer=\"\",target_group=\"targetgroup/web/1\"} 0.666666",
            "aws_applicationelb_target_response_time_bucket{load_balancer=\"\",target_group=\"targetgroup/web/1\",le=\"0.001\"} 1",
            "aws_applicationelb_target_response_time_bucket{load_balancer=\"\",target_group=\"targetgroup/web/1\",le=\"+Inf\"} 2",
            "aws_applicationelb_target_response_time_sum{load_balancer=\"\",target_group=\"targetgroup/web/1\"} 61.001",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
