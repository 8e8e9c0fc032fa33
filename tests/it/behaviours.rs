//! `docs/alb.md`: every behaviour of an Application Load Balancer that a case under `fixtures/alb/` proves, with where it
//! can be seen, and beside it what the table in `src/config/fidelity/` says is different. Nothing on the page is written
//! by hand, so nothing on it can be untrue for longer than a test run.
//!
//! A case is one sentence (`name`) and where that can be read (`source`): a page that [`PAGES`] knows, first, and after a
//! semicolon whatever else supports it. What AWS says nothing about is `inferred`; what is not AWS's at all is `neargate`.

use std::collections::BTreeSet;
use std::path::Path;

use neargate::config::Level;
use neargate::config::fidelity;
use serde::Deserialize;

use crate::exchanges;
use crate::support::expected::{Differences, cases, fixtures, read};

/// A chapter of the page.
struct Family {
    title: &'static str,
    /// Folders of `fixtures/alb/`.
    folders: &'static [&'static str],
    /// Records of the fidelity table.
    records: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        title: "Listeners, rules and conditions",
        folders: &["rules", "rule-order"],
        records: &["load balancer", "listener", "certificate", "rule", "condition"],
    },
    Family {
        title: "Actions: redirects, fixed responses, error pages",
        folders: &["redirects", "answers"],
        records: &["action"],
    },
    Family { title: "Exchanges: headers, connections, HTTP/2, WebSockets", folders: &["exchanges"], records: &[] },
    Family { title: "Attributes of the load balancer and of listeners", folders: &["attributes"], records: &[] },
    Family {
        title: "Forwarding to several target groups",
        folders: &["forward"],
        records: &["weighted target group", "group stickiness"],
    },
    Family { title: "Errors", folders: &["errors"], records: &[] },
    Family { title: "Limits", folders: &["limits"], records: &[] },
    Family {
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
    Family { title: "Which protocols a target group accepts", folders: &["protocol-matrix"], records: &[] },
    Family { title: "Transforms", folders: &["transforms"], records: &["transform", "rewrite"] },
    Family { title: "The request that a target receives", folders: &["headers", "host", "trace-id"], records: &[] },
    Family { title: "Desync mitigation", folders: &["desync"], records: &[] },
    Family {
        title: "How a target is chosen",
        folders: &["algorithms", "outstanding", "fail-open", "slow-start", "anomalies"],
        records: &["unhealthy state routing", "dns failover"],
    },
    Family {
        title: "Target groups and stickiness",
        folders: &["draining", "cookies"],
        records: &["target group", "stickiness"],
    },
    Family { title: "Health checks", folders: &["probe", "health", "health-schedule"], records: &["health check"] },
    Family { title: "Security groups", folders: &["security-groups"], records: &["security group", "ingress rule"] },
    Family { title: "CloudWatch metrics", folders: &["figures"], records: &[] },
    Family {
        title: "Logs",
        folders: &["logs/access", "logs/access-fields", "logs/connection", "logs/health-check", "logs/files"],
        records: &["log"],
    },
];

/// Records of the fidelity table that are about tasks.
const OF_TASKS: &[&str] = &[
    "service",
    "task definition",
    "runtime platform",
    "ephemeral storage",
    "volume",
    "container definition",
    "repository credentials",
    "secret",
    "log configuration",
    "linux parameters",
];

/// Where titles that sources begin with can be read. The longest that fits counts.
const PAGES: &[(&str, &str)] = &[
    ("ALB user guide, Access logs", "application/load-balancer-access-logs.html"),
    ("ALB user guide, Application-based stickiness", "application/edit-target-group-attributes.html"),
    (
        "ALB user guide, Automatic Target Weights",
        "application/edit-target-group-attributes.html#automatic-target-weights",
    ),
    ("ALB user guide, Classification reasons", "application/load-balancer-access-logs.html#classification-reasons"),
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
    ("gRPC over HTTP/2", "https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md"),
    ("RFC 1945", "https://www.rfc-editor.org/rfc/rfc1945"),
    ("RFC 9110", "https://www.rfc-editor.org/rfc/rfc9110"),
    ("RFC 9112", "https://www.rfc-editor.org/rfc/rfc9112"),
    ("RFC 9113", "https://www.rfc-editor.org/rfc/rfc9113"),
];

/// Where pages of [`PAGES`] are that do not say so themselves.
const GUIDE: &str = "https://docs.aws.amazon.com/elasticloadbalancing/latest/";

const OPENING: &str = "# Behaviour of an Application Load Balancer, and of neargate

<!-- Generated from fixtures/alb/ and src/config/fidelity/table.rs by `UPDATE_EXPECTED=1 cargo test --test it behaviours`;
edits here are lost. -->

Each *honoured* line is the name of a test case; its source shows AWS's documentation or a real load balancer doing the
same. *Approximated* means that AWS is silent and the best guess is tested, or says what the difference is. *Not yet* lines
say what happens instead. Fields without effect are in [fidelity.md](fidelity.md).
";

/// What every case has, whatever its family.
#[derive(Deserialize)]
struct Case {
    name: String,
    source: String,
    /// Of requests that could be read in two ways: what they are classified as.
    classification: Option<String>,
    /// Why AWS does it and this program does not.
    not_yet: Option<String>,
}

impl Case {
    /// Whose behaviour it is, and how well it is known; none for what is not AWS's.
    fn verdict(&self) -> Option<&'static str> {
        if self.not_yet.is_some() {
            return Some("not yet");
        }
        match self.source.split([':', ' ']).next() {
            Some("neargate") => None,
            Some("inferred") => Some("approximated"),
            _ => Some("honoured"),
        }
    }

    fn sentence(&self) -> String {
        let classified = self.classification.as_ref().map(|class| format!(": {class}")).unwrap_or_default();
        let instead = self.not_yet.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
        escape(&capitalised(&format!("{}{classified}{instead}", self.name)))
    }
}

fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().into_iter().flat_map(char::to_uppercase).chain(rest).collect()
}

/// What Markdown would take for something else.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '|' | '*' | '_' | '[' | '`' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The longest title of [`PAGES`] that this begins with, and where it can be read.
fn page(source: &str) -> Option<(&'static str, &'static str)> {
    PAGES.iter().filter(|(title, _)| source.starts_with(title)).max_by_key(|(title, _)| title.len()).copied()
}

/// Where the links lead.
fn links(page: &str) -> String {
    let mut links = "\n".to_owned();
    for (title, path) in PAGES.iter().filter(|(title, _)| page.contains(&format!("[{title}]"))) {
        let guide = if path.contains("://") { "" } else { GUIDE };
        links.push_str(&format!("[{title}]: {guide}{path}\n"));
    }
    links
}

/// The source, its pages as links.
fn linked(source: &str) -> String {
    let parts = source.split("; ").map(|part| match page(part) {
        // What the page says there is quoted in the case.
        Some((title, _)) => {
            format!("[{title}]{}", escape(part[title.len()..].split(": ").next().unwrap_or_default()))
        }
        None => escape(part),
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// Which fields a line of the fidelity table is about.
fn fields(line: &fidelity::Line) -> String {
    let quoted = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let keys = match line.keys {
        [first, second, _, rest @ ..] if !rest.is_empty() => {
            format!("{} and {} more", quoted(&[first, second]), rest.len() + 1)
        }
        keys => quoted(keys),
    };
    let values = if line.values.is_empty() { String::new() } else { format!(" = {}", quoted(line.values)) };
    format!("{keys}{values} of {}", line.record)
}

fn row(behaviour: &str, source: &str, verdict: &str) -> String {
    format!("| {behaviour} | {source} | {verdict} |\n")
}

fn chapter(family: &Family) -> String {
    let mut text = format!("\n## {}\n\n| behaviour | source | |\n|---|---|---|\n", family.title);
    for file in family.folders.iter().flat_map(|folder| cases(&format!("alb/{folder}"), "yaml")) {
        for case in read::<Vec<Case>>(&file) {
            if let Some(verdict) = case.verdict() {
                text.push_str(&row(&case.sentence(), &linked(&case.source), verdict));
            }
        }
    }
    for line in fidelity::lines().filter(|line| family.records.contains(&line.record)) {
        if let Level::NotYet(reason) | Level::Approximated(reason) = line.level {
            text.push_str(&row(&capitalised(reason), &fields(&line), line.level.name()));
        }
    }
    text
}

/// What is played over one version of HTTP only; all other exchanges, errors and limits are played over both.
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

/// Every folder below this one that holds cases, from `fixtures/alb`.
fn families_of(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut families_of(&path));
        } else {
            found.insert(folder.strip_prefix(fixtures().join("alb")).unwrap().to_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn the_page_of_behaviours_is_current() {
    let mut differences = Differences::default();
    let mut page = OPENING.to_owned() + &FAMILIES.iter().map(chapter).collect::<String>();
    page.push_str(&both_protocols());
    page.push_str(&links(&page));
    differences.check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/alb.md"), &page);
    differences.finish();
}

#[test]
fn every_family_of_cases_has_a_chapter() {
    let listed: BTreeSet<String> = FAMILIES.iter().flat_map(|family| family.folders).map(|&name| name.into()).collect();
    assert_eq!(families_of(&fixtures().join("alb")), listed, "FAMILIES names other folders than there are");
}

#[test]
fn every_difference_has_a_chapter_or_is_of_tasks() {
    let differs = |line: &fidelity::Line| matches!(line.level, Level::NotYet(_) | Level::Approximated(_));
    let told = |record| FAMILIES.iter().any(|family| family.records.contains(&record)) || OF_TASKS.contains(&record);
    let untold: BTreeSet<&str> =
        fidelity::lines().filter(differs).map(|line| line.record).filter(|record| !told(*record)).collect();
    assert!(untold.is_empty(), "add to FAMILIES, or to OF_TASKS: {untold:?}");
}

#[test]
fn what_is_only_told_says_so() {
    for folder in FAMILIES.iter().flat_map(|family| family.folders) {
        for file in cases(&format!("alb/{folder}"), "yaml").iter().filter(|file| file.ends_with("not-yet.yaml")) {
            for case in read::<Vec<Case>>(file) {
                assert!(
                    case.not_yet.is_some(),
                    "{}: \"{}\" is not checked, and has no not_yet",
                    file.display(),
                    case.name
                );
            }
        }
    }
}

#[test]
fn every_case_says_where_its_rule_can_be_seen() {
    let mut mistakes = Vec::new();
    for file in
        FAMILIES.iter().flat_map(|family| family.folders).flat_map(|folder| cases(&format!("alb/{folder}"), "yaml"))
    {
        for case in read::<Vec<Case>>(&file) {
            let known = ["capture", "inferred: ", "neargate"].iter().any(|word| case.source.starts_with(word));
            if !known && page(&case.source).is_none() {
                mistakes.push(format!(
                    "{}: \"{}\": a source begins with a page of PAGES, `captures`, `inferred: ` or `neargate`, not \"{}\"",
                    file.display(),
                    case.name,
                    case.source
                ));
            }
        }
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
