//! A line of the health check log (ALB user guide, "Health check logs for your Application Load Balancer").

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::{Fields, LogLine, Names};
use crate::model::TargetGroupName;
use crate::model::target_group::{ProtocolVersion, TargetProtocol};
use crate::model::target_health::ProbeOutcome;

/// What there is to be said about one health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheckEntry {
    /// How it was sent.
    pub protocol: TargetProtocol,
    /// What targets of the group speak.
    pub version: ProtocolVersion,
    /// When it ended.
    pub time: Timestamp,
    /// How long it took.
    pub latency: Duration,
    /// Who was checked.
    pub target: SocketAddr,
    /// For which group.
    pub target_group: TargetGroupName,
    /// What was found.
    pub outcome: ProbeOutcome,
}

impl HealthCheckEntry {
    fn kind(&self) -> &'static str {
        match (self.version, self.protocol) {
            (ProtocolVersion::Grpc, _) => "grpc",
            (ProtocolVersion::Http2, _) => "h2",
            (ProtocolVersion::Http1, TargetProtocol::Http) => "http",
            (ProtocolVersion::Http1, TargetProtocol::Https) => "https",
        }
    }

    /// `status`, `status_code`, `reason_code`.
    ///
    /// The guide's `ConnectionReset` stands for whatever ended a connection; a refused one has no code of its own.
    fn verdict(&self) -> (&'static str, Option<u16>, &'static str) {
        match self.outcome {
            ProbeOutcome::NoGrpcStatus => ("FAIL", None, "GRPCStatusHeaderEmpty"),
            ProbeOutcome::CodeMismatch { code } if self.version == ProtocolVersion::Grpc => {
                ("FAIL", Some(code), "GRPCUnexpectedStatus")
            }
            ProbeOutcome::Passed { code } => ("PASS", Some(code), "-"),
            ProbeOutcome::CodeMismatch { code: code @ 500.. } => ("FAIL", Some(code), "TargetError"),
            ProbeOutcome::CodeMismatch { code } => ("FAIL", Some(code), "ResponseCodeMismatch"),
            ProbeOutcome::TimedOut => ("FAIL", None, "TimedOut"),
            ProbeOutcome::Failed => ("FAIL", None, "ConnectionReset"),
        }
    }
}

impl LogLine for HealthCheckEntry {
    fn write(&self, _: Names<'_>, out: &mut Vec<u8>) {
        let (status, code, reason) = self.verdict();
        let mut fields = Fields::new(out);
        fields.bare(self.kind());
        fields.time(self.time);
        fields.shown(format_args!("{}.{:09}", self.latency.as_secs(), self.latency.subsec_nanos()));
        fields.shown(self.target);
        fields.bare(self.target_group.as_str());
        fields.bare(status);
        match code {
            Some(code) => fields.number(code.into()),
            None => fields.bare("-"),
        }
        fields.bare(reason);
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::engine::fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[expect(dead_code, reason = "for the reader")]
        source: String,
        #[serde(default)]
        grpc: bool,
        found: Found,
        line: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Found {
        Passed(u16),
        Mismatch(u16),
        TimedOut,
        Failed,
        NoGrpcStatus,
    }

    #[test]
    fn lines_are_as_documented() {
        fixture::each("alb/logs/health-check", |case: Case| {
            let entry = HealthCheckEntry {
                protocol: TargetProtocol::Http,
                version: if case.grpc { ProtocolVersion::Grpc } else { ProtocolVersion::Http1 },
                time: "2025-10-31T12:44:59.875678Z".parse().unwrap(),
                latency: Duration::from_nanos(19_584_011),
                target: "172.31.20.97:80".parse().unwrap(),
                target_group: TargetGroupName::new("HCLogsTestIPs"),
                outcome: match case.found {
                    Found::Passed(code) => ProbeOutcome::Passed { code },
                    Found::Mismatch(code) => ProbeOutcome::CodeMismatch { code },
                    Found::TimedOut => ProbeOutcome::TimedOut,
                    Found::Failed => ProbeOutcome::Failed,
                    Found::NoGrpcStatus => ProbeOutcome::NoGrpcStatus,
                },
            };
            let mut line = Vec::new();
            entry.write(Names { id: "", dns_name: "" }, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), case.line, "{}", case.name);
        });
    }
}
