//! Parameters (AWS Systems Manager API reference). Those of the file can be read here as well.

mod list;
mod parameter;
mod tagging;
mod values;
mod write;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "AddTagsToResource", decide: tagging::add },
    Action { name: "DeleteParameter", decide: write::delete },
    Action { name: "DeleteParameters", decide: write::delete_several },
    Action { name: "DescribeParameters", decide: list::describe },
    Action { name: "GetParameter", decide: values::get },
    Action { name: "GetParameterHistory", decide: list::history },
    Action { name: "GetParameters", decide: values::get_several },
    Action { name: "GetParametersByPath", decide: values::by_path },
    Action { name: "ListTagsForResource", decide: tagging::list },
    Action { name: "PutParameter", decide: write::put },
    Action { name: "RemoveTagsFromResource", decide: tagging::remove },
];
