//! CloudWatch Logs (its API reference). Groups are kept; what the containers write is read where it is kept, and what clients
//! put is kept in memory.

mod events;
mod faults;
mod groups;
mod put;
mod reading;
mod streams;
mod tagging;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "CreateLogGroup", decide: groups::create },
    Action { name: "CreateLogStream", decide: streams::create },
    Action { name: "DeleteLogGroup", decide: groups::delete },
    Action { name: "DeleteLogStream", decide: streams::delete },
    Action { name: "DeleteRetentionPolicy", decide: groups::delete_retention },
    Action { name: "DescribeLogGroups", decide: groups::describe },
    Action { name: "DescribeLogStreams", decide: streams::describe },
    Action { name: "FilterLogEvents", decide: reading::filter },
    Action { name: "GetLogEvents", decide: reading::get },
    Action { name: "ListTagsForResource", decide: tagging::list },
    Action { name: "ListTagsLogGroup", decide: tagging::list_of_group },
    Action { name: "PutLogEvents", decide: put::put },
    Action { name: "PutRetentionPolicy", decide: groups::put_retention },
    Action { name: "TagLogGroup", decide: tagging::tag_group },
    Action { name: "TagResource", decide: tagging::tag },
    Action { name: "UntagLogGroup", decide: tagging::untag_group },
    Action { name: "UntagResource", decide: tagging::untag },
];
