//! The actions of Application Auto Scaling for services of ECS (Application Auto Scaling API reference). Policies that track a
//! predefined metric scale here; others are remembered, and scale nothing.

mod policies;
mod resource;
mod tagging;
mod targets;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "DeleteScalingPolicy", decide: policies::delete },
    Action { name: "DeregisterScalableTarget", decide: targets::deregister },
    Action { name: "DescribeScalableTargets", decide: targets::describe },
    Action { name: "DescribeScalingPolicies", decide: policies::describe },
    Action { name: "ListTagsForResource", decide: tagging::list },
    Action { name: "PutScalingPolicy", decide: policies::put },
    Action { name: "RegisterScalableTarget", decide: targets::register },
    Action { name: "TagResource", decide: tagging::tag },
    Action { name: "UntagResource", decide: tagging::untag },
];
