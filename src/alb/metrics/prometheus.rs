//! Formats metrics for Prometheus (text format 0.0.4).
//!
//! The names are those that Prometheus' CloudWatch exporter produces, so that dashboards and alerts written for
//! production work here: namespace, metric and statistic in lowercase, dimensions as labels. CloudWatch has sums per
//! minute; here they grow for as long as the stack lives, as `rate()` and `increase()` expect.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::figures::{BUCKETS, Count, Figures, GroupCount, GroupFigures, dimension};
use crate::routing::{RoutedTargetGroup, RoutingTable};
use crate::targets::anomaly::Anomalies;
use crate::targets::balancing;
use neargate_model::TargetGroupName;
use neargate_model::target_health::TargetHealth;

impl Figures {
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
                let attributes = &group.settings.attributes;
                // Zones that meet requirements; there is one.
                let routing = usize::from(!balancing::group_fails_open(&group.targets, attributes));
                let dns = usize::from(!balancing::is_below(&group.targets, attributes.dns_failover));
                (dimension(&group.arn), [healthy, unhealthy, routing, 1 - routing, dns, 1 - dns])
            })
            .collect();
        let names = [
            "HealthyHostCount",
            "UnHealthyHostCount",
            "HealthyStateRouting",
            "UnhealthyStateRouting",
            "HealthyStateDNS",
            "UnhealthyStateDNS",
        ];
        for (index, name) in names.into_iter().enumerate() {
            self.begin(name, "_average", "gauge");
            for (group, values) in &groups {
                self.sample(&snake(name), "_average", Some(group), values[index]);
            }
        }
    }

    /// Of every group: detection is always on, mitigation or not (ALB user guide, "Automatic target weights").
    fn anomalies(&mut self, table: &RoutingTable, anomalies: &BTreeMap<TargetGroupName, Anomalies>) {
        let groups: Vec<_> = table.target_groups.iter().filter(|group| group.in_use).collect();
        let of = |group: &RoutedTargetGroup| anomalies.get(&group.name).copied().unwrap_or_default();
        for (name, value) in [
            ("AnomalousHostCount", (|counted| counted.anomalous) as fn(Anomalies) -> usize),
            ("MitigatedHostCount", |counted| counted.mitigated),
        ] {
            self.begin(name, "_average", "gauge");
            for group in &groups {
                self.sample(&snake(name), "_average", Some(dimension(&group.arn)), value(of(group)));
            }
        }
    }
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
    fn a_histogram_cumulates() {
        let mut group = GroupFigures { target_group: "targetgroup/web/1".into(), ..GroupFigures::default() };
        group.buckets[0] = 1;
        group.buckets[BUCKETS.len()] = 1;
        group.response_time = std::time::Duration::from_millis(61_001);
        let figures = Figures { groups: vec![group], ..Figures::default() };
        let text = figures.to_prometheus(&RoutingTable::empty());
        let labels = "{load_balancer=\"\",target_group=\"targetgroup/web/1\"";
        for line in [
            format!("aws_applicationelb_target_response_time_bucket{labels},le=\"0.001\"}} 1"),
            format!("aws_applicationelb_target_response_time_bucket{labels},le=\"+Inf\"}} 2"),
            format!("aws_applicationelb_target_response_time_sum{labels}}} 61.001"),
            format!("aws_applicationelb_target_response_time_count{labels}}} 2"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
