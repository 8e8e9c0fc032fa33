//! `docs/ecs.md`: the behaviours of ECS on Fargate, from `fixtures/ecs/`.

use super::{Chapter, Page};

/// The page.
pub(super) const PAGE: Page = Page {
    file: "docs/ecs.md",
    root: "ecs",
    opening: OPENING,
    chapters: CHAPTERS,
    appendix: String::new,
    titles: TITLES,
    guide: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/",
    reference: ("ECS API, ", "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/"),
};

const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "Task definitions",
        folders: &["cpu-memory", "environment-files", "register"],
        records: &[
            "task definition",
            "runtime platform",
            "ephemeral storage",
            "volume",
            "container definition",
            "repository credentials",
            "secret",
            "log configuration",
            "linux parameters",
        ],
    },
    Chapter { title: "The life of a task", folders: &["lifecycle"], records: &[] },
    Chapter { title: "Containers that depend on each other", folders: &["depends-on"], records: &[] },
    Chapter { title: "The health of a task", folders: &["container-health"], records: &[] },
    Chapter { title: "Why a task stopped", folders: &["stop-reasons"], records: &[] },
    Chapter { title: "Logs through FireLens", folders: &["firelens"], records: &["firelens configuration"] },
    Chapter { title: "What a task is told about itself", folders: &["metadata"], records: &[] },
    Chapter { title: "What a deployment does to requests", folders: &["rehearsal"], records: &[] },
    Chapter {
        title: "Names",
        folders: &["discovery", "service-connect"],
        records: &[
            "service_discovery entry",
            "dns_config",
            "dns_records entry",
            "health_check_custom_config",
            "service_registries",
            "service_connect_configuration",
            "service_connect service",
            "client_alias",
            "timeout",
        ],
    },
    Chapter {
        title: "Services and deployments",
        folders: &[
            "services",
            "names",
            "bounds",
            "strategies",
            "deployments",
            "circuit-breaker",
            "events",
            "placement",
        ],
        records: &[
            "service",
            "deployment_circuit_breaker",
            "threshold_configuration",
            "deployment_configuration",
            "linear_configuration",
            "canary_configuration",
            "lifecycle hook",
            "timeout_configuration",
            "advanced_configuration",
            "listener rule reference",
            "alarms",
            "metric alarm",
            "dimensions",
        ],
    },
    Chapter {
        title: "Scaling",
        folders: &["scaling", "utilization", "protection"],
        records: &[
            "appautoscaling_target",
            "suspended_state",
            "appautoscaling_policy",
            "target_tracking_scaling_policy_configuration",
            "predefined_metric_specification",
        ],
    },
];

/// Where the titles that sources begin with can be read; pages of the API reference need none.
const TITLES: &[(&str, &str)] = &[
    (
        "ALB user guide, \"Health check reason codes\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
    ),
    (
        "ALB user guide, \"Troubleshoot your Application Load Balancers\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html",
    ),
    (
        "ALB user guide, \"Edit target group attributes\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html",
    ),
    (
        "ALB user guide, \"Health checks for your target groups\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html",
    ),
    (
        "ALB user guide, \"Access logs for your Application Load Balancer\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",
    ),
    (
        "ALB user guide, \"Listeners for your Application Load Balancers\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html",
    ),
    (
        "ALB user guide, \"Target security groups\"",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html",
    ),
    ("amazon-ecs-agent", "https://github.com/aws/amazon-ecs-agent"),
    (
        "Cloud Map API, CreatePrivateDnsNamespace",
        "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreatePrivateDnsNamespace.html",
    ),
    ("Cloud Map API, DnsConfig", "https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsConfig.html"),
    ("Cloud Map API, DnsRecord", "https://docs.aws.amazon.com/cloud-map/latest/api/API_DnsRecord.html"),
    ("RFC 2308", "https://www.rfc-editor.org/rfc/rfc2308"),
    (
        "Route 53 developer guide, \"Considerations when working with a private hosted zone\"",
        "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html",
    ),
    ("ECS developer guide, \"Amazon ECS Service Connect components\"", "service-connect-concepts-deploy.html"),
    ("ECS developer guide, \"Example Amazon ECS task definition: Route logs to FireLens\"", "firelens-taskdef.html"),
    ("amazon-ecs-cli", "https://github.com/aws/amazon-ecs-cli"),
    ("cdk-preflight", "https://github.com/badmintoncryer/cdk-preflight"),
    ("eagletmt/hako", "https://github.com/eagletmt/hako"),
    ("terraform-aws-ecs", "https://github.com/terraform-aws-modules/terraform-aws-ecs"),
    ("ECS developer guide, \"Example Amazon ECS task definitions\"", "example_task_definitions.html"),
    ("ECS developer guide, \"Amazon ECS blue/green deployments\"", "deployment-type-blue-green.html"),
    (
        "ECS developer guide, \"Amazon ECS blue/green service deployments workflow\"",
        "blue-green-deployment-how-it-works.html",
    ),
    ("ECS developer guide, \"Amazon ECS linear deployments\"", "deployment-type-linear.html"),
    ("ECS developer guide, \"Amazon ECS canary deployments\"", "canary-deployment.html"),
    (
        "ECS developer guide, \"Application Load Balancer resources for blue/green, linear, and canary deployments\"",
        "alb-resources-for-blue-green.html",
    ),
    ("ECS developer guide, \"Lambda hooks for Amazon ECS service deployments\"", "lambda-lifecycle-hooks.html"),
    ("ECS developer guide, \"Pause hooks for Amazon ECS service deployments\"", "pause-lifecycle-hooks.html"),
    ("ECS developer guide, \"Stopping Amazon ECS service deployments\"", "stop-service-deployment.html"),
    ("ECS developer guide, \"Troubleshooting Amazon ECS blue/green deployments\"", "troubleshooting-blue-green.html"),
    (
        "ECS developer guide, \"Pass Secrets Manager secrets through Amazon ECS environment variables\"",
        "secrets-envvar-secrets-manager.html",
    ),
    (
        "ECS developer guide, \"Troubleshoot Amazon ECS task definition invalid CPU or memory errors\"",
        "task-cpu-memory-error.html",
    ),
    ("ECS developer guide, \"Use a file to pass environment variables to a container\"", "use-environment-file.html"),
    ("Amazon ECS container agent", "https://github.com/aws/amazon-ecs-agent"),
    (
        "Amazon VPC user guide, \"Security groups\"",
        "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html",
    ),
    (
        "ECS developer guide, \"Amazon ECS task metadata endpoint version 4 for tasks on Fargate\"",
        "task-metadata-endpoint-v4-fargate.html",
    ),
    (
        "ECS developer guide, \"Amazon ECS task metadata v4 JSON response for tasks on Fargate\"",
        "task-metadata-endpoint-v4-fargate-response.html",
    ),
    (
        "ECS developer guide, \"Amazon ECS task metadata v4 examples for tasks on Fargate\"",
        "task-metadata-endpoint-v4-fargate-examples.html",
    ),
    (
        "ECS developer guide, \"Protect your Amazon ECS tasks from being terminated by scale-in events\"",
        "task-scale-in-protection.html",
    ),
    ("ECS developer guide, \"Amazon ECS task scale-in protection endpoint\"", "task-scale-in-protection-endpoint.html"),
    ("ECS developer guide, \"Automatically scale your Amazon ECS service\"", "service-auto-scaling.html"),
    (
        "ECS developer guide, \"Use a target metric to scale Amazon ECS services\"",
        "service-autoscaling-targettracking.html",
    ),
    ("ECS developer guide, \"Amazon ECS service utilization metrics\"", "service_utilization.html"),
    (
        "Application Auto Scaling user guide, \"How target tracking scaling for Application Auto Scaling works\"",
        "https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html",
    ),
    ("Application Auto Scaling API, ", "https://docs.aws.amazon.com/autoscaling/application/APIReference/"),
    ("ECS developer guide, \"Amazon ECS task IAM role\"", "task-iam-roles.html"),
    ("ECS developer guide, \"Amazon ECS service event messages\"", "service-event-messages-list.html"),
    ("ECS developer guide, \"Balancing an Amazon ECS service across Availability Zones\"", "service-rebalancing.html"),
    ("ECS developer guide, \"Amazon ECS service scheduler concepts\"", "ecs_services.html"),
    ("ECS developer guide, \"Determine task health using container health checks\"", "healthcheck.html"),
    (
        "ECS developer guide, \"Registering multiple target groups with an Amazon ECS service\"",
        "register-multiple-targetgroups.html",
    ),
    (
        "ECS developer guide, \"How CloudWatch alarms detect Amazon ECS deployment failures\"",
        "deployment-alarm-failure.html",
    ),
    (
        "ECS developer guide, \"How the Amazon ECS deployment circuit breaker detects failures\"",
        "deployment-circuit-breaker.html",
    ),
    (
        "ECS developer guide, \"Pass Secrets Manager secrets through environment variables\"",
        "secrets-envvar-secrets-manager.html",
    ),
    ("ECS developer guide, \"Service load balancing\"", "service-load-balancing.html"),
    ("ECS developer guide, \"Service scheduler\"", "ecs_services.html"),
    ("ECS developer guide, \"Service throttle logic\"", "service-throttle-logic.html"),
    ("ECS developer guide, \"Stopped task error messages\"", "stopped-task-error-codes.html"),
    ("ECS developer guide, \"Task lifecycle\"", "task-lifecycle-explanation.html"),
    ("ECS developer guide, \"Task networking\"", "fargate-task-networking.html"),
];

const OPENING: &str = "# Behaviour of ECS on Fargate, and of neargate

<!-- Generated from fixtures/ecs/ and src/config/fidelity/table.rs by `UPDATE_EXPECTED=1 cargo test --test it behaviours`;
edits here are lost. -->

Each *honoured* line is the rule that a test case shows; its source is AWS's documentation, the source code of AWS's own
agent, or a recording of AWS. *Approximated* means that AWS is silent and the best guess is tested, or says what the
difference is. *Not yet* lines say what happens instead. Fields without effect are in [fidelity.md](fidelity.md).
";
