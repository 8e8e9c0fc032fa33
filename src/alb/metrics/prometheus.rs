//! Formats metrics for Prometheus (text format 0.0.4).
//!
//! The names are those that Prometheus' CloudWatch exporter produces, so that dashboards and alerts written for
//! production work here: namespace, metric and statistic in lowercase, dimensions as labels. CloudWatch has sums per
//! minute; here they grow while the stack runs, as `rate()` and `increase()` expect.

use std::fmt::Write as _;

use super::figures::{BUCKETS, Count, Figures, GroupCount, GroupFigures, dimension};
use crate::routing::{RoutedTargetGroup, RoutingTable};
use crate::targets::anomaly::Anomalies;
use crate::targets::balancing;
use neargate_model::target_health::TargetHealth;

/// A load balancer's counters, and the state of its targets from its routing table.
pub struct Measured<'a> {
    /// The counters.
    pub figures: &'a Figures,
    /// The table of the load balancer.
    pub table: &'a RoutingTable,
}

/// The page for Prometheus (text format 0.0.4): each metric once, with a sample for each load balancer.
pub fn to_prometheus(all: &[Measured<'_>]) -> String {
    let mut out = Exposition { text: String::new() };
    for count in Count::ALL {
        if let Some(name) = count.cloudwatch() {
            out.begin(name, "_sum", "counter");
            for one in all {
                out.sample(one.labels(), &snake(name), "_sum", one.figures.get(count));
            }
        }
    }
    out.begin("ActiveConnectionCount", "_sum", "gauge");
    for one in all {
        let (opened, closed) = (one.figures.get(Count::NewConnections), one.figures.get(Count::ClosedConnections));
        out.sample(one.labels(), "active_connection_count", "_sum", opened.saturating_sub(closed));
    }
    for count in GroupCount::ALL {
        out.begin(count.cloudwatch(), "_sum", "counter");
        for (labels, group) in all.iter().flat_map(Measured::groups) {
            out.sample(labels, &snake(count.cloudwatch()), "_sum", group.counts[count as usize]);
        }
    }
    let name = "RequestCountPerTarget";
    out.begin(name, "_sum", "counter");
    for (labels, group) in all.iter().flat_map(Measured::groups) {
        out.sample(labels, &snake(name), "_sum", group.requests_per_target as f64 / 1e6);
    }
    out.begin("TargetResponseTime", "", "histogram");
    for (labels, group) in all.iter().flat_map(Measured::groups) {
        out.histogram(labels, "target_response_time", group);
    }
    out.health(all);
    out.anomalies(all);
    let _ = writeln!(
        out.text,
        "# HELP neargate_log_lines_dropped_total Lines dropped because the log writer could not keep up.\n\
         # TYPE neargate_log_lines_dropped_total counter\n\
         neargate_log_lines_dropped_total {}",
        all.iter().map(|one| one.figures.dropped_lines).sum::<u64>()
    );
    out.text
}

/// CloudWatch's dimensions of a sample.
#[derive(Clone, Copy)]
struct Labels<'a> {
    load_balancer: &'a str,
    target_group: Option<&'a str>,
}

impl<'a> Measured<'a> {
    fn labels(&self) -> Labels<'a> {
        Labels { load_balancer: &self.table.load_balancer_id, target_group: None }
    }

    fn of_group(&self, target_group: &'a str) -> Labels<'a> {
        Labels { target_group: Some(target_group), ..self.labels() }
    }

    fn groups(&self) -> impl Iterator<Item = (Labels<'a>, &'a GroupFigures)> {
        self.figures.groups.iter().map(|group| (self.of_group(&group.target_group), group))
    }

    /// Groups that no rule uses are left out: their targets are not checked.
    fn used(&self) -> impl Iterator<Item = (Labels<'a>, &'a RoutedTargetGroup)> {
        let used = self.table.target_groups.iter().filter(|group| group.in_use);
        used.map(|group| (self.of_group(dimension(&group.arn)), group))
    }
}

struct Exposition {
    text: String,
}

impl Exposition {
    fn begin(&mut self, cloudwatch: &str, statistic: &str, kind: &str) {
        let name = snake(cloudwatch);
        let _ = writeln!(
            self.text,
            "# HELP aws_applicationelb_{name}{statistic} CloudWatch metric AWS/ApplicationELB {cloudwatch}.\n\
             # TYPE aws_applicationelb_{name}{statistic} {kind}"
        );
    }

    fn sample(&mut self, labels: Labels<'_>, name: &str, suffix: &str, value: impl std::fmt::Display) {
        self.labelled(labels, name, suffix, None, value);
    }

    fn labelled(
        &mut self,
        labels: Labels<'_>,
        name: &str,
        suffix: &str,
        bound: Option<&str>,
        value: impl std::fmt::Display,
    ) {
        let _ = write!(self.text, "aws_applicationelb_{name}{suffix}{{load_balancer=\"{}\"", labels.load_balancer);
        if let Some(group) = labels.target_group {
            let _ = write!(self.text, ",target_group=\"{group}\"");
        }
        if let Some(bound) = bound {
            let _ = write!(self.text, ",le=\"{bound}\"");
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn histogram(&mut self, labels: Labels<'_>, name: &str, group: &GroupFigures) {
        let mut total = 0;
        for (count, bound) in group.buckets.iter().zip(BUCKETS) {
            total += count;
            self.labelled(labels, name, "_bucket", Some(&(bound as f64 / 1000.0).to_string()), total);
        }
        total += group.buckets[BUCKETS.len()];
        self.labelled(labels, name, "_bucket", Some("+Inf"), total);
        self.sample(labels, name, "_sum", group.response_time.as_secs_f64());
        self.sample(labels, name, "_count", total);
    }

    fn health(&mut self, all: &[Measured<'_>]) {
        let groups: Vec<_> = all
            .iter()
            .flat_map(Measured::used)
            .map(|(labels, group)| {
                let healthy = balancing::count(&group.targets, balancing::is_healthy);
                let unhealthy = balancing::count(&group.targets, |health| matches!(health, TargetHealth::Unhealthy(_)));
                let attributes = &group.settings.attributes;
                // Zones that meet the requirements; there is one zone.
                let routing = usize::from(!balancing::group_fails_open(&group.targets, attributes));
                let dns = usize::from(!balancing::is_below(&group.targets, attributes.dns_failover));
                (labels, [healthy, unhealthy, routing, 1 - routing, dns, 1 - dns])
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
            for (labels, values) in &groups {
                self.sample(*labels, &snake(name), "_average", values[index]);
            }
        }
    }

    /// For every group: detection is always on, with or without mitigation (ALB user guide, "Automatic target
    /// weights").
    fn anomalies(&mut self, all: &[Measured<'_>]) {
        let groups: Vec<_> = all
            .iter()
            .flat_map(|one| {
                let of = |name| one.figures.anomalies.get(name).copied().unwrap_or_default();
                one.used().map(move |(labels, group)| (labels, of(&group.name)))
            })
            .collect();
        for (name, value) in [
            ("AnomalousHostCount", (|counted| counted.anomalous) as fn(Anomalies) -> usize),
            ("MitigatedHostCount", |counted| counted.mitigated),
        ] {
            self.begin(name, "_average", "gauge");
            for (labels, anomalies) in &groups {
                self.sample(*labels, &snake(name), "_average", value(*anomalies));
            }
        }
    }
}

/// As Prometheus' CloudWatch exporter does it: an underscore between a lower-case letter or digit and an upper-case
/// letter, then everything in lower case. `HTTPCode_ELB_5XX_Count` becomes `httpcode_elb_5_xx_count`.
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
        let text = to_prometheus(&[Measured { figures: &figures, table: &RoutingTable::empty() }]);
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
