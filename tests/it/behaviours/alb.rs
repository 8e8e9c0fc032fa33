//! `docs/alb.md`: the behaviours of an Application Load Balancer, from `fixtures/alb/`.

use super::{Chapter, Page, escape};
use crate::exchanges;

/// The page.
pub(super) const PAGE: Page = Page {
    file: "docs/alb.md",
    root: "alb",
    opening: OPENING,
    chapters: CHAPTERS,
    appendix: both_protocols,
    titles: TITLES,
    guide: "https://docs.aws.amazon.com/elasticloadbalancing/latest/",
    reference: ("ELBv2 API, ", "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/"),
};

const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "Listeners, rules and conditions",
        folders: &["rules", "rule-order"],
        records: &["load balancer", "listener", "certificate", "rule", "condition"],
    },
    Chapter {
        title: "Actions: redirects, fixed responses, error pages",
        folders: &["redirects", "answers"],
        records: &["action"],
    },
    Chapter { title: "Exchanges: headers, connections, HTTP/2, WebSockets", folders: &["exchanges"], records: &[] },
    Chapter { title: "Attributes of the load balancer and of listeners", folders: &["attributes"], records: &[] },
    Chapter {
        title: "Forwarding to several target groups",
        folders: &["forward"],
        records: &["weighted target group", "group stickiness"],
    },
    Chapter { title: "Errors", folders: &["errors"], records: &[] },
    Chapter { title: "Limits", folders: &["limits", "refusals"], records: &[] },
    Chapter {
        title: "TLS",
        folders: &[
            "tls/policies",
            "tls/key-exchanges",
            "tls/keys",
            "tls/sni",
            "tls/sessions",
            "tls/targets",
            "tls/target-certificates",
        ],
        records: &[],
    },
    Chapter { title: "Which protocols a target group accepts", folders: &["protocol-matrix"], records: &[] },
    Chapter { title: "Transforms", folders: &["transforms"], records: &["transform", "rewrite"] },
    Chapter { title: "The request that a target receives", folders: &["headers", "host", "trace-id"], records: &[] },
    Chapter { title: "Desync mitigation", folders: &["desync"], records: &[] },
    Chapter {
        title: "How a target is chosen",
        folders: &["algorithms", "outstanding", "fail-open", "slow-start", "anomalies"],
        records: &["unhealthy state routing", "dns failover"],
    },
    Chapter {
        title: "Target groups and stickiness",
        folders: &["draining", "cookies"],
        records: &["target group", "stickiness"],
    },
    Chapter { title: "Health checks", folders: &["probe", "health", "health-schedule"], records: &["health check"] },
    Chapter { title: "Security groups", folders: &["security-groups"], records: &["security group", "ingress rule"] },
    Chapter { title: "CloudWatch metrics", folders: &["figures", "alarms"], records: &[] },
    Chapter {
        title: "Logs",
        folders: &["logs/access", "logs/access-fields", "logs/connection", "logs/health-check", "logs/files"],
        records: &["log"],
    },
];

/// Where the titles that sources begin with can be read. The longest match counts.
const TITLES: &[(&str, &str)] = &[
    ("ALB user guide, Access logs", "application/load-balancer-access-logs.html"),
    ("ALB user guide, Application-based stickiness", "application/edit-target-group-attributes.html"),
    (
        "ALB user guide, Automatic Target Weights",
        "application/edit-target-group-attributes.html#automatic-target-weights",
    ),
    ("ALB user guide, Classification reasons", "application/load-balancer-access-logs.html#classification-reasons"),
    (
        "CloudWatch API, PutMetricAlarm",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    ),
    (
        "CloudWatch user guide, Configuring how CloudWatch alarms treat missing data",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html",
    ),
    (
        "CloudWatch user guide, Evaluating an alarm",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html",
    ),
    ("ALB user guide, CloudWatch metrics", "application/load-balancer-cloudwatch-metrics.html"),
    ("ALB user guide, Condition types for listener rules", "application/rule-condition-types.html"),
    ("ALB user guide, Connection logs", "application/load-balancer-connection-logs.html"),
    ("ALB user guide, Deregistration delay", "application/edit-target-group-attributes.html#deregistration-delay"),
    ("ALB user guide, Desync mitigation mode", "application/edit-load-balancer-attributes.html#desync-mitigation-mode"),
    ("ALB user guide, Duration-based stickiness", "application/edit-target-group-attributes.html"),
    ("ALB user guide, Edit attributes", "application/edit-load-balancer-attributes.html"),
    ("ALB user guide, Fixed-response actions", "application/rule-action-types.html#fixed-response-actions"),
    ("ALB user guide, Forward actions", "application/rule-action-types.html#forward-actions"),
    ("ALB user guide, HTTP header conditions", "application/rule-condition-types.html#http-header-conditions"),
    ("ALB user guide, HTTP header modification", "application/header-modification.html"),
    ("ALB user guide, HTTP headers and Application Load Balancers", "application/x-forwarded-headers.html"),
    ("ALB user guide, HTTP request method conditions", "application/rule-condition-types.html"),
    ("ALB user guide, Health check logs", "application/load-balancer-health-check-logs.html"),
    ("ALB user guide, Listener rules", "application/listener-rules.html"),
    ("ALB user guide, Listeners", "application/load-balancer-listeners.html"),
    (
        "ALB user guide, Load balancer attributes",
        "application/application-load-balancers.html#load-balancer-attributes",
    ),
    ("ALB user guide, Query string conditions", "application/rule-condition-types.html#query-string-conditions"),
    ("ALB user guide, Quotas", "application/load-balancer-limits.html"),
    ("ALB user guide, Redirect actions", "application/rule-action-types.html#redirect-actions"),
    ("ALB user guide, Register targets", "application/target-group-register-targets.html"),
    ("ALB user guide, Request tracing", "application/load-balancer-request-tracing.html"),
    ("ALB user guide, Routing algorithm", "application/edit-target-group-attributes.html#modify-routing-algorithm"),
    ("ALB user guide, Security groups", "application/load-balancer-update-security-groups.html"),
    ("ALB user guide, Slow start mode", "application/edit-target-group-attributes.html#slow-start-mode"),
    ("ALB user guide, SSL certificates", "application/https-listener-certificates.html"),
    ("ALB user guide, Source IP address conditions", "application/rule-condition-types.html#source-ip-conditions"),
    ("ALB user guide, Security policies", "application/describe-ssl-policies.html"),
    ("ALB user guide, Sticky sessions", "application/edit-target-group-attributes.html#sticky-sessions"),
    ("ALB user guide, Target group health", "application/load-balancer-target-groups.html#target-group-health"),
    ("ALB user guide, Target group health checks", "application/target-group-health-checks.html"),
    (
        "ALB user guide, Routing configuration",
        "application/load-balancer-target-groups.html#target-group-routing-configuration",
    ),
    ("ALB user guide, Target groups", "application/load-balancer-target-groups.html#target-group-protocol-version"),
    ("ALB user guide, Transforms", "application/rule-transforms.html"),
    ("ALB user guide, Troubleshooting", "application/load-balancer-troubleshooting.html"),
    ("ALB user guide, X-Forwarded headers", "application/x-forwarded-headers.html"),
    ("ALB user guide, X-Forwarded-For", "application/x-forwarded-headers.html#x-forwarded-for"),
    ("ALB user guide, host conditions", "application/rule-condition-types.html#host-conditions"),
    ("ALB user guide, path conditions", "application/rule-condition-types.html#path-conditions"),
    (
        "ELBv2 API reference, DescribeTargetHealth",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html",
    ),
    (
        "ELBv2 API reference, ListenerAttribute",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ListenerAttribute.html",
    ),
    (
        "ELBv2 API reference, LoadBalancerAttribute",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html",
    ),
    (
        "ELBv2 API reference, RedirectActionConfig",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html",
    ),
    (
        "ELBv2 API reference, QueryStringConditionConfig",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_QueryStringConditionConfig.html",
    ),
    (
        "ELBv2 API reference, TargetHealth",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html",
    ),
    ("ELB user guide, How Elastic Load Balancing works", "userguide/how-elastic-load-balancing-works.html"),
    (
        "AWS re:Post, API Gateway private integration errors",
        "https://repost.aws/knowledge-center/api-gateway-private-integration-errors",
    ),
    ("AWS re:Post", "https://repost.aws/knowledge-center/elb-alb-drop-not-valid-headers"),
    (
        "VPC user guide, Default security groups",
        "https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html",
    ),
    (
        "VPC user guide, Security group rules",
        "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    ),
    ("VPC user guide, Security groups", "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html"),
    ("http-desync-guardian", "https://github.com/aws/http-desync-guardian"),
    ("aws-load-balancer-controller", "https://github.com/kubernetes-sigs/aws-load-balancer-controller"),
    ("terraform-provider-aws", "https://github.com/hashicorp/terraform-provider-aws"),
    ("moto", "https://github.com/getmoto/moto"),
    ("gRPC over HTTP/2", "https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md"),
    ("RFC 1945", "https://www.rfc-editor.org/rfc/rfc1945"),
    ("RFC 9110", "https://www.rfc-editor.org/rfc/rfc9110"),
    ("RFC 9112", "https://www.rfc-editor.org/rfc/rfc9112"),
    ("RFC 9113", "https://www.rfc-editor.org/rfc/rfc9113"),
];

const OPENING: &str = "# Behaviour of an Application Load Balancer, and of neargate

<!-- Generated from fixtures/alb/ and src/config/fidelity/table.rs by `UPDATE_EXPECTED=1 cargo test --test it behaviours`;
edits here are lost. -->

Each *honoured* line is the name of a test case; its source shows AWS's documentation or a real load balancer doing the
same. *Approximated* means that AWS is silent and the best guess is tested, or says what the difference is. *Not yet* lines
say what happens instead. Fields without effect are in [fidelity.md](fidelity.md).
";

/// Cases that are played over one version of HTTP only; all other exchanges, errors and limits are played over both.
fn both_protocols() -> String {
    let all = ["exchanges", "errors", "limits"].into_iter().flat_map(exchanges::of_folder_with_names);
    let (mut both, mut frames, mut rows) = (0, 0, String::new());
    for (name, version) in all {
        match version {
            exchanges::Played::OverBoth => both += 1,
            exchanges::Played::InFrames => frames += 1,
            exchanges::Played::OverHttp1(reason) => {
                rows.push_str(&format!("| {} | {} |\n", escape(&name), escape(&reason)))
            }
        }
    }
    format!(
        "\n## Over HTTP/1.1 and over HTTP/2\n\nWhat is passed on, taken out, refused, answered and logged is decided once for \
         clients of both versions (`src/http1/message.rs`). Of the exchanges, errors and limits on this page {both} are played \
         over both, with the same outcome; {frames} are about HTTP/2 itself and written in its frames. These are played over \
         HTTP/1.1 alone:\n\n| behaviour | because |\n|---|---|\n{rows}"
    )
}
