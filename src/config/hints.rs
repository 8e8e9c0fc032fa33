//! Words from neighbouring tools that people will type: what the file calls them.

/// `(kind of record, foreign key, what to write instead)`
const HINTS: &[(&str, &str, &str)] = &[
    ("action", "target_group_arn", "write `forward: NAME` with a key of `target_groups`"),
    ("action", "type", "the key is the type: `forward: …`, `redirect: …` or `fixed_response: …`"),
    ("action", "fixed-response", "Terraform's spelling is `fixed_response`"),
    ("condition", "path", "write `path_pattern: [\"/api/*\"]`"),
    ("condition", "host", "write `host_header: [\"api.example.com\"]`"),
    ("condition", "field", "the key is the field: `path_pattern: [\"/api/*\"]`"),
    ("listener", "certificate_arn", "write `certificate`, or nothing: one is issued for `domain`"),
    ("listener", "actions", "write `default_action` for what happens when no rule matches, and `rules` for the rest"),
    ("listener", "default_actions", "write `default_action`: a mapping, not a list"),
    ("listener", "rule", "write `rules`, a list"),
    ("rule", "actions", "write `action`: a mapping, not a list"),
    ("rule", "condition", "write `conditions`, a list"),
    ("weighted target group", "arn", "write `target_group` with a key of `target_groups`"),
    ("service load balancer", "container_name", "write `container`"),
    ("service load balancer", "container_port", "write `port`"),
    ("service load balancer", "target_group_arn", "write `target_group` with a key of `target_groups`"),
    ("ingress rule", "cidr_blocks", "write `cidr`, one network for each rule"),
    ("ingress rule", "cidr_ipv4", "write `cidr`"),
    ("ingress rule", "cidr_ipv6", "write `cidr`"),
    ("ingress rule", "security_groups", "write `security_group`, one for each rule"),
    ("ingress rule", "source_security_group_id", "write `security_group` with a key of `security_groups`"),
    ("ingress rule", "referenced_security_group_id", "write `security_group` with a key of `security_groups`"),
    ("file", "alb", "write `load_balancer`"),
    ("file", "domains", "write `domain`: it takes a list, too"),
    ("file", "listeners", "`listeners` belongs under `load_balancer`"),
    ("file", "rules", "`rules` belongs under one of `load_balancer.listeners`"),
    ("file", "version", "there is no version field: the file is checked against the schema of this release"),
    ("service", "container_definitions", "put them into a task definition and name its file in `task_definition`"),
    ("service", "secrets", "`secrets` belongs to the top of the file: values by ARN or name"),
    ("service", "replicas", "write `desired_count`"),
    ("service", "image", "the image is in the task definition; to build it here, write `build`"),
    ("build", "build_args", "write `args`"),
    ("build", "file", "write `dockerfile`"),
];

/// What to write instead of a key that another tool has.
pub(crate) fn instead_of(kind: &str, key: &str) -> Option<&'static str> {
    HINTS.iter().find(|(record, foreign, _)| *record == kind && *foreign == key).map(|(_, _, hint)| *hint)
}
