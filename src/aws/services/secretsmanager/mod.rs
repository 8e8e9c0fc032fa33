//! AWS Secrets Manager (its API reference). Secrets of the file can be read here as well.

mod delete;
mod faults;
mod list;
mod secret;
mod tagging;
mod values;
mod write;

pub(super) use self::secret::seconds;

use crate::aws::action::Action;

pub(super) const ACTIONS: &[Action] = &[
    Action { name: "CreateSecret", decide: write::create },
    Action { name: "DeleteResourcePolicy", decide: list::delete_policy },
    Action { name: "DeleteSecret", decide: delete::delete },
    Action { name: "DescribeSecret", decide: list::describe },
    Action { name: "GetResourcePolicy", decide: list::get_policy },
    Action { name: "GetSecretValue", decide: values::get },
    Action { name: "ListSecretVersionIds", decide: list::versions },
    Action { name: "ListSecrets", decide: list::list },
    Action { name: "PutResourcePolicy", decide: list::put_policy },
    Action { name: "PutSecretValue", decide: write::put_value },
    Action { name: "RestoreSecret", decide: delete::restore },
    Action { name: "TagResource", decide: tagging::tag },
    Action { name: "UntagResource", decide: tagging::untag },
    Action { name: "UpdateSecret", decide: write::update },
];
