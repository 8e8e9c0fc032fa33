//! Errors in the service's words (ELBv2 API reference, "Errors" of each action), and pages.

use serde_json::Value;

use crate::alb::violation::Violation;
use crate::aws::pages::{self, NoPage, Sizes};
use crate::aws::tags;
use crate::model::LoadBalancerName;
use crate::model::arn::Arn;
use crate::protocols::fault::Fault;

/// `PageSize`: "Valid Range: Minimum value of 1. Maximum value of 400."
const SIZES: Sizes = Sizes::up_to(400);

/// A change that is refused.
pub(super) fn refused(violation: &Violation) -> Fault {
    Fault::new(violation.code(), violation.to_string())
}

/// What the API's model does not take, or AWS says so without a code of its own.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationError", message)
}

/// A member that must be given.
pub(super) fn missing(member: &str) -> Fault {
    invalid(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// A word that the API's model does not have.
pub(super) fn not_one_of(value: &str, member: &str, words: &[&str]) -> Fault {
    invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must satisfy enum \
         value set: [{}]",
        words.join(", ")
    ))
}

/// What this machine has no part of.
pub(super) fn not_here(what: &str) -> Fault {
    invalid(format!("{what} is not supported. (neargate runs Application Load Balancers with targets of type ip.)"))
}

pub(super) fn no_load_balancer(name: &LoadBalancerName) -> Fault {
    Fault::new("LoadBalancerNotFound", format!("Load balancer '{}' not found", Arn::load_balancer(name)))
}

pub(super) fn no_target_groups() -> Fault {
    Fault::new("TargetGroupNotFound", "One or more target groups not found")
}

pub(super) fn no_listeners() -> Fault {
    Fault::new("ListenerNotFound", "One or more listeners not found")
}

pub(super) fn no_rules() -> Fault {
    Fault::new("RuleNotFound", "One or more rules not found")
}

/// Tags that are refused.
pub(super) fn tags_refused(refused: &tags::Refused) -> Fault {
    match refused {
        tags::Refused::TooMany => Fault::new("TooManyTags", refused.to_string()),
        _ => invalid(refused.to_string()),
    }
}

/// A page of a list, under its name.
pub(super) fn page(name: &str, all: &[Value], size: Option<usize>, marker: Option<&str>) -> Result<Value, Fault> {
    let (page, next) = pages::page(all, SIZES, size, marker).map_err(|no_page| match no_page {
        NoPage::Size => {
            let size = size.unwrap_or_default();
            let (than, bound) = if size == 0 { ("greater", 1) } else { ("less", 400) };
            invalid(format!(
                "1 validation error detected: Value '{size}' at 'pageSize' failed to satisfy constraint: Member must have \
                 value {than} than or equal to {bound}"
            ))
        }
        NoPage::Token => invalid("The marker is not valid"),
    })?;
    let mut reply = serde_json::Map::new();
    reply.insert(name.to_owned(), page.into());
    Ok(pages::with_token(Value::Object(reply), "NextMarker", next))
}
