//! Keys from similar tools that people will type, and their names in the file.

/// `(kind of record, foreign key, the field it stands for if there is one, what to write instead)`
const HINTS: &[(&str, &str, &str, &str)] = &[
    ("action", "target_group_arn", "forward", "write `forward: NAME` with a key of `target_groups`"),
    ("action", "type", "", "the key is the type: `forward: …`, `redirect: …` or `fixed_response: …`"),
    ("action", "fixed-response", "fixed_response", "Terraform's spelling is `fixed_response`"),
    ("condition", "path", "path_pattern", "write `path_pattern: [\"/api/*\"]`"),
    ("condition", "host", "host_header", "write `host_header: [\"api.example.com\"]`"),
    ("condition", "field", "", "the key is the field: `path_pattern: [\"/api/*\"]`"),
    ("listener", "certificate_arn", "certificate", "write `certificate`, or nothing: one is issued for `domain`"),
    (
        "listener",
        "actions",
        "default_action",
        "write `default_action` for what happens when no rule matches, and `rules` for the rest",
    ),
    ("listener", "default_actions", "default_action", "write `default_action`: one action, or a list"),
    ("listener", "transform", "", "a default rule has no transforms: give it to one of `rules`"),
    ("listener", "rule", "rules", "write `rules`, a list"),
    ("rule", "actions", "action", "write `action`: one action, or a list"),
    ("rule", "condition", "conditions", "write `conditions`, a list"),
    ("weighted target group", "arn", "target_group", "write `target_group` with a key of `target_groups`"),
    ("load_balancers entry", "container_name", "container", "write `container`"),
    ("load_balancers entry", "container_port", "port", "write `port`"),
    ("load_balancers entry", "target_group_arn", "target_group", "write `target_group` with a key of `target_groups`"),
    ("ingress rule", "cidr_blocks", "", "write `cidr`, one network for each rule"),
    ("ingress rule", "cidr_ipv4", "", "write `cidr`"),
    ("ingress rule", "cidr_ipv6", "", "write `cidr`"),
    ("ingress rule", "security_groups", "", "write `security_group`, one for each rule"),
    ("ingress rule", "source_security_group_id", "", "write `security_group` with a key of `security_groups`"),
    ("ingress rule", "referenced_security_group_id", "", "write `security_group` with a key of `security_groups`"),
    ("file", "alb", "load_balancer", "write `load_balancer`"),
    ("file", "domains", "domain", "write `domain`: it also accepts a list"),
    ("file", "listeners", "load_balancer", "`listeners` belongs under `load_balancer`"),
    ("file", "rules", "", "`rules` belongs under one of `load_balancer.listeners`"),
    ("file", "version", "", "there is no version field: the file is checked against the schema of this release"),
    ("service", "container_definitions", "", "put them in a task definition and name its file in `task_definition`"),
    ("service", "secrets", "", "`secrets` belongs at the top of the file: values by ARN or name"),
    ("service", "replicas", "", "write `desired_count`"),
    ("service", "watch", "develop", "write `develop: { CONTAINER: { watch: [ … ] } }`"),
    ("build", "build_args", "", "write `args`"),
    ("build", "file", "", "write `dockerfile`"),
];

/// Words of other tools, with AWS's words for the same things.
const WORDS: &[(&str, &str)] = &[
    ("amd64", "X86_64"),
    ("x86-64", "X86_64"),
    ("x64", "X86_64"),
    ("aarch64", "ARM64"),
    ("arm64/v8", "ARM64"),
    ("301", "HTTP_301"),
    ("permanent", "HTTP_301"),
    ("302", "HTTP_302"),
    ("found", "HTTP_302"),
    ("least_conn", "least_outstanding_requests"),
    ("roundrobin", "round_robin"),
    ("service_healthy", "HEALTHY"),
    ("service_started", "START"),
    ("service_completed_successfully", "SUCCESS"),
    ("running", "START"),
];

/// The replacement for another tool's key: the field, and a sentence.
pub(crate) fn instead_of(kind: &str, key: &str) -> Option<(&'static str, &'static str)> {
    let hint = HINTS.iter().find(|(record, foreign, ..)| *record == kind && *foreign == key);
    hint.map(|(_, _, field, hint)| (*field, *hint))
}

/// AWS's word for another tool's word.
pub(crate) fn word_for(text: &str) -> Option<&'static str> {
    WORDS.iter().find(|(foreign, _)| foreign.eq_ignore_ascii_case(text)).map(|(_, word)| *word)
}
