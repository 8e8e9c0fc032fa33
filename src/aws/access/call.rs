//! A call, as far as access to it depends on it.

use serde_json::Value;

use crate::protocols::service::Service;

/// What a request is about, as far as it is known here.
pub(in crate::aws) struct Call<'c> {
    pub(in crate::aws) service: &'static Service,
    pub(in crate::aws) action: &'c str,
    pub(in crate::aws) input: &'c Value,
    /// The region in the scope of its signature.
    pub(in crate::aws) region: Option<&'c str>,
    pub(in crate::aws) user_agent: Option<&'c str>,
}
