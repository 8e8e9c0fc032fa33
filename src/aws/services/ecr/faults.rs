//! Errors of ECR.

use crate::aws::tags::Refused;
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;

pub(super) fn no_repository(name: &str, registry: Option<&str>) -> Fault {
    let registry = registry.unwrap_or(ACCOUNT);
    Fault::new(
        "RepositoryNotFoundException",
        format!("The repository with name '{name}' does not exist in the registry with id '{registry}'"),
    )
}

pub(super) fn invalid(parameter: &str, constraint: &str) -> Fault {
    Fault::new(
        "InvalidParameterException",
        format!("Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"),
    )
}

pub(super) fn tags(refused: &Refused) -> Fault {
    match refused {
        Refused::TooMany => Fault::new("TooManyTagsException", refused.to_string()),
        _ => Fault::new("InvalidTagParameterException", refused.to_string()),
    }
}
