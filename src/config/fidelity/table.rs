//! The table: record, keys, values, level. The first matching line counts.

use super::identities;
use super::level::Entry;
use super::level::Entry::{Aws, Holds, Own};
use super::level::Level::{Approximated, Honoured, Ignored, NotYet};
use super::line::{Line, UNSEEN};
use super::names::NAMES;
use super::scaling;
use super::strategies::STRATEGIES;

const ONE_ZONE: Entry = Aws(Ignored("there is one zone"));
const ANSWER_ONLY: Entry =
    Aws(Ignored("a response-only field that registration does not accept; the deploy action removes it as well"));
const REFUSED: Entry = Aws(Ignored("Fargate accepts it only when it is empty or off"));
const LOG_FILES: Entry =
    Aws(Approximated("a folder below `s3/` in the state folder; files are compressed only with `gzip: true`"));
const NO_AUTH: Entry = Aws(NotYet("no client is asked to sign in: every request goes to the other action"));

const TABLE: &[Line] = &[
    // neargate.yaml: the file
    ("file", &["name", "domain", "time_scale", "quotas"], &[], Own),
    (
        "file",
        &[
            "load_balancer",
            "load_balancers",
            "target_groups",
            "services",
            "security_groups",
            "metric_alarms",
            "service_discovery",
        ],
        &[],
        Holds,
    ),
    ("file", &["task_roles"], &[], Holds),
    ("file", &["aws"], &[], Holds),
    ("file", &["secrets"], &[], Own),
    ("file", &["environment_files"], &[], Own),
    ("file", &["cluster"], &[], Aws(Honoured)),
    ("quotas", &["rules_per_load_balancer", "listeners_per_load_balancer"], &[], Own),
    ("quotas", &["certificates_per_load_balancer", "targets_per_target_group", "targets_per_load_balancer"], &[], Own),
    ("security group", &["ingress"], &[], Holds),
    (
        "security group",
        &["egress"],
        &[],
        Aws(NotYet("all outbound traffic is allowed, as with AWS's default egress rule")),
    ),
    ("security group", &["description", "tags"], &[], UNSEEN),
    ("ingress rule", &["protocol", "port", "from_port", "to_port", "security_group"], &[], Aws(Honoured)),
    (
        "ingress rule",
        &["cidr"],
        &[],
        Aws(Approximated(
            "0.0.0.0/0 and private networks let the load balancer in; clients are on this machine and are always let in",
        )),
    ),
    ("ingress rule", &["description"], &[], UNSEEN),
    // the load balancer
    ("load balancer", &["listeners"], &[], Holds),
    ("load balancer", &["domain", "bind_address"], &[], Own),
    (
        "load balancer",
        &[
            "name",
            "security_groups",
            "idle_timeout",
            "client_keep_alive",
            "enable_http2",
            "preserve_host_header",
            "enable_xff_client_port",
            "xff_header_processing_mode",
            "drop_invalid_header_fields",
            "desync_mitigation_mode",
            "enable_tls_version_and_cipher_suite_headers",
            "load_balancer_type",
        ],
        &[],
        Aws(Honoured),
    ),
    (
        "load balancer",
        &["internal", "ip_address_type"],
        &[],
        Aws(Approximated("the load balancer is reached at `bind_address` on this machine")),
    ),
    (
        "load balancer",
        &["subnets", "subnet_mapping"],
        &[],
        Aws(Ignored("the project's network replaces the VPC's subnets")),
    ),
    ("load balancer", &["access_logs", "connection_logs", "health_check_logs"], &[], Holds),
    (
        "load balancer",
        &["enable_deletion_protection"],
        &[],
        Aws(Ignored("`neargate down` always removes what `up` created")),
    ),
    ("load balancer", &["enable_cross_zone_load_balancing", "enable_zonal_shift"], &[], ONE_ZONE),
    ("load balancer", &["enable_waf_fail_open"], &[], Aws(Ignored("there is no firewall"))),
    ("load balancer", &["minimum_load_balancer_capacity", "tags"], &[], UNSEEN),
    ("log", &["enabled"], &[], Aws(Honoured)),
    ("log", &["bucket", "prefix"], &[], LOG_FILES),
    ("log", &["gzip"], &[], Own),
    // listeners
    ("listener", &["port", "protocol"], &[], Aws(Honoured)),
    ("listener", &["default_action", "rules", "certificate"], &[], Holds),
    (
        "listener",
        &["ssl_policy"],
        &[],
        Aws(Approximated("TLS 1.2 and 1.3 with AEAD ciphers; anything else that the policy allows is not offered")),
    ),
    ("listener", &["mutual_authentication"], &[], Aws(NotYet("client certificates are not requested"))),
    ("listener", &["alpn_policy"], &[], Aws(Ignored("for Network Load Balancers only"))),
    (
        "listener",
        &[
            "routing_http_response_server_enabled",
            "routing_http_response_strict_transport_security_header_value",
            "routing_http_response_access_control_allow_origin_header_value",
            "routing_http_response_access_control_allow_methods_header_value",
            "routing_http_response_access_control_allow_headers_header_value",
            "routing_http_response_access_control_allow_credentials_header_value",
            "routing_http_response_access_control_expose_headers_header_value",
            "routing_http_response_access_control_max_age_header_value",
            "routing_http_response_content_security_policy_header_value",
            "routing_http_response_x_content_type_options_header_value",
            "routing_http_response_x_frame_options_header_value",
            "routing_http_request_x_amzn_tls_version_header_name",
            "routing_http_request_x_amzn_tls_cipher_suite_header_name",
        ],
        &[],
        Aws(Honoured),
    ),
    (
        "listener",
        &[
            "routing_http_request_x_amzn_mtls_clientcert_serial_number_header_name",
            "routing_http_request_x_amzn_mtls_clientcert_issuer_header_name",
            "routing_http_request_x_amzn_mtls_clientcert_subject_header_name",
            "routing_http_request_x_amzn_mtls_clientcert_validity_header_name",
            "routing_http_request_x_amzn_mtls_clientcert_leaf_header_name",
            "routing_http_request_x_amzn_mtls_clientcert_header_name",
        ],
        &[],
        Aws(NotYet("client certificates are not requested")),
    ),
    ("listener", &["tags"], &[], UNSEEN),
    (
        "certificate",
        &["domain_name", "subject_alternative_names"],
        &[],
        Aws(Approximated("issued by the local authority instead of Amazon's")),
    ),
    ("certificate", &["key_algorithm"], &[], Aws(Honoured)),
    ("certificate", &["certificate_body", "private_key"], &[], Aws(Honoured)),
    (
        "certificate",
        &["certificate_arn"],
        &[],
        Aws(Approximated("its key cannot leave ACM: one is issued by the local authority for `domain`")),
    ),
    // rules
    ("rule", &["priority"], &[], Aws(Honoured)),
    ("rule", &["conditions", "action", "transform"], &[], Holds),
    ("rule", &["tags"], &[], UNSEEN),
    (
        "condition",
        &["path_pattern", "host_header", "http_header", "http_request_method", "query_string", "source_ip"],
        &[],
        Aws(Honoured),
    ),
    ("transform", &["type"], &[], Aws(Honoured)),
    ("transform", &["host_header_rewrite_config", "url_rewrite_config"], &[], Holds),
    ("rewrite config", &["rewrite"], &[], Holds),
    ("rewrite", &["regex", "replace"], &[], Aws(Honoured)),
    ("condition value", &["values", "regex_values"], &[], Holds),
    ("http_header condition", &["http_header_name", "values", "regex_values"], &[], Holds),
    ("query_string value", &["key", "value"], &[], Holds),
    ("action", &["forward", "redirect", "fixed_response", "order"], &[], Aws(Honoured)),
    ("action", &["authenticate_oidc", "authenticate_cognito", "jwt_validation"], &[], NO_AUTH),
    ("forward action", &["target_groups", "stickiness"], &[], Holds),
    ("weighted target group", &["target_group"], &[], Holds),
    ("weighted target group", &["weight"], &[], Aws(Honoured)),
    ("group stickiness", &["enabled", "duration"], &[], Aws(Honoured)),
    ("redirect action", &["protocol", "host", "port", "path", "query", "status_code"], &[], Holds),
    ("fixed response", &["status_code", "content_type", "message_body"], &[], Holds),
    // target groups
    (
        "target group",
        &["protocol"],
        &["HTTPS"],
        Aws(Approximated(
            "from the security policy that the listeners' policy implies, TLS 1.2 and 1.3 with AEAD ciphers",
        )),
    ),
    (
        "target group",
        &["target_type"],
        &["lambda", "instance"],
        Aws(NotYet("only IP addresses can be registered: services and `targets`")),
    ),
    ("target group", &["protocol", "protocol_version", "port", "target_type"], &[], Aws(Honoured)),
    (
        "target group",
        &["deregistration_delay"],
        &[],
        Aws(Approximated(
            "a target disappears as soon as nothing is in flight; with `time_scale: 1` it is shown for the whole delay, as on AWS",
        )),
    ),
    ("target group", &["load_balancing_algorithm_type", "slow_start"], &[], Aws(Honoured)),
    ("target group", &["health_check", "stickiness", "target_group_health"], &[], Holds),
    ("target group", &["targets"], &[], Own),
    ("target group", &["vpc_id"], &[], Aws(Ignored("the project's network replaces the VPC"))),
    (
        "target group",
        &["load_balancing_anomaly_mitigation"],
        &["on"],
        Aws(Approximated(
            "AWS's thresholds are not public: a target is anomalous if its error rate is 10 points and twice above its peers'",
        )),
    ),
    ("target group", &["load_balancing_anomaly_mitigation"], &[], Aws(Honoured)),
    ("target group", &["load_balancing_cross_zone_enabled"], &[], ONE_ZONE),
    ("target group", &["ip_address_type"], &[], Aws(Approximated("tasks have IPv4 addresses"))),
    ("target group", &["lambda_multi_value_headers_enabled"], &[], Aws(NotYet("there are no Lambda targets"))),
    ("target group", &["target_control_port"], &[], Aws(NotYet("targets do not control the load balancer"))),
    ("target group", &["tags"], &[], UNSEEN),
    (
        "health check",
        &["interval"],
        &[],
        Aws(Approximated("divided by `time_scale`; a new target is probed immediately")),
    ),
    (
        "health check",
        &["enabled", "path", "port", "protocol", "timeout", "healthy_threshold", "unhealthy_threshold", "matcher"],
        &[],
        Aws(Honoured),
    ),
    ("stickiness", &["enabled", "type", "cookie_duration", "cookie_name"], &[], Aws(Honoured)),
    ("target group health", &["unhealthy_state_routing", "dns_failover"], &[], Holds),
    (
        "dns failover",
        &["minimum_healthy_targets_count", "minimum_healthy_targets_percentage"],
        &[],
        Aws(Approximated("the metrics HealthyStateDNS and UnhealthyStateDNS follow it; there is no DNS to fail over")),
    ),
    (
        "unhealthy state routing",
        &["minimum_healthy_targets_count", "minimum_healthy_targets_percentage"],
        &[],
        Aws(Honoured),
    ),
    ("target", &["address", "port"], &[], Own),
    ("task role", &["profile"], &[], Own),
    // services
    ("service", &["task_definition"], &[], Holds),
    ("service", &["load_balancers", "deployment_circuit_breaker", "alarms"], &[], Holds),
    ("service", &["appautoscaling_target", "appautoscaling_policy"], &[], Holds),
    ("service", &["build", "develop", "environment", "image"], &[], Own),
    (
        "service",
        &[
            "desired_count",
            "security_groups",
            "health_check_grace_period_seconds",
            "deployment_minimum_healthy_percent",
            "deployment_maximum_percent",
            "launch_type",
            "scheduling_strategy",
            "enable_execute_command",
        ],
        &[],
        Aws(Honoured),
    ),
    ("service", &["platform_version"], &[], Aws(Approximated("behaves as 1.4.0, which is LATEST"))),
    ("service", &["deployment_controller"], &[], Aws(Ignored("the only controller is ECS's own"))),
    (
        "service",
        &["network_configuration"],
        &[],
        Aws(Ignored("`security_groups` of the service applies instead; the project's network replaces subnets")),
    ),
    ("service", &["capacity_provider_strategy"], &[], Aws(Ignored("this machine is the only capacity"))),
    ("service", &["service_registries"], &[], Holds),
    ("service", &["service_connect_configuration"], &[], Holds),
    (
        "service",
        &["availability_zone_rebalancing"],
        &[],
        Aws(Approximated("a zone is a machine that runs tasks; on one machine nothing is to be moved")),
    ),
    (
        "service",
        &["wait_for_steady_state", "force_new_deployment"],
        &[],
        Aws(Ignored("use commands instead: `neargate up --wait`, `neargate restart`")),
    ),
    ("service", &["propagate_tags", "enable_ecs_managed_tags", "tags"], &[], UNSEEN),
    (
        "alarms",
        &["alarm_names", "enable", "rollback"],
        &[],
        Aws(Approximated(
            "how long a deployment is watched once it has come up is not published: as long as the slowest alarm needs, \
             divided by `time_scale`",
        )),
    ),
    ("metric alarm", &["dimensions"], &[], Holds),
    (
        "metric alarm",
        &["namespace", "metric_name", "comparison_operator", "threshold", "datapoints_to_alarm", "treat_missing_data"],
        &[],
        Aws(Honoured),
    ),
    (
        "metric alarm",
        &["statistic"],
        &[],
        Aws(Approximated("counts have a sum, times an average, and hosts all but a sum")),
    ),
    (
        "metric alarm",
        &["period", "evaluation_periods"],
        &[],
        Aws(Approximated("the last period ends now, and not with the minute")),
    ),
    ("metric alarm", &["alarm_actions", "ok_actions"], &[], Aws(Ignored("alarms only end deployments"))),
    ("metric alarm", &["alarm_description", "tags"], &[], UNSEEN),
    ("dimensions", &["LoadBalancer", "TargetGroup"], &[], Aws(Honoured)),
    ("deployment_circuit_breaker", &["threshold_configuration"], &[], Holds),
    ("deployment_circuit_breaker", &["enable", "rollback", "reset_on_healthy_task"], &[], Aws(Honoured)),
    ("threshold_configuration", &["type", "value"], &[], Aws(Honoured)),
    ("load_balancers entry", &["target_group", "container", "port"], &[], Aws(Honoured)),
    ("build", &["context", "dockerfile", "args", "target"], &[], Own),
    ("develop", &["watch"], &[], Own),
    ("watch entry", &["path", "action", "target", "ignore", "include", "initial_sync", "exec"], &[], Own),
    ("exec", &["command", "user", "privileged", "working_dir", "environment"], &[], Own),
    // task definitions
    ("task definition", &["containerDefinitions", "runtimePlatform", "ephemeralStorage", "volumes"], &[], Holds),
    ("task definition", &["family", "networkMode", "requiresCompatibilities", "cpu", "memory"], &[], Aws(Honoured)),
    (
        "task definition",
        &["executionRoleArn"],
        &[],
        Aws(Approximated("it must be present where AWS requires it; its permissions are not checked")),
    ),
    (
        "task definition",
        &["taskRoleArn"],
        &[],
        Aws(Approximated(
            "the task finds credentials of the role where Fargate has them, made up: nothing at AWS accepts them",
        )),
    ),
    ("task definition", &["pidMode"], &[], Aws(Honoured)),
    ("task definition", &["ipcMode", "placementConstraints", "inferenceAccelerators"], &[], REFUSED),
    ("task definition", &["proxyConfiguration"], &[], Aws(NotYet("traffic is not routed through a sidecar"))),
    ("task definition", &["enableFaultInjection"], &["false"], Aws(Honoured)),
    ("task definition", &["enableFaultInjection"], &[], Aws(NotYet("there are no fault injection endpoints"))),
    ("task definition", &["trustedExecutionConfiguration"], &[], Aws(Ignored("for managed instances only"))),
    ("task definition", &["tags"], &[], UNSEEN),
    (
        "task definition",
        &[
            "compatibilities",
            "taskDefinitionArn",
            "requiresAttributes",
            "revision",
            "status",
            "registeredAt",
            "deregisteredAt",
            "registeredBy",
            "deleteRequestedAt",
        ],
        &[],
        ANSWER_ONLY,
    ),
    ("runtime platform", &["operatingSystemFamily"], &[], Aws(Honoured)),
    (
        "runtime platform",
        &["cpuArchitecture"],
        &[],
        Aws(Approximated("images are built and pulled for it; the engine emulates foreign processors if it can")),
    ),
    (
        "ephemeral storage",
        &["sizeInGiB"],
        &[],
        Aws(Approximated("the metadata endpoint tells the size; the disk is as large as the engine's")),
    ),
    ("volume", &["name", "host"], &[], Aws(Honoured)),
    (
        "volume",
        &["efsVolumeConfiguration"],
        &[],
        Aws(Approximated(
            "a volume of the engine for each root directory or access point; it outlives tasks and `down`",
        )),
    ),
    (
        "volume",
        &["s3filesVolumeConfiguration", "configuredAtLaunch"],
        &[],
        Aws(NotYet("the volume is empty and lives as long as the task")),
    ),
    ("volume", &["fsxWindowsFileServerVolumeConfiguration", "dockerVolumeConfiguration"], &[], REFUSED),
    (
        "EFS volume",
        &["fileSystemId", "rootDirectory", "transitEncryption", "transitEncryptionPort", "authorizationConfig"],
        &[],
        Holds,
    ),
    ("EFS authorization", &["accessPointId", "iam"], &[], Holds),
    ("proxy configuration", &["type", "containerName", "properties"], &[], Holds),
    ("proxy property", &["name", "value"], &[], Holds),
    ("volume host", &["sourcePath"], &[], REFUSED),
    // containers
    (
        "container definition",
        &[
            "healthCheck",
            "repositoryCredentials",
            "portMappings",
            "environment",
            "secrets",
            "mountPoints",
            "dependsOn",
            "restartPolicy",
            "ulimits",
            "logConfiguration",
            "linuxParameters",
            "systemControls",
        ],
        &[],
        Holds,
    ),
    (
        "container definition",
        &[
            "name",
            "image",
            "cpu",
            "memory",
            "memoryReservation",
            "essential",
            "entryPoint",
            "command",
            "startTimeout",
            "stopTimeout",
            "user",
            "workingDirectory",
            "readonlyRootFilesystem",
            "interactive",
            "pseudoTerminal",
            "dockerLabels",
        ],
        &[],
        Aws(Honoured),
    ),
    (
        "container definition",
        &["environmentFiles"],
        &[],
        Aws(Approximated("read from the local files named under `environment_files`, when the file is loaded")),
    ),
    ("environment file", &["value", "type"], &[], Holds),
    (
        "container definition",
        &["volumesFrom"],
        &[],
        Aws(Approximated("`mountPoints` come along, volumes of the image do not")),
    ),
    ("volumesFrom entry", &["sourceContainer", "readOnly"], &[], Holds),
    ("container definition", &["firelensConfiguration"], &[], Holds),
    (
        "firelens configuration",
        &["type", "options"],
        &[],
        Aws(Approximated(
            "where there is a metadata endpoint, the router gets its configuration and the output of the others, with the \
             engine's ids and names of containers; nothing at AWS accepts what it sends with the role's credentials",
        )),
    ),
    (
        "container definition",
        &["versionConsistency"],
        &[],
        Aws(Approximated("a task runs the image that the tag names when it starts")),
    ),
    (
        "container definition",
        &[
            "resourceRequirements",
            "hostname",
            "extraHosts",
            "dnsServers",
            "dnsSearchDomains",
            "links",
            "disableNetworking",
            "privileged",
            "dockerSecurityOptions",
        ],
        &[],
        REFUSED,
    ),
    ("container definition", &["credentialSpecs"], &[], Aws(NotYet("there is no Active Directory here"))),
    (
        "repository credentials",
        &["credentialsParameter"],
        &[],
        Aws(Approximated("used if `secrets` has a value for it; otherwise your own `docker login` is used")),
    ),
    ("port mapping", &["containerPort", "hostPort", "protocol", "containerPortRange"], &[], Aws(Honoured)),
    ("port mapping", &["name", "appProtocol"], &[], Aws(Honoured)),
    ("environment variable", &["name", "value"], &[], Aws(Honoured)),
    ("secret", &["name"], &[], Holds),
    (
        "secret",
        &["valueFrom"],
        &[],
        Aws(Approximated("the value comes from `secrets` of the file, not from your account")),
    ),
    ("mount point", &["sourceVolume", "containerPath", "readOnly"], &[], Aws(Honoured)),
    ("dependency", &["containerName", "condition"], &[], Aws(Honoured)),
    ("container health check", &["command", "interval", "timeout", "retries", "startPeriod"], &[], Aws(Honoured)),
    ("restart policy", &["enabled", "ignoredExitCodes", "restartAttemptPeriod"], &[], Aws(Honoured)),
    ("ulimit", &["name", "softLimit", "hardLimit"], &[], Aws(Honoured)),
    (
        "log configuration",
        &["logDriver", "options"],
        &["splunk"],
        Aws(NotYet("output is kept in local files as with awslogs")),
    ),
    (
        "log configuration",
        &["logDriver", "options"],
        &["awsfirelens"],
        Aws(Approximated(
            "output goes to the log router, and is kept in local files as well; `neargate logs` shows it",
        )),
    ),
    (
        "log configuration",
        &["logDriver"],
        &[],
        Aws(Approximated("output is kept in local files by group and stream; `neargate logs` shows it")),
    ),
    ("log configuration", &["options"], &[], Holds),
    ("log configuration", &["secretOptions"], &[], Aws(NotYet("options of the log driver are not read from secrets"))),
    ("secret option", &["name", "valueFrom"], &[], Holds),
    ("linux parameters", &["capabilities"], &[], Holds),
    ("linux parameters", &["initProcessEnabled"], &[], Aws(Honoured)),
    ("linux parameters", &["devices", "sharedMemorySize", "maxSwap"], &[], REFUSED),
    ("linux parameters", &["swappiness"], &[], Aws(Ignored("Fargate also ignores it"))),
    ("linux parameters", &["tmpfs"], &[], Aws(Approximated("mounted; older rules of Fargate refuse it"))),
    ("tmpfs", &["containerPath", "size", "mountOptions"], &[], Holds),
    ("capabilities", &["add", "drop"], &[], Aws(Honoured)),
    ("system control", &["namespace", "value"], &[], Aws(Honoured)),
];

/// What the table says; a field that is not in it is this program's own.
pub(super) fn find(record: &str, key: &str, value: Option<&str>) -> Entry {
    all_lines()
        .find(|(kind, keys, values, _)| {
            *kind == record
                && keys.contains(&key)
                && (values.is_empty() || value.is_some_and(|value| values.contains(&value)))
        })
        .map_or(Own, |(.., entry)| *entry)
}

/// Every line.
pub(super) fn lines() -> impl Iterator<Item = Line> {
    all_lines().copied()
}

/// Whether the table says something about the field whatever its value.
#[cfg(test)]
pub(super) fn lists(record: &str, key: &str) -> bool {
    all_lines().any(|(kind, keys, values, _)| *kind == record && keys.contains(&key) && values.is_empty())
}

/// Everything the table says something about.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    all_lines().map(|(kind, keys, ..)| (*kind, *keys))
}

fn all_lines() -> impl Iterator<Item = &'static Line> {
    TABLE.iter().chain(identities::TABLE).chain(scaling::TABLE).chain(NAMES).chain(STRATEGIES)
}
