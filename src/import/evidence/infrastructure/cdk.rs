//! Health checks of target groups in programs of the CDK and of Pulumi: read as text, since only running them would
//! tell everything.

use std::sync::LazyLock;

use regex::Regex;

use super::target_group::{TargetGroup, literal_path};
use crate::evidence::question::place;
use crate::repository::Repository;

/// What such programs import.
const MARKS: &[&str] = &["aws-cdk", "aws_cdk", "awscdk", "Amazon.CDK", "@pulumi/aws", "pulumi_aws", "sst/aws"];

/// `healthCheck: { path: "/health"`, `health_check=elb.HealthCheck(path="/health"`, `HealthCheck.builder().path("/health")`.
static CHECK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)health_?check[^;/]{0,200}?\bpath\s*[:=(]\s*["'`](?<path>/[^"'`]*)["'`]"#)
        .expect("a constant pattern that compiles")
});

/// `containerPort: 8000`, `container_port=8000`, `.port("80")`.
static PORT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(?:container_?)?port\w*\s*[:=(]\s*["'`]?(?<port>\d{2,5})\b"#)
        .expect("a constant pattern that compiles")
});

/// Characters before the check that may name its target group.
const BEFORE: usize = 700;

/// Every check, with the names and the port that stand close before it.
pub(super) fn target_groups(repository: &Repository) -> Vec<TargetGroup> {
    let programs = repository
        .texts_below("")
        .filter(|(path, text)| is_program(path) && MARKS.iter().any(|mark| text.contains(mark)));
    programs
        .flat_map(|(path, text)| {
            let mut end = 0;
            CHECK
                .captures_iter(text)
                .filter_map(|found| {
                    let at = found.get(0)?;
                    let start = at.start().saturating_sub(BEFORE).max(end);
                    let start = (start..=at.start()).find(|start| text.is_char_boundary(*start))?;
                    end = at.end();
                    let around = &text[start..at.end()];
                    Some(TargetGroup {
                        names: around
                            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
                            .rev()
                            .take(60)
                            .map(str::to_owned)
                            .collect(),
                        port: PORT.captures_iter(around).last().and_then(|port| port["port"].parse().ok()),
                        path: literal_path(&found["path"])?,
                        matcher: None,
                        place: place(path, text, at.end()),
                        registered: Vec::new(),
                        why: "from the target group's health check in the infrastructure's program",
                    })
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_program(path: &str) -> bool {
    [".ts", ".js", ".mjs", ".py", ".java", ".kt", ".cs", ".go"].iter().any(|end| path.ends_with(end))
}
