//! The lines about how services are scaled.

use super::level::Entry::{Aws, Holds};
use super::level::Level::{Approximated, Honoured, Ignored};
use super::line::{Line, UNSEEN};

pub(super) const TABLE: &[Line] = &[
    ("appautoscaling_target", &["suspended_state"], &[], Holds),
    ("appautoscaling_target", &["min_capacity", "max_capacity"], &[], Aws(Honoured)),
    ("appautoscaling_target", &["tags"], &[], UNSEEN),
    ("suspended_state", &["dynamic_scaling_in_suspended", "dynamic_scaling_out_suspended"], &[], Aws(Honoured)),
    ("suspended_state", &["scheduled_scaling_suspended"], &[], Aws(Ignored("there are no scheduled actions"))),
    ("appautoscaling_policy", &["target_tracking_scaling_policy_configuration"], &[], Holds),
    ("appautoscaling_policy", &["policy_type"], &[], Aws(Honoured)),
    ("target_tracking_scaling_policy_configuration", &["predefined_metric_specification"], &[], Holds),
    ("target_tracking_scaling_policy_configuration", &["target_value", "disable_scale_in"], &[], Aws(Honoured)),
    (
        "target_tracking_scaling_policy_configuration",
        &["scale_out_cooldown", "scale_in_cooldown"],
        &[],
        Aws(Approximated("divided by `time_scale`, as are the minutes in which the metric is measured")),
    ),
    ("predefined_metric_specification", &["predefined_metric_type", "resource_label"], &[], Aws(Honoured)),
];
