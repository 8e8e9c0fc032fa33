//! The lines about deployments that shift traffic.

use super::level::Entry;
use super::level::Entry::{Aws, Holds, Own};
use super::level::Level::{Approximated, Honoured, Ignored};
use super::line::Line;

const NO_ROLE: Entry = Aws(Ignored("nothing here needs a role"));
const DIVIDED: Entry = Aws(Approximated("divided by `time_scale`"));

pub(super) const STRATEGIES: &[Line] = &[
    ("service", &["deployment_configuration"], &[], Holds),
    ("load_balancers entry", &["advanced_configuration"], &[], Holds),
    ("deployment_configuration", &["lifecycle_hooks", "linear_configuration", "canary_configuration"], &[], Holds),
    (
        "deployment_configuration",
        &["strategy"],
        &[],
        Aws(Approximated(
            "the first deployment of a service shifts all traffic at once and does not bake: there is nothing to go back to",
        )),
    ),
    ("deployment_configuration", &["bake_time_in_minutes"], &[], DIVIDED),
    ("linear_configuration", &["step_percent"], &[], Aws(Honoured)),
    ("linear_configuration", &["step_bake_time_in_minutes"], &[], DIVIDED),
    ("canary_configuration", &["canary_percent"], &[], Aws(Honoured)),
    ("canary_configuration", &["canary_bake_time_in_minutes"], &[], DIVIDED),
    ("lifecycle hook", &["command"], &[], Own),
    ("lifecycle hook", &["timeout_configuration"], &[], Holds),
    ("lifecycle hook", &["lifecycle_stages", "hook_details", "target_type"], &[], Aws(Honoured)),
    (
        "lifecycle hook",
        &["hook_target_arn"],
        &[],
        Aws(Approximated("a local command answers for the function, with the same event and the same answers")),
    ),
    ("lifecycle hook", &["role_arn"], &[], NO_ROLE),
    ("timeout_configuration", &["timeout_in_minutes", "action"], &[], Aws(Honoured)),
    ("advanced_configuration", &["production_listener_rule", "test_listener_rule"], &[], Holds),
    ("advanced_configuration", &["alternate_target_group"], &[], Aws(Honoured)),
    ("advanced_configuration", &["role_arn"], &[], NO_ROLE),
    (
        "listener rule reference",
        &["listener", "priority", "load_balancer"],
        &[],
        Aws(Approximated(
            "weights that somebody else changes are set again at once; ECS looks at them with the next deployment only",
        )),
    ),
];
