//! ARNs of the account.

use crate::model::arn::{ACCOUNT, REGION};

/// `arn:aws:<service>:<region>:<account>:<resource>`
pub(super) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}
